/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All peers rekey at once: until the last is done, how long each took from its first message, and
 * what a packet that needs no public-key work waits meanwhile: protected keep-alives from one more
 * peer, at random times, from arrival at the port to their answer on it. Time is the worker's own.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "bench/far.h"
#include "bench/harness.h"
#include "dataplane/core/engine_state.h"

#define PROBE_MAX     200000
#define PROBE_EVERY   UINT64_C(500000) /* mean, ns */
#define IDLE_NS       UINT64_C(200000000)
#define STORM_MAX_NS  UINT64_C(600000000000)
#define OPERATION_CNT 31

/* Each row is of one of these. */
struct scene {
	const char *bench;
	uint16_t group;
	const char *name; /* of the group */
	bool has_crypto_lcore;
};

struct storm {
	struct stage *stage;
	struct far *far;
	unsigned peers;    /* the last one is the probe */
	uint64_t *started; /* of each: when its HELLO came */
	double *took;      /* of those that are done */
	size_t took_cnt;
	uint64_t probe_at; /* next, or that is under way */
	bool is_probing;
	double *delay;
	size_t delay_cnt;
	double idle_p50, idle_p99, idle_longest; /* before the storm: what is not ours */
};

static uint64_t random_below(uint64_t bound)
{
	uint64_t r = 0;

	bench_must(RAND_bytes((uint8_t *)&r, sizeof(r)) == 1, "no random numbers");
	return r % bound;
}

static void on_heard(void *ctx, unsigned peer, uint8_t type, uint64_t now)
{
	struct storm *s = ctx;

	if (peer == s->peers - 1) {
		if (type != MSG_KEEP_ALIVE || !s->is_probing)
			return;
		if (s->delay_cnt < PROBE_MAX)
			s->delay[s->delay_cnt++] = (double)(now - s->probe_at);
		s->is_probing = false;
		s->probe_at = stage_now_ns() + 1 + random_below(2 * PROBE_EVERY);
		return;
	}
	if (type == MSG_REKEY_HELLO && s->started[peer] == 0)
		s->started[peer] = now;
	else if (type == MSG_KEEP_ALIVE && s->started[peer] > 1) {
		s->took[s->took_cnt++] = (double)(now - s->started[peer]);
		s->started[peer] = 1; /* done */
	}
}

static void turn(struct storm *s)
{
	if (!s->is_probing && stage_now_ns() >= s->probe_at) {
		s->is_probing = true;
		far_probe(s->far, s->peers - 1);
	}
	(void)far_turn(s->far);
	stage_main(s->stage);
}

static void idle(struct storm *s)
{
	uint64_t until = stage_now_ns() + IDLE_NS;

	while (stage_now_ns() < until)
		turn(s);
}

/* Of the operations of a fast rekey, in this process. */
static double longest_operation_ns(uint16_t group)
{
	const struct kex_group *g = kex_find(group);
	struct kex_op op, *ops = &op;
	double took[2][OPERATION_CNT];
	struct kex_ctx *ctx;
	unsigned i;

	bench_must(kex_ctx_new(&ctx) == 0, "out of memory");
	for (i = 0; i < OPERATION_CNT; i++) {
		uint64_t began = bench_cpu_ns(), between;

		kex_keygen(ctx, g, &ops, 1);
		memcpy(op.peer, op.share, sizeof(op.peer));
		between = bench_cpu_ns();
		kex_derive(ctx, g, &ops, 1);
		took[0][i] = (double)(between - began);
		took[1][i] = (double)(bench_cpu_ns() - between);
		bench_must(op.is_done, "no key agreement");
	}
	kex_ctx_free(ctx);
	took[0][0] = bench_median(took[0], OPERATION_CNT);
	took[1][0] = bench_median(took[1], OPERATION_CNT);
	return took[0][0] > took[1][0] ? took[0][0] : took[1][0];
}

/* How much a packet may be delayed. */
static double limit_us(const struct scene *scene, double longest_ns)
{
	if (scene->has_crypto_lcore)
		return 50;
	if (scene->group == KEX_SECP256R1 || scene->group == KEX_X25519)
		return 200;
	return longest_ns / 1e3 + 50;
}

