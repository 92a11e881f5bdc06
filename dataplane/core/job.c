/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/job.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>

#include "dataplane/core/ahead.h"
#include "dataplane/core/job_fields.h"

/* Rows of the estimates: groups for KEYGEN and DERIVE, key types for SIGN and VERIFY. */
enum { ROW_CNT = 8, FIRST_ESTIMATE_NS = 100000 };
enum { AT_HAND_NS = 1000 };   /* a key made ahead: it is copied */
enum { LOOK_AHEAD_MAX = 64 }; /* jobs that are looked at to fill a batch */

struct crypto_ctx {
	struct kex_ctx *kex;
	struct sign_ctx *sign;
	struct ahead *ahead;
	uint64_t estimate_ns[JOB_KIND_CNT][ROW_CNT]; /* KEYGEN: of a batch */
	uint64_t batch_ns[ROW_CNT];                  /* DERIVE: of two and more */
};

int crypto_ctx_new(struct crypto_ctx **out)
{
	struct crypto_ctx *ctx = calloc(1, sizeof(*ctx));

	if (ctx == NULL)
		return -ENOMEM;
	if (kex_ctx_new(&ctx->kex) < 0 || sign_ctx_new(&ctx->sign) < 0 ||
		ahead_new(&ctx->ahead) < 0) {
		crypto_ctx_free(ctx);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < JOB_KIND_CNT; i++)
		for (unsigned j = 0; j < ROW_CNT; j++)
			ctx->estimate_ns[i][j] = FIRST_ESTIMATE_NS;
	for (unsigned j = 0; j < ROW_CNT; j++)
		ctx->batch_ns[j] = FIRST_ESTIMATE_NS;
	*out = ctx;
	return 0;
}

void crypto_ctx_free(struct crypto_ctx *ctx)
{
	if (ctx == NULL)
		return;
	ahead_free(ctx->ahead);
	kex_ctx_free(ctx->kex);
	sign_ctx_free(ctx->sign);
	free(ctx);
}

void crypto_ctx_keep_key(struct crypto_ctx *ctx, uint64_t credential_id)
{
	sign_keep_key(ctx->sign, credential_id);
}

static unsigned row_of(const struct crypto_job *job)
{
	switch ((enum job_kind)job->kind) {
	case JOB_KEYGEN:
	case JOB_DERIVE:
		return job->group->id % ROW_CNT;
	case JOB_SIGN:
		return job->credential->key_type % ROW_CNT;
	default:
		return job->key.type % ROW_CNT;
	}
}
static_assert(KEX_SECP256R1 % ROW_CNT != KEX_SECP384R1 % ROW_CNT &&
		      KEX_X25519 % ROW_CNT != KEX_X448 % ROW_CNT &&
		      KEX_SECP521R1 % ROW_CNT != KEX_X25519 % ROW_CNT &&
		      (int)RK_KEY_TYPE_CNT <= (int)ROW_CNT,
	"each has a row of its own");

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static bool run_sign(struct crypto_ctx *ctx, struct crypto_job *job)
{
	struct rk_span input = {job->input, job->input_len};

	if (job->kind == JOB_VERIFY)
		return sign_verify(ctx->sign, &job->key, job->scheme, input,
			(struct rk_span){job->signature, job->signature_len});
	job->signature_len = sizeof(job->signature);
	return sign_make(ctx->sign, job->credential, job->scheme, input, job->signature,
		&job->signature_len);
}

static void learn(uint64_t *estimate, uint64_t start)
{
	*estimate = (7 * *estimate + (clock_ns() - start)) / 8;
}

static void run_keygen(struct crypto_ctx *ctx, struct crypto_job *job)
{
	struct kex_op *op = &job->kex;
	uint64_t start = clock_ns();
	bool is_at_hand = ahead_has(ctx->ahead, job->group, start);

	if (kex_batch_cnt(ctx->kex, job->group) > 1)
		ahead_take(ctx->ahead, ctx->kex, job->group, start, op);
	else
		kex_keygen(ctx->kex, job->group, &op, 1);
	job->is_done = op->is_done;
	if (!is_at_hand)
		learn(&ctx->estimate_ns[JOB_KEYGEN][row_of(job)], start);
}

