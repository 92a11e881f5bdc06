/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The prime curves call EC_POINT arithmetic, which is what EVP's ECDH calls inside: the same
 * constant-time code without building a key object and validating a point twice each time.
 * The Montgomery curves have no such door: raw numbers become key objects, of which only our own
 * is new each time, and it is given its share too, which libcrypto would compute again otherwise.
 */
#include "dataplane/core/kex_backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/rand.h>

#include "pki/view/secret.h"

enum { CURVE_CNT = 3 };

/* The prime curves come first: a row's number is the curve's in kex_ctx. */
static const struct kex_group groups[KEX_GROUP_CNT] = {
	{KEX_SECP256R1, 32, 65, 32, true, "secp256r1"},
	{KEX_SECP384R1, 48, 97, 48, true, "secp384r1"},
	{KEX_SECP521R1, 66, 133, 66, true, "secp521r1"},
	{KEX_X25519, 32, 32, 32, false, "x25519"},
	{KEX_X448, 56, 56, 56, false, "x448"},
};
static const int curve_nid[CURVE_CNT] = {NID_X9_62_prime256v1, NID_secp384r1, NID_secp521r1};

struct curve {
	EC_GROUP *group;
	EC_POINT *point; /* scratch */
	EC_POINT *result;
};

/* X25519, X448: contexts prepared once, and a key object that takes the peer's share. */
struct montgomery {
	EVP_PKEY_CTX *keygen;
	EVP_PKEY_CTX *import;
	EVP_PKEY *peer;
};

struct kex_ctx {
	struct kex_vector vector;
	struct curve curve[CURVE_CNT];
	struct montgomery montgomery[KEX_GROUP_CNT - CURVE_CNT];
	BN_CTX *bn;
	BIGNUM *scalar; /* secret scratch */
	BIGNUM *x;
};

const struct kex_group *kex_find(uint16_t id)
{
	for (size_t i = 0; i < KEX_GROUP_CNT; i++)
		if (groups[i].id == id)
			return &groups[i];
	return NULL;
}

bool kex_share_is_plausible(const struct kex_group *g, struct rk_span share)
{
	return share.len == g->share_len &&
	       (!g->is_point || share.data[0] == POINT_CONVERSION_UNCOMPRESSED);
}

static bool open_curve(struct curve *c, int nid)
{
	c->group = EC_GROUP_new_by_curve_name(nid);
	if (c->group == NULL)
		return false;
	c->point = EC_POINT_new(c->group);
	c->result = EC_POINT_new(c->group);
	return c->point != NULL && c->result != NULL;
}

static bool open_montgomery(struct montgomery *m, const struct kex_group *g)
{
	static const uint8_t any[KEX_SHARE_MAX] = {9};
	const char *type = g->id == KEX_X448 ? "X448" : "X25519";

	m->keygen = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	m->import = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	m->peer = EVP_PKEY_new_raw_public_key_ex(NULL, type, NULL, any, g->share_len);
	return m->keygen != NULL && m->import != NULL && m->peer != NULL &&
	       EVP_PKEY_keygen_init(m->keygen) == 1 && EVP_PKEY_fromdata_init(m->import) == 1;
}

int kex_ctx_new(struct kex_ctx **out)
{
	struct kex_ctx *ctx = calloc(1, sizeof(*ctx));
	bool is_open;

	if (ctx == NULL)
		return -ENOMEM;
	ctx->bn = BN_CTX_secure_new();
	ctx->scalar = BN_secure_new();
	ctx->x = BN_secure_new();
	is_open = kex_vector_init(&ctx->vector, kex_backend_used()) == 0 && ctx->bn != NULL &&
		  ctx->scalar != NULL && ctx->x != NULL;
	for (size_t i = 0; is_open && i < CURVE_CNT; i++)
		is_open = open_curve(&ctx->curve[i], curve_nid[i]);
	for (size_t i = CURVE_CNT; is_open && i < KEX_GROUP_CNT; i++)
		is_open = open_montgomery(&ctx->montgomery[i - CURVE_CNT], &groups[i]);
	if (!is_open) {
		kex_ctx_free(ctx);
		return -ENOMEM;
	}
	*out = ctx;
	return 0;
}

