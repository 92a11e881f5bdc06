/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/sign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "dataplane/core/sign_key.h"

struct scheme {
	uint16_t id; /* IANA TLS SignatureScheme */
	uint8_t key_type;
	uint16_t bits;      /* of the hash */
	const char *digest; /* NULL: the scheme hashes by itself */
};

static const struct scheme schemes[] = {
	{0x0403, RK_KEY_P256, 256, "SHA256"},
	{0x0503, RK_KEY_P384, 384, "SHA384"},
	{0x0603, RK_KEY_P521, 512, "SHA512"},
	{0x0804, RK_KEY_RSA, 256, "SHA256"},
	{0x0805, RK_KEY_RSA, 384, "SHA384"},
	{0x0806, RK_KEY_RSA, 512, "SHA512"},
	{0x0809, RK_KEY_RSA_PSS, 256, "SHA256"},
	{0x080a, RK_KEY_RSA_PSS, 384, "SHA384"},
	{0x080b, RK_KEY_RSA_PSS, 512, "SHA512"},
	{0x0807, RK_KEY_ED25519, 0, NULL},
};
enum { SCHEME_CNT = sizeof(schemes) / sizeof(schemes[0]) };
static_assert(SCHEME_CNT <= MSG_LIST_MAX, "all of ours fit a list");

/*
 * What is kept between calls, so that none fetches, and a new peer costs an EC point and no more:
 * our own key with an operation prepared on it, and a public key a curve that takes the numbers of
 * whomever is to be verified.
 */
enum { CURVE_CNT = RK_KEY_P521 - RK_KEY_P256 + 1, DIGEST_CNT = 3, DIGEST_MAX = 64 };

struct keyed {
	EVP_PKEY *key;
	EVP_PKEY_CTX *op; /* sign or verify */
};

struct sign_ctx {
	EVP_MD *digest[DIGEST_CNT]; /* by index_of_bits */
	EVP_MD_CTX *md;
	struct keyed own;
	uint64_t own_id;     /* of the credential */
	uint16_t own_scheme; /* that own.op is prepared for */
	struct keyed peer[CURVE_CNT];
};

static const struct scheme *find(uint16_t id)
{
	for (size_t i = 0; i < SCHEME_CNT; i++)
		if (schemes[i].id == id)
			return &schemes[i];
	return NULL;
}

size_t sign_build_input(uint8_t out[SIGN_INPUT_MAX], bool is_initiator, struct rk_span transcript)
{
	struct rk_writer w;

	rk_writer_init(&w, out, SIGN_INPUT_MAX);
	memset(rk_write_reserve(&w, 64), 0x20, 64);
	rk_write_bytes(&w, is_initiator ? "rekey/1 initiator" : "rekey/1 responder", SIGN_ROLE_LEN);
	rk_write_u8(&w, 0);
	rk_write_bytes(&w, transcript.data, transcript.len);
	return rk_writer_len(&w);
}

void sign_list_schemes(struct wire_list *out, bool is_ed25519_allowed)
{
	out->cnt = 0;
	for (size_t i = 0; i < SCHEME_CNT; i++)
		if (schemes[i].key_type != RK_KEY_ED25519 || is_ed25519_allowed)
			out->id[out->cnt++] = schemes[i].id;
}

uint16_t sign_choose(enum rk_key_type type, unsigned pss_hash, const struct wire_list *offered)
{
	for (size_t i = 0; i < SCHEME_CNT; i++)
		if (schemes[i].key_type == type && wire_list_has(offered, schemes[i].id) &&
			(pss_hash == 0 || pss_hash * 8 == schemes[i].bits))
			return schemes[i].id;
	return 0;
}

bool sign_fits(uint16_t scheme, const struct rk_public_key *key)
{
	const struct scheme *s = find(scheme);

	return s != NULL && s->key_type == key->type && rk_public_key_is_sound(key) &&
	       (key->pss_hash == 0 || key->pss_hash * 8 == s->bits);
}

size_t sign_len_max(enum rk_key_type type)
{
	static const uint16_t len[RK_KEY_TYPE_CNT] = {
		[RK_KEY_RSA] = MSG_SIGNATURE_MAX,
		[RK_KEY_RSA_PSS] = MSG_SIGNATURE_MAX,
		[RK_KEY_P256] = 72,
		[RK_KEY_P384] = 104,
		[RK_KEY_P521] = 139,
		[RK_KEY_ED25519] = 64,
	};

	return type < RK_KEY_TYPE_CNT ? len[type] : 0;
}

