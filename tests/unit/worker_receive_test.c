/* SPDX-License-Identifier: BSD-3-Clause */
/* Which frames a worker takes, passes on and answers: two workers, frames made by hand, no device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ring.h>

#include "dataplane/core/engine_state.h"
#include "dataplane/worker_parts.h"

#define PORT_ID   2
#define FRAME_LEN 512
#define RING_LEN  8
#define ECHO_MAX  32 /* answers at once */

static const struct net_link link_to_us = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}, 0};
static const struct endpoint path_to_us = {.family = 4,
	.local_port = 4000,
	.remote_port = 1280,
	.local = {192, 0, 2, 2},
	.remote = {192, 0, 2, 1}};
static const struct rk_address own = {4, 24, {0}, {192, 0, 2, 1}};

struct frame {
	struct rte_mbuf m;
	uint8_t bytes[FRAME_LEN];
};

static struct frame *frame; /* what the device has */
static struct shared shared;
static struct worker *worker[2];
static struct published *published;
static uint16_t queue_cnt;
static unsigned taken_cnt, buffer_cnt;
static bool is_waiting; /* the device's frame was not fetched yet */
static size_t taken_len;
static uint16_t seg_cnt; /* of the device's frame */

uint16_t __wrap_port_receive(
	struct port_set *s, uint16_t id, uint16_t queue, struct rte_mbuf *packet[PORT_BURST]);
uint16_t __wrap_port_queue_cnt(const struct port_set *s, uint16_t id);
void __wrap_rte_pktmbuf_free_bulk(struct rte_mbuf **packet, unsigned cnt);
void __wrap_engine_receive(
	struct engine *e, const struct endpoint *from, const uint8_t *payload, size_t len);
struct rte_mbuf *__wrap_worker_new_buffer(struct worker *w, uint16_t port_id);

uint16_t __wrap_port_receive(
	struct port_set *s, uint16_t id, uint16_t queue, struct rte_mbuf *packet[PORT_BURST])
{
	(void)s;
	assert_int_equal(id, PORT_ID);
	assert_true(queue < queue_cnt);
	if (!is_waiting)
		return 0;
	is_waiting = false;
	packet[0] = &frame->m;
	return 1;
}

uint16_t __wrap_port_queue_cnt(const struct port_set *s, uint16_t id)
{
	(void)s;
	(void)id;
	return queue_cnt;
}

void __wrap_rte_pktmbuf_free_bulk(struct rte_mbuf **packet, unsigned cnt)
{
	for (unsigned i = 0; i < cnt; i++)
		rte_mbuf_refcnt_update(packet[i], -1);
}

void __wrap_engine_receive(
	struct engine *e, const struct endpoint *from, const uint8_t *payload, size_t len)
{
	(void)e;
	(void)payload;
	assert_int_equal(from->port_id, PORT_ID);
	assert_int_equal(from->local_port, 1280);
	assert_int_equal(from->remote_port, 4000);
	assert_memory_equal(from->remote, path_to_us.local, 4);
	taken_cnt++;
	taken_len = len;
}

/* An answer is on its way; there is no buffer for it. */
struct rte_mbuf *__wrap_worker_new_buffer(struct worker *w, uint16_t port_id)
{
	(void)w;
	assert_int_equal(port_id, PORT_ID);
	buffer_cnt++;
	return NULL;
}

static uint64_t clock_ns(void)
{
	return worker[0]->now_ns;
}

static struct rte_ring *new_ring(void)
{
	struct rte_ring *ring = aligned_alloc(64, (size_t)rte_ring_get_memsize(RING_LEN));

	assert_non_null(ring);
	assert_int_equal(rte_ring_init(ring, "test", RING_LEN, RING_F_SC_DEQ), 0);
	return ring;
}