void kex_ctx_free(struct kex_ctx *ctx)
{
	if (ctx == NULL)
		return;
	for (size_t i = 0; i < CURVE_CNT; i++) {
		EC_POINT_clear_free(ctx->curve[i].point);
		EC_POINT_clear_free(ctx->curve[i].result);
		EC_GROUP_free(ctx->curve[i].group);
	}
	for (size_t i = 0; i < KEX_GROUP_CNT - CURVE_CNT; i++) {
		EVP_PKEY_CTX_free(ctx->montgomery[i].keygen);
		EVP_PKEY_CTX_free(ctx->montgomery[i].import);
		EVP_PKEY_free(ctx->montgomery[i].peer);
	}
	BN_clear_free(ctx->scalar);
	BN_clear_free(ctx->x);
	BN_CTX_free(ctx->bn);
	kex_vector_fini(&ctx->vector);
	free(ctx);
}

static bool is_all_zero(const uint8_t *data, size_t len)
{
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= data[i];
	return any == 0;
}

/* FIPS 186-4 B.4.2: a scalar in [1, n-1] by rejection. */
static bool keygen_point(struct kex_ctx *ctx, const struct kex_group *g, struct kex_op *op)
{
	struct curve *c = &ctx->curve[g - groups];
	const BIGNUM *order = EC_GROUP_get0_order(c->group);

	do {
		if (!BN_priv_rand_range_ex(ctx->scalar, order, 0, ctx->bn))
			return false;
	} while (BN_is_zero(ctx->scalar));
	return EC_POINT_mul(c->group, c->result, ctx->scalar, NULL, NULL, ctx->bn) == 1 &&
	       BN_bn2binpad(ctx->scalar, op->secret, g->secret_len) == g->secret_len &&
	       EC_POINT_point2oct(c->group, c->result, POINT_CONVERSION_UNCOMPRESSED, op->share,
		       g->share_len, ctx->bn) == g->share_len;
}

/*
 * RFC 8422 5.11: EC_POINT_oct2point refuses coordinates not below p and points off the curve; the
 * length refuses infinity; the curves have cofactor 1. 5.10: Z is X, padded to the field's length.
 */
static bool derive_point(struct kex_ctx *ctx, const struct kex_group *g, struct kex_op *op)
{
	struct curve *c = &ctx->curve[g - groups];

	return kex_share_is_plausible(g, (struct rk_span){op->peer, g->share_len}) &&
	       EC_POINT_oct2point(c->group, c->point, op->peer, g->share_len, ctx->bn) == 1 &&
	       BN_bin2bn(op->secret, g->secret_len, ctx->scalar) != NULL &&
	       EC_POINT_mul(c->group, c->result, NULL, c->point, ctx->scalar, ctx->bn) == 1 &&
	       EC_POINT_get_affine_coordinates(c->group, c->result, ctx->x, NULL, ctx->bn) == 1 &&
	       BN_bn2binpad(ctx->x, op->shared, g->shared_len) == g->shared_len;
}

static struct montgomery *montgomery_of(struct kex_ctx *ctx, const struct kex_group *g)
{
	return &ctx->montgomery[g - groups - CURVE_CNT];
}

static bool keygen_scalar(struct kex_ctx *ctx, const struct kex_group *g, struct kex_op *op)
{
	size_t secret_len = g->secret_len, share_len = g->share_len;
	EVP_PKEY *key = NULL;
	bool is_done = EVP_PKEY_generate(montgomery_of(ctx, g)->keygen, &key) == 1 &&
		       EVP_PKEY_get_raw_private_key(key, op->secret, &secret_len) == 1 &&
		       EVP_PKEY_get_raw_public_key(key, op->share, &share_len) == 1;

	EVP_PKEY_free(key);
	return is_done;
}

/* An operation on our own key. NULL: failed. */
static EVP_PKEY_CTX *new_derivation(
	struct montgomery *m, const struct kex_group *g, struct kex_op *op)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(
			OSSL_PKEY_PARAM_PRIV_KEY, op->secret, g->secret_len),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, op->share, g->share_len),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *pctx = NULL;
	EVP_PKEY *own = NULL;

	if (EVP_PKEY_fromdata(m->import, &own, EVP_PKEY_KEYPAIR, params) == 1)
		pctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	EVP_PKEY_free(own); /* the context has its own reference */
	return pctx;
}