static size_t read_der_length(struct rk_reader *r)
{
	uint8_t first = rk_read_u8(r);
	uint8_t second;

	if (first < 0x80)
		return first;
	second = rk_read_u8(r);
	if (first != 0x81 || second < 0x80)
		r->is_failed = true; /* not minimal, or longer than any of ours */
	return second;
}

static void read_der_positive(struct rk_reader *r)
{
	uint8_t tag = rk_read_u8(r);
	size_t len = read_der_length(r);
	const uint8_t *n = rk_read_bytes(r, len);

	if (r->is_failed || tag != 0x02 || len == 0 || n[0] >= 0x80 ||
		(n[0] == 0 && (len == 1 || n[1] < 0x80)))
		r->is_failed = true;
}

bool sign_is_strict_ecdsa(struct rk_span signature)
{
	struct rk_reader r;
	uint8_t tag;
	size_t len;

	rk_reader_init(&r, signature.data, signature.len);
	tag = rk_read_u8(&r);
	len = read_der_length(&r);
	if (r.is_failed || tag != 0x30 || len != rk_reader_left(&r))
		return false;
	read_der_positive(&r);
	read_der_positive(&r);
	return rk_reader_done(&r);
}

static bool is_curve(unsigned key_type)
{
	return key_type >= RK_KEY_P256 && key_type <= RK_KEY_P521;
}

static void keyed_clear(struct keyed *k)
{
	EVP_PKEY_CTX_free(k->op);
	EVP_PKEY_free(k->key);
	*k = (struct keyed){0};
}

static unsigned index_of_bits(unsigned bits)
{
	return bits == 256 ? 0 : bits == 384 ? 1 : 2;
}

int sign_ctx_new(struct sign_ctx **out)
{
	static const char *const names[DIGEST_CNT] = {"SHA256", "SHA384", "SHA512"};
	struct sign_ctx *ctx = calloc(1, sizeof(*ctx));

	if (ctx == NULL)
		return -ENOMEM;
	ctx->md = EVP_MD_CTX_new();
	for (unsigned i = 0; i < DIGEST_CNT; i++) {
		ctx->digest[i] = EVP_MD_fetch(NULL, names[i], NULL);
		if (ctx->md == NULL || ctx->digest[i] == NULL) {
			sign_ctx_free(ctx);
			return -ENOMEM;
		}
	}
	*out = ctx;
	return 0;
}

void sign_ctx_free(struct sign_ctx *ctx)
{
	if (ctx == NULL)
		return;
	for (unsigned i = 0; i < DIGEST_CNT; i++)
		EVP_MD_free(ctx->digest[i]);
	for (unsigned i = 0; i < CURVE_CNT; i++)
		keyed_clear(&ctx->peer[i]);
	keyed_clear(&ctx->own);
	EVP_MD_CTX_free(ctx->md);
	free(ctx);
}

static bool hash(
	struct sign_ctx *ctx, const struct scheme *s, struct rk_span input, uint8_t out[DIGEST_MAX])
{
	return EVP_DigestInit_ex2(ctx->md, ctx->digest[index_of_bits(s->bits)], NULL) == 1 &&
	       EVP_DigestUpdate(ctx->md, input.data, input.len) == 1 &&
	       EVP_DigestFinal_ex(ctx->md, out, NULL) == 1;
}

