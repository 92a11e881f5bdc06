/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/store/master_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int master_list_alloc(
	uint64_t generation, size_t source_room, size_t mark_room, struct master_list **out)
{
	struct master_list *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -ENOMEM;
	atomic_init(&l->ref_cnt, 1);
	l->generation = generation;
	l->source = calloc(source_room + 1, sizeof(*l->source));
	l->mark = calloc(mark_room + 1, sizeof(*l->mark));
	if (l->source == NULL || l->mark == NULL) {
		master_list_put(l);
		return -ENOMEM;
	}
	*out = l;
	return 0;
}

int master_list_new(struct master_list **out)
{
	return master_list_alloc(0, 0, 0, out);
}

struct master_list *master_list_get(struct master_list *l)
{
	atomic_fetch_add_explicit(&l->ref_cnt, 1, memory_order_relaxed);
	return l;
}

void master_list_put(struct master_list *l)
{
	if (l == NULL || atomic_fetch_sub_explicit(&l->ref_cnt, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < l->source_cnt; i++)
		master_source_put(l->source[i]);
	for (size_t i = 0; i < l->mark_cnt; i++) {
		free(l->mark[i].issuer);
		free(l->mark[i].scope);
	}
	free(l->source);
	free(l->mark);
	free(l);
}

/* ---- marks ------------------------------------------------------------------------------------ */

int master_mark_compare(const struct master_mark *m, const struct master_source_info *info)
{
	int order = span_compare((struct rk_span){m->issuer, m->issuer_len}, info->issuer);

	if (order == 0)
		order = strcmp(m->scope, info->scope);
	if (order == 0)
		order = (int)m->is_delta - (int)master_is_delta(info);
	return order != 0 ? order : span_compare((struct rk_span){m->key, m->key_len}, info->key);
}

int master_list_append_mark(struct master_list *l, const struct master_source_info *info)
{
	struct master_mark *m = &l->mark[l->mark_cnt];

	m->issuer = malloc(info->issuer.len);
	m->scope = strdup(info->scope);
	if (m->issuer == NULL || m->scope == NULL) {
		free(m->issuer);
		free(m->scope);
		return -ENOMEM;
	}
	memcpy(m->issuer, info->issuer.data, info->issuer.len);
	m->issuer_len = (uint16_t)info->issuer.len;
	m->is_delta = master_is_delta(info);
	m->number_len = (uint8_t)info->number.len;
	memcpy(m->number, info->number.data, info->number.len);
	m->key_len = (uint8_t)info->key.len;
	if (info->key.len > 0)
		memcpy(m->key, info->key.data, info->key.len);
	l->mark_cnt++;
	return 0;
}

/* Its own, or else the one whose key is not known; or NULL. */
static const struct master_mark *find_mark(
	const struct master_list *l, const struct master_source_info *info)
{
	struct master_source_info unknown = *info;
	const struct master_mark *found = NULL;

	unknown.key = (struct rk_span){0};
	for (size_t i = 0; i < l->mark_cnt; i++) {
		const struct master_mark *m = &l->mark[i];

		if (master_mark_compare(m, info) == 0)
			return m;
		if (master_mark_compare(m, &unknown) == 0)
			found = m;
	}
	return found;
}

struct rk_span master_list_mark(const struct master_list *l, const struct master_source_info *info)
{
	const struct master_mark *m = find_mark(l, info);

	return m != NULL ? (struct rk_span){m->number, m->number_len} : (struct rk_span){NULL, 0};
}

/* Copies old's marks, with this one put in its place when it is a number. */
static int copy_marks(
	const struct master_list *old, const struct master_source_info *info, struct master_list *l)
{
	bool is_due = info != NULL && info->number.len > 0;
	const struct master_mark *replaced = is_due ? find_mark(old, info) : NULL;
	int ret = 0;

	for (size_t i = 0; i < old->mark_cnt && ret == 0; i++) {
		const struct master_mark *m = &old->mark[i];
		const struct master_source_info kept = {.issuer = {m->issuer, m->issuer_len},
			.scope = m->scope,
			.key = {m->key, m->key_len},
			.number = {m->number, m->number_len},
			/* any number makes it a delta's */
			.base_number = {m->number, m->is_delta ? m->number_len : 0}};

		if (is_due && master_mark_compare(m, info) >= 0) {
			ret = master_list_append_mark(l, info);
			is_due = false;
		}
		if (m != replaced && ret == 0)
			ret = master_list_append_mark(l, &kept);
	}
	if (is_due && ret == 0)
		ret = master_list_append_mark(l, info);
	return ret;
}

/* ---- changes ---------------------------------------------------------------------------------- */

/* Where the source of that URL, issuer, scope, kind, key and subject is, or would be. */
static size_t find_place(const struct master_list *l, const struct master_source_info *info)
{
	size_t low = 0, high = l->source_cnt;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (master_source_compare(&l->source[middle]->info, info) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool place_holds(
	const struct master_list *l, size_t place, const struct master_source_info *info)
{
	return place < l->source_cnt && master_source_compare(&l->source[place]->info, info) == 0;
}

/* The first source of url; its others follow. */
static size_t find_url(const struct master_list *l, const char *url)
{
	return find_place(l, &(struct master_source_info){.url = url, .scope = ""});
}

static bool place_is_of(const struct master_list *l, size_t place, const char *url)
{
	return place < l->source_cnt && strcmp(l->source[place]->info.url, url) == 0;
}

/* Part of a list, or what comes into one. */
struct part {
	struct master_source *const *source;
	size_t cnt;
};

static void append_part(struct master_list *l, struct part part)
{
	for (size_t i = 0; i < part.cnt; i++)
		l->source[l->source_cnt++] = master_source_get(part.source[i]);
}

/* What goes out of a list: cnt sources from at on. */
struct gap {
	size_t at;
	size_t cnt;
};

/* The new list: old's sources but for the gap, and the group, which may be empty, where old[place] is. */
static int splice(const struct master_list *old, struct gap gap, size_t place, struct part group,
	struct master_list **out)
{
	struct master_list *l = NULL;
	int ret = master_list_alloc(
		old->generation + 1, old->source_cnt + group.cnt, old->mark_cnt + 1, &l);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i <= old->source_cnt; i++) {
		if (i == place)
			append_part(l, group);
		if (i < old->source_cnt && (i < gap.at || i >= gap.at + gap.cnt))
			append_part(l, (struct part){old->source + i, 1});
	}
	ret = copy_marks(old, group.cnt > 0 ? &group.source[0]->info : NULL, l);
	if (ret < 0) {
		master_list_put(l);
		return ret;
	}
	*out = l;
	return 0;
}

/* Of that very key. */
static struct gap find_crl(const struct master_list *l, const struct master_source_info *info)
{
	struct master_source_info first = *info;
	struct gap found = {0};

	first.subject = (struct rk_span){0}; /* the lowest */
	found.at = find_place(l, &first);
	while (found.at + found.cnt < l->source_cnt &&
		master_source_compare_crl(&l->source[found.at + found.cnt]->info, info) == 0)
		found.cnt++;
	return found;
}

size_t master_list_find_group(
	const struct master_list *l, const struct master_source_info *info, size_t *cnt)
{
	struct master_source_info unknown = *info;
	struct gap found = find_crl(l, info);

	unknown.key = (struct rk_span){0};
	if (found.cnt == 0)
		found = find_crl(l, &unknown);
	*cnt = found.cnt;
	return found.at;
}

static bool is_same_group(const struct master_list *l, size_t place, struct part group)
{
	for (size_t i = 0; i < group.cnt; i++) {
		if (!master_source_is_same(l->source[place + i], group.source[i]))
			return false;
	}
	return true;
}

int master_list_replace_group(struct master_list *old, struct master_source *const *group,
	size_t cnt, struct master_list **out)
{
	const struct master_source_info *info = &group[0]->info;
	struct rk_span mark = master_list_mark(old, info);
	const struct part part = {group, cnt};
	struct gap known;

	if (span_compare(info->number, mark) < 0)
		return -ESTALE;
	known.at = master_list_find_group(old, info, &known.cnt);
	if (known.cnt == cnt && is_same_group(old, known.at, part)) {
		*out = master_list_get(old);
		return 0;
	}
	if (old->source_cnt - known.cnt + cnt > MASTER_SOURCE_MAX ||
		(mark.len == 0 && info->number.len > 0 && old->mark_cnt == MASTER_MARK_MAX))
		return -E2BIG;
	return splice(old, known, find_place(old, info), part, out);
}

int master_list_replace(
	struct master_list *old, struct master_source *source, struct master_list **out)
{
	return master_list_replace_group(old, &source, 1, out);
}

/* The next one that is not of info's key, at or after at, in info's place; cnt 0: none. */
static struct gap next_of_other_key(
	const struct master_list *l, const struct master_source_info *info, size_t at)
{
	for (; at < l->source_cnt; at++) {
		const struct master_source_info *other = &l->source[at]->info;

		if (master_source_compare_place(other, info) != 0)
			break;
		if (span_compare(other->key, info->key) != 0)
			return find_crl(l, other);
	}
	return (struct gap){0};
}

int master_list_retire(struct master_list *old, const struct master_source_info *info,
	bool (*is_trusted)(const void *ctx, struct rk_span key), const void *ctx,
	struct master_list **out)
{
	struct master_source_info first = *info;
	struct master_list *l = master_list_get(old), *next;
	struct gap gap;
	int ret = 0;

	first.key = first.subject = (struct rk_span){0}; /* the lowest */
	for (size_t at = find_place(l, &first); ret == 0; at = gap.at) {
		gap = next_of_other_key(l, info, at);
		if (gap.cnt == 0)
			break;
		if (is_trusted(ctx, l->source[gap.at]->info.key)) {
			gap.at += gap.cnt;
			continue;
		}
		ret = splice(l, gap, SIZE_MAX, (struct part){0}, &next);
		if (ret == 0) {
			master_list_put(l);
			l = next;
		}
	}
	if (ret < 0)
		master_list_put(l);
	else
		*out = l;
	return ret;
}

int master_list_remove(struct master_list *old, const char *url, struct master_list **out)
{
	struct gap gap = {find_url(old, url), 0};

	while (place_is_of(old, gap.at + gap.cnt, url))
		gap.cnt++;
	if (gap.cnt == 0) {
		*out = master_list_get(old);
		return 0;
	}
	return splice(old, gap, SIZE_MAX, (struct part){0}, out);
}

/* ---- reading ---------------------------------------------------------------------------------- */

uint64_t master_list_generation(const struct master_list *l)
{
	return l->generation;
}

size_t master_list_source_cnt(const struct master_list *l)
{
	return l->source_cnt;
}

struct master_source *master_list_source(const struct master_list *l, size_t i)
{
	return l->source[i];
}

struct master_source *master_list_find_source(const struct master_list *l, const char *url)
{
	struct master_source *last = NULL;

	for (size_t place = find_url(l, url); place_is_of(l, place, url); place++) {
		struct master_source *s = l->source[place];

		if (last == NULL || s->info.this_update > last->info.this_update)
			last = s;
	}
	return last;
}

struct master_source *master_list_find_replaced(
	const struct master_list *l, const struct master_source_info *info)
{
	size_t place = find_place(l, info);

	return place_holds(l, place, info) ? l->source[place] : NULL;
}

size_t master_list_entry_cnt(const struct master_list *l)
{
	size_t cnt = 0;

	for (size_t i = 0; i < l->source_cnt; i++)
		cnt += l->source[i]->entry_cnt;
	return cnt;
}

bool master_list_find(const struct master_list *l, struct rk_span issuer, struct rk_span serial,
	struct master_entry *out, const struct master_source **source)
{
	for (size_t i = 0; i < l->source_cnt; i++) {
		const struct master_source *s = l->source[i];

		if (span_compare(master_source_subject(s), issuer) != 0 ||
			!master_source_find(s, serial, out))
			continue;
		if (source != NULL)
			*source = s;
		return true;
	}
	return false;
}
