/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/crypto.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_lcore.h>
#include <rte_pause.h>
#include <rte_ring.h>

#include "dataplane/clock.h"

/* Of a round: for operations, and for what follows from each finished job, some 5 us. */
#define RUN_BUDGET_NS  50000
#define TAKE_BUDGET_NS 10000
#define SHARE_MAX      8  /* jobs that a crypto lcore takes at once */
#define AWAY_MAX       16 /* jobs on their way to or from each crypto lcore */
#define NEW_EVERY      4  /* an exchange has four operations */
#define IDLE_POLLS     1000
#define IDLE_SLEEP_MIN 10

struct crypto_service {
	struct crypto_ctx *ctx;     /* worker: for jobs that run here */
	struct crypto_queue begun;  /* worker: submitted, in the order in which they came */
	struct crypto_job *newest;  /* worker: a stack of first operations */
	unsigned turn;              /* worker: whose it is of the two */
	struct crypto_job *batch;   /* worker: taken off it to be run next */
	struct crypto_job *done;    /* worker: run here, not given back yet */
	uint64_t began_ns;          /* worker: when this round's share did */
	bool has_run;               /* worker: in this round */
	bool has_taken;             /* worker: likewise */
	unsigned lcore_cnt;         /* main, before anybody else */
	unsigned away_cnt;          /* worker: on the rings or a crypto lcore */
	_Atomic uint64_t key_of;    /* credential in force; worker: w, crypto lcores: r */
	struct rte_ring *submitted; /* worker -> crypto lcores; NULL: inline */
	struct rte_ring *finished;  /* crypto lcores -> worker */
};

static struct rte_ring *new_ring(
	const char *what, const struct crypto_config *config, unsigned flags)
{
	char name[RTE_RING_NAMESIZE];

	/* Exactly: as many as can be submitted fit, so neither way ever overflows. */
	snprintf(name, sizeof(name), "crypto%u-%s", config->worker, what);
	return rte_ring_create(
		name, config->job_cnt, (int)rte_socket_id(), flags | RING_F_EXACT_SZ);
}

static int add_rings(struct crypto_service *s, const struct crypto_config *config)
{
	s->submitted = new_ring("submitted", config, RING_F_SP_ENQ);
	s->finished = new_ring("finished", config, RING_F_SC_DEQ);
	return s->submitted == NULL || s->finished == NULL ? -ENOMEM : 0;
}

int crypto_service_new(const struct crypto_config *config, struct crypto_service **out)
{
	struct crypto_service *s = calloc(1, sizeof(*s));
	int ret = -ENOMEM;

	if (s == NULL)
		return ret;
	crypto_queue_init(&s->begun);
	s->lcore_cnt = config->lcore_cnt;
	ret = crypto_ctx_new(&s->ctx);
	if (ret == 0 && config->lcore_cnt > 0)
		ret = add_rings(s, config);
	if (ret < 0) {
		crypto_service_free(s);
		return ret;
	}
	*out = s;
	return 0;
}

void crypto_service_free(struct crypto_service *s)
{
	if (s == NULL)
		return;
	rte_ring_free(s->submitted);
	rte_ring_free(s->finished);
	crypto_ctx_free(s->ctx);
	free(s);
}

/* ---- what waits ------------------------------------------------------------------------------ */

void crypto_submit(struct crypto_service *s, struct crypto_job *job)
{
	if (crypto_job_is_first(job)) {
		*crypto_job_link(job) = s->newest;
		s->newest = job;
	} else {
		crypto_queue_push(&s->begun, job);
	}
}

static bool has_waiting(const struct crypto_service *s)
{
	return s->begun.first != NULL || s->newest != NULL;
}

static bool is_turn_of_newest(const struct crypto_service *s)
{
	return s->newest != NULL && (s->begun.first == NULL || s->turn % NEW_EVERY == 0);
}

/* C3. Something waits. */
static const struct crypto_job *look_at_next(const struct crypto_service *s)
{
	return is_turn_of_newest(s) ? s->newest : s->begun.first;
}

static struct crypto_job *take_next(struct crypto_service *s)
{
	struct crypto_job *job = s->newest;
	bool is_newest = is_turn_of_newest(s);

	s->turn++;
	if (!is_newest)
		return crypto_queue_take(s->ctx, &s->begun);
	s->newest = *crypto_job_link(job);
	*crypto_job_link(job) = NULL;
	return job;
}

/* What crypto lcores can do soon: the order of the rest is not settled yet. */
static void give_away(struct crypto_service *s)
{
	while (has_waiting(s) && s->away_cnt < AWAY_MAX * s->lcore_cnt) {
		struct crypto_job *next, *job = take_next(s);

		for (; job != NULL; job = next) {
			next = *crypto_job_link(job);
			if (rte_ring_sp_enqueue(s->submitted, job) != 0)
				abort(); /* as many fit as there are */
			s->away_cnt++;
		}
	}
}

/* ---- a round --------------------------------------------------------------------------------- */

void crypto_begin(struct crypto_service *s, uint64_t now_ns)
{
	s->began_ns = now_ns;
	s->has_run = s->has_taken = false;
	if (!has_waiting(s))
		crypto_ctx_tidy(s->ctx);
}

