/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/credential.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pki/view/secret.h"

static atomic_uint_fast64_t last_id;

int credential_new(const uint8_t fingerprint[RK_FINGERPRINT_LEN], struct rk_span der,
	struct rk_private_key *key, struct credential **out)
{
	struct credential *c;

	if (der.len == 0 || der.len > RK_CERT_DER_MAX)
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	atomic_init(&c->ref_cnt, 1);
	c->id = atomic_fetch_add(&last_id, 1) + 1;
	memcpy(c->fingerprint, fingerprint, RK_FINGERPRINT_LEN);
	memcpy(c->der, der.data, der.len);
	c->der_len = (uint16_t)der.len;
	c->key_type = key->type;
	c->key = key;
	*out = c;
	return 0;
}

struct credential *credential_get(struct credential *c)
{
	atomic_fetch_add_explicit(&c->ref_cnt, 1, memory_order_relaxed);
	return c;
}

void credential_put(struct credential *c)
{
	if (c == NULL || atomic_fetch_sub_explicit(&c->ref_cnt, 1, memory_order_acq_rel) > 1)
		return;
	rk_secret_free(c->key, sizeof(*c->key));
	free(c);
}
