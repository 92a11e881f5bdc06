/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames through a port to a whole worker and back: what a device says of checksums, frames in pieces,
 * and the first packets of many peers that all wait for one gateway's address.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <rte_mbuf.h>

#include "bench/stage.h"
#include "dataplane/core/engine_state.h"
#include "dataplane/core/messages.h"
#include "dataplane/net.h"

#define PEER_CNT     1000 /* as many begin at once as an engine lets */
#define DIAL_ROUNDS  100000
#define DIAL_STEP_NS 100000
#define ANSWER_AFTER 3 /* questions of the gateway's address: what waited until then goes first */
#define IP_CHECKSUM  (NET_ETHER_LEN + 10)
#define UDP_CHECKSUM (NET_ETHER_LEN + NET_IPV4_LEN + 6)

static const uint8_t gateway_mac[NET_MAC_LEN] = {2, 0, 0, 0, 0, 254};
static struct stage *s;

static uint64_t counted(enum net_reason reason)
{
	return counters_get(&s->worker->counters, reason);
}

static struct net_link link_to_worker(void)
{
	struct net_link link = {0};

	memcpy(link.src_mac, gateway_mac, NET_MAC_LEN);
	memcpy(link.dst_mac, s->d->published->port[0].mac, NET_MAC_LEN);
	return link;
}

static struct rte_mbuf *new_frame(void)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->d->shared.buffers);

	assert_non_null(m);
	m->port = s->d->published->port[0].id;
	return m;
}

static void set_len(struct rte_mbuf *m, size_t len)
{
	assert_true(len > 0);
	m->data_len = (uint16_t)len;
	m->pkt_len = (uint32_t)len;
}

/* A datagram for the peering port, of nothing that the protocol knows. */
static struct rte_mbuf *new_datagram(void)
{
	const struct endpoint path = {.family = 4,
		.local_port = 1280,
		.remote_port = 1280,
		.local = {192, 0, 2, 254},
		.remote = {192, 0, 2, 1}};
	const struct net_link link = link_to_worker();
	const uint8_t payload[64] = {1};
	struct rte_mbuf *m = new_frame();

	set_len(m, net_build_udp(rte_pktmbuf_mtod(m, uint8_t *), rte_pktmbuf_tailroom(m), &link,
			   &path, payload, sizeof(payload)));
	return m;
}

static void receive(struct rte_mbuf *m)
{
	assert_int_equal(rte_ring_enqueue(s->to_worker, m), 0);
	(void)stage_round(s);
}

/* ---- checksums ------------------------------------------------------------------------------- */

/* The reason that a datagram ends with, whose checksum at a place is wrong (0: all are right). */
static void ends_with(uint64_t flags, unsigned spoilt, enum net_reason reason)
{
	uint64_t before = counted(reason);
	struct rte_mbuf *m = new_datagram();

	m->ol_flags = flags;
	if (spoilt != 0)
		rte_pktmbuf_mtod(m, uint8_t *)[spoilt] ^= 0x55;
	receive(m);
	assert_int_equal(counted(reason), before + 1);
}

static void what_a_device_proves_is_not_summed(void **state)
{
	(void)state;
	ends_with(RTE_MBUF_F_RX_L4_CKSUM_GOOD, UDP_CHECKSUM, NET_OK);
	ends_with(RTE_MBUF_F_RX_L4_CKSUM_NONE, UDP_CHECKSUM, NET_OK);
	ends_with(RTE_MBUF_F_RX_IP_CKSUM_GOOD, IP_CHECKSUM, NET_OK);
	ends_with(RTE_MBUF_F_RX_IP_CKSUM_NONE, IP_CHECKSUM, NET_OK);
	/* Of one it proves nothing for the other. */
	ends_with(RTE_MBUF_F_RX_IP_CKSUM_GOOD, UDP_CHECKSUM, NET_UDP_CHECKSUM);
	ends_with(RTE_MBUF_F_RX_L4_CKSUM_GOOD, IP_CHECKSUM, NET_IP_CHECKSUM);
}

static void what_it_does_not_know_is_summed(void **state)
{
	(void)state;
	ends_with(0, 0, NET_OK);
	ends_with(0, UDP_CHECKSUM, NET_UDP_CHECKSUM);
	ends_with(0, IP_CHECKSUM, NET_IP_CHECKSUM);
}

