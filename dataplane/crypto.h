/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where asymmetric operations run: on the worker itself, one between two bursts, so that it is
 * quiescent between any two; or on crypto lcores, over rings, where the operator gives some. Jobs
 * are copies: a crypto lcore sees no RCU pointer and is no reader.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/job.h"

struct crypto_service;

/* Main. One service a worker, named by its number. lcore_cnt 0: inline. */
int crypto_service_new(
	unsigned worker, unsigned lcore_cnt, struct crypto_service **out) RK_MUST_CHECK;
void crypto_service_free(struct crypto_service *s); /* after all lcores have returned */
/* A crypto lcore's life; arg of rte_eal_remote_launch. It serves all workers in turn. */
struct crypto_lcore {
	struct crypto_service *const *service;
	unsigned service_cnt;
	struct crypto_ctx *ctx; /* made by main, used and freed by the lcore */
	uint32_t idle_sleep_us;
	const _Atomic bool *is_stopping;
};
int crypto_lcore_main(void *arg);

/* The worker. Takes the job until crypto_next gives it back. */
void crypto_submit(struct crypto_service *s, struct crypto_job *job);
/* A finished job, after running at most one here; NULL: none is finished. */
struct crypto_job *crypto_next(struct crypto_service *s);
/* The credential in force: no context keeps another one's key. Once a round. */
void crypto_keep_key(struct crypto_service *s, uint64_t credential_id);
/* Anything submitted that has not come back. */
bool crypto_is_busy(const struct crypto_service *s);
