/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <rte_mbuf.h>

#include "dataplane/clock.h"
#include "dataplane/worker_parts.h"

#define ECHO_BURST     32
#define ECHO_PERIOD_NS (10 * NS_PER_MS) /* one token: 100 answers a second */

static void enqueue(struct worker *w, struct rte_mbuf *m)
{
	struct worker_queue *q = &w->queue[m->port];

	q->packet[q->cnt++] = m;
	if (q->cnt == PORT_BURST)
		worker_flush(w);
}

static void flush_port(struct worker *w, uint16_t id)
{
	struct worker_queue *q = &w->queue[id];
	uint16_t sent = port_transmit(w->shared->ports, id, q->packet, q->cnt);
	uint16_t i;

	for (i = 0; i < q->cnt; i++)
		counters_add(&w->counters, i < sent ? NET_TX : NET_TX_FULL);
	q->cnt = 0;
}

void worker_flush(struct worker *w)
{
	uint32_t i;

	for (i = 0; i < w->published->port_cnt; i++) {
		uint16_t id = w->published->port[i].id;

		if (id != PORT_NONE && w->queue[id].cnt > 0)
			flush_port(w, id);
	}
}

/* An empty buffer bound for a port, or NULL and counted. */
static struct rte_mbuf *new_buffer(struct worker *w, uint16_t port_id)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->shared->buffers);

	if (m == NULL) {
		counters_add(&w->counters, NET_NO_BUFFER);
		return NULL;
	}
	m->port = port_id;
	return m;
}

static uint8_t *buffer_bytes(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod(m, uint8_t *);
}

/* Gives a built frame its length and sends it; len 0: it did not fit. */
static void finish(struct worker *w, struct rte_mbuf *m, size_t len)
{
	if (len == 0) {
		rte_pktmbuf_free(m);
		counters_add(&w->counters, NET_TOO_BIG);
		return;
	}
	m->data_len = (uint16_t)len;
	m->pkt_len = (uint32_t)len;
	enqueue(w, m);
}

static struct net_link link_from(const struct published_port *port)
{
	struct net_link link = {.vlan = port->vlan};

	memcpy(link.src_mac, port->mac, NET_MAC_LEN);
	return link;
}

/* Neighbours: questions, and packets that waited for the answer. */

static void ask(void *ctx, const struct neighbour_key *key, const uint8_t *source)
{
	struct worker *w = ctx;
	const struct published_port *port = published_find(w->published, key->port_id);
	struct net_link link;
	struct rte_mbuf *m;

	if (port == NULL)
		return;
	m = new_buffer(w, port->id);
	if (m == NULL)
		return;
	link = link_from(port);
	finish(w, m,
		net_build_question(buffer_bytes(m), rte_pktmbuf_tailroom(m), &link, key->family,
			source, key->address));
}

static void deliver(void *ctx, void *packet, const uint8_t mac[NET_MAC_LEN])
{
	struct worker *w = ctx;
	struct rte_mbuf *m = packet;

	if (published_find(w->published, m->port) == NULL) {
		rte_pktmbuf_free(m);
		counters_add(&w->counters, NET_NO_PORT);
		return;
	}
	memcpy(buffer_bytes(m), mac, NET_MAC_LEN); /* the destination comes first */
	enqueue(w, m);
}

static void drop(void *ctx, void *packet)
{
	struct worker *w = ctx;

	rte_pktmbuf_free(packet);
	counters_add(&w->counters, NET_UNRESOLVED);
}

const struct neighbour_ops worker_neighbour_ops = {ask, deliver, drop};

static enum net_reason send_checked(struct worker *w, const struct published_port *port,
	const struct endpoint *to, const uint8_t *payload, size_t len)
{
	size_t ip_len = to->family == 4 ? NET_IPV4_LEN : NET_IPV6_LEN;
	struct neighbour_key key = {.port_id = port->id, .family = to->family};
	struct net_link link = link_from(port);
	const uint8_t *next_hop;
	struct rte_mbuf *m;
	size_t frame_len;

	if (!published_port_has(port, to->family, to->local))
		return NET_NO_SOURCE;
	if (ip_len + NET_UDP_LEN + len > (port->mtu < PORT_MTU_MAX ? port->mtu : PORT_MTU_MAX))
		return NET_TOO_BIG;
	next_hop = published_port_next_hop(port, to->family, to->remote);
	if (next_hop == NULL)
		return NET_NO_ROUTE;
	m = rte_pktmbuf_alloc(w->shared->buffers);
	if (m == NULL)
		return NET_NO_BUFFER;
	m->port = port->id;
	frame_len =
		net_build_udp(buffer_bytes(m), rte_pktmbuf_tailroom(m), &link, to, payload, len);
	if (frame_len == 0) {
		rte_pktmbuf_free(m);
		return NET_TOO_BIG;
	}
	m->data_len = (uint16_t)frame_len;
	m->pkt_len = (uint32_t)frame_len;
	memcpy(key.address, next_hop, net_address_len(to->family));
	if (neighbour_resolve(&w->neighbours, &key, to->local, m, w->now_ns, buffer_bytes(m)))
		enqueue(w, m);
	return NET_OK;
}

