/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/revocations_private.h"
#include "pki/x509/crl_cover.h"

/* ---- the lists -------------------------------------------------------------------------------- */

/* Of a name in a list in force. */
static int hash_der(struct rk_span der, uint8_t out[PKI_ISSUER_HASH_LEN])
{
	int ret = pki_issuer_hash_der(der, out);

	return ret == -EBADMSG ? -EIO : ret;
}

/* What the lists are read with: the arguments, in an order in which they are found. */
struct reading {
	const struct revocations_args *args;
	struct revocation_setting *setting; /* by URL, each once */
	size_t setting_cnt;
	size_t before_at;             /* of args->before's lists: those up to here are passed */
	const struct pki_kind **kind; /* by issuer; NULL before one is looked for */
	size_t kind_cnt;
};

static int compare_settings(const void *a, const void *b)
{
	const struct revocation_setting *x = a, *y = b;

	return strcmp(x->url, y->url);
}

/* Of several of one URL the strictest policy counts, and the shortest grace. */
static void join_settings(struct reading *in, const struct revocation_setting *next)
{
	struct revocation_setting *last = in->setting + in->setting_cnt - 1;

	if (in->setting_cnt == 0 || strcmp(last->url, next->url) != 0) {
		in->setting[in->setting_cnt++] = *next;
		return;
	}
	if (next->policy > last->policy)
		last->policy = next->policy;
	if (next->grace_sec < last->grace_sec)
		last->grace_sec = next->grace_sec;
}

static int reading_init(struct reading *in, const struct revocations_args *args)
{
	*in = (struct reading){.args = args};
	in->setting = calloc(args->setting_cnt + 1, sizeof(*in->setting));
	if (in->setting == NULL)
		return -ENOMEM;
	if (args->setting_cnt > 0)
		memcpy(in->setting, args->setting, args->setting_cnt * sizeof(*in->setting));
	qsort(in->setting, args->setting_cnt, sizeof(*in->setting), compare_settings);
	for (size_t i = 0; i < args->setting_cnt; i++)
		join_settings(in, &in->setting[i]);
	return 0;
}

static void reading_fini(struct reading *in)
{
	free(in->setting);
	free(in->kind);
}

/* NULL: nobody configured that URL. */
static const struct revocation_setting *find_setting(const struct reading *in, const char *url)
{
	const struct revocation_setting wanted = {.url = url};

	return bsearch(
		&wanted, in->setting, in->setting_cnt, sizeof(*in->setting), compare_settings);
}

static int64_t fresh_until(
	const struct master_source_info *info, const struct revocation_setting *setting)
{
	int64_t until;

	if (__builtin_add_overflow(
		    info->next_update, setting != NULL ? (int64_t)setting->grace_sec : 0, &until))
		return INT64_MAX;
	return until;
}

/*
 * The very same list as read before: most are, whenever one changes. Both stand in order of their URLs.
 * NULL: it is another one.
 */
static const struct list_ref *find_before(struct reading *in, const struct master_source_info *info)
{
	const struct revocations *before = in->args->before;
	size_t cnt = before != NULL ? before->list_cnt : 0;

	while (in->before_at < cnt && strcmp(before->lists[in->before_at].info->url, info->url) < 0)
		in->before_at++;
	for (size_t i = in->before_at;
		i < cnt && strcmp(before->lists[i].info->url, info->url) == 0; i++) {
		if (before->lists[i].info == info)
			return &before->lists[i];
	}
	return NULL;
}

static int read_scope(struct list_ref *l, const struct master_source_info *info)
{
	int ret = hash_der(info->issuer, l->issuer_hash);

	if (ret == 0)
		ret = pki_crl_open_scope(info->issuer, info->idp, &l->scope);
	return ret == -EBADMSG ? 0 : ret;
}

static int open_list(struct list_ref *l, const struct master_source_info *info, struct reading *in)
{
	const struct revocation_setting *setting = find_setting(in, info->url);
	const struct list_ref *before = find_before(in, info);

	l->info = info;
	l->is_delta = info->base_number.len > 0;
	l->is_configured = setting != NULL;
	l->policy = setting != NULL ? setting->policy : RK_POLICY_SOFT;
	l->fresh_until = fresh_until(info, setting);
	if (before == NULL)
		return read_scope(l, info);
	memcpy(l->issuer_hash, before->issuer_hash, sizeof(l->issuer_hash));
	l->scope = before->scope != NULL ? pki_crl_get(before->scope) : NULL;
	return 0;
}