/* Found bad it is dropped and counted, if it is: a device may err. */
static void what_it_finds_bad_is_summed_too(void **state)
{
	const uint64_t bad = RTE_MBUF_F_RX_L4_CKSUM_BAD | RTE_MBUF_F_RX_IP_CKSUM_BAD;

	(void)state;
	ends_with(bad, UDP_CHECKSUM, NET_UDP_CHECKSUM);
	ends_with(bad, IP_CHECKSUM, NET_IP_CHECKSUM);
	ends_with(bad, 0, NET_OK);
}

/* ---- pieces ---------------------------------------------------------------------------------- */

/* A buffer holds any frame of the MTU: what comes in two is larger, and nothing reads beyond the first. */
static void a_frame_in_pieces_is_refused(void **state)
{
	uint64_t before = counted(NET_SEGMENTED);
	unsigned buffers = rte_mempool_in_use_count(s->d->shared.buffers);
	struct rte_mbuf *m = new_datagram(), *rest = new_frame();

	(void)state;
	set_len(rest, 100);
	assert_int_equal(rte_pktmbuf_chain(m, rest), 0);
	receive(m);
	assert_int_equal(counted(NET_SEGMENTED), before + 1);
	assert_int_equal(rte_mempool_in_use_count(s->d->shared.buffers), buffers);
}

/* ---- many peers behind one gateway ----------------------------------------------------------- */

struct dialled {
	unsigned question_cnt;
	unsigned hello_cnt, peer_cnt; /* peers with any */
	bool has_hello[PEER_CNT];
};

static void answer(const struct net_packet *question)
{
	const struct net_link link = link_to_worker();
	struct rte_mbuf *m = new_frame();

	set_len(m, net_build_answer(rte_pktmbuf_mtod(m, uint8_t *), rte_pktmbuf_tailroom(m), &link,
			   question));
	assert_int_equal(rte_ring_enqueue(s->to_worker, m), 0);
}

static void look_at(struct dialled *d, const struct rte_mbuf *m)
{
	unsigned peer;
	struct net_packet p;

	assert_int_equal(
		net_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, 0, &p), NET_OK);
	if (p.kind == NET_ARP_REQUEST && ++d->question_cnt == ANSWER_AFTER)
		answer(&p);
	if (p.kind != NET_UDP || p.payload.data[MSG_ENVELOPE_LEN + 5] != MSG_HELLO)
		return;
	assert_memory_equal(p.dst_mac, gateway_mac, NET_MAC_LEN);
	peer = (unsigned)p.dst[1] << 16 | (unsigned)p.dst[2] << 8 | p.dst[3];
	assert_true(peer < PEER_CNT);
	d->hello_cnt++;
	d->peer_cnt += !d->has_hello[peer];
	d->has_hello[peer] = true;
}

static void no_first_packet_is_lost_to_an_unknown_gateway(void **state)
{
	struct dialled d = {0};
	void *m;

	(void)state;
	stage_publish(s, 0, PEER_CNT);
	for (unsigned i = 0; i < DIAL_ROUNDS && d.peer_cnt < PEER_CNT; i++) {
		if (!stage_round(s))
			stage_pass_ns(DIAL_STEP_NS);
		stage_main(s);
		while (rte_ring_dequeue(s->from_worker, &m) == 0) {
			look_at(&d, m);
			rte_pktmbuf_free(m);
		}
	}
	assert_true(d.question_cnt >= ANSWER_AFTER);
	assert_int_equal(d.peer_cnt, PEER_CNT);
	assert_int_equal(counted(NET_UNRESOLVED), 0);
	assert_int_equal(counted(NET_NO_BUFFER), 0);
	assert_int_equal(counted(NET_TX_FULL), 0);
	/* Each that was sent by the engine has come out: the first of each, and what was repeated. */
	assert_int_equal(
		d.hello_cnt, PEER_CNT + engine_counter(s->worker->engine, REASON_RETRANSMITS));
}

static int open_one(void **state)
{
	(void)state;
	s = stage_open(&(struct stage_options){.peer_cnt = 1});
	stage_publish(s, 0, 1); /* else nobody listens */
	return 0;
}

static int open_many(void **state)
{
	(void)state;
	s = stage_open(&(struct stage_options){.peer_cnt = PEER_CNT});
	return 0;
}

static int close_it(void **state)
{
	(void)state;
	stage_close(s);
	return 0;
}

int main(void)
{
#define T(name, open) cmocka_unit_test_setup_teardown(name, open, close_it)
	const struct CMUnitTest tests[] = {
		T(what_a_device_proves_is_not_summed, open_one),
		T(what_it_does_not_know_is_summed, open_one),
		T(what_it_finds_bad_is_summed_too, open_one),
		T(a_frame_in_pieces_is_refused, open_one),
		T(no_first_packet_is_lost_to_an_unknown_gateway, open_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
