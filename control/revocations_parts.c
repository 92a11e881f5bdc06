/* SPDX-License-Identifier: BSD-3-Clause */
/* What the workers get: the whole set, as a base. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/revocations_private.h"
#include "pki/store/beside.h"

/*
 * Every kind; and of what was not met yet nothing is known, which is refused where a policy wants all
 * to be known. How many.
 */
static size_t key_kinds(
	const struct revocations *r, struct pki_revocation_keyer *keyer, struct rk_issuer *issuer)
{
	size_t i;

	for (i = 0; i < r->kind_cnt; i++) {
		const struct kind_ref *k = &r->kind[i];

		issuer[i].fresh_until = k->fresh_until;
		issuer[i].policy = (uint8_t)k->policy;
		pki_revocation_key(
			keyer, k->issuer_hash, k->digest, sizeof(k->digest), &issuer[i].key);
	}
	if (r->has_hard_policy)
		issuer[i++].policy = RK_POLICY_HARD; /* the zero key */
	return i;
}

int revocations_compile_part(enum rk_part_kind kind, const struct revocations *r,
	struct pki_revocation_keyer *keyer, const struct compile_entries *entries,
	struct compile_part *out, struct rk_refusal *why)
{
	struct rk_issuer *issuer = calloc(r->kind_cnt + 1, sizeof(*issuer));
	int ret;

	if (issuer == NULL)
		return -ENOMEM;
	ret = compile_revocations_given(
		kind, entries, issuer, key_kinds(r, keyer, issuer), out, why);
	free(issuer);
	return ret;
}

/* ---- the base --------------------------------------------------------------------------------- */

#define KEY_CHUNK     64    /* keyed at once: what a core's first cache holds beside it */
#define SHARE_ENTRIES 50000 /* so many are worth a second thread */

/* The keys are spread over two threads. */
struct base {
	const struct revocations *r;
	struct pki_revocation_keyer *keyer[REVOCATION_LANES];
	struct master_keys **keys; /* of each source's first entries; NULL: of none */
	unsigned thread_cnt;
};

/* Of every source the same share: one lane's work. */
struct keying {
	const struct base *base;
	struct revocation_builder *builder;
	unsigned lane;
	int error;
	/* waiting to be keyed */
	struct rk_span serial[KEY_CHUNK];
	uint8_t reason[KEY_CHUNK];
	size_t cnt;
};

static void add(struct keying *k, const struct rk_revocation_entry *entry, size_t cnt)
{
	if (revocation_builder_add(k->builder, k->lane, entry, cnt) < 0)
		k->error = -EINVAL;
}

static void key_chunk(struct keying *k, const uint8_t issuer_hash[PKI_ISSUER_HASH_LEN])
{
	struct rk_revocation_entry entry[KEY_CHUNK];

	pki_revocation_entries(
		k->base->keyer[k->lane], issuer_hash, k->serial, k->reason, k->cnt, entry);
	add(k, entry, k->cnt);
}

static bool is_left_out(
	const struct keying *k, const struct source_ref *s, size_t i, uint8_t reason)
{
	struct master_entry e;

	if (reason != RK_REASON_HOLD)
		return reason == RK_REASON_REMOVED;
	master_source_entry(s->source, i, &e);
	return revocations_is_taken_back(k->base->r, s, &e);
}

/* Entries [i, i + cnt): those that count. */
static void key_entries(struct keying *k, const struct source_ref *s, size_t i, size_t cnt)
{
	master_source_serials(s->source, i, cnt, k->serial, k->reason);
	k->cnt = 0;
	for (size_t n = 0; n < cnt; n++) {
		if (is_left_out(k, s, i + n, k->reason[n]))
			continue;
		k->serial[k->cnt] = k->serial[n];
		k->reason[k->cnt++] = k->reason[n];
	}
	key_chunk(k, s->issuer_hash);
}

/* One lane's share of cnt. */
struct range {
	size_t begin;
	size_t end;
};

static struct range share_of(const struct keying *k, size_t cnt)
{
	size_t lane_cnt = k->base->thread_cnt, begin = cnt / lane_cnt * k->lane;

	return (struct range){begin, k->lane + 1 == lane_cnt ? cnt : begin + cnt / lane_cnt};
}

