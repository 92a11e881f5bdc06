/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/guard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/hash.h"
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
	bool has_name;
	struct hash_key own_mac1; /* one HELLO costs no key setup */
	uint64_t window_start_ns;
	uint64_t window_cnt;
	bool was_loaded;                     /* in the window before */
	struct bucket bucket[2][BUCKET_CNT]; /* without a cookie, with a good one */
};

int guard_new(const struct guard_config *config, const uint8_t cookie_secret[GUARD_SECRET_LEN],
	struct guard **out)
{
	struct guard *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return -ENOMEM;
	g->config = *config;
	memcpy(g->secret[0], cookie_secret, GUARD_SECRET_LEN);
	memcpy(g->secret[1], cookie_secret, GUARD_SECRET_LEN);
	*out = g;
	return 0;
}

void guard_free(struct guard *g)
{
	if (g == NULL)
		return;
	rk_wipe(g, sizeof(*g));
	free(g);
}

/* ---- mac1 ------------------------------------------------------------------------------------ */

static bool set_mac1_key(struct hash_key *k, const char *name, size_t len)
{
	const struct rk_span parts[2] = {
		{(const uint8_t *)MAC1_LABEL, sizeof(MAC1_LABEL)}, {(const uint8_t *)name, len}};
	uint8_t key[GUARD_HASH_LEN];

	if (len > RK_CN_MAX)
		return false;
	hash_make(SUITE_SHA256, parts, 2, key);
	hash_set_key(k, SUITE_SHA256, (struct rk_span){key, sizeof(key)});
	return true;
}

/* The first GUARD_MAC_LEN bytes of HMAC-SHA256. */
static void compute(
	const struct hash_key *k, const void *data, size_t len, uint8_t out[GUARD_MAC_LEN])
{
	const struct rk_span part = {data, len};
	uint8_t full[GUARD_HASH_LEN];

	hash_mac(k, &part, 1, full);
	memcpy(out, full, GUARD_MAC_LEN);
}

bool guard_set_name(struct guard *g, const char *name, size_t len)
{
	g->has_name = set_mac1_key(&g->own_mac1, name, len);
	return g->has_name;
}

bool guard_make_mac1(const char *name, size_t name_len, const void *hello, size_t len,
	uint8_t out[GUARD_MAC_LEN])
{
	struct hash_key key;

	if (!set_mac1_key(&key, name, name_len))
		return false;
	compute(&key, hello, len, out);
	return true;
}

bool guard_check_mac1(
	struct guard *g, const void *hello, size_t len, const uint8_t mac[GUARD_MAC_LEN])
{
	uint8_t own[GUARD_MAC_LEN];

	if (!g->has_name)
		return false;
	compute(&g->own_mac1, hello, len, own);
	return rk_secret_equal(own, mac, GUARD_MAC_LEN);
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

static void cookie_under(
	const uint8_t *secret, const struct guard_cookie_input *in, uint8_t out[GUARD_COOKIE_LEN])
{
	uint8_t buf[128];
	size_t len = write_cookie_input(in, buf, sizeof(buf));
	struct hash_key key;

	hash_set_key(&key, SUITE_SHA256, (struct rk_span){secret, GUARD_SECRET_LEN});
	compute(&key, buf, len, out);
	rk_wipe(&key, sizeof(key));
}

void guard_make_cookie(
	struct guard *g, const struct guard_cookie_input *in, uint8_t out[GUARD_COOKIE_LEN])
{
	cookie_under(g->secret[0], in, out);
}

bool guard_check_cookie(struct guard *g, const struct guard_cookie_input *in,
	const uint8_t cookie[GUARD_COOKIE_LEN])
{
	uint8_t own[GUARD_COOKIE_LEN];
	size_t i;

	for (i = 0; i < 2; i++) {
		cookie_under(g->secret[i], in, own);
		if (rk_secret_equal(own, cookie, GUARD_COOKIE_LEN))
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

static size_t source_len(const struct endpoint *from)
{
	return from->family == 4 ? 4 : 8;
}

bool guard_is_same_source(const struct endpoint *a, const struct endpoint *b)
{
	return a->family == b->family && memcmp(a->remote, b->remote, source_len(a)) == 0;
}

static struct bucket *bucket_of(struct guard *g, const struct endpoint *from, bool has_cookie)
{
	uint64_t key[2], half = 0;
	uint64_t h;

	memcpy(key, g->config.table_key, sizeof(key));
	memcpy(&half, from->remote, source_len(from));
	h = hash_mix(hash_mix(hash_mix(key[0], half), from->family), key[1]);
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
