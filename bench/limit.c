/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/limit.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "bench/identity.h"

const struct limit_group limit_groups[LIMIT_GROUP_CNT] = {
	{"secp256r1", 23, "EC", "P-256"},
	{"secp384r1", 24, "EC", "P-384"},
	{"secp521r1", 25, "EC", "P-521"},
	{"x25519", 29, "X25519", NULL},
	{"x448", 30, "X448", NULL},
};

const char *limit_operation_name(enum limit_operation operation)
{
	static const char *const names[LIMIT_OPERATION_CNT] = {
		"keygen", "import", "derive", "sign", "verify"};

	return names[operation];
}

/* ---- key agreement, by EVP ------------------------------------------------------------------- */

#define SHARE_MAX 133

struct limit_agreement {
	EVP_PKEY_CTX *keygen;
	EVP_PKEY_CTX *derive; /* own key and the peer's */
	EVP_PKEY *own, *peer;
	unsigned char share[SHARE_MAX]; /* the peer's */
	size_t share_len;
	/* points */
	EC_GROUP *group;
	EC_POINT *point, *result;
	BIGNUM *scalar, *x;
	BN_CTX *bn;
};

static bool run_keygen(void *arg, unsigned cnt)
{
	struct limit_agreement *a = arg;
	EVP_PKEY *key;

	while (cnt-- > 0) {
		key = NULL;
		if (EVP_PKEY_generate(a->keygen, &key) != 1)
			return false;
		EVP_PKEY_free(key);
	}
	return true;
}

static bool run_derive(void *arg, unsigned cnt)
{
	struct limit_agreement *a = arg;
	unsigned char secret[SHARE_MAX];
	size_t len;

	while (cnt-- > 0) {
		len = sizeof(secret);
		if (EVP_PKEY_derive(a->derive, secret, &len) != 1)
			return false;
	}
	return true;
}

static bool run_import(void *arg, unsigned cnt)
{
	struct limit_agreement *a = arg;

	while (cnt-- > 0) {
		if (EVP_PKEY_set1_encoded_public_key(a->peer, a->share, a->share_len) != 1 ||
			EVP_PKEY_derive_set_peer_ex(a->derive, a->peer, 0) != 1)
			return false;
	}
	return true;
}

/* ---- key agreement, by the arithmetic that EVP calls inside ---------------------------------- */

static bool run_point_keygen(void *arg, unsigned cnt)
{
	struct limit_agreement *a = arg;
	unsigned char share[SHARE_MAX];

	while (cnt-- > 0) {
		if (BN_priv_rand_range_ex(a->scalar, EC_GROUP_get0_order(a->group), 0, a->bn) !=
				1 ||
			EC_POINT_mul(a->group, a->result, a->scalar, NULL, NULL, a->bn) != 1 ||
			EC_POINT_point2oct(a->group, a->result, POINT_CONVERSION_UNCOMPRESSED,
				share, sizeof(share), a->bn) != a->share_len)
			return false;
	}
	return true;
}

static bool run_point_import(void *arg, unsigned cnt)
{
	struct limit_agreement *a = arg;

	while (cnt-- > 0) {
		if (EC_POINT_oct2point(a->group, a->point, a->share, a->share_len, a->bn) != 1)
			return false;
	}
	return true;
}

static bool run_point_derive(void *arg, unsigned cnt)
{
	struct limit_agreement *a = arg;

	while (cnt-- > 0) {
		if (EC_POINT_mul(a->group, a->result, NULL, a->point, a->scalar, a->bn) != 1 ||
			EC_POINT_get_affine_coordinates(a->group, a->result, a->x, NULL, a->bn) !=
				1)
			return false;
	}
	return true;
}

static void init_points(struct limit_agreement *a, const char *curve)
{
	a->group = EC_GROUP_new_by_curve_name(EC_curve_nist2nid(curve));
	a->bn = BN_CTX_secure_new();
	a->scalar = BN_secure_new();
	a->x = BN_secure_new();
	bench_must(a->group != NULL && a->bn != NULL && a->scalar != NULL && a->x != NULL,
		"libcrypto has no such curve");
	a->point = EC_POINT_new(a->group);
	a->result = EC_POINT_new(a->group);
	bench_must(a->point != NULL && a->result != NULL && run_point_import(a, 1) &&
			   run_point_keygen(a, 1),
		"libcrypto cannot use that curve");
}

