/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/alarms.h"
#include "control/config.h"
#include "control/crl/state.h"
#include "control/log.h"
#include "control/trust.h"
#include "pki/x509/cert.h"

#define MINUTE_NS UINT64_C(60000000000)

/* The vendor's defaults, for sources that certificates name and no configuration describes. */
#define POLLING_DEFAULT_NS (60 * MINUTE_NS)
#define POLLING_LAST_NS    (720 * 60 * MINUTE_NS)
#define BACKOFF_DEFAULT_NS UINT64_C(5000000000)
#define SHRINK_DEFAULT     25
/* Until then its issuer's list may have come from elsewhere. */
#define UNFETCHED_PATIENCE_NS MINUTE_NS
#define RECENT_DEFAULT        (825 * INT64_C(86400)) /* how long a certificate lives at most */

/* Where in by_url a source of this URL is, or would be. */
static size_t find_place(const struct crl_manager *m, const char *url)
{
	size_t low = 0, high = m->source_cnt;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(m->by_url[middle]->url, url) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* More of the pointers at *array. */
static bool grow(struct crl_source ***array, size_t capacity)
{
	struct crl_source **grown = realloc(*array, capacity * sizeof(struct crl_source *));

	if (grown != NULL)
		*array = grown;
	return grown != NULL;
}

static bool make_room(struct crl_manager *m)
{
	size_t capacity = m->source_capacity != 0 ? m->source_capacity * 2 : 16;

	if (m->source_cnt == CRL_SOURCE_MAX) {
		if (!m->is_full)
			log_error("crl: there are more than %d places of lists; further ones are "
				  "not asked for",
				CRL_SOURCE_MAX);
		m->is_full = true;
		return false;
	}
	if (m->source_cnt < m->source_capacity)
		return true;
	if (!grow(&m->source, capacity) || !grow(&m->by_url, capacity))
		return false;
	m->source_capacity = capacity;
	return true;
}

static void append(struct crl_manager *m, struct crl_source *s, size_t place)
{
	memmove(m->by_url + place + 1, m->by_url + place,
		(m->source_cnt - place) * sizeof(struct crl_source *));
	m->by_url[place] = s;
	s->nth = m->met_cnt++;
	m->source[m->source_cnt++] = s;
	m->is_unrelated = true;
}

/* Of one CRL, which may be a group of sources. */
static size_t count_entries(const struct master_list *list, const struct master_source_info *info)
{
	size_t cnt, sum = 0, at = master_list_find_group(list, info, &cnt);

	for (size_t i = 0; i < cnt; i++)
		sum += master_source_entry_cnt(master_list_source(list, at + i));
	return sum;
}

/* What the master list knows from before this start. */
static void recall(const struct crl_manager *m, struct crl_source *s)
{
	const struct master_source *known = master_list_find_source(m->list, s->url);
	const struct master_source_info *info;
	size_t i, at = 0;

	if (known == NULL)
		return;
	info = master_source_info(known);
	s->has_issuer = pki_issuer_hash_der(info->issuer, s->issuer_hash) == 0;
	s->entry_cnt = count_entries(m->list, info);
	s->this_update = info->this_update;
	s->next_update = info->next_update;
	s->last_success = info->fetched_at;
	snprintf(s->issuer, sizeof(s->issuer), "%s", info->ca_name);
	crl_source_tell_signer(s, info->key);
	snprintf(s->scope, sizeof(s->scope), "%s", info->scope);
	for (i = 0; i < info->number.len && at + 3 <= sizeof(s->number); i++)
		at += (size_t)snprintf(s->number + at, 3, "%02X", info->number.data[i]);
	for (i = at = 0; i < info->base_number.len && at + 3 <= sizeof(s->base_number); i++)
		at += (size_t)snprintf(s->base_number + at, 3, "%02X", info->base_number.data[i]);
}

struct crl_source *crl_source_get(struct crl_manager *m, const char *name, const char *url)
{
	size_t place = find_place(m, url);
	struct crl_source *s;

	if (place < m->source_cnt && strcmp(m->by_url[place]->url, url) == 0)
		return m->by_url[place];
	if (!make_room(m))
		return NULL;
	s = crl_source_new(name, url);
	if (s == NULL)
		return NULL;
	s->polling_ns = POLLING_DEFAULT_NS;
	s->backoff_ns = BACKOFF_DEFAULT_NS;
	s->size_max = FETCH_SIZE_MAX_DEFAULT;
	s->shrink_percent = SHRINK_DEFAULT;
	s->recent_sec = RECENT_DEFAULT;
	recall(m, s);
	append(m, s, place);
	return s;
}

/* Of several that name one URL the strictest of each setting counts. */
static void set(struct crl_source *s, const struct config_crl_source *from)
{
	bool is_first = !s->is_configured;
	size_t size_max = (size_t)from->size_limit_mib << 20;
	int64_t recent_sec = (int64_t)(from->certificate_lifetime_ns / UINT64_C(1000000000));

	s->is_local_allowed = from->is_local_address_allowed && (is_first || s->is_local_allowed);
	s->is_age_ignored =
		from->revocation_policy == RK_POLICY_OFF && (is_first || s->is_age_ignored);
	if (is_first || from->polling_interval_ns < s->polling_ns)
		s->polling_ns = from->polling_interval_ns;
	if (is_first || from->backoff_interval_ns > s->backoff_ns)
		s->backoff_ns = from->backoff_interval_ns;
	if (is_first || size_max < s->size_max)
		s->size_max = size_max;
	if (is_first || from->shrink_limit_percent < s->shrink_percent)
		s->shrink_percent = (unsigned)from->shrink_limit_percent;
	if (is_first || recent_sec > s->recent_sec)
		s->recent_sec = recent_sec;
}

static void add_url(struct crl_manager *m, const struct config_crl_source *from, const char *name,
	const char *url, bool is_delta)
{
	struct crl_source *s = crl_source_get(m, name, url);

	if (s == NULL)
		return;
	snprintf(s->name, sizeof(s->name), "%s", name);
	set(s, from);
	s->is_unfetched = false;
	s->is_wanted = s->is_configured = true;
	s->is_delta = is_delta;
}

/* The delta's name is the full list's and "/delta": is_named_pair goes by it. */
static void add_configured(struct crl_manager *m)
{
	const struct config *c = m->d->config;
	char name[CRL_SOURCE_NAME_MAX];
	size_t i, n;

	for (i = 0; i < c->crl_cnt; i++) {
		const struct config_crl_source *from = &c->crl[i];

		for (n = 0; n < from->endpoint_cnt; n++) {
			const struct config_crl_endpoint *e = &from->endpoint[n];

			snprintf(name, sizeof(name), "%s/%s", from->name, e->name);
			add_url(m, from, name, e->uri, false);
			snprintf(name, sizeof(name), "%s/%s/delta", from->name, e->name);
			if (e->delta_uri != NULL)
				add_url(m, from, name, e->delta_uri, true);
		}
	}
}

/* Whether some configuration allows learnt URLs to lead to this machine or link: labs. */
static bool is_local_allowed_anywhere(const struct config *c)
{
	size_t i;

	for (i = 0; i < c->crl_cnt; i++) {
		if (c->crl[i].is_local_address_allowed)
			return true;
	}
	return false;
}

/* As often as the operator wants revocation looked after that nothing more exact is said about. */
static uint64_t learnt_polling_ns(const struct config *c)
{
	uint64_t shortest = POLLING_LAST_NS; /* nextUpdate comes before */

	if (c->ca_profile_cnt == 0)
		return POLLING_DEFAULT_NS;
	for (size_t i = 0; i < c->ca_profile_cnt; i++) {
		uint64_t ns = c->ca_profile[i].revocation_check_interval_ns;

		if (ns != 0 && ns < shortest)
			shortest = ns;
	}
	return shortest;
}

/* issuer_hash NULL: whose lists come from there is not known before one is there. */
static struct crl_source *learn_url(
	struct crl_manager *m, const char *url, bool is_delta, const uint8_t *issuer_hash)
{
	struct crl_source *s = crl_source_get(m, url, url);

	if (s == NULL)
		return NULL;
	s->is_wanted = true;
	if (s->is_configured)
		return s;
	s->is_delta = is_delta;
	s->is_local_allowed = is_local_allowed_anywhere(m->d->config);
	s->polling_ns = learnt_polling_ns(m->d->config);
	if (!s->has_issuer && issuer_hash != NULL) {
		memcpy(s->issuer_hash, issuer_hash, sizeof(s->issuer_hash));
		s->has_issuer = true;
		m->is_unrelated = true;
	}
	return s;
}

/*
 * What is revoked of these certificates cannot be looked up where they say: that is told as of a source
 * that fails, unless the list comes from elsewhere.
 */
static void add_unfetched(struct crl_manager *m, const X509 *cert, bool is_noted)
{
	uint8_t hash[PKI_ISSUER_HASH_LEN];
	size_t cnt = m->source_cnt;
	struct crl_source *s;
	char url[PKI_URL_MAX];

	if (!pki_cert_unfetched_point(cert, url, hash))
		return;
	s = learn_url(m, url, false, hash);
	if (s == NULL)
		return;
	s->is_noted = s->is_noted || is_noted;
	if (m->source_cnt > cnt) {
		s->is_unfetched = true;
		s->due_ns = crl_now_ns() + UNFETCHED_PATIENCE_NS;
	}
}

static void add_learnt(struct crl_manager *m, const X509 *cert, bool is_noted)
{
	struct pki_cert_info *info = calloc(1, sizeof(*info));
	uint8_t hash[PKI_ISSUER_HASH_LEN];
	struct crl_source *s;

	if (info == NULL || pki_cert_info(cert, info) < 0 ||
		pki_issuer_hash(X509_get_issuer_name(cert), hash) < 0)
		goto out;
	for (size_t i = 0; i < info->crl_url_cnt; i++) {
		s = learn_url(m, info->crl_url[i], false, info->is_crl_of_other[i] ? NULL : hash);
		if (s == NULL)
			continue;
		s->is_noted = s->is_noted || is_noted;
		s->is_unfetched = false;
	}
	for (size_t i = 0; i < info->delta_url_cnt; i++) {
		s = learn_url(m, info->delta_url[i], true, hash);
		if (s != NULL)
			s->is_noted = s->is_noted || is_noted;
	}
	add_unfetched(m, cert, is_noted);
out:
	free(info);
}

void crl_learn_deltas(struct crl_manager *m, const struct crl_source *full)
{
	/* The endpoint's own delta is of the same issuer, fetched or not: it goes before. */
	for (size_t i = 0; full->is_configured && full->has_issuer && i < m->source_cnt; i++) {
		struct crl_source *s = m->source[i];

		if (s->is_delta && !s->has_issuer && crl_source_belongs_to(s, full)) {
			memcpy(s->issuer_hash, full->issuer_hash, sizeof(s->issuer_hash));
			s->has_issuer = true;
		}
	}
	for (size_t i = 0; i < full->delta_url_cnt; i++)
		(void)learn_url(m, full->delta_url[i], true, full->issuer_hash);
}

static void learn_all_deltas(struct crl_manager *m)
{
	size_t cnt = m->source_cnt; /* those that are learnt have none */

	for (size_t i = 0; i < cnt; i++) {
		if (m->source[i]->is_wanted && !m->source[i]->is_delta)
			crl_learn_deltas(m, m->source[i]);
	}
}

void crl_manager_note_certificate(struct crl_manager *m, const X509 *cert)
{
	add_learnt(m, cert, true);
	if (m->is_unrelated) { /* else it names what the ones before it named */
		crl_relate(m);
		crl_watch(m);
	}
	crl_schedule(m);
}

static bool is_kept(const struct crl_source *s)
{
	return s->is_wanted || s->is_noted || s->is_running;
}

/*
 * What no certificate or configuration names any more is not fetched any more. What its list
 * revoked stays revoked: the master list keeps it.
 */
static void drop_unwanted(struct crl_manager *m)
{
	size_t i, kept = 0, kept_by_url = 0;

	for (i = 0; i < m->source_cnt; i++) {
		if (is_kept(m->by_url[i]))
			m->by_url[kept_by_url++] = m->by_url[i];
	}
	for (i = 0; i < m->source_cnt; i++) {
		if (is_kept(m->source[i]))
			m->source[kept++] = m->source[i];
		else
			crl_source_free(m->source[i]);
	}
	m->source_cnt = kept;
	m->is_full = m->is_full && kept == CRL_SOURCE_MAX;
}

static bool is_source(void *arg, const char *name)
{
	const struct crl_manager *m = arg;

	for (size_t i = 0; i < m->source_cnt; i++)
		if (strcmp(m->source[i]->name, name) == 0)
			return true;
	return false;
}

/* Of a source that went now, or while this daemon did not run. */
static void drop_alarms(struct crl_manager *m)
{
	static const char *const kinds[] = {"crl-fetch", "crl-refused", "crl-rollback", "crl-stale",
		"crl-ending", "crl-shrunk"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		alarm_clear_unless(m->d->alarms, kinds[i], is_source, m);
}

void crl_manager_discover(struct crl_manager *m)
{
	const struct pki_trust *trust = trust_current(m->d->trust);
	uint64_t now = crl_now_ns();
	size_t i;

	m->waiting_cnt = 0;
	for (i = 0; i < m->source_cnt; i++) {
		m->source[i]->is_wanted = m->source[i]->is_configured = false;
		m->source[i]->is_waiting = m->source[i]->is_age_ignored = false;
		m->source[i]->polling_ns = learnt_polling_ns(m->d->config);
	}
	add_configured(m);
	for (i = 0; trust != NULL && i < pki_trust_ca_cnt(trust); i++)
		add_learnt(m, pki_trust_ca(trust, i)->cert, false);
	learn_all_deltas(m);
	drop_unwanted(m);
	drop_alarms(m);
	/* A list that was refused for want of a CA may be good now: asked for without a pause. */
	for (i = 0; i < m->source_cnt; i++) {
		crl_source_reschedule(m->source[i], now, crl_wall_sec());
		if (m->source[i]->failure_cnt > 0) {
			m->source[i]->due_ns = now;
			m->pause_until_ns = 0;
		}
	}
	crl_relate(m);
	crl_watch(m);
	crl_schedule(m);
}
