/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/revocations.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "control/crl/manager.h"
#include "control/daemon.h"
#include "control/time_text.h"
#include "control/trust.h"

struct source_ref {
	uint8_t issuer_hash[PKI_ISSUER_HASH_LEN];
	const struct master_source *source; /* held by the list */
};

/* A CA with a list, or with a policy that asks for one. */
struct issuer_ref {
	uint8_t hash[PKI_ISSUER_HASH_LEN];
	int64_t fresh_until; /* 0 = no list ever seen */
	enum rk_revocation_policy policy;
};

struct revocations {
	atomic_uint ref_cnt;
	struct master_list *list;
	struct pki_trust *trust; /* counted, may be NULL: what the issuers were taken from */
	struct source_ref *source;
	size_t source_cnt;
	struct issuer_ref *issuer;
	size_t issuer_cnt;
};

static int hash_der(struct rk_span der, uint8_t out[PKI_ISSUER_HASH_LEN])
{
	const unsigned char *p = der.data;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)der.len);
	int ret = name != NULL ? pki_issuer_hash(name, out) : -EIO;

	X509_NAME_free(name);
	return ret;
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
		ret = hash_der(master_source_info(s)->issuer, r->source[i].issuer_hash);
	}
	r->source_cnt = cnt;
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

		if (is_of(s, of->issuer_hash) &&
			strcmp(master_source_info(s->source)->scope, scope) == 0 &&
			fresh_until(args, s) > latest)
			latest = fresh_until(args, s);
	}
	return latest;
}

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
 * freshness. The strictest policy of any counts. A
 * configured source that was never fetched may be of any issuer without a configured list: where
 * it must not be missing, a learnt list does not stand in for it.
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

		if (!is_of(s, hash))
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
		is_seen = true;
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

const char *revocation_reason_name(enum rk_revocation_reason reason)
{
	static const char *const name[] = {
		[RK_REASON_UNSPECIFIED] = "unspecified",
		[RK_REASON_KEY_COMPROMISE] = "keyCompromise",
		[RK_REASON_CA_COMPROMISE] = "cACompromise",
		[RK_REASON_AFFILIATION_CHANGED] = "affiliationChanged",
		[RK_REASON_SUPERSEDED] = "superseded",
		[RK_REASON_CESSATION] = "cessationOfOperation",
		[RK_REASON_HOLD] = "certificateHold",
		[RK_REASON_REMOVED] = "removeFromCRL",
		[RK_REASON_PRIVILEGE_WITHDRAWN] = "privilegeWithdrawn",
		[RK_REASON_AA_COMPROMISE] = "aACompromise",
	};

	if ((size_t)reason >= sizeof(name) / sizeof(name[0]) || name[reason] == NULL)
		return "unspecified";
	return name[reason];
}

static void describe(struct revocations_query *q, const struct master_entry *entry,
	const struct master_source *source)
{
	char serial[MASTER_SERIAL_MAX * 2 + 1] = "";
	char when[TIME_TEXT_LEN];

	for (size_t i = 0; i < entry->serial_len; i++)
		snprintf(serial + 2 * i, 3, "%02X", entry->serial[i]);
	time_text(entry->revoked_at, when);
	snprintf(q->detail, sizeof(q->detail), "serial %s, %s, since %s, by the list of %.60s",
		serial, revocation_reason_name((enum rk_revocation_reason)entry->reason), when,
		master_source_info(source)->ca_name);
}

