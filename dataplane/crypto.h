/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where asymmetric operations run: on the worker itself, between two bursts; or on crypto lcores,
 * over rings, where the operator gives some, and then never on the worker. Jobs are copies: a
 * crypto lcore sees no RCU pointer and is no reader.
 *
 * C1  A round of the worker takes back at least one job when any is finished, and else begins the
 *     operation whose turn it is, with those that are computed together with it: there is always
 *     progress.
 * C2  Anything more begins only if its estimate fits what is left of the round's budget. So a packet
 *     that needs none of it waits for one operation, or for the budget, whichever is longer.
 * C3  What has been begun is worked on in the order in which it came, and gets three of four turns.
 *     The fourth is for the newest exchange that a peer asks for: where more of them come than can
 *     be done, some are done while their peers still wait, instead of each one too late.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/job.h"

struct crypto_service;

/* Main. One service a worker, named by its number. */
struct crypto_config {
	unsigned worker;
	unsigned lcore_cnt; /* that serve it; 0: it serves itself */
	unsigned job_cnt;   /* no more are ever submitted at a time */
};
int crypto_service_new(
	const struct crypto_config *config, struct crypto_service **out) RK_MUST_CHECK;
void crypto_service_free(struct crypto_service *s); /* after all lcores have returned */
/* A crypto lcore's life; arg of rte_eal_remote_launch. It serves all workers in turn. */
struct crypto_lcore {
	struct crypto_service *const *service;
	unsigned service_cnt;
	struct crypto_ctx *ctx; /* made by main, used and freed by the lcore */
	uint32_t idle_sleep_us;
	const _Atomic bool *is_stopping;
	_Atomic uint64_t round_ns; /* when it last looked for work; the lcore: w, others: r */
};
int crypto_lcore_main(void *arg);

/* The worker. Takes the job until crypto_next gives it back. Lent jobs are back before free. */
void crypto_submit(struct crypto_service *s, struct crypto_job *job);
/* A round's share begins: what follows from here on counts. */
void crypto_begin(struct crypto_service *s, uint64_t now_ns);
/*
 * A finished job, after running one here where it must be and may be; NULL: none is finished, or the
 * round's budget is used up. now_ns is not earlier than the last one.
 */
struct crypto_job *crypto_next(struct crypto_service *s, uint64_t now_ns);
/* The credential in force: no context keeps another one's key. Once a round. */
void crypto_keep_key(struct crypto_service *s, uint64_t credential_id);
/* Anything submitted that has not come back. */
bool crypto_is_busy(const struct crypto_service *s);
