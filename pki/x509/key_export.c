/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/key.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "pki/view/secret.h"
#include "pki/x509/algorithm.h"

/* One number of a key, big-endian: fixed_len octets, or as many as it needs when 0. */
static int get_number(
	const EVP_PKEY *key, const char *param, size_t fixed_len, uint8_t *out, size_t size)
{
	BIGNUM *n = NULL;
	int len = -EIO;

	if (EVP_PKEY_get_bn_param(key, param, &n) == 1 && !BN_is_negative(n)) {
		size_t want = fixed_len > 0 ? fixed_len : (size_t)BN_num_bytes(n);

		if (want <= size && want > 0)
			len = BN_bn2binpad(n, out, (int)want);
	}
	BN_clear_free(n);
	return len > 0 ? len : -EIO;
}

static size_t coordinate_len(enum rk_key_type curve)
{
	return curve == RK_KEY_P256 ? 32 : curve == RK_KEY_P384 ? 48 : 66;
}

/* 04 || X || Y; the count of octets or -errno. */
static int get_point(const EVP_PKEY *key, enum rk_key_type curve, uint8_t *out, size_t size)
{
	size_t len = coordinate_len(curve);

	if (size < 1 + 2 * len)
		return -EINVAL;
	out[0] = 0x04;
	if (get_number(key, OSSL_PKEY_PARAM_EC_PUB_X, len, out + 1, len) < 0 ||
		get_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, len, out + 1 + len, len) < 0)
		return -EIO;
	return (int)(1 + 2 * len);
}

static int put_number(struct rk_private_key *out, unsigned i, int len)
{
	if (len < 0)
		return len;
	out->len[i] = (uint16_t)len;
	return 0;
}

static int export_rsa(const EVP_PKEY *key, struct rk_private_key *out)
{
	static const char *const param[RK_NUM_CNT] = {
		[RK_NUM_RSA_N] = OSSL_PKEY_PARAM_RSA_N,
		[RK_NUM_RSA_E] = OSSL_PKEY_PARAM_RSA_E,
		[RK_NUM_RSA_D] = OSSL_PKEY_PARAM_RSA_D,
		[RK_NUM_RSA_P] = OSSL_PKEY_PARAM_RSA_FACTOR1,
		[RK_NUM_RSA_Q] = OSSL_PKEY_PARAM_RSA_FACTOR2,
		[RK_NUM_RSA_DP] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
		[RK_NUM_RSA_DQ] = OSSL_PKEY_PARAM_RSA_EXPONENT2,
		[RK_NUM_RSA_QINV] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	};
	unsigned i;
	int ret = 0;

	out->type = RK_KEY_RSA;
	out->number_cnt = RK_NUM_CNT;
	for (i = 0; i < RK_NUM_CNT && ret == 0; i++)
		ret = put_number(out, i,
			get_number(key, param[i], 0, out->number[i], sizeof(out->number[i])));
	return ret;
}

static int export_ec(const EVP_PKEY *key, enum rk_key_type curve, struct rk_private_key *out)
{
	int ret;

	out->type = (uint8_t)curve;
	out->number_cnt = 2;
	ret = put_number(out, RK_NUM_PUBLIC,
		get_point(key, curve, out->number[RK_NUM_PUBLIC], RK_PRIVATE_NUMBER_MAX));
	if (ret < 0)
		return ret;
	return put_number(out, RK_NUM_SECRET,
		get_number(key, OSSL_PKEY_PARAM_PRIV_KEY, coordinate_len(curve),
			out->number[RK_NUM_SECRET], RK_PRIVATE_NUMBER_MAX));
}

int pki_key_to_private(const EVP_PKEY *key, struct rk_private_key *out)
{
	struct pki_key_spec spec;
	int ret = pki_key_spec_of(key, &spec);

	memset(out, 0, sizeof(*out));
	if (ret < 0)
		return ret;
	ret = pki_key_hash(key, out->public_key_hash);
	if (ret == 0)
		ret = spec.algorithm == PKI_ALGORITHM_RSA ? export_rsa(key, out)
							  : export_ec(key, spec.curve, out);
	if (ret < 0)
		rk_wipe(out, sizeof(*out));
	ERR_clear_error();
	return ret;
}

int pki_key_hash(const EVP_PKEY *key, uint8_t out[RK_DIGEST_LEN])
{
	unsigned char *der = NULL;
	unsigned md_len = 0;
	int len = i2d_PUBKEY(key, &der);
	int ret = 0;

	if (len <= 0 || EVP_Digest(der, (size_t)len, out, &md_len, EVP_sha256(), NULL) != 1 ||
		md_len != RK_DIGEST_LEN)
		ret = -EIO;
	OPENSSL_free(der);
	ERR_clear_error();
	return ret;
}

static int export_public_rsa(const EVP_PKEY *key, struct rk_public_key *out)
{
	uint8_t e[4] = {0};
	int len = get_number(key, OSSL_PKEY_PARAM_RSA_N, 0, out->bytes, sizeof(out->bytes));

	if (len < 0 || get_number(key, OSSL_PKEY_PARAM_RSA_E, sizeof(e), e, sizeof(e)) < 0)
		return -EINVAL;
	out->len = (uint16_t)len;
	out->rsa_exponent =
		(uint32_t)e[0] << 24 | (uint32_t)e[1] << 16 | (uint32_t)e[2] << 8 | e[3];
	return 0;
}

static int export_public(const X509 *cert, struct rk_public_key *out)
{
	const EVP_PKEY *key = X509_get0_pubkey(cert);
	struct pki_key_spec spec;
	size_t len = sizeof(out->bytes);
	int ret;

	if (key == NULL)
		return -EINVAL;
	if (EVP_PKEY_is_a(key, "ED25519")) {
		if (EVP_PKEY_get_raw_public_key(key, out->bytes, &len) != 1)
			return -EINVAL;
		out->type = RK_KEY_ED25519;
		out->len = (uint16_t)len;
		return 0;
	}
	if (EVP_PKEY_is_a(key, "RSA-PSS")) {
		out->type = RK_KEY_RSA_PSS;
		ret = pki_pss_key_hash(cert, &out->pss_hash);
		return ret < 0 ? ret : export_public_rsa(key, out);
	}
	if (EVP_PKEY_is_a(key, "RSA")) {
		out->type = RK_KEY_RSA;
		return export_public_rsa(key, out);
	}
	if (pki_key_spec_of(key, &spec) < 0 || spec.algorithm != PKI_ALGORITHM_ECC)
		return -EINVAL;
	out->type = (uint8_t)spec.curve;
	ret = get_point(key, spec.curve, out->bytes, sizeof(out->bytes));
	if (ret < 0)
		return -EINVAL;
	out->len = (uint16_t)ret;
	return 0;
}

int pki_public_key(const X509 *cert, struct rk_public_key *out)
{
	int ret;

	memset(out, 0, sizeof(*out));
	ret = export_public(cert, out);
	if (ret < 0)
		memset(out, 0, sizeof(*out));
	ERR_clear_error();
	return ret;
}

bool pki_key_matches_cert(const EVP_PKEY *key, const X509 *cert)
{
	const EVP_PKEY *other = X509_get0_pubkey(cert);
	bool is_equal = other != NULL && EVP_PKEY_eq(other, key) == 1;

	ERR_clear_error();
	return is_equal;
}