static struct limit_agreement *agreement_new(const struct limit_group *g)
{
	struct limit_agreement *a = calloc(1, sizeof(*a));
	OSSL_PARAM params[] = {OSSL_PARAM_END, OSSL_PARAM_END};

	bench_must(a != NULL, "out of memory");
	a->keygen = EVP_PKEY_CTX_new_from_name(NULL, g->type, NULL);
	bench_must(a->keygen != NULL && EVP_PKEY_keygen_init(a->keygen) == 1,
		"libcrypto makes no keys");
	if (g->curve != NULL) {
		params[0] = OSSL_PARAM_construct_utf8_string(
			OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)g->curve, 0);
		bench_must(EVP_PKEY_CTX_set_params(a->keygen, params) == 1,
			"libcrypto has no such curve");
	}
	a->own = bench_key_new(g->type, g->curve, 0);
	a->peer = bench_key_new(g->type, g->curve, 0);
	a->derive = EVP_PKEY_CTX_new_from_pkey(NULL, a->own, NULL);
	bench_must(
		a->derive != NULL && EVP_PKEY_derive_init(a->derive) == 1 &&
			EVP_PKEY_derive_set_peer(a->derive, a->peer) == 1 &&
			EVP_PKEY_get_octet_string_param(a->peer, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
				a->share, sizeof(a->share), &a->share_len) == 1,
		"libcrypto cannot agree on keys");
	if (g->curve != NULL)
		init_points(a, g->curve);
	return a;
}

static void agreement_free(struct limit_agreement *a)
{
	if (a == NULL)
		return;
	EVP_PKEY_CTX_free(a->keygen);
	EVP_PKEY_CTX_free(a->derive);
	EVP_PKEY_free(a->own);
	EVP_PKEY_free(a->peer);
	EC_POINT_free(a->point);
	EC_POINT_free(a->result);
	EC_GROUP_free(a->group);
	BN_clear_free(a->scalar);
	BN_clear_free(a->x);
	BN_CTX_free(a->bn);
	free(a);
}

/* ---- signatures ------------------------------------------------------------------------------ */

struct limit_signature {
	EVP_PKEY *key; /* borrowed */
	EVP_PKEY_CTX *sign, *verify;
	unsigned char digest[64];
	size_t digest_len;
	unsigned char made[512];
	size_t made_len;
};

static bool run_sign(void *arg, unsigned cnt)
{
	struct limit_signature *s = arg;

	while (cnt-- > 0) {
		s->made_len = sizeof(s->made);
		if (EVP_PKEY_sign(s->sign, s->made, &s->made_len, s->digest, s->digest_len) != 1)
			return false;
	}
	return true;
}

static bool run_verify(void *arg, unsigned cnt)
{
	struct limit_signature *s = arg;

	while (cnt-- > 0) {
		if (EVP_PKEY_verify(s->verify, s->made, s->made_len, s->digest, s->digest_len) != 1)
			return false;
	}
	return true;
}

static bool set_scheme(EVP_PKEY_CTX *ctx, const struct bench_cert_type *t)
{
	return EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbyname(t->md)) == 1 &&
	       (t->bits == 0 ||
		       (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
			       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1));
}

static struct limit_signature *signature_new(const struct bench_pki *pki)
{
	struct limit_signature *s = calloc(1, sizeof(*s));

	bench_must(s != NULL, "out of memory");
	s->key = pki->east.key;
	s->digest_len = (size_t)EVP_MD_get_size(EVP_get_digestbyname(pki->type->md));
	memset(s->digest, 0x5a, sizeof(s->digest));
	s->sign = EVP_PKEY_CTX_new_from_pkey(NULL, s->key, NULL);
	s->verify = EVP_PKEY_CTX_new_from_pkey(NULL, s->key, NULL);
	bench_must(s->sign != NULL && s->verify != NULL && EVP_PKEY_sign_init(s->sign) == 1 &&
			   EVP_PKEY_verify_init(s->verify) == 1 && set_scheme(s->sign, pki->type) &&
			   set_scheme(s->verify, pki->type) && run_sign(s, 1) && run_verify(s, 1),
		"libcrypto cannot sign");
	return s;
}

