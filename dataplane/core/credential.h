/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our own certificate and private key, as one immutable object with a reference count. Built by
 * the host from a view and a KEY message; the numbers of the private key lie in memory of
 * rk_secret_new. Jobs and exchanges hold a counted reference, so that a replaced credential lives
 * until the last exchange begun with it is over; the last put wipes. Any thread may get and put.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "pki/view/bytes.h"
#include "pki/view/channel.h"
#include "pki/view/verdict.h"

struct credential {
	atomic_uint ref_cnt;
	uint64_t id; /* never reused in a process: contexts cache EVP_PKEYs by it */
	uint8_t fingerprint[RK_FINGERPRINT_LEN];
	uint8_t key_type; /* enum rk_key_type */
	uint16_t der_len;
	uint8_t der[RK_CERT_DER_MAX];
	struct rk_private_key *key; /* secret memory, owned */
};

/*
 * Takes key (memory of rk_secret_new(sizeof *key)) on success. 0, -EINVAL when the certificate is
 * too long, -ENOMEM. One reference is the caller's.
 */
int credential_new(const uint8_t fingerprint[RK_FINGERPRINT_LEN], struct rk_span der,
	struct rk_private_key *key, struct credential **out) RK_MUST_CHECK;
struct credential *credential_get(struct credential *c);
void credential_put(struct credential *c); /* NULL is fine */
