/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Forged HELLOs at a million a second, from a million addresses: what one costs the worker, without
 * and with a good mac1, and whether the rekeys of honest peers are done meanwhile. Time is the
 * worker's own. Forged ones that the port's queue cannot hold are lost; honest ones wait their turn.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "bench/far.h"
#include "bench/harness.h"
#include "dataplane/core/engine_state.h"

#define FORGED_PER_SEC 1000000.0
#define WIRE_LEN       512 /* frames that the port's queue holds */
#define QUIET_PEERS    100
#define LIMIT_NS       UINT64_C(60000000000)
#define WARM_UP_SEC    0.05
#define REPEATS_MAX    3

struct flood {
	struct stage *stage;
	struct far *far;
	unsigned peers;
	uint8_t hello[MSG_MAX];
	size_t hello_len;
	bool has_mac1;
	uint64_t forged_cnt; /* that reached the wire */
	uint64_t due_from_ns;
	uint64_t due_cnt;
};

/* A HELLO that is right in all but what a stranger cannot know: its own exchange, random, mac1. */
static void make_hello(struct flood *f)
{
	static const struct wire_list schemes = {1, {0x0403}};
	const struct wire_list groups = {1, {f->stage->group}};
	uint8_t random[MSG_RANDOM_LEN], point[MSG_POINT_MAX] = {4}, padding[MSG_HELLO_MIN] = {0};
	struct rk_writer w;
	size_t len = 0;
	uint8_t *mac;

	bench_must(RAND_bytes(random, sizeof(random)) == 1, "no random numbers");
	wire_begin_exchange(&w, f->hello, sizeof(f->hello), MSG_HELLO, 0, 1);
	wire_write_tlv(&w, MSG_TLV_RANDOM, random, sizeof(random));
	wire_write_list(&w, MSG_TLV_GROUPS, &groups);
	wire_write_list(&w, MSG_TLV_SUITES, suite_list());
	wire_write_list(&w, MSG_TLV_SCHEMES, &schemes);
	wire_write_share(&w, f->stage->group, point, kex_find(f->stage->group)->share_len);
	wire_write_tlv(&w, MSG_TLV_COOKIE, NULL, 0);
	len = rk_writer_len(&w) + MSG_TLV_LEN + MSG_TLV_LEN + MSG_MAC_LEN;
	wire_write_tlv(&w, MSG_TLV_PADDING, padding, MSG_HELLO_MIN > len ? MSG_HELLO_MIN - len : 0);
	mac = wire_end_mac1(&w, &f->hello_len);
	bench_must(mac != NULL, "no HELLO");
}

static void forge(struct flood *f)
{
	const struct bench_identity *near = &f->stage->pki->east;
	struct endpoint path = {
		.family = 4, .local_port = 4242, .remote_port = 1280, .remote = {192, 0, 2, 1}};
	uint64_t id[2];

	bench_must(RAND_bytes((uint8_t *)id, sizeof(id)) == 1, "no random numbers");
	stage_peer_address(1u << 23 | (unsigned)(id[0] & 0xfffff), path.local);
	memcpy(f->hello + MSG_ENVELOPE_LEN + MSG_TLV_LEN + 12, &id[1], 8); /* the sender's id */
	if (f->has_mac1)
		bench_must(
			guard_make_mac1(near->name, strlen(near->name), f->hello,
				f->hello_len - MSG_MAC_LEN, f->hello + f->hello_len - MSG_MAC_LEN),
			"no mac1");
	f->forged_cnt += far_send(f->far, &path, f->hello, f->hello_len);
}

/* As many as came due while the worker ran, as far as the port's queue has room. */
static void turn(struct flood *f)
{
	double due = (double)(stage_now_ns() - f->due_from_ns) * FORGED_PER_SEC / 1e9;

	for (; f->due_cnt < (uint64_t)due; f->due_cnt++)
		if (far_queued(f->far) < WIRE_LEN)
			forge(f);
	(void)far_turn(f->far);
	stage_main(f->stage);
}

static uint64_t counted(const struct flood *f, enum reason reason)
{
	return engine_counter(f->stage->worker->engine, reason);
}

/* Full bursts of them and nothing else, until the worker has had that much time. */
static void flood_for(struct flood *f, double seconds)
{
	uint64_t until = stage_now_ns() + (uint64_t)(seconds * 1e9);
	unsigned i;

	while (stage_now_ns() < until) {
		for (i = 0; i < PORT_BURST; i++)
			forge(f);
		(void)far_turn(f->far);
	}
	while (far_queued(f->far) > 0)
		(void)far_turn(f->far);
}