void worker_send(struct worker *w, const struct endpoint *to, const uint8_t *payload, size_t len)
{
	const struct published_port *port = published_find(w->published, to->port_id);
	enum net_reason reason =
		port == NULL ? NET_NO_PORT : send_checked(w, port, to, payload, len);

	if (reason != NET_OK)
		counters_add(&w->counters, reason);
}

/* Receiving. */

static enum net_reason take_udp(
	struct worker *w, const struct published_port *port, const struct net_packet *p)
{
	struct endpoint from = {.port_id = port->id,
		.family = p->family,
		.local_port = p->dst_port,
		.remote_port = p->src_port};

	if (p->is_multicast || !published_port_has(port, p->family, p->dst))
		return NET_NOT_OURS;
	if (!published_listens(w->published, p->dst_port))
		return NET_UNUSED_PORT;
	memcpy(from.local, p->dst, sizeof(from.local));
	memcpy(from.remote, p->src, sizeof(from.remote));
	engine_receive(w->engine, &from, p->payload.data, p->payload.len);
	return NET_OK;
}

static bool take_echo_token(struct worker *w)
{
	uint64_t earned = (w->now_ns - w->echo_refill_ns) / ECHO_PERIOD_NS;

	if (earned > 0) {
		w->echo_tokens = earned + w->echo_tokens < ECHO_BURST
					 ? (unsigned)earned + w->echo_tokens
					 : ECHO_BURST;
		w->echo_refill_ns += earned * ECHO_PERIOD_NS;
	}
	if (w->echo_tokens == 0)
		return false;
	w->echo_tokens--;
	return true;
}

static enum net_reason take_echo(
	struct worker *w, const struct published_port *port, const struct net_packet *p)
{
	struct net_link link = link_from(port);
	struct rte_mbuf *m;

	if (p->is_multicast || !published_port_has(port, p->family, p->dst))
		return NET_NOT_OURS;
	if (!take_echo_token(w))
		return NET_ECHO_LIMIT;
	m = new_buffer(w, port->id);
	if (m == NULL)
		return NET_OK; /* counted */
	finish(w, m, net_build_echo_reply(buffer_bytes(m), rte_pktmbuf_tailroom(m), &link, p));
	return NET_ECHO;
}

static enum net_reason answer_question(
	struct worker *w, const struct published_port *port, const struct net_packet *p)
{
	struct neighbour_key asker = {.port_id = port->id, .family = p->family};
	struct net_link link = link_from(port);
	struct rte_mbuf *m;

	memcpy(asker.address, p->src, net_address_len(p->family));
	if (p->has_link_mac)
		neighbour_hear(&w->neighbours, &asker, p->link_mac, w->now_ns);
	if (!published_port_has(port, p->family, p->target))
		return NET_NOT_OURS;
	m = new_buffer(w, port->id);
	if (m == NULL)
		return NET_OK; /* counted */
	finish(w, m, net_build_answer(buffer_bytes(m), rte_pktmbuf_tailroom(m), &link, p));
	return NET_NEIGHBOUR_ANSWERED;
}

static enum net_reason learn(
	struct worker *w, const struct published_port *port, const struct net_packet *p)
{
	struct neighbour_key key = {.port_id = port->id, .family = p->family};

	if (!p->has_link_mac)
		return NET_ND_FORMAT;
	memcpy(key.address, p->target, net_address_len(p->family));
	return neighbour_learn(&w->neighbours, &key, p->link_mac, w->now_ns)
		       ? NET_OK
		       : NET_NEIGHBOUR_UNASKED;
}

static enum net_reason take_frame(
	struct worker *w, const struct published_port *port, const struct rte_mbuf *m)
{
	struct net_packet p;
	enum net_reason reason;

	if (m->nb_segs != 1)
		return NET_SEGMENTED;
	reason = net_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, &p);
	if (reason != NET_OK)
		return reason;
	if (p.vlan != port->vlan)
		return NET_VLAN;
	if (!p.is_multicast && memcmp(p.dst_mac, port->mac, NET_MAC_LEN) != 0)
		return NET_NOT_OURS;
	switch (p.kind) {
	case NET_UDP:
		return take_udp(w, port, &p);
	case NET_ECHO_REQUEST:
		return take_echo(w, port, &p);
	case NET_ARP_REQUEST:
	case NET_ND_SOLICIT:
		return answer_question(w, port, &p);
	case NET_ARP_REPLY:
	case NET_ND_ADVERT:
		return learn(w, port, &p);
	}
	return NET_PROTOCOL;
}

unsigned worker_receive(struct worker *w)
{
	struct rte_mbuf *packet[PORT_BURST];
	unsigned received = 0;
	uint32_t i;

	for (i = 0; i < w->published->port_cnt; i++) {
		const struct published_port *port = &w->published->port[i];
		uint16_t cnt;
		uint16_t j;

		if (port->id == PORT_NONE)
			continue;
		cnt = port_receive(w->shared->ports, port->id, packet);
		for (j = 0; j < cnt; j++)
			counters_add(&w->counters, take_frame(w, port, packet[j]));
		if (cnt > 0)
			rte_pktmbuf_free_bulk(packet, cnt);
		received += cnt;
	}
	return received;
}