static struct crypto_job *take_away(struct crypto_service *s)
{
	void *job;

	if (rte_ring_sc_dequeue(s->finished, &job) != 0)
		return NULL;
	s->away_cnt--;
	return job;
}

static struct crypto_job *take_done(struct crypto_service *s)
{
	struct crypto_job *job = s->done;

	if (job != NULL)
		s->done = *crypto_job_link(job);
	return job;
}

/* The next batch if it may begin now. */
static bool choose_batch(struct crypto_service *s, uint64_t spent_ns)
{
	uint64_t left_ns = spent_ns < RUN_BUDGET_NS ? RUN_BUDGET_NS - spent_ns : 0;

	if (s->batch == NULL && has_waiting(s) &&
		(!s->has_run || crypto_job_estimate_ns(s->ctx, look_at_next(s)) <= left_ns))
		s->batch = take_next(s);
	return s->batch != NULL &&
	       (!s->has_run || crypto_batch_estimate_ns(s->ctx, s->batch) <= left_ns);
}

struct crypto_job *crypto_next(struct crypto_service *s, uint64_t now_ns)
{
	uint64_t spent_ns = now_ns - s->began_ns;
	bool is_inline = s->submitted == NULL;
	struct crypto_job *job = NULL;

	if (!is_inline)
		give_away(s);
	if (!s->has_taken || spent_ns < TAKE_BUDGET_NS)
		job = is_inline ? take_done(s) : take_away(s);
	if (is_inline && job == NULL && s->done == NULL && choose_batch(s, spent_ns)) {
		crypto_batch_run(s->ctx, s->batch);
		s->done = s->batch;
		s->batch = NULL;
		s->has_run = true;
		job = take_done(s);
	}
	s->has_taken |= job != NULL;
	return job;
}

void crypto_keep_key(struct crypto_service *s, uint64_t credential_id)
{
	crypto_ctx_keep_key(s->ctx, credential_id);
	if (atomic_load_explicit(&s->key_of, memory_order_relaxed) != credential_id)
		atomic_store_explicit(&s->key_of, credential_id, memory_order_relaxed);
}

bool crypto_is_busy(const struct crypto_service *s)
{
	return has_waiting(s) || s->batch != NULL || s->done != NULL || s->away_cnt > 0;
}

/*
 * Some jobs of one worker; false: it has none. Several at once, so that those that go together can be
 * computed together, but no more than this lcore's share: another one may have nothing to do.
 */
static bool serve(const struct crypto_lcore *lcore, struct crypto_service *s)
{
	unsigned share = rte_ring_count(s->submitted) / s->lcore_cnt;
	struct crypto_queue queue;
	struct crypto_job *job, *next;
	void *taken[SHARE_MAX];
	unsigned cnt, i;

	share = share < 1 ? 1 : share > SHARE_MAX ? SHARE_MAX : share;
	cnt = rte_ring_mc_dequeue_burst(s->submitted, taken, share, NULL);
	crypto_queue_init(&queue);
	for (i = 0; i < cnt; i++)
		crypto_queue_push(&queue, taken[i]);
	while ((job = crypto_queue_take(lcore->ctx, &queue)) != NULL) {
		crypto_batch_run(lcore->ctx, job);
		for (; job != NULL; job = next) {
			next = *crypto_job_link(job);
			if (rte_ring_mp_enqueue(s->finished, job) != 0)
				abort(); /* as many fit as there are */
		}
	}
	return cnt > 0;
}

/* Some of each worker in turn, so that none has to wait for another's storm. */
static bool serve_all(const struct crypto_lcore *lcore)
{
	bool is_any = false;
	unsigned i;

	for (i = 0; i < lcore->service_cnt; i++)
		is_any |= serve(lcore, lcore->service[i]);
	/* The workers follow one view, moments apart: whichever is asked, in the end it is right. */
	crypto_ctx_keep_key(
		lcore->ctx, atomic_load_explicit(&lcore->service[0]->key_of, memory_order_relaxed));
	return is_any;
}

int crypto_lcore_main(void *arg)
{
	struct crypto_lcore *lcore = arg;
	uint32_t sleep_us = IDLE_SLEEP_MIN;
	unsigned idle_cnt = 0;

	while (!atomic_load_explicit(lcore->is_stopping, memory_order_relaxed)) {
		atomic_store_explicit(&lcore->round_ns, clock_monotonic_ns(), memory_order_relaxed);
		if (serve_all(lcore)) {
			idle_cnt = 0;
			sleep_us = IDLE_SLEEP_MIN;
			continue;
		}
		crypto_ctx_tidy(lcore->ctx);
		if (lcore->idle_sleep_us == 0 || idle_cnt++ < IDLE_POLLS) {
			rte_pause();
		} else {
			usleep(sleep_us);
			sleep_us = sleep_us * 2 < lcore->idle_sleep_us ? sleep_us * 2
								       : lcore->idle_sleep_us;
		}
	}
	crypto_ctx_free(lcore->ctx);
	return 0;
}