static uint64_t *derive_estimate(struct crypto_ctx *ctx, const struct crypto_job *job, size_t cnt)
{
	return cnt > 1 ? &ctx->batch_ns[row_of(job)] : &ctx->estimate_ns[JOB_DERIVE][row_of(job)];
}

static void run_derives(struct crypto_ctx *ctx, struct crypto_job *batch)
{
	struct kex_op *op[KEX_BATCH_MAX];
	uint64_t start = clock_ns();
	size_t cnt = 0;

	for (struct crypto_job *job = batch; job != NULL; job = job->link)
		op[cnt++] = &job->kex;
	kex_derive(ctx->kex, batch->group, op, cnt);
	for (struct crypto_job *job = batch; job != NULL; job = job->link)
		job->is_done = job->kex.is_done;
	learn(derive_estimate(ctx, batch, cnt), start);
}

static void run_signature(struct crypto_ctx *ctx, struct crypto_job *job)
{
	uint64_t start = clock_ns();

	job->is_done = run_sign(ctx, job);
	learn(&ctx->estimate_ns[job->kind][row_of(job)], start);
}

void crypto_batch_run(struct crypto_ctx *ctx, struct crypto_job *batch)
{
	if (batch->kind == JOB_KEYGEN)
		run_keygen(ctx, batch);
	else if (batch->kind == JOB_DERIVE)
		run_derives(ctx, batch);
	else
		run_signature(ctx, batch);
	for (const struct crypto_job *job = batch; job != NULL; job = job->link)
		if (!job->is_done)
			ERR_clear_error(); /* the queue is per thread and would grow */
}

void crypto_job_run(struct crypto_ctx *ctx, struct crypto_job *job)
{
	job->link = NULL;
	crypto_batch_run(ctx, job);
}

uint64_t crypto_job_estimate_ns(const struct crypto_ctx *ctx, const struct crypto_job *job)
{
	if (job->kind == JOB_KEYGEN && ahead_has(ctx->ahead, job->group, clock_ns()))
		return AT_HAND_NS;
	return ctx->estimate_ns[job->kind][row_of(job)];
}

uint64_t crypto_batch_estimate_ns(const struct crypto_ctx *ctx, const struct crypto_job *batch)
{
	return batch->kind == JOB_DERIVE && batch->link != NULL
		       ? ctx->batch_ns[row_of(batch)]
		       : crypto_job_estimate_ns(ctx, batch);
}

void crypto_ctx_tidy(struct crypto_ctx *ctx)
{
	if (!ahead_is_empty(ctx->ahead))
		ahead_expire(ctx->ahead, clock_ns());
}

bool crypto_job_is_first(const struct crypto_job *job)
{
	return job->is_first;
}

struct crypto_job **crypto_job_link(struct crypto_job *job)
{
	return &job->link;
}

void crypto_queue_init(struct crypto_queue *q)
{
	*q = (struct crypto_queue){.end = &q->first};
}

void crypto_queue_push(struct crypto_queue *q, struct crypto_job *job)
{
	job->link = NULL;
	*q->end = job;
	q->end = &job->link;
}

static struct crypto_job *unlink_at(struct crypto_queue *q, struct crypto_job **at)
{
	struct crypto_job *job = *at;

	*at = job->link;
	if (*at == NULL)
		q->end = at;
	job->link = NULL;
	return job;
}

struct crypto_job *crypto_queue_take(const struct crypto_ctx *ctx, struct crypto_queue *q)
{
	struct crypto_job *batch, **last, **at = &q->first;
	unsigned cnt_max, cnt = 1;

	if (q->first == NULL)
		return NULL;
	batch = unlink_at(q, at);
	last = &batch->link;
	cnt_max = batch->kind == JOB_DERIVE ? kex_batch_cnt(ctx->kex, batch->group) : 1;
	for (unsigned i = 0; i < LOOK_AHEAD_MAX && *at != NULL && cnt < cnt_max; i++) {
		if ((*at)->kind != JOB_DERIVE || (*at)->group != batch->group) {
			at = &(*at)->link;
			continue;
		}
		*last = unlink_at(q, at);
		last = &(*last)->link;
		cnt++;
	}
	return batch;
}
