/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What comes in: from our queues, and by ring what landed on another worker. A frame passed on is
 * read anew by whom it reaches, and goes no farther.
 */
#include <string.h>

#include <rte_mbuf.h>
#include <rte_prefetch.h>
#include <rte_ring.h>

#include "dataplane/clock.h"
#include "dataplane/worker_parts.h"

#define RECEIVE_NS       (100 * NS_PER_US)
#define PREFETCH_AHEAD   4
#define ECHO_BURST       32
#define ECHO_PERIOD_NS   (10 * NS_PER_MS) /* one token: 100 answers a second */
#define GOSSIP_BURST     64
#define GOSSIP_PERIOD_NS NS_PER_MS

/* A frame that is being looked at. */
struct arrival {
	const struct published_port *port;
	struct rte_mbuf *buffer;
	bool is_passed; /* by another worker */
	struct net_packet packet;
};

/* Shares the frame with another worker; false: his ring is full. */
static bool pass(struct worker *w, struct rte_mbuf *m, unsigned to)
{
	rte_mbuf_refcnt_update(m, 1); /* the caller gives his own back */
	if (rte_ring_mp_enqueue(w->shared->worker[to]->passed, m) == 0)
		return true;
	rte_mbuf_refcnt_update(m, -1);
	return false;
}

static enum net_reason take_udp(struct worker *w, const struct arrival *a)
{
	const struct net_packet *p = &a->packet;
	struct endpoint from = {.port_id = a->port->id,
		.family = p->family,
		.local_port = p->dst_port,
		.remote_port = p->src_port};
	int owner;

	if (p->is_multicast || !published_port_has(a->port, p->family, p->dst))
		return NET_NOT_OURS;
	if (!published_listens(w->published, p->dst_port))
		return NET_UNUSED_PORT;
	if (w->shared->worker_cnt > 1 && !a->is_passed) {
		owner = engine_packet_owner(p->payload.data, p->payload.len);
		if (owner >= 0 && owner != (int)w->id && owner < (int)w->shared->worker_cnt)
			return pass(w, a->buffer, (unsigned)owner) ? NET_PASSED : NET_PASS_FULL;
	}
	memcpy(from.local, p->dst, sizeof(from.local));
	memcpy(from.remote, p->src, sizeof(from.remote));
	engine_receive(w->engine, &from, p->payload.data, p->payload.len);
	return NET_OK;
}

static bool take_token(struct token_bucket *b, uint64_t now_ns, uint64_t period_ns, unsigned burst)
{
	uint64_t earned = (now_ns - b->refill_ns) / period_ns;

	if (earned > 0) {
		b->tokens = earned + b->tokens < burst ? (unsigned)earned + b->tokens : burst;
		b->refill_ns += earned * period_ns;
	}
	if (b->tokens == 0)
		return false;
	b->tokens--;
	return true;
}

static enum net_reason take_echo(struct worker *w, const struct arrival *a)
{
	const struct net_packet *p = &a->packet;
	struct net_link link = worker_link(a->port);
	struct rte_mbuf *m;

	if (p->is_multicast || !published_port_has(a->port, p->family, p->dst))
		return NET_NOT_OURS;
	if (!take_token(&w->echo, w->now_ns, ECHO_PERIOD_NS, ECHO_BURST))
		return NET_ECHO_LIMIT;
	m = worker_new_buffer(w, a->port->id);
	if (m == NULL)
		return NET_OK; /* counted */
	worker_finish(
		w, m, net_build_echo_reply(worker_bytes(m), rte_pktmbuf_tailroom(m), &link, p));
	return NET_ECHO;
}

/* Each worker has neighbours of its own: what one hears may be what another has asked for. */
static void gossip(struct worker *w, const struct arrival *a)
{
	unsigned cnt = w->shared->worker_cnt;
	unsigned i;

	if (cnt == 1 || a->is_passed ||
		!take_token(&w->gossip, w->now_ns, GOSSIP_PERIOD_NS, GOSSIP_BURST))
		return;
	for (i = 0; i < cnt; i++)
		if (i != w->id && !pass(w, a->buffer, i))
			counters_add(&w->counters, NET_PASS_FULL);
}

static enum net_reason answer_question(struct worker *w, const struct arrival *a)
{
	const struct net_packet *p = &a->packet;
	struct neighbour_key asker = {.port_id = a->port->id, .family = p->family};
	struct net_link link = worker_link(a->port);
	struct rte_mbuf *m;

	memcpy(asker.address, p->src, net_address_len(p->family));
	if (p->has_link_mac) {
		neighbour_hear(&w->neighbours, &asker, p->link_mac, w->now_ns);
		gossip(w, a);
	}
	if (a->is_passed)
		return NET_GOSSIP;
	if (!published_port_has(a->port, p->family, p->target))
		return NET_NOT_OURS;
	m = worker_new_buffer(w, a->port->id);
	if (m == NULL)
		return NET_OK; /* counted */
	worker_finish(w, m, net_build_answer(worker_bytes(m), rte_pktmbuf_tailroom(m), &link, p));
	return NET_NEIGHBOUR_ANSWERED;
}

static enum net_reason learn(struct worker *w, const struct arrival *a)
{
	const struct net_packet *p = &a->packet;
	struct neighbour_key key = {.port_id = a->port->id, .family = p->family};
	bool is_asked;

