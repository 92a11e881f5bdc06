/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Forged HELLOs at a million a second, from a million addresses: what one costs the worker, without
 * and with a good mac1, and whether the rekeys of honest peers are done meanwhile. Time is the
 * worker's own. Honest packets and forged ones share the port's queue, in the order in which they
 * come, and what it cannot hold is lost, whosever it is.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "bench/far.h"
#include "bench/harness.h"
#include "bench/limit.h"
#include "dataplane/core/engine_state.h"

#define FORGED_EVERY_NS 1000
#define LOOKED_AT       16  /* in a round: the engine's limit */
#define CROWD           512 /* in a round: the worker takes as many at once */
#define QUIET_PEERS     100
#define SHORT_QUEUE     64 /* frames: each operation is longer than what it holds out for */
#define GATEWAY_TURNS   512
#define LIMIT_NS        UINT64_C(60000000000)
#define WARM_UP_SEC     0.05

struct flood {
	struct stage *stage;
	struct far *far;
	unsigned peers;
	uint8_t hello[MSG_MAX];
	size_t hello_len;
	bool has_mac1;
	uint64_t forged_cnt; /* that reached the worker's queue */
	uint64_t due_ns;     /* when the next one comes */
	uint64_t lost_cnt, honest_cnt, honest_lost_cnt;
	unsigned most_repeats; /* of an honest rekey */
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
	bench_must(far_send(f->far, &path, f->hello, f->hello_len), "no room for a frame");
	f->forged_cnt++;
}

/* One that is due. What finds no room is not even made. */
static void let_in_forged(struct flood *f)
{
	f->due_ns += FORGED_EVERY_NS;
	if (far_is_queue_full(f->far)) {
		f->lost_cnt++;
		return;
	}
	forge(f);
	bench_must(far_put_last(f->far), "no room where there was some");
}

/* What came while the worker ran, honest and forged, in turn. */
static void turn(struct flood *f)
{
	uint64_t now;

	far_listen(f->far);
	now = stage_now_ns();
	while (f->due_ns <= now || far_queued(f->far) > 0) {
		if (f->due_ns <= far_first_ns(f->far)) {
			let_in_forged(f);
		} else {
			f->honest_cnt++;
			f->honest_lost_cnt += !far_put(f->far);
		}
	}
	(void)stage_round(f->stage);
	stage_main(f->stage);
}

/* A kind of them: how many a round, what most of them must end as, and how many need not. */
struct cost {
	const char *operation;
	bool has_mac1;
	unsigned cnt, others;
	enum reason end;
};

static uint64_t counted(const struct flood *f, enum reason reason)
{
	return engine_counter(f->stage->worker->engine, reason);
}

/* So many of them each round and nothing else, until the worker has had that much time. */
static void flood_for(struct flood *f, double seconds, unsigned cnt)
{
	uint64_t until = stage_now_ns() + (uint64_t)(seconds * 1e9);
	unsigned i;

	while (stage_now_ns() < until || !rte_ring_empty(f->stage->to_worker)) {
		far_listen(f->far);
		for (i = 0; i < cnt && stage_now_ns() < until; i++) {
			if (rte_ring_full(f->stage->to_worker))
				break; /* it lags behind */
			forge(f);
			(void)far_put_last(f->far);
		}
		(void)stage_round(f->stage);
	}
}

/*
 * What one costs, once the worker is under load: all but those that are looked at in each round must
 * end as said, or the figure would be that of something else.
 */
static double cost_of_one(struct flood *f, const struct cost *c, double seconds)
{
	uint64_t ended, rounds;
	double spent;

	flood_for(f, WARM_UP_SEC, c->cnt);
	f->forged_cnt = 0;
	ended = counted(f, c->end);
	spent = f->stage->spent_ns;
	rounds = f->stage->round_cnt;
	flood_for(f, seconds, c->cnt);
	ended = counted(f, c->end) - ended;
	rounds = f->stage->round_cnt - rounds;
	bench_must(ended > 0 && ended + c->others * rounds >= f->forged_cnt,
		"forged HELLOs did not end where they should");
	return (f->stage->spent_ns - spent) / (double)f->forged_cnt;
}

/* Of the honest rekeys under way: an interval doubles with each retransmission. */
static void note_repeats(struct flood *f)
{
	unsigned cnt, i;

	for (i = 0; i < f->peers; i++) {
		const struct session *s = stage_session(f->stage, i);
		const struct exchange *x = exchange_find(f->stage->worker->engine, s->own_rekey);

		if (x == NULL || x->retransmit_at_ns == 0)
			continue;
		for (cnt = 0; RETRANSMIT_FIRST_NS << cnt < x->retransmit_ns; cnt++)
			;
		if (cnt > f->most_repeats)
			f->most_repeats = cnt;
	}
}