static int compare_scopes(const struct list_ref *a, const struct list_ref *b)
{
	int order = memcmp(a->issuer_hash, b->issuer_hash, PKI_ISSUER_HASH_LEN);

	return order != 0 ? order : strcmp(a->info->scope, b->info->scope);
}

/* The key that signed; one that is not known comes first. */
static int compare_signers(const struct list_ref *a, const struct list_ref *b)
{
	return master_number_compare(a->info->key, b->info->key);
}

static int compare_list_refs(const void *a, const void *b)
{
	struct list_ref *const *x = a, *const *y = b;
	int order = compare_scopes(*x, *y);

	return order != 0 ? order : compare_signers(*x, *y);
}

static struct rk_span newest_full(struct list_ref *const *list, size_t cnt)
{
	struct rk_span newest = {NULL, 0};

	for (size_t i = 0; i < cnt; i++) {
		if (!list[i]->is_delta && master_number_compare(list[i]->info->number, newest) > 0)
			newest = list[i]->info->number;
	}
	return newest;
}

/*
 * Lists of one issuer, scope and key. A full list as new as a delta has all of it; a delta that says more
 * than its full list is needed too, of several the freshest copy.
 */
static void relate_signer(struct list_ref *const *list, size_t cnt, struct rk_span newest)
{
	int64_t latest = INT64_MIN;

	for (size_t i = 0; i < cnt; i++) {
		struct list_ref *l = list[i];

		l->is_superseded =
			l->is_delta && master_number_compare(newest, l->info->number) >= 0;
		if (l->is_delta && !l->is_superseded && l->fresh_until > latest)
			latest = l->fresh_until;
	}
	for (size_t i = 0; i < cnt && latest != INT64_MIN; i++) {
		if (!list[i]->is_delta && latest < list[i]->fresh_until)
			list[i]->fresh_until = latest;
	}
}

/* Lists of one issuer and scope. */
static void relate_scope(struct list_ref *const *list, size_t cnt)
{
	size_t end;

	for (size_t at = 0; at < cnt; at = end) {
		end = at + 1;
		while (end < cnt && compare_signers(list[at], list[end]) == 0)
			end++;
		/* A delta from before keys were kept is ended by any full list: it may be of any key. */
		relate_signer(list + at, end - at,
			newest_full(list + at, (list[at]->info->key.len > 0 ? end : cnt) - at));
	}
}

static int relate_lists(struct revocations *r)
{
	size_t end;

	r->sorted = calloc(r->list_cnt + 1, sizeof(struct list_ref *));
	if (r->sorted == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < r->list_cnt; i++)
		r->sorted[i] = &r->lists[i];
	qsort(r->sorted, r->list_cnt, sizeof(struct list_ref *), compare_list_refs);
	for (size_t at = 0; at < r->list_cnt; at = end) {
		end = at + 1;
		while (end < r->list_cnt && compare_scopes(r->sorted[at], r->sorted[end]) == 0)
			end++;
		relate_scope(r->sorted + at, end - at);
	}
	return 0;
}

/* ---- the sources ------------------------------------------------------------------------------ */

int source_ref_compare_scope(const struct source_ref *a, const struct source_ref *b)
{
	int order = memcmp(a->issuer_hash, b->issuer_hash, PKI_ISSUER_HASH_LEN);

	if (order == 0)
		order = compare_scopes(a->list, b->list);
	return order != 0 ? order : compare_signers(a->list, b->list);
}

int source_ref_compare(const struct source_ref *a, const struct source_ref *b)
{
	int order = source_ref_compare_scope(a, b);

	if (order == 0)
		order = (int)a->is_delta - (int)b->is_delta;
	return order != 0 ? order : strcmp(a->list->info->url, b->list->info->url);
}

static int compare_refs(const void *a, const void *b)
{
	return source_ref_compare(a, b);
}

static int compare_kinds(const void *a, const void *b)
{
	const struct pki_kind *const *x = a, *const *y = b;

	return memcmp((*x)->issuer_hash, (*y)->issuer_hash, PKI_ISSUER_HASH_LEN);
}