	if (!p->has_link_mac)
		return NET_ND_FORMAT;
	memcpy(key.address, p->target, net_address_len(p->family));
	is_asked = neighbour_learn(&w->neighbours, &key, p->link_mac, w->now_ns);
	gossip(w, a);
	if (a->is_passed)
		return NET_GOSSIP;
	return is_asked ? NET_OK : NET_NEIGHBOUR_UNASKED;
}

/*
 * GOOD, or NONE: the field holds no checksum and the bytes are right all the same, as between virtual
 * machines. A device that says BAD may err (some do for UDP without a checksum): it is summed anew.
 */
static bool is_proven(uint64_t flags, uint64_t good, uint64_t none)
{
	return (flags & none) == good || (flags & none) == none; /* NONE has both bits */
}

static unsigned proven(const struct rte_mbuf *m)
{
	unsigned proven = 0;

	if (is_proven(m->ol_flags, RTE_MBUF_F_RX_IP_CKSUM_GOOD, RTE_MBUF_F_RX_IP_CKSUM_NONE))
		proven |= NET_PROVEN_IP;
	if (is_proven(m->ol_flags, RTE_MBUF_F_RX_L4_CKSUM_GOOD, RTE_MBUF_F_RX_L4_CKSUM_NONE))
		proven |= NET_PROVEN_UDP;
	return proven;
}

static enum net_reason take_frame(
	struct worker *w, const struct published_port *port, struct rte_mbuf *m, bool is_passed)
{
	struct arrival a = {.port = port, .buffer = m, .is_passed = is_passed};
	enum net_reason reason;

	if (m->nb_segs != 1)
		return NET_SEGMENTED;
	reason = net_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, proven(m), &a.packet);
	if (reason != NET_OK)
		return reason;
	if (a.packet.vlan != port->vlan)
		return NET_VLAN;
	if (!a.packet.is_multicast && memcmp(a.packet.dst_mac, port->mac, NET_MAC_LEN) != 0)
		return NET_NOT_OURS;
	switch (a.packet.kind) {
	case NET_UDP:
		return take_udp(w, &a);
	case NET_ECHO_REQUEST:
		return take_echo(w, &a);
	case NET_ARP_REQUEST:
	case NET_ND_SOLICIT:
		return answer_question(w, &a);
	case NET_ARP_REPLY:
	case NET_ND_ADVERT:
		return learn(w, &a);
	}
	return NET_PROTOCOL;
}

/* Its headers; what follows them the processor fetches ahead by itself. */
static void prefetch(struct rte_mbuf *m)
{
	rte_prefetch0(rte_pktmbuf_mtod(m, const uint8_t *));
	rte_prefetch0(rte_pktmbuf_mtod(m, const uint8_t *) + 64);
}

static unsigned receive_burst(struct worker *w, const struct published_port *port, uint16_t queue)
{
	struct rte_mbuf *packet[PORT_BURST];
	uint16_t cnt = port_receive(w->shared->ports, port->id, queue, packet);
	uint16_t i;

	for (i = 0; i < cnt && i < PREFETCH_AHEAD; i++)
		prefetch(packet[i]);
	for (i = 0; i < cnt; i++) {
		if (i + PREFETCH_AHEAD < cnt)
			prefetch(packet[i + PREFETCH_AHEAD]);
		counters_add(&w->counters, take_frame(w, port, packet[i], false));
	}
	if (cnt > 0)
		rte_pktmbuf_free_bulk(packet, cnt);
	return cnt;
}

/*
 * At least one burst, and more of them as long as they are full and there is time: the longer the
 * last operation kept them waiting, the more. Else the queue overflows, and who has keys suffers
 * from what anybody can send.
 */
static unsigned receive_port(struct worker *w, const struct published_port *port)
{
	uint16_t queue = worker_queue_of(w, port->id);
	unsigned cnt, received = 0;

	if (queue >= port_queue_cnt(w->shared->ports, port->id))
		return 0;
	do {
		cnt = receive_burst(w, port, queue);
		received += cnt;
	} while (
		cnt == PORT_BURST && w->shared->clock_ns() - w->now_ns < RECEIVE_NS + w->crypto_ns);
	return received;
}

/* What other workers received for us. */
static unsigned receive_passed(struct worker *w)
{
	struct rte_mbuf *packet[PORT_BURST];
	unsigned cnt = rte_ring_sc_dequeue_burst(w->passed, (void **)packet, PORT_BURST, NULL);
	unsigned i;

	for (i = 0; i < cnt; i++) {
		const struct published_port *port = published_find(w->published, packet[i]->port);

		counters_add(&w->counters,
			port == NULL ? NET_NO_PORT : take_frame(w, port, packet[i], true));
	}
	if (cnt > 0)
		rte_pktmbuf_free_bulk(packet, cnt);
	return cnt;
}

unsigned worker_receive(struct worker *w)
{
	unsigned received = 0;
	uint32_t i;

	for (i = 0; i < w->published->port_cnt; i++)
		if (w->published->port[i].id != PORT_NONE)
			received += receive_port(w, &w->published->port[i]);
	if (w->passed != NULL)
		received += receive_passed(w) + worker_take_leaving(w);
	return received;
}