static void report(const struct bench_options *o, const struct scene *scene, const struct storm *s,
	double done_ns)
{
	double longest_ns = longest_operation_ns(scene->group);
	double p99 = bench_percentile(s->delay, s->delay_cnt, 99);

	bench_print(o,
		&(struct bench_row){.bench = scene->bench,
			.operation = "rekeys",
			.group = scene->name,
			.value = (s->peers - 1) / (done_ns / 1e9),
			.unit = "ops/s",
			.field = {{"peers", NULL, s->peers - 1}, {"done_s", NULL, done_ns / 1e9},
				{"p50_ms", NULL, bench_percentile(s->took, s->took_cnt, 50) / 1e6},
				{"p99_ms", NULL,
					bench_percentile(s->took, s->took_cnt, 99) / 1e6}}});
	bench_print(o, &(struct bench_row){.bench = scene->bench,
			       .operation = "delay",
			       .group = scene->name,
			       .value = p99 > s->idle_p50 ? (p99 - s->idle_p50) / 1e3 : 0,
			       .unit = "us",
			       .field = {{"limit_us", NULL, limit_us(scene, longest_ns)},
				       {"longest_operation_us", NULL, longest_ns / 1e3},
				       {"probes", NULL, (double)s->delay_cnt},
				       {"idle_p50_us", NULL, s->idle_p50 / 1e3},
				       {"idle_p99_us", NULL, s->idle_p99 / 1e3},
				       {"p50_us", NULL,
					       bench_percentile(s->delay, s->delay_cnt, 50) / 1e3},
				       {"longest_round_us", NULL, s->stage->longest_ns / 1e3},
				       {"idle_longest_us", NULL, s->idle_longest / 1e3}}});
}

static void one(const struct bench_options *o, const struct scene *scene, unsigned peers)
{
	struct storm s = {.peers = peers + 1};
	uint64_t began;
	unsigned i;

	s.stage = stage_open(&(struct stage_options){.peer_cnt = s.peers,
		.group = scene->group,
		.has_verdicts = true,
		.has_crypto_lcore = scene->has_crypto_lcore});
	s.started = calloc(s.peers, sizeof(*s.started));
	s.took = calloc(s.peers, sizeof(*s.took));
	s.delay = calloc(PROBE_MAX, sizeof(*s.delay));
	bench_must(s.started != NULL && s.took != NULL && s.delay != NULL, "out of memory");
	stage_publish(s.stage, 0, s.peers);
	s.far = far_new(s.stage, &(struct far_ops){on_heard, &s});
	idle(&s); /* the gateway's address is learnt, caches are warm */
	s.delay_cnt = 0;
	s.stage->longest_ns = 0;
	idle(&s);
	bench_must(s.delay_cnt > 0, "no probe comes back");
	s.idle_p50 = bench_percentile(s.delay, s.delay_cnt, 50);
	s.idle_longest = s.stage->longest_ns;
	s.idle_p99 = bench_percentile(s.delay, s.delay_cnt, 99);
	s.delay_cnt = 0;
	s.stage->longest_ns = 0;
	for (i = 0; i < peers; i++)
		session_rotate(s.stage->worker->engine, stage_session(s.stage, i), false);
	began = stage_now_ns();
	while (s.took_cnt < peers) {
		bench_must(stage_now_ns() - began < STORM_MAX_NS, "the storm does not end");
		turn(&s);
	}
	report(o, scene, &s, (double)(stage_now_ns() - began));
	far_free(s.far);
	stage_close(s.stage);
	free(s.started);
	free(s.took);
	free(s.delay);
}

/* Fewer peers where it takes longer: enough for some thousand probes. */
static void each_group(const struct bench_options *o, const char *bench, bool has_crypto_lcore)
{
	static const struct {
		uint16_t id;
		const char *name;
		unsigned peers;
	} group[] = {{KEX_SECP256R1, "secp256r1", 100000}, {KEX_X25519, "x25519", 100000},
		{KEX_SECP384R1, "secp384r1", 2000}, {KEX_SECP521R1, "secp521r1", 5000},
		{KEX_X448, "x448", 5000}};
	size_t i;

	for (i = 0; i < sizeof(group) / sizeof(group[0]); i++) {
		const struct scene scene = {bench, group[i].id, group[i].name, has_crypto_lcore};

		if (bench_is_wanted(o, group[i].name, NULL))
			one(o, &scene, bench_count(o->peers, group[i].peers));
	}
}

static void run(const struct bench_options *o)
{
	each_group(o, "storm", false);
}

static void run_crypto(const struct bench_options *o)
{
	each_group(o, "storm-crypto", true);
}

const struct bench_suite bench_storm = {
	"storm", "all peers rekey at once: time, latency, delay added to other packets", run};
const struct bench_suite bench_storm_crypto = {
	"storm-crypto", "the same with a crypto lcore", run_crypto};
