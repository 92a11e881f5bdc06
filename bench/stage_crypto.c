/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/stage_crypto.h"

#include <stdlib.h>

#include <rte_ring.h>

#include "bench/harness.h"
#include "dataplane/core/job.h"

struct stage_crypto {
	struct rte_ring *submitted, *finished; /* the worker's */
	struct crypto_ctx *ctx;
	struct crypto_queue queue;
	uint64_t free_at_ns; /* when the lcore would be done with all that it has */
	unsigned first, end, max;
	struct {
		struct crypto_job *job;
		uint64_t done_at_ns;
	} computed[]; /* in turn: first..end-1 */
};

struct stage_crypto *stage_crypto_new(unsigned job_cnt)
{
	struct stage_crypto *c = calloc(1, sizeof(*c) + job_cnt * sizeof(c->computed[0]));

	bench_must(c != NULL && crypto_ctx_new(&c->ctx) == 0, "out of memory");
	crypto_queue_init(&c->queue);
	c->max = job_cnt;
	c->submitted = rte_ring_lookup("crypto0-submitted");
	c->finished = rte_ring_lookup("crypto0-finished");
	bench_must(c->submitted != NULL && c->finished != NULL, "the worker has no crypto rings");
	return c;
}

void stage_crypto_free(struct stage_crypto *c)
{
	if (c == NULL)
		return;
	crypto_ctx_free(c->ctx);
	free(c);
}

static void compute(struct stage_crypto *c, struct crypto_job *batch, uint64_t now_ns)
{
	uint64_t began = bench_cpu_ns();
	struct crypto_job *job;

	crypto_batch_run(c->ctx, batch);
	if (c->free_at_ns < now_ns)
		c->free_at_ns = now_ns;
	c->free_at_ns += bench_cpu_ns() - began;
	for (job = batch; job != NULL; job = *crypto_job_link(job)) {
		c->computed[c->end % c->max].job = job;
		c->computed[c->end++ % c->max].done_at_ns = c->free_at_ns;
	}
}

void stage_crypto_turn(struct stage_crypto *c, uint64_t now_ns)
{
	struct crypto_job *batch;
	void *job;

	while (rte_ring_dequeue(c->submitted, &job) == 0)
		crypto_queue_push(&c->queue, job);
	/* No sooner than it is free: what comes meanwhile may be computed together. */
	while (c->free_at_ns <= now_ns && (batch = crypto_queue_take(c->ctx, &c->queue)) != NULL)
		compute(c, batch, now_ns);
	while (c->first != c->end && c->computed[c->first % c->max].done_at_ns <= now_ns)
		bench_must(rte_ring_enqueue(c->finished, c->computed[c->first++ % c->max].job) == 0,
			"no room for what is finished");
}