static struct worker *new_worker(unsigned id)
{
	struct worker *w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);

	assert_non_null(w);
	memset(w, 0, sizeof(*w));
	w->shared = &shared;
	w->id = id;
	w->published = published;
	w->now_ns = NS_PER_SEC;
	w->echo.refill_ns = w->gossip.refill_ns = 0; /* a second's worth has gathered */
	w->passed = new_ring();
	w->leaving = new_ring();
	neighbour_init(&w->neighbours, &worker_neighbour_ops, w, w->now_ns);
	return w;
}

static int set_up(void **state)
{
	(void)state;
	published = calloc(1, sizeof(*published) + sizeof(published->port[0]));
	frame = aligned_alloc(64, (sizeof(*frame) + 63) / 64 * 64);
	assert_true(published != NULL && frame != NULL);
	published->port_cnt = 1;
	published->port[0] =
		(struct published_port){.id = PORT_ID, .address_cnt = 1, .addresses = &own};
	memcpy(published->port[0].mac, link_to_us.dst_mac, NET_MAC_LEN);
	published->udp_port[1280 / 64] |= UINT64_C(1) << 1280 % 64;
	memset(&shared, 0, sizeof(shared));
	shared.worker_cnt = 2;
	shared.clock_ns = clock_ns;
	queue_cnt = 2;
	seg_cnt = 1;
	taken_cnt = buffer_cnt = 0;
	for (unsigned i = 0; i < 2; i++)
		shared.worker[i] = worker[i] = new_worker(i);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		neighbour_fini(&worker[i]->neighbours);
		free(worker[i]->passed);
		free(worker[i]->leaving);
		free(worker[i]);
	}
	free(published);
	free(frame);
	return 0;
}

/* Worker w gets the frame from the device, and counts this reason alone. */
static void receive(unsigned w, size_t len, enum net_reason reason)
{
	uint64_t before = counters_get(&worker[w]->counters, reason);

	assert_true(len > 0 && len <= FRAME_LEN);
	memset(&frame->m, 0, sizeof(frame->m));
	frame->m.buf_addr = frame->bytes;
	frame->m.buf_len = FRAME_LEN;
	frame->m.nb_segs = seg_cnt;
	frame->m.data_len = (uint16_t)len;
	frame->m.pkt_len = (uint32_t)len;
	frame->m.port = PORT_ID;
	rte_mbuf_refcnt_set(&frame->m, 1);
	is_waiting = true;
	assert_int_equal(worker_receive(worker[w]), 1);
	assert_int_equal(counters_get(&worker[w]->counters, reason), before + 1);
}

/* A protected packet for a session of that worker. */
static size_t packet_for(unsigned of)
{
	uint8_t payload[128] = {0};
	struct rk_writer w;
	size_t len = 0;

	wire_begin_session(&w, payload, sizeof(payload), MSG_KEEP_ALIVE,
		(uint32_t)of << INDEX_WORKER_SHIFT | 1);
	assert_non_null(wire_end_sealed(&w, 0, 16, &len));
	return net_build_udp(frame->bytes, FRAME_LEN, &link_to_us, &path_to_us, payload, len);
}

static void packet_goes_to_its_worker(void **state)
{
	(void)state;
	receive(0, packet_for(0), NET_OK);
	assert_int_equal(taken_cnt, 1);
	receive(0, packet_for(1), NET_PASSED);
	assert_int_equal(taken_cnt, 1);
	assert_int_equal(rte_mbuf_refcnt_read(&frame->m), 1); /* the ring's */
	assert_int_equal(worker_receive(worker[1]), 1);
	assert_int_equal(taken_cnt, 2);
	assert_int_equal(rte_mbuf_refcnt_read(&frame->m), 0);
	/* whoever it was passed to takes it, though it may be for the other one */
	receive(1, packet_for(0), NET_PASSED);
	worker[0]->id = 5;
	assert_int_equal(worker_receive(worker[0]), 1);
	assert_int_equal(taken_cnt, 3);
}

