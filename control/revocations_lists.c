/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/revocations_private.h"
#include "pki/x509/crl_cover.h"

#define REASON_BITS 9 /* of PKI_CRL_REASONS_ALL */

/* ---- the lists -------------------------------------------------------------------------------- */

static int hash_der(struct rk_span der, uint8_t out[PKI_ISSUER_HASH_LEN])
{
	const unsigned char *p = der.data;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)der.len);
	int ret = name != NULL ? pki_issuer_hash(name, out) : -EIO;

	X509_NAME_free(name);
	return ret;
}

/* NULL: nobody configured it. */
static const struct revocation_setting *find_setting(
	const struct revocations_args *args, const char *url)
{
	for (size_t i = 0; i < args->setting_cnt; i++)
		if (strcmp(args->setting[i].url, url) == 0)
			return &args->setting[i];
	return NULL;
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

static int open_list(struct list_ref *l, const struct master_source_info *info,
	const struct revocations_args *args)
{
	const struct revocation_setting *setting = find_setting(args, info->url);
	int ret = hash_der(info->issuer, l->issuer_hash);

	if (ret < 0)
		return ret;
	l->info = info;
	l->is_delta = info->base_number.len > 0;
	l->is_configured = setting != NULL;
	l->policy = setting != NULL ? setting->policy : RK_POLICY_SOFT;
	l->fresh_until = fresh_until(info, setting);
	ret = pki_crl_open_scope(info->issuer, info->idp, &l->scope);
	return ret == -EBADMSG ? 0 : ret;
}

static bool is_same_scope(const struct list_ref *a, const struct list_ref *b)
{
	return memcmp(a->issuer_hash, b->issuer_hash, PKI_ISSUER_HASH_LEN) == 0 &&
	       strcmp(a->info->scope, b->info->scope) == 0;
}

/* A full list as new as the delta has all of it. */
static bool is_superseded(const struct revocations *r, const struct list_ref *delta)
{
	for (size_t i = 0; i < r->list_cnt; i++) {
		const struct list_ref *f = &r->lists[i];

		if (!f->is_delta && is_same_scope(f, delta) &&
			master_number_compare(f->info->number, delta->info->number) >= 0)
			return true;
	}
	return false;
}

/* A delta that says more than its full list is needed too; of several the freshest copy. */
static void follow_deltas(struct revocations *r, struct list_ref *full)
{
	int64_t latest = INT64_MIN;

	for (size_t i = 0; i < r->list_cnt; i++) {
		const struct list_ref *d = &r->lists[i];

		if (d->is_delta && !d->is_superseded && d->fresh_until > latest &&
			is_same_scope(d, full))
			latest = d->fresh_until;
	}
	if (latest != INT64_MIN && latest < full->fresh_until)
		full->fresh_until = latest;
}

static void relate_lists(struct revocations *r)
{
	size_t delta_cnt = 0;

	for (size_t i = 0; i < r->list_cnt; i++) {
		struct list_ref *l = &r->lists[i];

		l->is_superseded = l->is_delta && is_superseded(r, l);
		delta_cnt += l->is_delta;
	}
	for (size_t i = 0; delta_cnt > 0 && i < r->list_cnt; i++) {
		if (!r->lists[i].is_delta)
			follow_deltas(r, &r->lists[i]);
	}
}

/* ---- the sources ------------------------------------------------------------------------------ */

int source_ref_compare_scope(const struct source_ref *a, const struct source_ref *b)
{
	int order = memcmp(a->issuer_hash, b->issuer_hash, PKI_ISSUER_HASH_LEN);

	if (order == 0)
		order = memcmp(a->list->issuer_hash, b->list->issuer_hash, PKI_ISSUER_HASH_LEN);
	return order != 0 ? order : strcmp(a->list->info->scope, b->list->info->scope);
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

static bool covers_any(const struct list_ref *l, struct pki_kind_set *kinds,
	const uint8_t issuer_hash[PKI_ISSUER_HASH_LEN])
{
	size_t cnt = kinds != NULL && l->scope != NULL ? pki_kind_set_cnt(kinds) : 0;

	for (size_t i = 0; i < cnt; i++) {
		const struct pki_kind *kind = pki_kind_set_get(kinds, i);

		if (memcmp(kind->issuer_hash, issuer_hash, PKI_ISSUER_HASH_LEN) == 0 &&
			pki_crl_cover(l->scope, kind) != 0)
			return true;
	}
	return false;
}

/* An issuer's own lists count; another's, when a certificate says that they are about it. */
static int read_source(
	struct revocations *r, const struct revocations_args *args, const struct master_source *s)
{
	const struct list_ref *list = &r->lists[r->list_cnt - 1];
	struct source_ref ref = {.source = s, .list = list, .is_delta = list->is_delta};
	int ret;

	if (master_source_info(s)->subject.len == 0) {
		memcpy(ref.issuer_hash, list->issuer_hash, sizeof(ref.issuer_hash));
		r->source[r->source_cnt++] = ref;
		return 0;
	}
	ret = hash_der(master_source_info(s)->subject, ref.issuer_hash);
	if (ret == 0 && covers_any(list, args->kinds, ref.issuer_hash))
		r->source[r->source_cnt++] = ref;
	else if (ret == 0)
		r->idle[r->idle_cnt++] = ref;
	return ret;
}

static int read_all(struct revocations *r, const struct revocations_args *args)
{
	int ret = 0;

	for (size_t i = 0; i < master_list_source_cnt(r->list) && ret == 0; i++) {
		const struct master_source *s = master_list_source(r->list, i);
		const struct master_source_info *info = master_source_info(s);

		if (info->subject.len == 0) /* the first of its group */
			ret = open_list(&r->lists[r->list_cnt++], info, args);
		if (ret == 0)
			ret = read_source(r, args, s);
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
	int ret;

	r->lists = calloc(cnt + 1, sizeof(*r->lists));
	r->source = calloc(cnt + 1, sizeof(*r->source));
	r->idle = calloc(cnt + 1, sizeof(*r->idle));
	if (r->lists == NULL || r->source == NULL || r->idle == NULL)
		return -ENOMEM;
	ret = read_all(r, args);
	if (ret < 0)
		return ret;
	relate_lists(r);
	mark_superseded(r->source, r->source_cnt);
	mark_superseded(r->idle, r->idle_cnt);
	if (r->source_cnt > 0)
		qsort(r->source, r->source_cnt, sizeof(*r->source), compare_refs);
	r->has_hard_policy = r->missing == RK_POLICY_HARD;
	for (size_t i = 0; i < args->setting_cnt; i++)
		r->has_hard_policy |= args->setting[i].policy == RK_POLICY_HARD;
	return 0;
}

/* ---- kinds ------------------------------------------------------------------------------------ */

/*
 * How long a kind of certificates is covered for each reason of revocation: for all of them, until the
 * first ends.
 */
struct coverage {
	int64_t until[REASON_BITS];
};

static void add_coverage(struct coverage *c, const struct list_ref *l, unsigned reasons)
{
	for (unsigned bit = 1; bit < REASON_BITS; bit++) {
		if ((reasons >> bit & 1) != 0 && c->until[bit] < l->fresh_until)
			c->until[bit] = l->fresh_until;
	}
}

static int64_t covered_until(const struct coverage *c)
{
	int64_t until = INT64_MAX;

	for (unsigned bit = 1; bit < REASON_BITS; bit++) {
		if (c->until[bit] < until)
			until = c->until[bit];
	}
	return until;
}

/*
 * The lists of its issuer, and others that speak about it, say how strict to be; those that cover it,
 * how fresh it is. A configured source that was never fetched may be of any issuer without a
 * configured list: where it must not be missing, a learnt list does not stand in for it.
 */
struct kind_ref revocations_judge_kind(const struct revocations *r, const struct pki_kind *kind)
{
	struct kind_ref ref = {.policy = RK_POLICY_OFF};
	bool is_seen = false, is_configured = false;
	struct coverage coverage = {0};

	memcpy(ref.issuer_hash, kind->issuer_hash, sizeof(ref.issuer_hash));
	memcpy(ref.digest, kind->digest, sizeof(ref.digest));
	for (size_t i = 0; i < r->list_cnt; i++) {
		const struct list_ref *l = &r->lists[i];
		unsigned reasons = l->scope != NULL ? pki_crl_cover(l->scope, kind) : 0;

		if (l->is_superseded || (reasons == 0 && memcmp(l->issuer_hash, kind->issuer_hash,
								 PKI_ISSUER_HASH_LEN) != 0))
			continue;
		if (l->policy > ref.policy)
			ref.policy = l->policy;
		is_configured = is_configured || l->is_configured;
		is_seen = is_seen || !l->is_delta;
		if (!l->is_delta)
			add_coverage(&coverage, l, reasons);
	}
	ref.fresh_until = covered_until(&coverage);
	if (!is_seen)
		ref.policy = r->missing;
	if (!is_configured && r->missing == RK_POLICY_HARD) {
		ref.policy = RK_POLICY_HARD;
		ref.fresh_until = 0;
	}
	return ref;
}