enum pki_revocation_answer revocations_find(
	void *ctx, const struct pki_revocation_query *query, struct pki_revoked *out)
{
	struct revocations_query *q = ctx;
	const struct revocations *r = q->revocations;
	uint8_t bytes[PKI_SERIAL_MAX];
	struct master_entry entry;
	int len = pki_serial_bytes(query->serial, bytes);
	bool is_covered = false;

	if (len < 0)
		return PKI_REVOCATION_UNKNOWN;
	for (size_t i = 0; i < r->source_cnt; i++) {
		const struct rk_span serial = {bytes, (size_t)len};

		if (memcmp(r->source[i].issuer_hash, query->issuer_hash, PKI_ISSUER_HASH_LEN) != 0)
			continue;
		is_covered = true;
		if (!master_source_find(r->source[i].source, serial, &entry))
			continue;
		out->reason = (enum rk_revocation_reason)entry.reason;
		out->date = entry.revoked_at;
		describe(q, &entry, r->source[i].source);
		return PKI_REVOCATION_REVOKED;
	}
	for (size_t i = 0; i < r->issuer_cnt; i++)
		if (r->issuer[i].policy == RK_POLICY_HARD && r->issuer[i].fresh_until < q->now &&
			memcmp(r->issuer[i].hash, query->issuer_hash, PKI_ISSUER_HASH_LEN) == 0)
			return PKI_REVOCATION_UNKNOWN;
	return is_covered ? PKI_REVOCATION_GOOD : PKI_REVOCATION_NOT_COVERED;
}

static void key_entries(const struct revocations *r, struct pki_revocation_keyer *keyer,
	struct rk_revocation_entry *entry)
{
	struct rk_revocation_key key;
	struct master_entry e;

	for (size_t i = 0; i < r->source_cnt; i++) {
		const struct source_ref *s = &r->source[i];

		for (size_t k = 0; k < master_source_entry_cnt(s->source); k++, entry++) {
			master_source_entry(s->source, k, &e);
			pki_revocation_key(keyer, s->issuer_hash, e.serial, e.serial_len, &key);
			*entry = rk_revocation_entry(&key, e.reason);
		}
	}
}

static void key_issuers(
	const struct revocations *r, struct pki_revocation_keyer *keyer, struct rk_issuer *issuer)
{
	for (size_t i = 0; i < r->issuer_cnt; i++) {
		issuer[i].fresh_until = r->issuer[i].fresh_until;
		issuer[i].policy = (uint8_t)r->issuer[i].policy;
		pki_revocation_key(keyer, r->issuer[i].hash, NULL, 0, &issuer[i].key);
	}
}

int revocations_compile(const struct revocations *r,
	const uint8_t installation_key[INSTALLATION_KEY_LEN], struct compile_part *out,
	struct rk_refusal *why)
{
	size_t cnt = master_list_entry_cnt(r->list);
	struct rk_revocation_entry *entry = calloc(cnt + 1, sizeof(*entry));
	struct rk_issuer *issuer = calloc(r->issuer_cnt + 1, sizeof(*issuer));
	struct pki_revocation_keyer *keyer = NULL;
	int ret = -ENOMEM;

	if (entry == NULL || issuer == NULL)
		goto out;
	ret = pki_revocation_keyer_new(installation_key, &keyer);
	if (ret < 0)
		goto out;
	key_entries(r, keyer, entry);
	key_issuers(r, keyer, issuer);
	ret = compile_revocations(
		RK_PART_REVOCATION_BASE, entry, cnt, issuer, r->issuer_cnt, out, why);
out:
	pki_revocation_keyer_free(keyer);
	free(issuer);
	free(entry);
	return ret;
}

/* One setting an endpoint; the strictest policy of those whose list was never seen yet. */
static size_t collect_settings(const struct config *c, const struct master_list *list,
	struct revocation_setting *setting, enum rk_revocation_policy *missing)
{
	size_t n = 0;

	*missing = RK_POLICY_OFF;
	for (size_t i = 0; i < c->crl_cnt; i++) {
		const struct config_crl_source *s = &c->crl[i];

		for (size_t k = 0; k < s->endpoint_cnt; k++) {
			setting[n++] = (struct revocation_setting){.url = s->endpoint[k].uri,
				.policy = s->revocation_policy,
				.grace_sec = s->grace_time_ns / UINT64_C(1000000000)};
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
		n += c->crl[i].endpoint_cnt;
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

void revocations_forget(struct daemon *d)
{
	revocations_put(d->revocations);
	d->revocations = NULL;
}
