/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/revocations_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "control/crl/manager.h"
#include "control/daemon.h"
#include "control/helper.h"
#include "control/trust.h"

#define RELEASE_ENTRIES 65536 /* given back within a millisecond */

static int hash_der(struct rk_span der, uint8_t out[PKI_ISSUER_HASH_LEN])
{
	const unsigned char *p = der.data;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)der.len);
	int ret = name != NULL ? pki_issuer_hash(name, out) : -EIO;

	X509_NAME_free(name);
	return ret;
}

int source_ref_compare_scope(const struct source_ref *a, const struct source_ref *b)
{
	int order = memcmp(a->issuer_hash, b->issuer_hash, PKI_ISSUER_HASH_LEN);

	return order != 0 ? order
			  : strcmp(master_source_info(a->source)->scope,
				    master_source_info(b->source)->scope);
}

int source_ref_compare(const struct source_ref *a, const struct source_ref *b)
{
	int order = source_ref_compare_scope(a, b);

	if (order == 0)
		order = (int)a->is_delta - (int)b->is_delta;
	return order != 0 ? order
			  : strcmp(master_source_info(a->source)->url,
				    master_source_info(b->source)->url);
}

static int compare_refs(const void *a, const void *b)
{
	return source_ref_compare(a, b);
}

/* A full list as new as the delta has all of it. */
static void mark_superseded(struct revocations *r)
{
	for (size_t i = 0; i < r->source_cnt; i++) {
		struct source_ref *d = &r->source[i];
		struct rk_span number = master_source_info(d->source)->number;

		for (size_t n = i; d->is_delta && n-- > 0;) { /* full lists stand before it */
			const struct source_ref *f = &r->source[n];

			if (source_ref_compare_scope(f, d) != 0)
				break;
			if (!f->is_delta &&
				master_number_compare(
					master_source_info(f->source)->number, number) >= 0)
				d->is_superseded = true;
		}
	}
}