static void signature_free(struct limit_signature *s)
{
	if (s == NULL)
		return;
	EVP_PKEY_CTX_free(s->sign);
	EVP_PKEY_CTX_free(s->verify);
	free(s);
}

/* ---- both ------------------------------------------------------------------------------------ */

static void add(struct limit *l, enum limit_operation operation, const char *name,
	bool (*run)(void *arg, unsigned cnt), void *arg)
{
	l->call[l->cnt++] = (struct limit_call){operation, name, run, arg};
}

static void add_agreement(struct limit *l, const struct limit_group *g)
{
	struct limit_agreement *a = agreement_new(g);

	l->agreement = a;
	add(l, LIMIT_KEYGEN, "EVP_PKEY_generate", run_keygen, a);
	if (g->curve != NULL) {
		add(l, LIMIT_KEYGEN, "EC_POINT_mul", run_point_keygen, a);
		add(l, LIMIT_IMPORT, "EC_POINT_oct2point", run_point_import, a);
		add(l, LIMIT_DERIVE, "EC_POINT_mul", run_point_derive, a);
	} else {
		add(l, LIMIT_IMPORT, "EVP_PKEY_set1_encoded_public_key", run_import, a);
	}
	add(l, LIMIT_DERIVE, "EVP_PKEY_derive", run_derive, a);
}

void limit_init(struct limit *l, int group, int cert)
{
	*l = (struct limit){0};
	if (group >= 0)
		add_agreement(l, &limit_groups[group]);
	if (cert < 0)
		return;
	l->signature = signature_new(bench_pki_get((size_t)cert));
	add(l, LIMIT_SIGN, "EVP_PKEY_sign", run_sign, l->signature);
	add(l, LIMIT_VERIFY, "EVP_PKEY_verify", run_verify, l->signature);
}

void limit_fini(struct limit *l)
{
	agreement_free(l->agreement);
	signature_free(l->signature);
	l->agreement = NULL;
	l->signature = NULL;
}

/* ---- all of them, in turn -------------------------------------------------------------------- */

#define TRIAL_CNT 5

static const struct limit_call *fastest(const struct limit *l, enum limit_operation operation)
{
	const struct limit_call *best = NULL;
	uint64_t best_ns = UINT64_MAX;

	for (unsigned trial = 0; trial < TRIAL_CNT; trial++) {
		for (size_t i = 0; i < l->cnt; i++) {
			const struct limit_call *c = &l->call[i];
			uint64_t began = bench_cpu_ns();

			if (c->operation != operation)
				continue;
			bench_must(c->run(c->arg, 2), c->name);
			if (bench_cpu_ns() - began < best_ns) {
				best_ns = bench_cpu_ns() - began;
				best = c;
			}
		}
	}
	return best;
}

void limit_chain_init(struct limit_chain *c, int group, int cert)
{
	for (int side = 0; side < 2; side++) {
		limit_init(&c->side[side], group, cert);
		for (int i = 0; i < LIMIT_OPERATION_CNT; i++)
			c->fastest[side][i] = fastest(&c->side[side], (enum limit_operation)i);
	}
}

void limit_chain_fini(struct limit_chain *c)
{
	limit_fini(&c->side[0]);
	limit_fini(&c->side[1]);
}

bool limit_chain_run(void *arg, unsigned cnt)
{
	static const struct {
		int side; /* 0: who begins */
		enum limit_operation operation;
	} order[] = {{0, LIMIT_KEYGEN}, {1, LIMIT_KEYGEN}, {1, LIMIT_IMPORT}, {1, LIMIT_DERIVE},
		{1, LIMIT_SIGN}, {0, LIMIT_IMPORT}, {0, LIMIT_DERIVE}, {0, LIMIT_VERIFY},
		{0, LIMIT_SIGN}, {1, LIMIT_VERIFY}};
	const struct limit_chain *c = arg;

	while (cnt-- > 0) {
		for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
			const struct limit_call *call =
				c->fastest[order[i].side][order[i].operation];

			if (call != NULL && !call->run(call->arg, 1))
				return false;
		}
	}
	return true;
}
