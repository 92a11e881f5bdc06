/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/job.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>

#include "dataplane/core/job_fields.h"

/* Rows of the estimates: groups for KEYGEN and DERIVE, key types for SIGN and VERIFY. */
enum { ROW_CNT = 8, FIRST_ESTIMATE_NS = 100000 };

struct crypto_ctx {
	struct kex_ctx *kex;
	struct sign_ctx *sign;
	uint64_t estimate_ns[JOB_KIND_CNT][ROW_CNT];
};

int crypto_ctx_new(struct crypto_ctx **out)
{
	struct crypto_ctx *ctx = calloc(1, sizeof(*ctx));

	if (ctx == NULL)
		return -ENOMEM;
	if (kex_ctx_new(&ctx->kex) < 0 || sign_ctx_new(&ctx->sign) < 0) {
		crypto_ctx_free(ctx);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < JOB_KIND_CNT; i++)
		for (unsigned j = 0; j < ROW_CNT; j++)
			ctx->estimate_ns[i][j] = FIRST_ESTIMATE_NS;
	*out = ctx;
	return 0;
}

void crypto_ctx_free(struct crypto_ctx *ctx)
{
	if (ctx == NULL)
		return;
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

static bool run_kex(struct crypto_ctx *ctx, struct crypto_job *job)
{
	struct kex_op *op = &job->kex;

	if (job->kind == JOB_KEYGEN)
		kex_keygen(ctx->kex, job->group, &op, 1);
	else
		kex_derive(ctx->kex, job->group, &op, 1);
	return op->is_done;
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

void crypto_job_run(struct crypto_ctx *ctx, struct crypto_job *job)
{
	uint64_t *estimate = &ctx->estimate_ns[job->kind][row_of(job)];
	uint64_t start = clock_ns();

	if (job->kind == JOB_KEYGEN || job->kind == JOB_DERIVE)
		job->is_done = run_kex(ctx, job);
	else
		job->is_done = run_sign(ctx, job);
	if (!job->is_done)
		ERR_clear_error(); /* the queue is per thread and would grow */
	*estimate = (7 * *estimate + (clock_ns() - start)) / 8;
}

uint64_t crypto_job_estimate_ns(const struct crypto_ctx *ctx, const struct crypto_job *job)
{
	return ctx->estimate_ns[job->kind][row_of(job)];
}

struct crypto_job **crypto_job_link(struct crypto_job *job)
{
	return &job->link;
}