/* A device with fewer queues than workers is asked by those alone that have one. */
static void queue_that_is_not_there(void **state)
{
	(void)state;
	queue_cnt = 1;
	is_waiting = true;
	assert_int_equal(worker_receive(worker[1]), 0);
	assert_true(is_waiting);
	receive(0, packet_for(0), NET_OK);
}

/* An index that names a worker which is not there is the engine's to refuse, wherever it lands. */
static void worker_that_is_not_there(void **state)
{
	static const unsigned of[] = {2, 3, WORKER_MAX - 1};

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		receive(0, packet_for(of[i]), NET_OK);
	assert_int_equal(taken_cnt, 3);
}

static void full_ring_costs_one_packet(void **state)
{
	(void)state;
	for (unsigned i = 0; i < RING_LEN - 1; i++)
		receive(0, packet_for(1), NET_PASSED);
	receive(0, packet_for(1), NET_PASS_FULL);
	assert_int_equal(rte_mbuf_refcnt_read(&frame->m), 0);
	assert_int_equal(taken_cnt, 0);
}

static void frame_for_others_is_dropped(void **state)
{
	struct net_link link = link_to_us;
	struct endpoint path = path_to_us;
	size_t len;

	(void)state;
	link.dst_mac[5] = 9;
	len = net_build_udp(frame->bytes, FRAME_LEN, &link, &path, (const uint8_t *)"x", 1);
	receive(0, len, NET_NOT_OURS);
	path.remote[3] = 9;
	len = net_build_udp(frame->bytes, FRAME_LEN, &link_to_us, &path, (const uint8_t *)"x", 1);
	receive(0, len, NET_NOT_OURS);
	path = path_to_us;
	path.remote_port = 1281;
	len = net_build_udp(frame->bytes, FRAME_LEN, &link_to_us, &path, (const uint8_t *)"x", 1);
	receive(0, len, NET_UNUSED_PORT);
	link = link_to_us;
	link.vlan = 7;
	len = net_build_udp(frame->bytes, FRAME_LEN, &link, &path_to_us, (const uint8_t *)"x", 1);
	receive(0, len, NET_VLAN);
	assert_int_equal(taken_cnt, 0);
}

/* Nor is one that came in pieces looked at. */
static void frame_in_pieces_is_dropped(void **state)
{
	(void)state;
	seg_cnt = 2;
	receive(0, packet_for(0), NET_SEGMENTED);
	assert_int_equal(taken_cnt, 0);
}

/* The port went with the last view: what was passed on is dropped, and the device is left alone. */
static void port_that_went_is_not_asked(void **state)
{
	(void)state;
	receive(0, packet_for(1), NET_PASSED);
	published->port[0].id = PORT_NONE;
	is_waiting = true;
	assert_int_equal(worker_receive(worker[1]), 1);
	assert_true(is_waiting);
	assert_int_equal(counters_get(&worker[1]->counters, NET_NO_PORT), 1);
	assert_int_equal(rte_mbuf_refcnt_read(&frame->m), 0);
	assert_int_equal(taken_cnt, 0);
}

