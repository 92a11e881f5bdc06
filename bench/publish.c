/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Large changes of the view, and what they do to a worker: how long until every peer is there, gone
 * or judged again, and the longest round of the worker meanwhile, which is what a packet may wait.
 */
#include "bench/harness.h"
#include "bench/stage.h"

/* One publication: its rows. */
static void publish(const struct bench_options *o, struct stage *s, const char *what,
	unsigned first, unsigned cnt, unsigned changed)
{
	double before = s->spent_ns;

	stage_forget_longest(s);
	stage_publish(s, first, cnt);
	bench_print(
		o, &(struct bench_row){.bench = "publish",
			   .operation = what,
			   .value = s->longest.ns / 1e3,
			   .unit = "us",
			   .field = {{"peers", NULL, changed}, {"main_ms", NULL, s->main_ns / 1e6},
				   {"worker_ms", NULL, (s->spent_ns - before) / 1e6}}});
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
