/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Large changes of the view, and what they do to a worker: how long until every peer is there, gone
 * or judged again, and the longest round of the worker meanwhile, which is what a packet may wait.
 */
#include "bench/far.h"
#include "bench/harness.h"
#include "dataplane/core/engine_state.h"

#define BUSY_TURNS 2000
#define BUSY_LEAST 10000 /* with fewer peers all may be done before */

/* One publication: its row. */
static void publish(const struct bench_options *o, struct stage *s, const char *what,
	unsigned first, unsigned cnt, unsigned changed)
{
	double before = s->spent_ns;

	stage_forget_longest(s);
	s->is_compared = true;
	stage_publish(s, first, cnt);
	s->is_compared = false;
	bench_print(
		o, &(struct bench_row){.bench = "publish",
			   .operation = what,
			   .value = s->longest.ns / 1e3,
			   .unit = "us",
			   .field = {{"peers", NULL, changed}, {"main_ms", NULL, s->main_ns / 1e6},
				   {"worker_ms", NULL, (s->spent_ns - before) / 1e6},
				   {"its_switches", NULL, s->longest.switches},
				   {"its_faults", NULL, s->longest.faults},
				   {"machine_hole_us", NULL, s->hole_ns / 1e3}}});
}

/* Full exchanges with everybody who stays: begun, and some of them done. */
static void exchange_with(struct stage *s, unsigned cnt)
{
	struct engine *e = s->worker->engine;
	unsigned i;

	for (i = 0; i < cnt; i++) {
		struct session *session = stage_session(s, i);

		session->reauth_at_ns = stage_now_ns();
		session_schedule(e, session);
	}
	for (i = 0; i < BUSY_TURNS; i++) {
		(void)far_turn(s->network);
		stage_main(s);
	}
}

/* The same while full exchanges go on all the time. */
static void run_busy(const struct bench_options *o, unsigned peers)
{
	struct stage *s =
		stage_open(&(struct stage_options){.peer_cnt = peers, .has_verdicts = true});
	uint64_t before;

	stage_publish(s, 0, peers);
	s->network = far_new(s, &(struct far_ops){NULL, NULL});
	exchange_with(s, peers - peers / 2);
	before = engine_counter(s->worker->engine, REASON_EXCHANGES);
	bench_must(peers < BUSY_LEAST || before > peers, "no exchange goes on");
	publish(o, s, "unchanged-busy", 0, peers, 0);
	publish(o, s, "remove-half-busy", 0, peers - peers / 2, peers / 2);
	publish(o, s, "add-half-busy", 0, peers, peers / 2);
	bench_must(
		peers < BUSY_LEAST || engine_counter(s->worker->engine, REASON_EXCHANGES) > before,
		"no exchange was done meanwhile");
	far_free(s->network);
	s->network = NULL;
	stage_close(s);
}

static void run(const struct bench_options *o)
{
	unsigned peers = bench_count(o->peers, 100000);
	struct stage *s =
		stage_open(&(struct stage_options){.peer_cnt = peers, .has_verdicts = true});

	stage_publish(s, 0, 0);
	publish(o, s, "start", 0, peers, peers);
	stage_give_keys(s, NULL, NULL);
	publish(o, s, "unchanged", 0, peers, 0);
	publish(o, s, "remove-half", 0, peers - peers / 2, peers / 2);
	publish(o, s, "add-half", 0, peers, peers / 2);
	stage_close(s);
	run_busy(o, peers);
}

const struct bench_suite bench_publish = {
	"publish", "the worker's longest round during a large change of the view", run};

/* ---- judging again ----------------------------------------------------------------------------- */

static void run_rejudge(const struct bench_options *o)
{
	unsigned peers = bench_count(o->peers, 100000), i;
	struct stage *s =
		stage_open(&(struct stage_options){.peer_cnt = peers, .has_verdicts = true});
	double took[BENCH_ROUNDS_MIN];

	stage_publish(s, 0, peers);
	stage_give_keys(s, NULL, NULL);
	stage_forget_longest(s);
	for (i = 0; i < BENCH_ROUNDS_MIN; i++) {
		double before = s->spent_ns;

		stage_publish(s, 0, peers);
		took[i] = s->spent_ns - before;
	}
	bench_print(o, &(struct bench_row){.bench = "rejudge",
			       .value = bench_median(took, BENCH_ROUNDS_MIN) / 1e6,
			       .unit = "ms",
			       .field = {{"peers", NULL, peers},
				       {"longest_round_us", NULL, s->longest.ns / 1e3}}});
	stage_close(s);
}

const struct bench_suite bench_rejudge = {
	"rejudge", "every standing peering judged again at a new view", run_rejudge};
