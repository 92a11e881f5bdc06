/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the workers get: the whole set as a base, or what is different from a base that they have as
 * an overlay.
 */
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

static int compile(enum rk_part_kind kind, const struct revocations *r,
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

#define KEY_CHUNK     64     /* keyed at once: what a core's first cache holds beside it */
#define SHARE_ENTRIES 200000 /* so many are worth a second thread */

/* Of every source the same share: one lane's work. */
struct keying {
	const struct revocations *r;
	struct pki_revocation_keyer *keyer;
	struct revocation_builder *builder;
	unsigned lane;
	unsigned lane_cnt;
	int error;
	/* waiting to be keyed */
	struct rk_span serial[KEY_CHUNK];
	uint8_t reason[KEY_CHUNK];
	size_t cnt;
};

static void key_chunk(struct keying *k, const uint8_t issuer_hash[PKI_ISSUER_HASH_LEN])
{
	struct rk_revocation_key key[KEY_CHUNK];
	struct rk_revocation_entry entry[KEY_CHUNK];

	pki_revocation_keys(k->keyer, issuer_hash, k->serial, k->cnt, key);
	for (size_t i = 0; i < k->cnt; i++)
		entry[i] = rk_revocation_entry(&key[i], k->reason[i]);
	if (revocation_builder_add(k->builder, k->lane, entry, k->cnt) < 0)
		k->error = -EINVAL;
}

static bool is_left_out(
	const struct keying *k, const struct source_ref *s, size_t i, uint8_t reason)
{
	struct master_entry e;

	if (reason != RK_REASON_HOLD)
		return reason == RK_REASON_REMOVED;
	master_source_entry(s->source, i, &e);
	return revocations_is_taken_back(k->r, s, &e);
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

static void key_source(struct keying *k, const struct source_ref *s)
{
	size_t cnt = s->is_superseded ? 0 : master_source_entry_cnt(s->source);
	size_t end = cnt / k->lane_cnt * (k->lane + 1);

	if (k->lane + 1 == k->lane_cnt)
		end = cnt;
	for (size_t i = cnt / k->lane_cnt * k->lane; i < end; i += KEY_CHUNK)
		key_entries(k, s, i, end - i < KEY_CHUNK ? end - i : KEY_CHUNK);
}

static void key_share(void *arg)
{
	struct keying *k = arg;

	for (size_t i = 0; i < k->r->source_cnt; i++)
		key_source(k, &k->r->source[i]);
}

static size_t counted_entries(const struct revocations *r)
{
	size_t cnt = 0;

	for (size_t i = 0; i < r->source_cnt; i++)
		if (!r->source[i].is_superseded)
			cnt += master_source_entry_cnt(r->source[i].source);
	return cnt;
}

/* The keys are spread over two threads. */
struct base {
	const struct revocations *r;
	struct pki_revocation_keyer *keyer[REVOCATION_LANES];
	size_t entry_cnt;
};

static int give_base(void *ctx, struct revocation_builder *b)
{
	const struct base *base = ctx;
	struct keying k[REVOCATION_LANES];
	struct beside other;
	unsigned lane_cnt = base->entry_cnt < SHARE_ENTRIES ? 1 : REVOCATION_LANES;

	for (unsigned lane = 0; lane < lane_cnt; lane++)
		k[lane] = (struct keying){.r = base->r,
			.keyer = base->keyer[lane],
			.builder = b,
			.lane = lane,
			.lane_cnt = lane_cnt};
	if (lane_cnt > 1)
		beside_begin(&other, key_share, &k[1]);
	key_share(&k[0]);
	if (lane_cnt == 1)
		return k[0].error;
	beside_end(&other);
	return k[0].error < 0 ? k[0].error : k[1].error;
}

int revocations_compile(const struct revocations *r,
	const uint8_t installation_key[INSTALLATION_KEY_LEN], struct compile_part *out,
	struct rk_refusal *why)
{
	struct base base = {.r = r};
	const struct compile_entries entries = {
		.cnt = counted_entries(r), .give = give_base, .ctx = &base};
	int ret = 0;

	base.entry_cnt = entries.cnt;
	for (unsigned lane = 0; lane < REVOCATION_LANES && ret == 0; lane++)
		ret = pki_revocation_keyer_new(installation_key, &base.keyer[lane]);
	if (ret == 0)
		ret = compile(RK_PART_REVOCATION_BASE, r, base.keyer[0], &entries, out, why);
	for (unsigned lane = 0; lane < REVOCATION_LANES; lane++)
		pki_revocation_keyer_free(base.keyer[lane]);
	return ret;
}

/* ---- the overlay ------------------------------------------------------------------------------ */

struct revocations_overlay {
	atomic_uint ref_cnt;
	struct revocations *of; /* counted: with the base it says what these say */
	size_t cnt;
	struct rk_revocation_entry entry[];
};

struct revocations_overlay *revocations_overlay_get(struct revocations_overlay *o)
{
	atomic_fetch_add(&o->ref_cnt, 1);
	return o;
}

void revocations_overlay_put(struct revocations_overlay *o)
{
	if (o == NULL || atomic_fetch_sub(&o->ref_cnt, 1) != 1)
		return;
	revocations_put(o->of);
	free(o);
}

size_t revocations_overlay_cnt(const struct revocations_overlay *o)
{
	return o->cnt;
}

const struct revocations *revocations_overlay_of(const struct revocations_overlay *o)
{
	return o->of;
}

/*
 * Where seen is not base, an overlay of it is there already: only what changed since is looked at, and
 * each such serial is noted, with state 0 where base says the same.
 */
struct diff {
	const struct revocations *base;
	const struct revocations *seen;
	const struct revocations *to;
	struct pki_revocation_keyer *keyer;
	struct rk_revocation_entry *entry; /* COMPILE_OVERLAY_MAX */
	size_t cnt;
};

/* A serial of which some list says something else than before: does that make a difference? */
static int compare_words(
	struct diff *d, const uint8_t hash[PKI_ISSUER_HASH_LEN], const struct master_entry *entry)
{
	const struct rk_span serial = {entry->serial, entry->serial_len};
	const struct source_ref *by;
	struct master_entry was, is;
	bool was_revoked = revocations_lookup(d->base, hash, serial, &was, &by);
	bool is_revoked = revocations_lookup(d->to, hash, serial, &is, &by);
	bool is_same = was_revoked == is_revoked && (!is_revoked || was.reason == is.reason);
	struct rk_revocation_key key;

	if (is_same && d->seen == d->base)
		return 0;
	if (d->cnt == COMPILE_OVERLAY_MAX)
		return -E2BIG;
	pki_revocation_key(d->keyer, hash, serial.data, serial.len, &key);
	d->entry[d->cnt++] =
		is_same ? rk_revocation_split(&key)
			: rk_revocation_entry(&key, is_revoked ? is.reason : RK_REASON_REMOVED);
	return 0;
}

/* Both are sorted alike: one pass over the two, either of which may be missing. */
static int diff_sources(
	struct diff *d, const struct source_ref *a, const struct source_ref *b, bool is_every)
{
	size_t a_cnt = a != NULL ? master_source_entry_cnt(a->source) : 0;
	size_t b_cnt = b != NULL ? master_source_entry_cnt(b->source) : 0;
	const uint8_t *hash = a != NULL ? a->issuer_hash : b->issuer_hash;
	struct master_entry x = {0}, y = {0};
	size_t i = 0, n = 0;
	int ret = 0;

	while ((i < a_cnt || n < b_cnt) && ret == 0) {
		size_t run = i < a_cnt && n < b_cnt && !is_every
				     ? master_source_equal_run(a->source, i, b->source, n)
				     : 0;
		int order;

		if (run > 0) {
			i += run;
			n += run;
			continue;
		}
		order = i == a_cnt ? 1 : -1;
		if (i < a_cnt)
			master_source_entry(a->source, i, &x);
		if (n < b_cnt)
			master_source_entry(b->source, n, &y);
		if (i < a_cnt && n < b_cnt)
			order = master_entry_compare(&x, &y);
		if (order != 0 || x.reason != y.reason || is_every)
			ret = compare_words(d, hash, order <= 0 ? &x : &y);
		i += order <= 0;
		n += order >= 0;
	}
	return ret;
}

static size_t scope_end(const struct revocations *r, size_t at)
{
	size_t end = at;

	while (end < r->source_cnt &&
		source_ref_compare_scope(&r->source[at], &r->source[end]) == 0)
		end++;
	return end;
}

static bool is_same_range(const struct diff *d, struct source_range a, struct source_range b)
{
	if (a.end - a.at != b.end - b.at)
		return false;
	for (size_t i = 0; i < a.end - a.at; i++) {
		const struct source_ref *x = &d->seen->source[a.at + i];
		const struct source_ref *y = &d->to->source[b.at + i];

		/* Of an indirect list the full one may have no word on this issuer, and end a delta. */
		if (x->source != y->source || x->is_superseded != y->is_superseded)
			return false;
	}
	return true;
}

/* One issuer's lists of one scope. Where a full list changed, a delta's every word may mean another. */
static int diff_scope(struct diff *d, struct source_range a, struct source_range b)
{
	int ret = 0;

	if (is_same_range(d, a, b))
		return 0;
	while ((a.at < a.end || b.at < b.end) && ret == 0) {
		const struct source_ref *x = a.at < a.end ? &d->seen->source[a.at] : NULL;
		const struct source_ref *y = b.at < b.end ? &d->to->source[b.at] : NULL;
		int order = x == NULL ? 1 : y == NULL ? -1 : source_ref_compare(x, y);
		bool is_delta = order <= 0 ? x->is_delta : y->is_delta;

		if (order != 0 || is_delta || x->source != y->source)
			ret = diff_sources(
				d, order <= 0 ? x : NULL, order >= 0 ? y : NULL, is_delta);
		a.at += order <= 0;
		b.at += order >= 0;
	}
	return ret;
}

static int diff_all(struct diff *d)
{
	struct source_range a = {0}, b = {0};
	int ret = 0;

	while ((a.at < d->seen->source_cnt || b.at < d->to->source_cnt) && ret == 0) {
		int order = a.at == d->seen->source_cnt ? 1 : -1;

		if (a.at < d->seen->source_cnt && b.at < d->to->source_cnt)
			order = source_ref_compare_scope(
				&d->seen->source[a.at], &d->to->source[b.at]);
		a.end = order <= 0 ? scope_end(d->seen, a.at) : a.at;
		b.end = order >= 0 ? scope_end(d->to, b.at) : b.at;
		ret = diff_scope(d, a, b);
		a.at = a.end;
		b.at = b.end;
	}
	return ret;
}

size_t revocations_new_entry_cnt(const struct revocations *base, const struct revocations *r)
{
	size_t cnt = 0, i = 0;

	for (size_t n = 0; n < r->source_cnt; n++) {
		const struct source_ref *s = &r->source[n];

		while (base != NULL && i < base->source_cnt &&
			source_ref_compare(&base->source[i], s) < 0)
			i++;
		if (base == NULL || i == base->source_cnt || base->source[i].source != s->source)
			cnt += master_source_entry_cnt(s->source);
	}
	return cnt;
}

static int give_overlay(void *ctx, struct revocation_builder *b)
{
	const struct revocations_overlay *o = ctx;

	return revocation_builder_add(b, 0, o->entry, o->cnt);
}

static int compare_keys(const void *left, const void *right)
{
	const struct rk_revocation_entry *a = left, *b = right;
	uint64_t x = a->head & ~RK_REVOCATION_STATE, y = b->head & ~RK_REVOCATION_STATE;

	if (x != y)
		return x < y ? -1 : 1;
	return (a->tail > b->tail) - (a->tail < b->tail);
}

/* In order, each key once: one serial may have been met in several lists. */
static void sort_noted(struct diff *d)
{
	size_t kept = 0;

	qsort(d->entry, d->cnt, sizeof(d->entry[0]), compare_keys);
	for (size_t i = 0; i < d->cnt; i++) {
		if (kept == 0 || compare_keys(&d->entry[kept - 1], &d->entry[i]) != 0)
			d->entry[kept++] = d->entry[i];
	}
	d->cnt = kept;
}

/* What is left of before, and what was found since. */
static int join(
	struct diff *d, const struct revocations_overlay *before, struct revocations_overlay **out)
{
	size_t room = d->cnt + (before != NULL ? before->cnt : 0);
	struct revocations_overlay *o = malloc(sizeof(*o) + room * sizeof(o->entry[0]));

	if (o == NULL)
		return -ENOMEM;
	sort_noted(d);
	atomic_init(&o->ref_cnt, 1);
	o->cnt = 0;
	for (size_t i = 0; before != NULL && i < before->cnt; i++) {
		if (bsearch(&before->entry[i], d->entry, d->cnt, sizeof(d->entry[0]),
			    compare_keys) == NULL)
			o->entry[o->cnt++] = before->entry[i];
	}
	for (size_t i = 0; i < d->cnt; i++) {
		if ((d->entry[i].head & RK_REVOCATION_STATE) != 0)
			o->entry[o->cnt++] = d->entry[i];
	}
	if (o->cnt > COMPILE_OVERLAY_MAX) {
		free(o);
		return -E2BIG;
	}
	o->of = revocations_get((struct revocations *)(uintptr_t)d->to);
	*out = o;
	return 0;
}

/* 0; -E2BIG, of which with before NULL nothing would come but the same. */
static int make_overlay(
	struct diff *d, const struct revocations_overlay *before, struct revocations_overlay **out)
{
	int ret;

	d->seen = before != NULL ? before->of : d->base;
	d->cnt = 0;
	ret = diff_all(d);
	return ret == 0 ? join(d, before, out) : ret;
}

int revocations_compile_overlay(const struct revocations *base, const struct revocations *r,
	const struct revocations_overlay *before,
	const uint8_t installation_key[INSTALLATION_KEY_LEN], struct compile_part *out,
	struct revocations_overlay **made, struct rk_refusal *why)
{
	struct diff d = {.base = base, .to = r};
	struct compile_entries entries = {.give = give_overlay};
	struct revocations_overlay *o = NULL;
	int ret = -ENOMEM;

	d.entry = calloc(COMPILE_OVERLAY_MAX, sizeof(*d.entry));
	if (d.entry == NULL)
		return -ENOMEM;
	ret = pki_revocation_keyer_new(installation_key, &d.keyer);
	if (ret == 0)
		ret = make_overlay(&d, before, &o);
	if (ret == -E2BIG && before != NULL) /* much changed, and back again */
		ret = make_overlay(&d, NULL, &o);
	if (ret == 0) {
		entries.cnt = o->cnt;
		entries.ctx = o;
		ret = compile(RK_PART_REVOCATION_OVERLAY, r, d.keyer, &entries, out, why);
	}
	if (ret == 0) {
		*made = o;
		o = NULL;
	}
	revocations_overlay_put(o);
	pki_revocation_keyer_free(d.keyer);
	free(d.entry);
	return ret;
}