/* RFC 7748 5 and 6: little-endian as they come; an all-zero result is refused. */
static bool derive_scalar(struct kex_ctx *ctx, const struct kex_group *g, struct kex_op *op)
{
	struct montgomery *m = montgomery_of(ctx, g);
	EVP_PKEY_CTX *pctx = new_derivation(m, g, op);
	size_t len = g->shared_len;
	bool is_done = pctx != NULL &&
		       EVP_PKEY_set1_encoded_public_key(m->peer, op->peer, g->share_len) == 1 &&
		       EVP_PKEY_derive_init(pctx) == 1 &&
		       EVP_PKEY_derive_set_peer_ex(pctx, m->peer, 0) == 1 &&
		       EVP_PKEY_derive(pctx, op->shared, &len) == 1 && len == g->shared_len &&
		       !is_all_zero(op->shared, g->shared_len);

	EVP_PKEY_CTX_free(pctx);
	return is_done;
}

unsigned kex_batch_cnt(const struct kex_ctx *ctx, const struct kex_group *g)
{
	return kex_vector_keygen_cnt(&ctx->vector, g, KEX_BATCH_MAX) == KEX_BATCH_MAX
		       ? KEX_BATCH_MAX
		       : 1;
}

/*
 * The last result is as secret as what was taken of it, its coordinates are told of by their scaling
 * even if it is a share: the generator takes its place, of as many words. (Infinity would leave X and Y.)
 */
static void forget(struct kex_ctx *ctx, const struct kex_group *g)
{
	if (g->is_point) {
		struct curve *c = &ctx->curve[g - groups];

		(void)EC_POINT_copy(c->result, EC_GROUP_get0_generator(c->group));
	}
	BN_clear(ctx->scalar);
	BN_clear(ctx->x);
}

/* So many, one by one. */
static void keygen_by_libcrypto(
	struct kex_ctx *ctx, const struct kex_group *g, struct kex_op *const *op, size_t n)
{
	for (size_t i = 0; i < n; i++)
		op[i]->is_done = (g->is_point ? keygen_point : keygen_scalar)(ctx, g, op[i]);
	forget(ctx, g);
}

static void derive_by_libcrypto(
	struct kex_ctx *ctx, const struct kex_group *g, struct kex_op *const *op, size_t n)
{
	for (size_t i = 0; i < n; i++)
		op[i]->is_done = (g->is_point ? derive_point : derive_scalar)(ctx, g, op[i]);
	forget(ctx, g);
}

void kex_keygen(struct kex_ctx *ctx, const struct kex_group *g, struct kex_op *const *op, size_t n)
{
	size_t i = 0, cnt;

	for (; (cnt = kex_vector_keygen_cnt(&ctx->vector, g, n - i)) > 0; i += cnt)
		kex_vector_keygen(&ctx->vector, g, op + i, cnt);
	if (kex_single_can_keygen(&ctx->vector, g))
		for (; i < n; i++)
			op[i]->is_done = kex_single_keygen(&ctx->vector, g, op[i]);
	if (i < n)
		keygen_by_libcrypto(ctx, g, op + i, n - i);
}

void kex_derive(struct kex_ctx *ctx, const struct kex_group *g, struct kex_op *const *op, size_t n)
{
	size_t i = 0, cnt;

	for (; (cnt = kex_vector_derive_cnt(&ctx->vector, g, n - i)) > 0; i += cnt)
		kex_vector_derive(&ctx->vector, g, op + i, cnt);
	if (kex_single_can_derive(&ctx->vector, g))
		for (; i < n; i++)
			op[i]->is_done = kex_single_derive(&ctx->vector, g, op[i]);
	if (i < n)
		derive_by_libcrypto(ctx, g, op + i, n - i);
	for (i = 0; i < n; i++)
		if (!op[i]->is_done)
			rk_wipe(op[i]->shared, sizeof(op[i]->shared));
}
