/* SPDX-License-Identifier: BSD-3-Clause */
/* The worker's way onto the wire: neighbours, frames, queues. */
#include <string.h>

#include <rte_mbuf.h>
#include <rte_ring.h>

#include "dataplane/worker_parts.h"

uint16_t worker_queue_of(const struct worker *w, uint16_t port)
{
	unsigned cnt = w->shared->worker_cnt;

	return (uint16_t)((w->id + cnt - port % cnt) % cnt);
}

/* And whose a queue is. */
static struct worker *worker_of_queue(const struct worker *w, uint16_t port, uint16_t queue)
{
	return w->shared->worker[(port + queue) % w->shared->worker_cnt];
}

static void flush_port(struct worker *w, uint16_t id)
{
	struct worker_queue *q = &w->queue[id];
	uint16_t queue_cnt = port_queue_cnt(w->shared->ports, id);
	uint16_t queue = worker_queue_of(w, id);
	bool is_ours = queue < queue_cnt;
	uint16_t sent;
	uint16_t i;

	if (is_ours) {
		sent = port_transmit(w->shared->ports, id, queue, q->packet, q->cnt);
	} else { /* to a worker that has one */
		sent = (uint16_t)rte_ring_mp_enqueue_burst(
			worker_of_queue(w, id, queue % queue_cnt)->leaving, (void **)q->packet,
			q->cnt, NULL);
	}
	for (i = 0; i < q->cnt; i++)
		counters_add(&w->counters, i < sent ? (is_ours ? NET_TX : NET_PASSED)
						    : (is_ours ? NET_TX_FULL : NET_PASS_FULL));
	if (sent < q->cnt)
		rte_pktmbuf_free_bulk(q->packet + sent, q->cnt - sent);
	q->cnt = 0;
}

static void enqueue(struct worker *w, struct rte_mbuf *m)
{
	struct worker_queue *q = &w->queue[m->port];

	q->packet[q->cnt++] = m;
	if (q->cnt == PORT_BURST)
		flush_port(w, m->port);
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

struct rte_mbuf *worker_new_buffer(struct worker *w, uint16_t port_id)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->shared->buffers);

	if (m == NULL) {
		counters_add(&w->counters, NET_NO_BUFFER);
		return NULL;
	}
	m->port = port_id;
	return m;
}

void worker_finish(struct worker *w, struct rte_mbuf *m, size_t len)
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

struct net_link worker_link(const struct published_port *port)
{
	struct net_link link = {.vlan = port->vlan};

	memcpy(link.src_mac, port->mac, NET_MAC_LEN);
	return link;
}

unsigned worker_take_leaving(struct worker *w)
{
	struct rte_mbuf *packet[PORT_BURST];
	unsigned cnt = rte_ring_sc_dequeue_burst(w->leaving, (void **)packet, PORT_BURST, NULL);
	unsigned i;

	for (i = 0; i < cnt; i++) {
		if (published_find(w->published, packet[i]->port) != NULL) {
			enqueue(w, packet[i]);
		} else { /* it went with the last view */
			rte_pktmbuf_free(packet[i]);
			counters_add(&w->counters, NET_NO_PORT);
		}
	}
	return cnt;
}

void worker_drain(struct rte_ring *ring)
{
	void *packet;

	while (ring != NULL && rte_ring_sc_dequeue(ring, &packet) == 0)
		rte_pktmbuf_free(packet);
	rte_ring_free(ring);
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
	m = worker_new_buffer(w, port->id);
	if (m == NULL)
		return;
	link = worker_link(port);
	worker_finish(w, m,
		net_build_question(worker_bytes(m), rte_pktmbuf_tailroom(m), &link, key->family,
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
	memcpy(worker_bytes(m), mac, NET_MAC_LEN); /* the destination comes first */
	enqueue(w, m);
}

static void drop(void *ctx, void *packet)
{
	struct worker *w = ctx;

	rte_pktmbuf_free(packet);
	counters_add(&w->counters, NET_UNRESOLVED);
}

const struct neighbour_ops worker_neighbour_ops = {ask, deliver, drop};

static void list_gateway(
	struct worker *w, const struct published_port *port, const struct rk_address *gateway)
{
	struct neighbour_key key = {.port_id = port->id, .family = gateway->family};
	const uint8_t *source = published_port_source(port, gateway->family, gateway->bytes);

	if (gateway->family == 0 || source == NULL)
		return;
	memcpy(key.address, gateway->bytes, net_address_len(key.family));
	neighbour_list_add(&w->neighbours, &key, source, w->now_ns);
}

void worker_list_gateways(struct worker *w)
{
	if (w->gateways_seq == w->published->seq)
		return;
	w->gateways_seq = w->published->seq;
	neighbour_list_begin(&w->neighbours);
	for (uint32_t i = 0; i < w->published->port_cnt; i++) {
		const struct published_port *port = &w->published->port[i];

		if (port->id == PORT_NONE)
			continue;
		list_gateway(w, port, &port->gateway4);
		list_gateway(w, port, &port->gateway6);
	}
	neighbour_list_end(&w->neighbours);
}

static enum net_reason send_checked(struct worker *w, const struct published_port *port,
	const struct endpoint *to, const uint8_t *payload, size_t len)
{
	size_t ip_len = to->family == 4 ? NET_IPV4_LEN : NET_IPV6_LEN;
	struct neighbour_key key = {.port_id = port->id, .family = to->family};
	struct net_link link = worker_link(port);
	const uint8_t *next_hop;
	struct rte_mbuf *m;
	size_t frame_len;

	if (!published_port_has(port, to->family, to->local))
		return NET_NO_SOURCE;
	if (ip_len + NET_UDP_LEN + len > port->mtu)
		return NET_TOO_BIG;
	next_hop = published_port_next_hop(port, to->family, to->remote);
	if (next_hop == NULL)
		return NET_NO_ROUTE;
	m = rte_pktmbuf_alloc(w->shared->buffers);
	if (m == NULL)
		return NET_NO_BUFFER;
	m->port = port->id;
	frame_len =
		net_build_udp(worker_bytes(m), rte_pktmbuf_tailroom(m), &link, to, payload, len);
	if (frame_len == 0) {
		rte_pktmbuf_free(m);
		return NET_TOO_BIG;
	}
	m->data_len = (uint16_t)frame_len;
	m->pkt_len = (uint32_t)frame_len;
	memcpy(key.address, next_hop, net_address_len(to->family));
	if (neighbour_resolve(&w->neighbours, &key, to->local, m, w->now_ns, worker_bytes(m)))
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