/* Only so many packets wait while the gateway's address is asked for: not a matter of the flood. */
static void learn_gateway(struct flood *f)
{
	unsigned i;

	far_probe(f->far, 0);
	for (i = 0; i < GATEWAY_TURNS; i++) {
		(void)far_turn(f->far);
		stage_main(f->stage);
	}
}

/* Honest rekeys begun in the middle of it; how long until all are done. */
static double rekey_all(struct flood *f)
{
	uint64_t before, began, until;
	unsigned i;

	learn_gateway(f);
	f->due_ns = stage_now_ns();
	until = f->due_ns + (uint64_t)(WARM_UP_SEC * 1e9);
	while (stage_now_ns() < until)
		turn(f);
	f->forged_cnt = f->lost_cnt = 0;
	before = counted(f, REASON_REKEYS);
	began = stage_now_ns();
	for (i = 0; i < f->peers; i++)
		session_rotate(f->stage->worker->engine, stage_session(f->stage, i), false);
	while (counted(f, REASON_REKEYS) - before < f->peers) {
		bench_must(stage_now_ns() - began < LIMIT_NS, "honest rekeys are not done");
		turn(f);
		note_repeats(f);
	}
	return (double)(stage_now_ns() - began);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const struct cost costs[] = {
	{"without-mac1", false, LOOKED_AT, 0, REASON_MAC1},
	{"with-mac1", true, LOOKED_AT, 0, REASON_COOKIE_SENT},
	{"crowded", true, CROWD, LOOKED_AT, REASON_CROWDED},
};
#define COST_CNT (sizeof(costs) / sizeof(costs[0]))

static void open_flood(struct flood *f, uint16_t group, bool has_mac1)
{
	f->has_mac1 = has_mac1;
	f->stage = stage_open(&(struct stage_options){
		.peer_cnt = f->peers, .group = group, .has_verdicts = true});
	stage_publish(f->stage, 0, f->peers);
	f->far = far_new(f->stage, &(struct far_ops){NULL, NULL});
	make_hello(f);
}

static void close_flood(struct flood *f)
{
	far_free(f->far);
	stage_close(f->stage);
}

static void report_cost(const struct bench_options *o, const struct cost *c)
{
	struct flood f = {.peers = bench_count(o->peers, QUIET_PEERS)};
	double cost;

	open_flood(&f, 0, c->has_mac1);
	cost = cost_of_one(&f, c, o->seconds / (COST_CNT + 1));
	bench_print(o, &(struct bench_row){.bench = "flood",
			       .operation = c->operation,
			       .value = cost,
			       .unit = "ns",
			       .field = {{"exchanges_held", NULL,
				       (double)f.stage->worker->engine->used_cnt}}});
	close_flood(&f);
}

/* Honest rekeys under a flood: how the row is called, and what differs. */
struct under {
	const char *operation;
	bool has_mac1;
	unsigned queue; /* frames that it holds */
};

static void report_rekeys(
	const struct bench_options *o, const struct limit_group *g, const struct under *u)
{
	struct flood f = {.peers = bench_count(o->peers, QUIET_PEERS)};
	double done;

	open_flood(&f, g->id, u->has_mac1);
	far_set_queue(f.far, u->queue);
	done = rekey_all(&f);
	bench_print(o,
		&(struct bench_row){.bench = "flood",
			.operation = u->operation,
			.group = g->name,
			.value = f.most_repeats,
			.unit = "retransmissions at most",
			.field = {{"rekeys", NULL, f.peers}, {"done_s", NULL, done / 1e9},
				{"expired", NULL, (double)counted(&f, REASON_EXCHANGES_EXPIRED)},
				{"retransmissions", NULL, (double)counted(&f, REASON_RETRANSMITS)},
				{"honest_frames", NULL, (double)f.honest_cnt},
				{"honest_lost", NULL, (double)f.honest_lost_cnt},
				{"forged", NULL, (double)(f.forged_cnt + f.lost_cnt)},
				{"forged_lost", NULL, (double)f.lost_cnt},
				{"queue", NULL, u->queue}}});
	close_flood(&f);
}

static void run(const struct bench_options *o)
{
	const unsigned queue = bench_count(o->queue, PORT_RECEIVE_LEN);
	const struct under under[] = {{"rekeys-without-mac1", false, queue},
		{"rekeys-with-mac1", true, queue}, {"rekeys-overflowing", true, SHORT_QUEUE}};
	size_t i, j;

	for (i = 0; i < COST_CNT; i++)
		report_cost(o, &costs[i]);
	for (i = 0; i < LIMIT_GROUP_CNT; i++)
		for (j = 0; j < sizeof(under) / sizeof(under[0]); j++)
			if (bench_is_wanted(o, limit_groups[i].name, NULL))
				report_rekeys(o, &limit_groups[i], &under[j]);
}

const struct bench_suite bench_flood = {
	"flood", "a million forged HELLOs a second: cost of one, honest rekeys meanwhile", run};
