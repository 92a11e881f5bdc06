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
	uint16_t bits; /* of the hash */
	const char *digest;
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

/* One EVP_PKEY of our own credential, kept while it is the current one. */
struct sign_ctx {
	EVP_MD_CTX *md;
	EVP_PKEY *own;
	uint64_t own_id;
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

int sign_ctx_new(struct sign_ctx **out)
{
	struct sign_ctx *ctx = calloc(1, sizeof(*ctx));

	if (ctx == NULL)
		return -ENOMEM;
	ctx->md = EVP_MD_CTX_new();
	if (ctx->md == NULL) {
		free(ctx);
		return -ENOMEM;
	}
	*out = ctx;
	return 0;
}

void sign_ctx_free(struct sign_ctx *ctx)
{
	if (ctx == NULL)
		return;
	EVP_MD_CTX_free(ctx->md);
	EVP_PKEY_free(ctx->own);
	free(ctx);
}

/* RSA: PSS, MGF1 with the same hash, salt as long as the hash (RFC 8446 4.2.3). */
static bool set_padding(EVP_PKEY_CTX *pctx, const struct scheme *s)
{
	if (s->key_type != RK_KEY_RSA && s->key_type != RK_KEY_RSA_PSS)
		return true;
	return EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

static bool use_own_key(struct sign_ctx *ctx, const struct credential *c)
{
	if (ctx->own != NULL && ctx->own_id == c->id)
		return true;
	EVP_PKEY_free(ctx->own);
	ctx->own = sign_key_from_private(c->key);
	ctx->own_id = c->id;
	return ctx->own != NULL;
}

bool sign_make(struct sign_ctx *ctx, const struct credential *c, uint16_t scheme,
	struct rk_span input, uint8_t *out, size_t *len)
{
	const struct scheme *s = find(scheme);
	EVP_PKEY_CTX *pctx = NULL;
	bool is_done;

	if (s == NULL || s->key_type != c->key_type || !use_own_key(ctx, c))
		return false;
	is_done =
		EVP_DigestSignInit_ex(ctx->md, &pctx, s->digest, NULL, NULL, ctx->own, NULL) == 1 &&
		set_padding(pctx, s) &&
		EVP_DigestSign(ctx->md, out, len, input.data, input.len) == 1;
	EVP_MD_CTX_reset(ctx->md);
	return is_done;
}

bool sign_verify(struct sign_ctx *ctx, const struct rk_public_key *key, uint16_t scheme,
	struct rk_span input, struct rk_span signature)
{
	const struct scheme *s = find(scheme);
	EVP_PKEY_CTX *pctx = NULL;
	EVP_PKEY *pkey;
	bool is_ecdsa, is_done;

	if (s == NULL || !sign_fits(scheme, key))
		return false;
	is_ecdsa = s->key_type >= RK_KEY_P256 && s->key_type <= RK_KEY_P521;
	if (is_ecdsa && !sign_is_strict_ecdsa(signature))
		return false;
	pkey = sign_key_from_public(key);
	is_done = pkey != NULL &&
		  EVP_DigestVerifyInit_ex(ctx->md, &pctx, s->digest, NULL, NULL, pkey, NULL) == 1 &&
		  set_padding(pctx, s) &&
		  EVP_DigestVerify(ctx->md, signature.data, signature.len, input.data, input.len) ==
			  1;
	EVP_MD_CTX_reset(ctx->md);
	EVP_PKEY_free(pkey);
	return is_done;
}
