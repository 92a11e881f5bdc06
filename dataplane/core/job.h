/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asymmetric work, off the forwarding path. The engine fills a job with copies of its inputs and
 * hands it to engine_ops.submit; the host runs it on whatever thread it likes with that thread's
 * crypto_ctx and gives it back with engine_job_done on the engine's own thread. A job refers to
 * nothing of the engine but by index + generation; a finished job whose exchange, peer or view has
 * changed meanwhile has no effect.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pki/view/bytes.h"

struct crypto_job; /* owned by the engine's pool; lent to the host between submit and done */

/*
 * Everything a thread needs to compute without allocating: algorithms fetched once, contexts
 * reused, EVP_PKEYs of the current credential. Private to one thread.
 */
struct crypto_ctx;
int crypto_ctx_new(struct crypto_ctx **out) RK_MUST_CHECK;
void crypto_ctx_free(struct crypto_ctx *ctx); /* wipes; NULL is fine */
/*
 * The credential in force, 0: none. The key of any other one, kept from a signature, is wiped. To
 * be called now and then: a job of an exchange that ended with its credential may bring it back.
 */
void crypto_ctx_keep_key(struct crypto_ctx *ctx, uint64_t credential_id);

/*
 * Keys made ahead (ahead.h) that have become too old are wiped. To be called now and then, by an
 * idle thread too; costs nothing when there are none.
 */
void crypto_ctx_tidy(struct crypto_ctx *ctx);

/* Runs to completion; touches only job and ctx. Failure is a result inside the job. */
void crypto_job_run(struct crypto_ctx *ctx, struct crypto_job *job);
/* What it will take on this thread, from a moving average: for budgets. */
uint64_t crypto_job_estimate_ns(const struct crypto_ctx *ctx, const struct crypto_job *job);

/*
 * A batch: jobs that are computed together, in less time than one after the other. Linked by
 * crypto_job_link, the last one to NULL; running it leaves the links.
 */
void crypto_batch_run(struct crypto_ctx *ctx, struct crypto_job *batch);
uint64_t crypto_batch_estimate_ns(const struct crypto_ctx *ctx, const struct crypto_job *batch);

/* The first one of an exchange that somebody else began. */
bool crypto_job_is_first(const struct crypto_job *job);

/* Intrusive link for the host's queues while the job is lent. */
struct crypto_job **crypto_job_link(struct crypto_job *job);

/* Jobs in the order in which they came, of one thread. */
struct crypto_queue {
	struct crypto_job *first;
	struct crypto_job **end;
};
void crypto_queue_init(struct crypto_queue *q);
void crypto_queue_push(struct crypto_queue *q, struct crypto_job *job);
/*
 * Takes off the first job and what waits behind it and goes into one batch with it, on this
 * thread; what it overtakes with that costs no other job time. NULL: empty.
 */
struct crypto_job *crypto_queue_take(const struct crypto_ctx *ctx, struct crypto_queue *q);