/* The hash that is signed; RSA: PSS, MGF1 with the same hash, salt as long (RFC 8446 4.2.3). */
static bool set_scheme(struct sign_ctx *ctx, EVP_PKEY_CTX *op, const struct scheme *s)
{
	const EVP_MD *md = ctx->digest[index_of_bits(s->bits)];

	if (s->key_type != RK_KEY_RSA && s->key_type != RK_KEY_RSA_PSS)
		return EVP_PKEY_CTX_set_signature_md(op, md) == 1;
	return EVP_PKEY_CTX_set_rsa_padding(op, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_signature_md(op, md) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(op, md) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(op, RSA_PSS_SALTLEN_DIGEST) == 1;
}

/* ---- ours ---- */

static bool use_own_key(struct sign_ctx *ctx, const struct credential *c, const struct scheme *s)
{
	if (ctx->own.key != NULL && ctx->own_id == c->id && ctx->own_scheme == s->id)
		return true;
	keyed_clear(&ctx->own);
	ctx->own.key = sign_key_from_private(c->key);
	ctx->own_id = c->id;
	ctx->own_scheme = s->id;
	if (ctx->own.key == NULL)
		return false;
	if (s->digest == NULL)
		return true;
	ctx->own.op = EVP_PKEY_CTX_new_from_pkey(NULL, ctx->own.key, NULL);
	if (ctx->own.op != NULL && EVP_PKEY_sign_init(ctx->own.op) == 1 &&
		set_scheme(ctx, ctx->own.op, s))
		return true;
	keyed_clear(&ctx->own);
	return false;
}

void sign_keep_key(struct sign_ctx *ctx, uint64_t credential_id)
{
	if (ctx->own.key != NULL && ctx->own_id != credential_id)
		keyed_clear(&ctx->own);
}

bool sign_make(struct sign_ctx *ctx, const struct credential *c, uint16_t scheme,
	struct rk_span input, uint8_t *out, size_t *len)
{
	const struct scheme *s = find(scheme);
	uint8_t digest[DIGEST_MAX];
	bool is_done;

	if (s == NULL || s->key_type != c->key_type || !use_own_key(ctx, c, s))
		return false;
	if (s->digest != NULL)
		return hash(ctx, s, input, digest) &&
		       EVP_PKEY_sign(ctx->own.op, out, len, digest, s->bits / 8) == 1;
	is_done = EVP_DigestSignInit_ex(ctx->md, NULL, NULL, NULL, NULL, ctx->own.key, NULL) == 1 &&
		  EVP_DigestSign(ctx->md, out, len, input.data, input.len) == 1;
	EVP_MD_CTX_reset(ctx->md);
	return is_done;
}

/* ---- theirs ---- */

/*
 * libcrypto checks that the point is on the curve. The operation begins anew after each change of
 * the key, as for a new one.
 */
static bool use_point(struct keyed *k, const struct rk_public_key *key)
{
	if (k->key != NULL)
		return EVP_PKEY_set1_encoded_public_key(k->key, key->bytes, key->len) == 1 &&
		       EVP_PKEY_verify_init(k->op) == 1;
	k->key = sign_key_from_public(key);
	if (k->key != NULL)
		k->op = EVP_PKEY_CTX_new_from_pkey(NULL, k->key, NULL);
	if (k->op != NULL && EVP_PKEY_verify_init(k->op) == 1)
		return true;
	keyed_clear(k);
	return false;
}

static bool verify_ecdsa(struct sign_ctx *ctx, const struct rk_public_key *key,
	const struct scheme *s, const uint8_t *digest, struct rk_span signature)
{
	struct keyed *k = &ctx->peer[key->type - RK_KEY_P256];

	return sign_is_strict_ecdsa(signature) && use_point(k, key) &&
	       EVP_PKEY_verify(k->op, signature.data, signature.len, digest, s->bits / 8) == 1;
}

static bool verify_rsa(struct sign_ctx *ctx, const struct rk_public_key *key,
	const struct scheme *s, const uint8_t *digest, struct rk_span signature)
{
	struct keyed k = {.key = sign_key_from_public(key)};
	bool is_done;

	if (k.key != NULL)
		k.op = EVP_PKEY_CTX_new_from_pkey(NULL, k.key, NULL);
	is_done = k.op != NULL && EVP_PKEY_verify_init(k.op) == 1 && set_scheme(ctx, k.op, s) &&
		  EVP_PKEY_verify(k.op, signature.data, signature.len, digest, s->bits / 8) == 1;
	keyed_clear(&k);
	return is_done;
}

static bool verify_eddsa(struct sign_ctx *ctx, const struct rk_public_key *key,
	struct rk_span input, struct rk_span signature)
{
	EVP_PKEY *pkey = sign_key_from_public(key);
	bool is_done = pkey != NULL &&
		       EVP_DigestVerifyInit_ex(ctx->md, NULL, NULL, NULL, NULL, pkey, NULL) == 1 &&
		       EVP_DigestVerify(
			       ctx->md, signature.data, signature.len, input.data, input.len) == 1;

	EVP_MD_CTX_reset(ctx->md);
	EVP_PKEY_free(pkey);
	return is_done;
}

bool sign_verify(struct sign_ctx *ctx, const struct rk_public_key *key, uint16_t scheme,
	struct rk_span input, struct rk_span signature)
{
	const struct scheme *s = find(scheme);
	uint8_t digest[DIGEST_MAX];

	if (s == NULL || !sign_fits(scheme, key))
		return false;
	if (s->digest == NULL)
		return verify_eddsa(ctx, key, input, signature);
	return hash(ctx, s, input, digest) &&
	       (is_curve(key->type) ? verify_ecdsa : verify_rsa)(ctx, key, s, digest, signature);
}
