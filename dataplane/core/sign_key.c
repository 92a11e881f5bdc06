/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/sign_key.h"

#include <stdint.h>
#include <stdio.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

static const char *curve_name(unsigned type)
{
	switch (type) {
	case RK_KEY_P256:
		return "P-256";
	case RK_KEY_P384:
		return "P-384";
	case RK_KEY_P521:
		return "P-521";
	default:
		return NULL;
	}
}

static const char *algorithm_name(unsigned type)
{
	switch (type) {
	case RK_KEY_RSA:
		return "RSA";
	case RK_KEY_RSA_PSS:
		return "RSA-PSS";
	case RK_KEY_ED25519:
		return "ED25519";
	default:
		return curve_name(type) == NULL ? NULL : "EC";
	}
}

static EVP_PKEY *from_params(OSSL_PARAM *params, unsigned type, int selection)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, algorithm_name(type), NULL);
	EVP_PKEY *key = NULL;

	if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
		EVP_PKEY_fromdata(ctx, &key, selection, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* Raw numbers on their way into a key object; wiped whatever happens. */
struct numbers {
	OSSL_PARAM_BLD *builder;
	BIGNUM *bn[RK_NUM_CNT];
	unsigned cnt;
	bool is_failed;
};

static void open_numbers(struct numbers *n)
{
	*n = (struct numbers){.builder = OSSL_PARAM_BLD_new()};
	n->is_failed = n->builder == NULL;
}

static void close_numbers(struct numbers *n)
{
	OSSL_PARAM_BLD_free(n->builder);
	for (unsigned i = 0; i < n->cnt; i++)
		BN_clear_free(n->bn[i]);
}

static void push_number(struct numbers *n, const char *name, const uint8_t *data, size_t len)
{
	BIGNUM *bn = BN_secure_new();

	if (n->is_failed || bn == NULL || BN_bin2bn(data, (int)len, bn) == NULL ||
		OSSL_PARAM_BLD_push_BN(n->builder, name, bn) != 1) {
		BN_clear_free(bn);
		n->is_failed = true;
		return;
	}
	n->bn[n->cnt++] = bn;
}

static void push_octets(struct numbers *n, const char *name, const uint8_t *data, size_t len)
{
	n->is_failed =
		n->is_failed || OSSL_PARAM_BLD_push_octet_string(n->builder, name, data, len) != 1;
}

static void push_curve(struct numbers *n, unsigned type)
{
	n->is_failed =
		n->is_failed || OSSL_PARAM_BLD_push_utf8_string(n->builder,
					OSSL_PKEY_PARAM_GROUP_NAME, curve_name(type), 0) != 1;
}

/* Numbers in the machine's byte order, as OSSL_PARAM has them: for what is not secret. */
struct public_numbers {
	OSSL_PARAM params[3];
	uint8_t modulus[RK_KEY_BYTES_MAX];
	uint32_t exponent;
	char curve[8];
};

static void fill_rsa(struct public_numbers *n, const struct rk_public_key *key)
{
	for (size_t i = 0; i < key->len; i++)
		n->modulus[(__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) ? i : key->len - 1 - i] =
			key->bytes[i];
	n->exponent = key->rsa_exponent;
	n->params[0] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n->modulus, key->len);
	n->params[1] = OSSL_PARAM_construct_uint32(OSSL_PKEY_PARAM_RSA_E, &n->exponent);
	n->params[2] = OSSL_PARAM_construct_end();
}

static void fill_octets(struct public_numbers *n, const struct rk_public_key *key)
{
	const char *curve = curve_name(key->type);
	unsigned i = 0;

	if (curve != NULL) {
		snprintf(n->curve, sizeof(n->curve), "%s", curve);
		n->params[i++] =
			OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, n->curve, 0);
	}
	n->params[i++] = OSSL_PARAM_construct_octet_string(
		OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)key->bytes, key->len);
	n->params[i] = OSSL_PARAM_construct_end();
}

EVP_PKEY *sign_key_from_public(const struct rk_public_key *key)
{
	struct public_numbers n;

	if (algorithm_name(key->type) == NULL || key->len > RK_KEY_BYTES_MAX)
		return NULL;
	if (key->type == RK_KEY_RSA || key->type == RK_KEY_RSA_PSS)
		fill_rsa(&n, key);
	else
		fill_octets(&n, key);
	return from_params(n.params, key->type, EVP_PKEY_PUBLIC_KEY);
}

EVP_PKEY *sign_key_from_private(const struct rk_private_key *key)
{
	static const char *const rsa_names[RK_NUM_CNT] = {
		[RK_NUM_RSA_N] = OSSL_PKEY_PARAM_RSA_N,
		[RK_NUM_RSA_E] = OSSL_PKEY_PARAM_RSA_E,
		[RK_NUM_RSA_D] = OSSL_PKEY_PARAM_RSA_D,
		[RK_NUM_RSA_P] = OSSL_PKEY_PARAM_RSA_FACTOR1,
		[RK_NUM_RSA_Q] = OSSL_PKEY_PARAM_RSA_FACTOR2,
		[RK_NUM_RSA_DP] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
		[RK_NUM_RSA_DQ] = OSSL_PKEY_PARAM_RSA_EXPONENT2,
		[RK_NUM_RSA_QINV] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	};
	struct numbers n;
	OSSL_PARAM *params;
	EVP_PKEY *out = NULL;

	if (algorithm_name(key->type) == NULL)
		return NULL;
	open_numbers(&n);
	if (key->type == RK_KEY_RSA || key->type == RK_KEY_RSA_PSS) {
		for (unsigned i = 0; i < RK_NUM_CNT; i++)
			push_number(&n, rsa_names[i], key->number[i], key->len[i]);
	} else {
		push_octets(&n, OSSL_PKEY_PARAM_PUB_KEY, key->number[RK_NUM_PUBLIC],
			key->len[RK_NUM_PUBLIC]);
		if (key->type == RK_KEY_ED25519) {
			push_octets(&n, OSSL_PKEY_PARAM_PRIV_KEY, key->number[RK_NUM_SECRET],
				key->len[RK_NUM_SECRET]);
		} else {
			push_curve(&n, key->type);
			push_number(&n, OSSL_PKEY_PARAM_PRIV_KEY, key->number[RK_NUM_SECRET],
				key->len[RK_NUM_SECRET]);
		}
	}
	params = n.is_failed ? NULL : OSSL_PARAM_BLD_to_param(n.builder);
	if (params != NULL)
		out = from_params(params, key->type, EVP_PKEY_KEYPAIR);
	OSSL_PARAM_free(params);
	close_numbers(&n);
	return out;
}