static int hash_sources(struct revocations *r)
{
	size_t cnt = master_list_source_cnt(r->list);
	int ret = 0;

	r->source = calloc(cnt + 1, sizeof(*r->source));
	if (r->source == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < cnt && ret == 0; i++) {
		const struct master_source *s = master_list_source(r->list, i);

		r->source[i].source = s;
		r->source[i].is_delta = master_source_info(s)->base_number.len > 0;
		ret = hash_der(master_source_info(s)->issuer, r->source[i].issuer_hash);
	}
	r->source_cnt = cnt;
	if (ret == 0 && cnt > 0) {
		qsort(r->source, cnt, sizeof(*r->source), compare_refs);
		mark_superseded(r);
	}
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

static bool is_of(const struct source_ref *s, const uint8_t hash[PKI_ISSUER_HASH_LEN])
{
	return memcmp(s->issuer_hash, hash, PKI_ISSUER_HASH_LEN) == 0;
}

static int64_t fresh_until(const struct revocations_args *args, const struct source_ref *s)
{
	const struct master_source_info *info = master_source_info(s->source);
	const struct revocation_setting *setting = find_setting(args, info->url);
	int64_t until;

	if (__builtin_add_overflow(
		    info->next_update, setting != NULL ? (int64_t)setting->grace_sec : 0, &until))
		return INT64_MAX;
	return until;
}

/* The same list from several places is as fresh as the freshest copy. */
static int64_t scope_fresh_until(const struct revocations *r, const struct revocations_args *args,
	const struct source_ref *of)
{
	const char *scope = master_source_info(of->source)->scope;
	int64_t latest = fresh_until(args, of);

	for (size_t i = 0; i < r->source_cnt; i++) {
		const struct source_ref *s = &r->source[i];

		if (is_of(s, of->issuer_hash) && s->is_delta == of->is_delta &&
			strcmp(master_source_info(s->source)->scope, scope) == 0 &&
			fresh_until(args, s) > latest)
			latest = fresh_until(args, s);
	}
	return latest;
}

/* About every certificate of its issuer; a delta to such a list is, too. */
static bool is_full(const struct source_ref *s)
{
	return master_source_info(s->source)->scope[0] == '\0';
}

static bool has_full_list(const struct revocations *r, const uint8_t hash[PKI_ISSUER_HASH_LEN])
{
	for (size_t i = 0; i < r->source_cnt; i++)
		if (is_of(&r->source[i], hash) && is_full(&r->source[i]))
			return true;
	return false;
}

/*
 * A full list tells everything; without one, lists of several scopes are needed all: the shortest
 * freshness. A delta that says more than its full list is needed too. The strictest policy of any
 * counts. A configured source that was never fetched may be of any issuer without a configured
 * list: where it must not be missing, a learnt list does not stand in for it.
 */
static struct issuer_ref judge_issuer(const struct revocations *r,
	const struct revocations_args *args, const uint8_t hash[PKI_ISSUER_HASH_LEN])
{
	struct issuer_ref issuer = {.policy = RK_POLICY_OFF};
	bool is_seen = false, is_configured = false, is_full_needed = has_full_list(r, hash);

	memcpy(issuer.hash, hash, sizeof(issuer.hash));
	for (size_t i = 0; i < r->source_cnt; i++) {
		const struct source_ref *s = &r->source[i];
		const struct revocation_setting *setting;
		enum rk_revocation_policy policy;
		int64_t until;

		if (!is_of(s, hash) || s->is_superseded)
			continue;
		setting = find_setting(args, master_source_info(s->source)->url);
		policy = setting != NULL ? setting->policy : RK_POLICY_SOFT;
		if (policy > issuer.policy)
			issuer.policy = policy;
		is_configured = is_configured || setting != NULL;
		if (is_full_needed && !is_full(s))
			continue;
		until = scope_fresh_until(r, args, s);
		if (!is_seen || until < issuer.fresh_until)
			issuer.fresh_until = until;
		is_seen = is_seen || !s->is_delta; /* full lists stand before their deltas */
	}
	if (!is_seen)
		issuer.policy = args->missing;
	if (!is_configured && args->missing == RK_POLICY_HARD) {
		issuer.policy = RK_POLICY_HARD;
		issuer.fresh_until = 0;
	}
	return issuer;
}

static bool has_issuer(const struct revocations *r, const uint8_t hash[PKI_ISSUER_HASH_LEN])
{
	for (size_t i = 0; i < r->issuer_cnt; i++)
		if (memcmp(r->issuer[i].hash, hash, PKI_ISSUER_HASH_LEN) == 0)
			return true;
	return false;
}

static int judge_issuers(struct revocations *r, const struct revocations_args *args)
{
	size_t cnt = args->trust != NULL ? pki_trust_ca_cnt(args->trust) : 0;
	uint8_t hash[PKI_ISSUER_HASH_LEN];
	struct issuer_ref issuer;
	int ret;

	r->issuer = calloc(cnt + 1, sizeof(*r->issuer));
	if (r->issuer == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < cnt; i++) {
		const struct pki_ca *ca = pki_trust_ca(args->trust, i);

		ret = pki_issuer_hash(X509_get_subject_name(ca->cert), hash);
		if (ret < 0)
			return ret;
		if (has_issuer(r, hash))
			continue;
		issuer = judge_issuer(r, args, hash);
		if (issuer.fresh_until != 0 || issuer.policy == RK_POLICY_HARD)
			r->issuer[r->issuer_cnt++] = issuer;
	}
	return 0;
}

int revocations_new(const struct revocations_args *args, struct revocations **out)
{
	struct revocations *r = calloc(1, sizeof(*r));
	int ret;

	if (r == NULL)
		return -ENOMEM;
	atomic_init(&r->ref_cnt, 1);
	r->list = master_list_get(args->list);
	r->trust = args->trust != NULL ? pki_trust_get(args->trust) : NULL;
	ret = hash_sources(r);
	if (ret == 0)
		ret = judge_issuers(r, args);
	if (ret < 0) {
		revocations_put(r);
		return ret;
	}
	*out = r;
	return 0;
}

struct revocations *revocations_get(struct revocations *r)
{
	atomic_fetch_add(&r->ref_cnt, 1);
	return r;
}

void revocations_put(struct revocations *r)
{
	if (r == NULL || atomic_fetch_sub(&r->ref_cnt, 1) != 1)
		return;
	master_list_put(r->list);
	pki_trust_put(r->trust);
	free(r->source);
	free(r->issuer);
	free(r);
}

const struct master_list *revocations_list(const struct revocations *r)
{
	return r->list;
}

/* For the endpoint's full list and for its delta. */
static size_t add_settings(const struct config_crl_source *s,
	const struct config_crl_endpoint *endpoint, struct revocation_setting *setting, size_t n)
{
	const char *const url[] = {endpoint->uri, endpoint->delta_uri};

	for (size_t i = 0; i < 2; i++) {
		if (url[i] == NULL)
			continue;
		setting[n++] = (struct revocation_setting){.url = url[i],
			.policy = s->revocation_policy,
			.grace_sec = s->grace_time_ns / UINT64_C(1000000000)};
	}
	return n;
}

/* The settings of each endpoint; the strictest policy of those whose list was never seen yet. */
static size_t collect_settings(const struct config *c, const struct master_list *list,
	struct revocation_setting *setting, enum rk_revocation_policy *missing)
{
	size_t n = 0;

	*missing = RK_POLICY_OFF;
	for (size_t i = 0; i < c->crl_cnt; i++) {
		const struct config_crl_source *s = &c->crl[i];

		for (size_t k = 0; k < s->endpoint_cnt; k++) {
			n = add_settings(s, &s->endpoint[k], setting, n);
			if (master_list_find_source(list, s->endpoint[k].uri) == NULL &&
				s->revocation_policy > *missing)
				*missing = s->revocation_policy;
		}
	}
	return n;
}

static size_t count_settings(const struct config *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->crl_cnt; i++)
		n += 2 * c->crl[i].endpoint_cnt;
	return n;
}

struct revocations *revocations_current(struct daemon *d)
{
	struct revocations_args args = {
		.list = crl_manager_master_list(d->crl),
		.trust = trust_current(d->trust),
	};
	struct revocation_setting *setting;
	struct revocations *r = NULL;

	if (d->revocations != NULL && d->revocations->list == args.list &&
		d->revocations->trust == args.trust)
		return d->revocations;
	setting = calloc(count_settings(d->config) + 1, sizeof(*setting));
	if (setting == NULL)
		return NULL;
	args.setting = setting;
	args.setting_cnt = collect_settings(d->config, args.list, setting, &args.missing);
	if (revocations_new(&args, &r) == 0) {
		revocations_forget(d);
		d->revocations = r;
	}
	free(setting);
	return r;
}

static void put_revocations(void *r)
{
	revocations_put(r);
}

void revocations_release(struct daemon *d, struct revocations *r)
{
	/* The last reference may be the list's, too. */
	bool is_large = r != NULL && master_list_entry_cnt(r->list) > RELEASE_ENTRIES;

	helper_release(is_large ? d->helpers : NULL, put_revocations, r);
}

void revocations_forget(struct daemon *d)
{
	revocations_release(d, d->revocations);
	d->revocations = NULL;
}
