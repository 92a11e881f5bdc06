/* SPDX-License-Identifier: BSD-3-Clause */
/* What the workers get: what is different from a base that they have, as an overlay. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/revocations_private.h"

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

/* A word of an overlay is looked up in every list, and costs what eight entries of a base do. */
#define OVERLAY_SHARE 8
#define OVERLAY_LEAST 8192 /* so many are no matter */

/* An entry of which some list says something else than before. */
struct met {
	const struct source_ref *source;
	size_t at;
};

/*
 * Where seen is not base, an overlay of it is there already: only what changed since is looked at, and
 * each such serial is noted, with state 0 where base says the same. What changed is collected first: a
 * list that shares little with the one before is found out before anything is looked up.
 */
struct diff {
	const struct revocations *base;
	const struct revocations *seen;
	const struct revocations *to;
	struct pki_revocation_keyer *keyer;
	size_t most; /* met, before a base is the cheaper one; at most COMPILE_OVERLAY_MAX */
	struct met *met;
	size_t met_cnt;
	struct rk_revocation_entry *entry;
	size_t cnt;
};

static int meet(struct diff *d, const struct source_ref *source, size_t at)
{
	if (d->met_cnt == d->most)
		return -E2BIG;
	d->met[d->met_cnt++] = (struct met){source, at};
	return 0;
}

/* Does it make a difference to what all lists together say? */
static void compare_words(struct diff *d, const struct met *met)
{
	const uint8_t *hash = met->source->issuer_hash;
	const struct source_ref *by;
	struct master_entry e, was, is;
	struct rk_revocation_key key;
	bool was_revoked, is_revoked, is_same;
	struct rk_span serial;

	master_source_entry(met->source->source, met->at, &e);
	serial = (struct rk_span){e.serial, e.serial_len};
	was_revoked = revocations_lookup(d->base, hash, serial, &was, &by);
	is_revoked = revocations_lookup(d->to, hash, serial, &is, &by);
	is_same = was_revoked == is_revoked && (!is_revoked || was.reason == is.reason);
	if (is_same && d->seen == d->base)
		return;
	pki_revocation_key(d->keyer, hash, serial.data, serial.len, &key);
	d->entry[d->cnt++] =
		is_same ? rk_revocation_split(&key)
			: rk_revocation_entry(&key, is_revoked ? is.reason : RK_REASON_REMOVED);
}

/* Both are sorted alike: one pass over the two, either of which may be missing. */
static int diff_sources(
	struct diff *d, const struct source_ref *a, const struct source_ref *b, bool is_every)
{
	size_t a_cnt = a != NULL ? master_source_entry_cnt(a->source) : 0;
	size_t b_cnt = b != NULL ? master_source_entry_cnt(b->source) : 0;
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
			ret = meet(d, order <= 0 ? a : b, order <= 0 ? i : n);
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
	d->met_cnt = d->cnt = 0;
	ret = diff_all(d);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < d->met_cnt; i++)
		compare_words(d, &d->met[i]);
	return join(d, before, out);
}

static int diff_init(struct diff *d, const uint8_t installation_key[INSTALLATION_KEY_LEN])
{
	d->most = revocations_counted_entries(d->to) / OVERLAY_SHARE;
	if (d->most < OVERLAY_LEAST)
		d->most = OVERLAY_LEAST;
	if (d->most > COMPILE_OVERLAY_MAX)
		d->most = COMPILE_OVERLAY_MAX;
	d->met = calloc(d->most, sizeof(*d->met));
	d->entry = calloc(d->most, sizeof(*d->entry));
	if (d->met == NULL || d->entry == NULL)
		return -ENOMEM;
	return pki_revocation_keyer_new(installation_key, &d->keyer);
}

static void diff_fini(struct diff *d)
{
	pki_revocation_keyer_free(d->keyer);
	free(d->met);
	free(d->entry);
}

/* For a base, which is not made of these lists soon. */
static void forget_keys(const struct revocations *r)
{
	for (size_t i = 0; i < r->source_cnt; i++)
		master_keys_free(master_source_take_keys(r->source[i].source));
}

int revocations_compile_overlay(const struct revocations *base, const struct revocations *r,
	const struct revocations_overlay *before,
	const uint8_t installation_key[INSTALLATION_KEY_LEN], struct compile_part *out,
	struct revocations_overlay **made, struct rk_refusal *why)
{
	struct diff d = {.base = base, .to = r};
	struct compile_entries entries = {.thread_cnt = 1, .give = give_overlay};
	struct revocations_overlay *o = NULL;
	int ret = diff_init(&d, installation_key);

	if (ret == 0)
		ret = make_overlay(&d, before, &o);
	if (ret == -E2BIG && before != NULL) /* much changed, and back again */
		ret = make_overlay(&d, NULL, &o);
	if (ret == 0) {
		entries.cnt = o->cnt;
		entries.ctx = o;
		ret = revocations_compile_part(
			RK_PART_REVOCATION_OVERLAY, r, d.keyer, &entries, out, why);
	}
	if (ret == 0) {
		*made = o;
		o = NULL;
	}
	if (ret == 0)
		forget_keys(r);
	revocations_overlay_put(o);
	diff_fini(&d);
	return ret;
}
