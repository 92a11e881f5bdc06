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

#define RING_LEN       1024 /* usable: one less */
#define IDLE_POLLS     1000
#define IDLE_SLEEP_MIN 10

struct crypto_service {
	struct crypto_ctx *ctx;   /* worker: for jobs that run here */
	struct crypto_job *first; /* worker: submitted, to be run here */
	struct crypto_job **end;
	unsigned away_cnt;          /* worker: on the rings or a crypto lcore */
	_Atomic uint64_t key_of;    /* credential in force; worker: w, crypto lcores: r */
	struct rte_ring *submitted; /* worker -> crypto lcores; NULL: inline */
	struct rte_ring *finished;  /* crypto lcores -> worker */
};

static struct rte_ring *new_ring(const char *what, unsigned worker, unsigned flags)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "crypto%u-%s", worker, what);
	return rte_ring_create(name, RING_LEN, (int)rte_socket_id(), flags);
}

static int add_rings(struct crypto_service *s, unsigned worker)
{
	s->submitted = new_ring("submitted", worker, RING_F_SP_ENQ);
	s->finished = new_ring("finished", worker, RING_F_SC_DEQ);
	return s->submitted == NULL || s->finished == NULL ? -ENOMEM : 0;
}

int crypto_service_new(unsigned worker, unsigned lcore_cnt, struct crypto_service **out)
{
	struct crypto_service *s = calloc(1, sizeof(*s));
	int ret = -ENOMEM;

	if (s == NULL)
		return ret;
	s->end = &s->first;
	ret = crypto_ctx_new(&s->ctx);
	if (ret == 0 && lcore_cnt > 0)
		ret = add_rings(s, worker);
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

void crypto_submit(struct crypto_service *s, struct crypto_job *job)
{
	/* No more away than the way back can hold, so that finished never overflows. */
	if (s->submitted != NULL && s->away_cnt < RING_LEN - 1 &&
		rte_ring_sp_enqueue(s->submitted, job) == 0) {
		s->away_cnt++;
		return;
	}
	*crypto_job_link(job) = NULL;
	*s->end = job;
	s->end = crypto_job_link(job);
}

static struct crypto_job *pop(struct crypto_service *s)
{
	struct crypto_job *job = s->first;

	if (job == NULL)
		return NULL;
	s->first = *crypto_job_link(job);
	if (s->first == NULL)
		s->end = &s->first;
	return job;
}

struct crypto_job *crypto_next(struct crypto_service *s)
{
	struct crypto_job *job;
	void *done;

	if (s->finished != NULL && rte_ring_sc_dequeue(s->finished, &done) == 0) {
		s->away_cnt--;
		return done;
	}
	job = pop(s);
	if (job != NULL)
		crypto_job_run(s->ctx, job);
	else
		crypto_ctx_tidy(s->ctx);
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
	return s->first != NULL || s->away_cnt > 0;
}

/* One job of one worker; false: it has none. */
static bool serve(const struct crypto_lcore *lcore, struct crypto_service *s)
{
	void *job;

	if (rte_ring_mc_dequeue(s->submitted, &job) != 0)
		return false;
	crypto_job_run(lcore->ctx, job);
	if (rte_ring_mp_enqueue(s->finished, job) != 0)
		abort(); /* crypto_submit keeps room */
	return true;
}

/* A job of each worker in turn, so that none has to wait for another's storm. */
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
	const struct crypto_lcore *lcore = arg;
	uint32_t sleep_us = IDLE_SLEEP_MIN;
	unsigned idle_cnt = 0;

	while (!atomic_load_explicit(lcore->is_stopping, memory_order_relaxed)) {
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