/* Those that have keys, and those that have none, which take longer. */
static void key_source(struct keying *k, const struct source_ref *s, const struct master_keys *keys)
{
	const struct rk_revocation_entry *keyed = NULL;
	size_t keyed_cnt = 0;
	struct range r;

	if (s->is_superseded)
		return;
	if (keys != NULL)
		keyed = master_keys_entries(keys, &keyed_cnt);
	r = share_of(k, keyed_cnt);
	if (keyed != NULL)
		add(k, keyed + r.begin, r.end - r.begin);
	r = share_of(k, master_source_entry_cnt(s->source) - keyed_cnt);
	for (size_t i = r.begin; i < r.end; i += KEY_CHUNK)
		key_entries(k, s, keyed_cnt + i, r.end - i < KEY_CHUNK ? r.end - i : KEY_CHUNK);
}

static void key_share(void *arg)
{
	struct keying *k = arg;

	for (size_t i = 0; i < k->base->r->source_cnt; i++)
		key_source(k, &k->base->r->source[i], k->base->keys[i]);
}

size_t revocations_counted_entries(const struct revocations *r)
{
	size_t cnt = 0;

	for (size_t i = 0; i < r->source_cnt; i++)
		if (!r->source[i].is_superseded)
			cnt += master_source_entry_cnt(r->source[i].source);
	return cnt;
}

/* Those that came with the list, unless a delta takes something back, which the list's entries tell. */
static struct master_keys *take_keys(const struct base *base, const struct source_ref *s)
{
	struct master_keys *keys = master_source_take_keys(s->source);

	if (keys == NULL)
		return NULL;
	if (!s->is_delta && !revocations_has_delta(base->r, s) &&
		master_keys_fit(keys, base->keyer[0], s->issuer_hash))
		return keys;
	master_keys_free(keys);
	return NULL;
}

static int base_init(struct base *base, const struct revocations *r,
	const uint8_t installation_key[INSTALLATION_KEY_LEN], unsigned thread_cnt)
{
	int ret = 0;

	*base = (struct base){.r = r, .thread_cnt = thread_cnt};
	base->keys = calloc(r->source_cnt + 1, sizeof(struct master_keys *));
	if (base->keys == NULL)
		return -ENOMEM;
	for (unsigned lane = 0; lane < REVOCATION_LANES && ret == 0; lane++)
		ret = pki_revocation_keyer_new(installation_key, &base->keyer[lane]);
	for (size_t i = 0; i < r->source_cnt && ret == 0; i++)
		base->keys[i] = take_keys(base, &r->source[i]);
	return ret;
}

static void base_fini(struct base *base)
{
	for (size_t i = 0; base->keys != NULL && i < base->r->source_cnt; i++)
		master_keys_free(base->keys[i]);
	free(base->keys);
	for (unsigned lane = 0; lane < REVOCATION_LANES; lane++)
		pki_revocation_keyer_free(base->keyer[lane]);
}

static int give_base(void *ctx, struct revocation_builder *b)
{
	const struct base *base = ctx;
	struct keying k[REVOCATION_LANES];
	struct beside other;
	unsigned lane_cnt = base->thread_cnt;

	for (unsigned lane = 0; lane < lane_cnt; lane++)
		k[lane] = (struct keying){.base = base, .builder = b, .lane = lane};
	if (lane_cnt > 1)
		beside_begin(&other, key_share, &k[1]);
	key_share(&k[0]);
	if (lane_cnt == 1)
		return k[0].error;
	beside_end(&other);
	return k[0].error < 0 ? k[0].error : k[1].error;
}

int revocations_compile(const struct revocations *r,
	const uint8_t installation_key[INSTALLATION_KEY_LEN], enum compile_pages pages,
	struct compile_part *out, struct rk_refusal *why)
{
	struct base base;
	struct compile_entries entries = {.cnt = revocations_counted_entries(r),
		.give = give_base,
		.ctx = &base,
		.pages = pages};
	int ret;

	entries.thread_cnt = entries.cnt < SHARE_ENTRIES ? 1 : REVOCATION_LANES;
	ret = base_init(&base, r, installation_key, entries.thread_cnt);
	if (ret == 0)
		ret = revocations_compile_part(
			RK_PART_REVOCATION_BASE, r, base.keyer[0], &entries, out, why);
	base_fini(&base);
	return ret;
}