/*
 * What one costs, once the worker is under load: every one of them must end where the row says, at
 * mac1 or in a cookie, or the figure would be that of something else.
 */
static double cost_of_one(struct flood *f, double seconds)
{
	enum reason end = f->has_mac1 ? REASON_COOKIE_SENT : REASON_MAC1;
	uint64_t ended;
	double spent;

	flood_for(f, WARM_UP_SEC);
	f->forged_cnt = 0;
	ended = counted(f, end);
	spent = f->stage->spent_ns;
	flood_for(f, seconds);
	bench_must(f->forged_cnt > 0 && counted(f, end) - ended == f->forged_cnt,
		"forged HELLOs did not end where they should");
	return (f->stage->spent_ns - spent) / (double)f->forged_cnt;
}

/* Of the honest rekeys under way: an interval doubles with each retransmission. */
static unsigned most_repeats(struct flood *f)
{
	unsigned most = 0, cnt, i;

	for (i = 0; i < f->peers; i++) {
		const struct session *s = stage_session(f->stage, i);
		const struct exchange *x = exchange_find(f->stage->worker->engine, s->own_rekey);

		if (x == NULL || x->retransmit_at_ns == 0)
			continue;
		for (cnt = 0; RETRANSMIT_FIRST_NS << cnt < x->retransmit_ns; cnt++)
			;
		if (cnt > most)
			most = cnt;
	}
	return most;
}

/* Only so many packets wait while the gateway's address is asked for: not a matter of the flood. */
static void learn_gateway(struct flood *f)
{
	unsigned i;

	far_probe(f->far, 0);
	for (i = 0; i < WIRE_LEN; i++) {
		(void)far_turn(f->far);
		stage_main(f->stage);
	}
}

/* Honest rekeys begun in the middle of it; how long until all are done. */
static double rekey_all(struct flood *f)
{
	uint64_t before, began;
	unsigned i;

	learn_gateway(f);
	before = counted(f, REASON_REKEYS);
	began = stage_now_ns();

	f->due_from_ns = began;
	f->due_cnt = 0;
	for (i = 0; i < f->peers; i++)
		session_rotate(f->stage->worker->engine, stage_session(f->stage, i), false);
	while (counted(f, REASON_REKEYS) - before < f->peers) {
		bench_must(stage_now_ns() - began < LIMIT_NS, "honest rekeys are not done");
		turn(f);
		bench_must(most_repeats(f) <= REPEATS_MAX,
			"an honest rekey took more retransmissions than it may");
	}
	return (double)(stage_now_ns() - began);
}

static void one(const struct bench_options *o, struct flood *f, bool has_mac1)
{
	uint64_t retransmits = counted(f, REASON_RETRANSMITS), used, expired;
	double cost, done;

	f->has_mac1 = has_mac1;
	cost = cost_of_one(f, o->seconds / 4);
	used = f->stage->worker->engine->used_cnt;
	expired = counted(f, REASON_EXCHANGES_EXPIRED);
	done = rekey_all(f);
	bench_print(
		o, &(struct bench_row){.bench = "flood",
			   .operation = has_mac1 ? "with-mac1" : "without-mac1",
			   .value = cost,
			   .unit = "ns",
			   .field = {{"exchanges_held", NULL, (double)used},
				   {"honest_rekeys", NULL, f->peers},
				   {"honest_done_s", NULL, done / 1e9},
				   {"honest_retransmits", NULL,
					   (double)(counted(f, REASON_RETRANSMITS) - retransmits)},
				   {"honest_expired", NULL,
					   (double)(counted(f, REASON_EXCHANGES_EXPIRED) -
						    expired)}}});
}

static void run(const struct bench_options *o)
{
	struct flood f = {.peers = bench_count(o->peers, QUIET_PEERS)};
	unsigned round;

	/* Each row has peers of its own: a peer whose last key is younger than the hold waits. */
	for (round = 0; round < 2; round++) {
		f.stage = stage_open(
			&(struct stage_options){.peer_cnt = f.peers, .has_verdicts = true});
		stage_publish(f.stage, 0, f.peers);
		f.far = far_new(f.stage, &(struct far_ops){NULL, NULL});
		make_hello(&f);
		one(o, &f, round == 1);
		far_free(f.far);
		stage_close(f.stage);
	}
}

const struct bench_suite bench_flood = {
	"flood", "a million forged HELLOs a second: cost of one, honest rekeys meanwhile", run};