static int sort_kinds(struct reading *in)
{
	size_t cnt = in->args->kinds != NULL ? pki_kind_set_cnt(in->args->kinds) : 0;

	in->kind = calloc(cnt + 1, sizeof(struct pki_kind *));
	if (in->kind == NULL)
		return -ENOMEM;
	for (in->kind_cnt = 0; in->kind_cnt < cnt; in->kind_cnt++)
		in->kind[in->kind_cnt] = pki_kind_set_get(in->args->kinds, in->kind_cnt);
	qsort(in->kind, cnt, sizeof(struct pki_kind *), compare_kinds);
	return 0;
}

/* Whether a certificate of this issuer is known that the list is about. */
static bool covers_any(const struct list_ref *l, const struct reading *in,
	const uint8_t issuer_hash[PKI_ISSUER_HASH_LEN])
{
	size_t low = 0, high = in->kind_cnt;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(in->kind[middle]->issuer_hash, issuer_hash, PKI_ISSUER_HASH_LEN) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; l->scope != NULL && low < in->kind_cnt &&
		memcmp(in->kind[low]->issuer_hash, issuer_hash, PKI_ISSUER_HASH_LEN) == 0;
		low++) {
		if (pki_crl_cover(l->scope, in->kind[low]) != 0)
			return true;
	}
	return false;
}

/* An issuer's own lists count; another's, when a certificate says that they are about it. */
static int read_source(struct revocations *r, struct reading *in, const struct master_source *s)
{
	const struct list_ref *list = &r->lists[r->list_cnt - 1];
	struct source_ref ref = {.source = s, .list = list, .is_delta = list->is_delta};
	int ret = 0;

	if (master_source_info(s)->subject.len == 0) {
		memcpy(ref.issuer_hash, list->issuer_hash, sizeof(ref.issuer_hash));
		r->source[r->source_cnt++] = ref;
		return 0;
	}
	if (in->kind == NULL)
		ret = sort_kinds(in);
	if (ret == 0)
		ret = hash_der(master_source_info(s)->subject, ref.issuer_hash);
	if (ret == 0 && covers_any(list, in, ref.issuer_hash))
		r->source[r->source_cnt++] = ref;
	else if (ret == 0)
		r->idle[r->idle_cnt++] = ref;
	return ret;
}

static int read_all(struct revocations *r, struct reading *in)
{
	int ret = 0;

	for (size_t i = 0; i < master_list_source_cnt(r->list) && ret == 0; i++) {
		const struct master_source *s = master_list_source(r->list, i);
		const struct master_source_info *info = master_source_info(s);

		if (info->subject.len == 0) /* the first of its group */
			ret = open_list(&r->lists[r->list_cnt++], info, in);
		if (ret == 0)
			ret = read_source(r, in, s);
	}
	return ret;
}

static void mark_superseded(struct source_ref *ref, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		ref[i].is_superseded = ref[i].list->is_superseded;
}

int revocations_read_lists(struct revocations *r, const struct revocations_args *args)
{
	size_t cnt = master_list_source_cnt(r->list);
	struct reading in;
	int ret;

	r->lists = calloc(cnt + 1, sizeof(*r->lists));
	r->source = calloc(cnt + 1, sizeof(*r->source));
	r->idle = calloc(cnt + 1, sizeof(*r->idle));
	if (r->lists == NULL || r->source == NULL || r->idle == NULL)
		return -ENOMEM;
	ret = reading_init(&in, args);
	if (ret == 0)
		ret = read_all(r, &in);
	reading_fini(&in);
	if (ret == 0)
		ret = relate_lists(r);
	if (ret == 0)
		ret = revocations_index_lists(r);
	if (ret < 0)
		return ret;
	mark_superseded(r->source, r->source_cnt);
	mark_superseded(r->idle, r->idle_cnt);
	if (r->source_cnt > 0)
		qsort(r->source, r->source_cnt, sizeof(*r->source), compare_refs);
	r->has_hard_policy = r->missing == RK_POLICY_HARD;
	for (size_t i = 0; i < args->setting_cnt; i++)
		r->has_hard_policy |= args->setting[i].policy == RK_POLICY_HARD;
	return 0;
}
