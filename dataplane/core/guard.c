/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/guard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "pki/view/secret.h"

#define BUCKET_CNT 4096                /* power of two */
#define WINDOW_NS  UINT64_C(100000000) /* load is measured over a tenth of a second */
#define TOKEN_NS   UINT64_C(1000000000)
#define MAC1_LABEL "rekey/1 mac1"

struct bucket {
	uint64_t credit_ns; /* one token = TOKEN_NS / source_rate */
	uint64_t seen_ns;   /* 0 = never used: full */
};

struct guard {
	struct guard_config config;
	uint8_t secret[2][GUARD_SECRET_LEN]; /* current, previous */
	uint8_t mac1_key[GUARD_HASH_LEN];
	bool has_name;
	EVP_MAC *hmac;
	EVP_MAC_CTX *own_mac1; /* keyed with mac1_key: one HELLO costs no key setup */
	EVP_MAC_CTX *any;      /* keyed anew at each use */
	uint64_t window_start_ns;
	uint64_t window_cnt;
	bool was_loaded;                     /* in the window before */
	struct bucket bucket[2][BUCKET_CNT]; /* without a cookie, with a good one */
};

static EVP_MAC_CTX *new_hmac(EVP_MAC *mac)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);

	if (ctx != NULL && EVP_MAC_CTX_set_params(ctx, params) != 1) {
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

int guard_new(const struct guard_config *config, const uint8_t cookie_secret[GUARD_SECRET_LEN],
	struct guard **out)
{
	struct guard *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return -ENOMEM;
	g->config = *config;
	memcpy(g->secret[0], cookie_secret, GUARD_SECRET_LEN);
	memcpy(g->secret[1], cookie_secret, GUARD_SECRET_LEN);
	g->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	g->own_mac1 = g->hmac != NULL ? new_hmac(g->hmac) : NULL;
	g->any = g->hmac != NULL ? new_hmac(g->hmac) : NULL;
	if (g->own_mac1 == NULL || g->any == NULL) {
		guard_free(g);
		return -ENOMEM;
	}
	*out = g;
	return 0;
}

void guard_free(struct guard *g)
{
	if (g == NULL)
		return;
	EVP_MAC_CTX_free(g->own_mac1);
	EVP_MAC_CTX_free(g->any);
	EVP_MAC_free(g->hmac);
	rk_wipe(g, sizeof(*g));
	free(g);
}

/* ---- mac1 ------------------------------------------------------------------------------------ */

static bool mac1_key(const char *name, size_t len, uint8_t key[GUARD_HASH_LEN])
{
	uint8_t text[sizeof(MAC1_LABEL) + RK_CN_MAX];

	if (len > RK_CN_MAX)
		return false;
	memcpy(text, MAC1_LABEL, sizeof(MAC1_LABEL));
	memcpy(text + sizeof(MAC1_LABEL), name, len);
	return EVP_Digest(text, sizeof(MAC1_LABEL) + len, key, NULL, EVP_sha256(), NULL) == 1;
}

/* The first GUARD_MAC_LEN bytes of HMAC-SHA256; key NULL: the one the context has. */
static bool compute(EVP_MAC_CTX *ctx, const uint8_t *key, const void *data, size_t len,
	uint8_t out[GUARD_MAC_LEN])
{
	uint8_t full[GUARD_HASH_LEN];
	size_t full_len;
	bool ok = EVP_MAC_init(ctx, key, key != NULL ? GUARD_HASH_LEN : 0, NULL) == 1 &&
		  EVP_MAC_update(ctx, data, len) == 1 &&
		  EVP_MAC_final(ctx, full, &full_len, sizeof(full)) == 1;

	if (ok)
		memcpy(out, full, GUARD_MAC_LEN);
	rk_wipe(full, sizeof(full));
	return ok;
}

bool guard_set_name(struct guard *g, const char *name, size_t len)
{
	g->has_name = mac1_key(name, len, g->mac1_key) &&
		      EVP_MAC_init(g->own_mac1, g->mac1_key, sizeof(g->mac1_key), NULL) == 1;
	return g->has_name;
}

bool guard_make_mac1(struct guard *g, const char *name, size_t name_len, const void *hello,
	size_t len, uint8_t out[GUARD_MAC_LEN])
{
	uint8_t key[GUARD_HASH_LEN];

	return mac1_key(name, name_len, key) && compute(g->any, key, hello, len, out);
}

bool guard_check_mac1(
	struct guard *g, const void *hello, size_t len, const uint8_t mac[GUARD_MAC_LEN])
{
	uint8_t own[GUARD_MAC_LEN];

	return g->has_name && compute(g->own_mac1, NULL, hello, len, own) &&
	       rk_secret_equal(own, mac, GUARD_MAC_LEN);
}

/* ---- the cookie ------------------------------------------------------------------------------ */

static size_t write_cookie_input(const struct guard_cookie_input *in, uint8_t *buf, size_t size)
{
	struct rk_writer w;

	rk_writer_init(&w, buf, size);
	rk_write_u8(&w, in->from->family);
	rk_write_bytes(&w, in->from->remote, sizeof(in->from->remote));
	rk_write_bytes(&w, in->from->local, sizeof(in->from->local));
	rk_write_u16(&w, in->from->remote_port);
	rk_write_u16(&w, in->from->local_port);
	rk_write_u64(&w, in->exchange_id);
	rk_write_u16(&w, in->group);
	rk_write_bytes(&w, in->hello_hash, GUARD_HASH_LEN);
	return rk_writer_len(&w);
}

static bool cookie_under(struct guard *g, const uint8_t *secret,
	const struct guard_cookie_input *in, uint8_t out[GUARD_COOKIE_LEN])
{
	uint8_t buf[128];
	size_t len = write_cookie_input(in, buf, sizeof(buf));

	return compute(g->any, secret, buf, len, out);
}

bool guard_make_cookie(
	struct guard *g, const struct guard_cookie_input *in, uint8_t out[GUARD_COOKIE_LEN])
{
	return cookie_under(g, g->secret[0], in, out);
}

bool guard_check_cookie(struct guard *g, const struct guard_cookie_input *in,
	const uint8_t cookie[GUARD_COOKIE_LEN])
{
	uint8_t own[GUARD_COOKIE_LEN];
	size_t i;

	for (i = 0; i < 2; i++) {
		if (cookie_under(g, g->secret[i], in, own) &&
			rk_secret_equal(own, cookie, GUARD_COOKIE_LEN))
			return true;
	}
	return false;
}

void guard_set_cookie_secret(struct guard *g, const uint8_t secret[GUARD_SECRET_LEN])
{
	memcpy(g->secret[1], g->secret[0], GUARD_SECRET_LEN);
	memcpy(g->secret[0], secret, GUARD_SECRET_LEN);
}

/* ---- load and budgets ------------------------------------------------------------------------ */

bool guard_note_hello(struct guard *g, uint64_t now_ns)
{
	uint64_t limit = g->config.load_rate * WINDOW_NS / TOKEN_NS;

	if (now_ns - g->window_start_ns >= WINDOW_NS) {
		/* A gap of more than a window was an idle one. */
		g->was_loaded =
			now_ns - g->window_start_ns < 2 * WINDOW_NS && g->window_cnt > limit;
		g->window_start_ns = now_ns;
		g->window_cnt = 0;
	}
	g->window_cnt++;
	return g->was_loaded || g->window_cnt > limit;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static struct bucket *bucket_of(struct guard *g, const struct endpoint *from, bool has_cookie)
{
	uint64_t key[2], half = 0;
	uint64_t h;

	memcpy(key, g->config.table_key, sizeof(key));
	memcpy(&half, from->remote, from->family == 4 ? 4 : 8); /* IPv6: the /64 */
	h = mix(mix(mix(key[0], half), from->family), key[1]);
	return &g->bucket[has_cookie][(h >> 32) % BUCKET_CNT];
}

bool guard_admit(struct guard *g, const struct endpoint *from, bool has_cookie, uint64_t now_ns)
{
	uint64_t price = TOKEN_NS / g->config.source_rate;
	uint64_t full = price * g->config.source_burst;
	struct bucket *b = bucket_of(g, from, has_cookie);
	uint64_t gained = b->seen_ns == 0 ? full : now_ns - b->seen_ns;

	b->credit_ns = gained >= full - b->credit_ns ? full : b->credit_ns + gained;
	b->seen_ns = now_ns;
	if (b->credit_ns < price)
		return false;
	b->credit_ns -= price;
	return true;
}
