/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/verdict.h"

#include <string.h>

#define RSA_LEN_MIN      256
#define RSA_EXPONENT_MIN 65537

static const char *const status_names[] = {
	[RK_VERDICT_UNKNOWN] = "unknown",
	[RK_VERDICT_GOOD] = "good",
	[RK_VERDICT_MALFORMED] = "malformed",
	[RK_VERDICT_UNTRUSTED] = "untrusted",
	[RK_VERDICT_EXPIRED] = "expired",
	[RK_VERDICT_NOT_YET_VALID] = "not-yet-valid",
	[RK_VERDICT_REVOKED] = "revoked",
	[RK_VERDICT_NOT_ALLOWED] = "not-allowed",
};
static_assert(sizeof(status_names) / sizeof(status_names[0]) == RK_VERDICT_STATUS_CNT,
	"every status has a name");

const char *rk_verdict_status_name(enum rk_verdict_status status)
{
	return (unsigned)status < RK_VERDICT_STATUS_CNT ? status_names[status] : "unknown";
}

static bool rsa_is_sound(const struct rk_public_key *k)
{
	if (k->len < RSA_LEN_MIN || k->len > RK_KEY_BYTES_MAX)
		return false;
	return k->bytes[0] != 0 && k->bytes[k->len - 1] % 2 == 1 &&
	       k->rsa_exponent >= RSA_EXPONENT_MIN && k->rsa_exponent % 2 == 1;
}

static bool point_is_sound(const struct rk_public_key *k, size_t field_len)
{
	return k->len == 1 + 2 * field_len && k->bytes[0] == 0x04 && k->rsa_exponent == 0;
}

bool rk_public_key_is_sound(const struct rk_public_key *k)
{
	bool is_sound = false;

	if (k->len > RK_KEY_BYTES_MAX ||
		!rk_bytes_are_zero(k->bytes + k->len, RK_KEY_BYTES_MAX - k->len))
		return false;
	if (k->pss_hash != 0 &&
		(k->type != RK_KEY_RSA_PSS ||
			(k->pss_hash != 32 && k->pss_hash != 48 && k->pss_hash != 64)))
		return false;
	switch (k->type) {
	case RK_KEY_RSA:
	case RK_KEY_RSA_PSS:
		is_sound = rsa_is_sound(k);
		break;
	case RK_KEY_P256:
		is_sound = point_is_sound(k, 32);
		break;
	case RK_KEY_P384:
		is_sound = point_is_sound(k, 48);
		break;
	case RK_KEY_P521:
		is_sound = point_is_sound(k, 66);
		break;
	case RK_KEY_ED25519:
		is_sound = k->len == 32 && k->rsa_exponent == 0;
		break;
	default:
		break;
	}
	return is_sound;
}

static bool name_is_sound(const struct rk_verdict *v)
{
	if (v->cn_len > RK_CN_MAX || (v->cn_len > 0 && v->cn_cnt != 1))
		return false;
	return memchr(v->cn, 0, v->cn_len) == NULL &&
	       rk_bytes_are_zero(v->cn + v->cn_len, RK_CN_MAX - (size_t)v->cn_len);
}

static bool uris_are_sound(const struct rk_verdict *v)
{
	if (v->uri_cnt > RK_URI_MAX)
		return false;
	for (size_t i = 0; i < RK_URI_MAX; i++) {
		size_t len = v->uri_len[i];

		if (len > RK_URI_LEN_MAX || (len > 0) != (i < v->uri_cnt))
			return false;
		if (memchr(v->uri[i], 0, len) != NULL ||
			!rk_bytes_are_zero(v->uri[i] + len, RK_URI_LEN_MAX - len))
			return false;
	}
	return true;
}

bool rk_verdict_is_sound(const struct rk_verdict *v)
{
	if (v->status >= RK_VERDICT_STATUS_CNT || v->chain_cnt > RK_CHAIN_MAX)
		return false;
	if (!rk_bytes_are_zero(v->pad, sizeof(v->pad)) || !name_is_sound(v) || !uris_are_sound(v))
		return false;
	if (!rk_bytes_are_zero(v->chain + v->chain_cnt,
		    (RK_CHAIN_MAX - (size_t)v->chain_cnt) * sizeof(v->chain[0])))
		return false;
	/* A refused certificate may have shown no key at all; one that is good must have both. */
	if (v->key.type == RK_KEY_NONE)
		return v->status != RK_VERDICT_GOOD && rk_bytes_are_zero(&v->key, sizeof(v->key));
	if (v->status == RK_VERDICT_GOOD && v->chain_cnt == 0)
		return false;
	return rk_public_key_is_sound(&v->key);
}
