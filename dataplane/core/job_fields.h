/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of a job: for the engine, which fills and reads it, and job.c, which runs it. One
 * asymmetric operation each, so that a worker can be quiescent between any two. Lives in locked
 * memory; wiped when it goes back to the pool.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/core/credential.h"
#include "dataplane/core/job.h"
#include "dataplane/core/kex.h"
#include "dataplane/core/sign.h"

enum job_kind { JOB_KEYGEN, JOB_DERIVE, JOB_SIGN, JOB_VERIFY, JOB_KIND_CNT };

struct crypto_job {
	struct crypto_job *link; /* whoever holds it */
	uint64_t exchange;       /* engine: whose it is; resolved anew when done */
	uint32_t number;         /* engine: which of that exchange's operations */
	uint8_t kind;            /* enum job_kind */
	bool is_lent;            /* engine: between submit and done */
	bool is_first;           /* of an exchange that a peer began: nothing is lost if it waits */
	bool is_done;            /* out: it worked (VERIFY: the signature is good) */
	uint16_t scheme;         /* SIGN, VERIFY */
	const struct kex_group *group;
	struct credential *credential; /* SIGN: counted reference */
	struct kex_op kex;             /* KEYGEN, DERIVE */
	struct rk_public_key key;      /* VERIFY */
	size_t input_len;
	uint8_t input[SIGN_INPUT_MAX];
	size_t signature_len; /* SIGN: out; VERIFY: in */
	uint8_t signature[MSG_SIGNATURE_MAX];
};
