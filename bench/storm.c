/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All peers rekey at once: until the last is done, how long each took from its first message, and
 * what a packet that needs no public-key work waits meanwhile: protected keep-alives from one more
 * peer, at random times, from arrival at the port to their answer on it. Time is the worker's own.
 */
#include <stdlib.h>

#include <openssl/rand.h>

#include "bench/far.h"
#include "bench/harness.h"
#include "dataplane/core/engine_state.h"

#define PROBE_MAX    200000
#define PROBE_EVERY  UINT64_C(500000) /* mean, ns */
#define IDLE_NS      UINT64_C(200000000)
#define STORM_MAX_NS UINT64_C(600000000000)

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

static void report(const struct bench_options *o, const struct storm *s, const char *group,
	double done_ns, double idle_p50, double worst_ns)
{
	double p99 = bench_percentile(s->delay, s->delay_cnt, 99);

	bench_print(o,
		&(struct bench_row){.bench = "storm",
			.operation = "rekeys",
			.group = group,
			.value = (s->peers - 1) / (done_ns / 1e9),
			.unit = "ops/s",
			.field = {{"peers", NULL, s->peers - 1}, {"done_s", NULL, done_ns / 1e9},
				{"p50_ms", NULL, bench_percentile(s->took, s->took_cnt, 50) / 1e6},
				{"p99_ms", NULL,
					bench_percentile(s->took, s->took_cnt, 99) / 1e6}}});
	bench_print(o, &(struct bench_row){.bench = "storm",
			       .operation = "delay",
			       .group = group,
			       .value = (p99 - idle_p50) / 1e3,
			       .unit = "us",
			       .field = {{"probes", NULL, (double)s->delay_cnt},
				       {"idle_p50_us", NULL, idle_p50 / 1e3},
				       {"p50_us", NULL,
					       bench_percentile(s->delay, s->delay_cnt, 50) / 1e3},
				       {"longest_round_us", NULL, worst_ns / 1e3}}});
}

static void one(const struct bench_options *o, unsigned peers, uint16_t group, const char *name)
{
	struct storm s = {.peers = peers + 1};
	double idle_p50;
	uint64_t began;
	unsigned i;

	s.stage = stage_open(bench_pki_get(0), s.peers, group, true);
	s.started = calloc(s.peers, sizeof(*s.started));
	s.took = calloc(s.peers, sizeof(*s.took));
	s.delay = calloc(PROBE_MAX, sizeof(*s.delay));
	bench_must(s.started != NULL && s.took != NULL && s.delay != NULL, "out of memory");
	stage_publish(s.stage, 0, s.peers);
	s.far = far_new(s.stage, &(struct far_ops){on_heard, &s});
	idle(&s); /* the gateway's address is learnt, caches are warm */
	s.delay_cnt = 0;
	idle(&s);
	bench_must(s.delay_cnt > 0, "no probe comes back");
	idle_p50 = bench_percentile(s.delay, s.delay_cnt, 50);
	s.delay_cnt = 0;
	s.stage->longest_ns = 0;
	for (i = 0; i < peers; i++)
		session_rotate(s.stage->worker->engine, stage_session(s.stage, i), false);
	began = stage_now_ns();
	while (s.took_cnt < peers) {
		bench_must(stage_now_ns() - began < STORM_MAX_NS, "the storm does not end");
		turn(&s);
	}
	report(o, &s, name, (double)(stage_now_ns() - began), idle_p50, s.stage->longest_ns);
	far_free(s.far);
	stage_close(s.stage);
	free(s.started);
	free(s.took);
	free(s.delay);
}

static void run(const struct bench_options *o)
{
	static const struct {
		uint16_t id;
		const char *name;
	} group[] = {{KEX_SECP256R1, "secp256r1"}, {KEX_X25519, "x25519"},
		{KEX_SECP384R1, "secp384r1"}, {KEX_SECP521R1, "secp521r1"}, {KEX_X448, "x448"}};
	unsigned peers = bench_count(o->peers, 100000);
	size_t i;

	for (i = 0; i < sizeof(group) / sizeof(group[0]); i++)
		if (o->group != NULL ? bench_is_wanted(o, group[i].name, NULL) : i < 2)
			one(o, peers, group[i].id, group[i].name);
}

const struct bench_suite bench_storm = {
	"storm", "all peers rekey at once: time, latency, delay added to other packets", run};