static size_t echo_request(void)
{
	/* type 8, checksum of that alone */
	static const uint8_t icmp[] = {8, 0, 0xf7, 0xff, 0, 0, 0, 0};
	struct net_packet p;
	size_t len = net_build_udp(
		frame->bytes, FRAME_LEN, &link_to_us, &path_to_us, icmp, sizeof(icmp));
	uint8_t *ip = frame->bytes + NET_ETHER_LEN;
	uint32_t sum = 0;

	/* the UDP header goes, the protocol and the length change, and the checksum is made anew */
	memmove(ip + NET_IPV4_LEN, ip + NET_IPV4_LEN + NET_UDP_LEN, sizeof(icmp));
	ip[9] = 1;
	ip[3] = NET_IPV4_LEN + sizeof(icmp);
	ip[10] = ip[11] = 0;
	for (unsigned i = 0; i < NET_IPV4_LEN; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
	len -= NET_UDP_LEN;
	assert_int_equal(net_parse(frame->bytes, len, 0, &p), NET_OK);
	assert_int_equal(p.kind, NET_ECHO_REQUEST);
	return len;
}

/* Our address in a frame to all of the link: neither a peer nor somebody who looks for us sends that. */
static void frame_for_everybody_is_dropped(void **state)
{
	size_t len = packet_for(0);

	(void)state;
	memset(frame->bytes, 0xff, NET_MAC_LEN);
	receive(0, len, NET_NOT_OURS);
	len = echo_request();
	memset(frame->bytes, 0xff, NET_MAC_LEN);
	receive(0, len, NET_NOT_OURS);
	assert_int_equal(taken_cnt + buffer_cnt, 0);
}

/* Echoes are answered so many a second, whoever asks. */
static void echoes_have_a_budget(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ECHO_MAX; i++)
		receive(0, echo_request(), NET_OK);
	assert_int_equal(buffer_cnt, ECHO_MAX);
	receive(0, echo_request(), NET_ECHO_LIMIT);
	worker[0]->now_ns += 9 * NS_PER_MS;
	receive(0, echo_request(), NET_ECHO_LIMIT);
	worker[0]->now_ns += NS_PER_MS;
	receive(0, echo_request(), NET_OK);
	receive(0, echo_request(), NET_ECHO_LIMIT);
	assert_int_equal(buffer_cnt, ECHO_MAX + 1);
	/* What a part of a token's time earned is not lost, nor what was not spent. */
	worker[0]->now_ns += 15 * NS_PER_MS;
	receive(0, echo_request(), NET_OK);
	receive(0, echo_request(), NET_ECHO_LIMIT);
	worker[0]->now_ns += 15 * NS_PER_MS;
	receive(0, echo_request(), NET_OK);
	worker[0]->now_ns += 10 * NS_PER_MS;
	receive(0, echo_request(), NET_OK);
	receive(0, echo_request(), NET_OK);
	receive(0, echo_request(), NET_ECHO_LIMIT);
}

/* What a neighbour says goes to every worker once, and no farther; so many a second. */
static void gossip_goes_round_once(void **state)
{
	static const uint8_t asker[4] = {192, 0, 2, 9};
	struct net_link link = link_to_us;
	size_t len;

	(void)state;
	len = net_build_question(frame->bytes, FRAME_LEN, &link, 4, asker, own.bytes);
	receive(0, len, NET_OK);
	assert_int_equal(buffer_cnt, 1); /* the answer is the first worker's alone */
	assert_int_equal(rte_ring_count(worker[1]->passed), 1);
	assert_int_equal(worker_receive(worker[1]), 1);
	assert_int_equal(counters_get(&worker[1]->counters, NET_GOSSIP), 1);
	assert_int_equal(rte_ring_count(worker[0]->passed), 0);
	assert_int_equal(buffer_cnt, 1);
	/* A question for another is worth hearing, and not answered. */
	len = net_build_question(frame->bytes, FRAME_LEN, &link, 4, asker, asker);
	receive(0, len, NET_NOT_OURS);
	assert_int_equal(buffer_cnt, 1);
	assert_int_equal(worker_receive(worker[1]), 1);
	len = net_build_question(frame->bytes, FRAME_LEN, &link, 4, asker, own.bytes);
	worker[0]->gossip.tokens = 0;
	worker[0]->gossip.refill_ns = worker[0]->now_ns;
	receive(0, len, NET_OK);
	assert_int_equal(rte_ring_count(worker[1]->passed), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(packet_goes_to_its_worker, set_up, tear_down),
		cmocka_unit_test_setup_teardown(queue_that_is_not_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(worker_that_is_not_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(full_ring_costs_one_packet, set_up, tear_down),
		cmocka_unit_test_setup_teardown(frame_for_others_is_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(frame_in_pieces_is_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(port_that_went_is_not_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(frame_for_everybody_is_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(echoes_have_a_budget, set_up, tear_down),
		cmocka_unit_test_setup_teardown(gossip_goes_round_once, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
