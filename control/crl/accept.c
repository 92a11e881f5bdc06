/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/rand.h>

#include "control/alarms.h"
#include "control/audit.h"
#include "control/crl/admit.h"
#include "control/crl/state.h"
#include "control/helper.h"
#include "control/log.h"
#include "control/metrics.h"
#include "control/publish.h"
#include "control/revocations.h"
#include "control/trust.h"

#define RELEASE_ENTRIES 65536
#define REASON_MAX      (PKI_TEXT_MAX + 80)

struct alarm_spec crl_alarm(
	const char *kind, const struct crl_source *s, enum alarm_severity severity)
{
	return (struct alarm_spec){.kind = kind, .source = s->name, .severity = severity};
}

/* "Oct 27 00:00:00 2024 GMT": how the vendor's audit records print a CRL's dates. */
static json_t *audit_time(int64_t sec)
{
	time_t t = (time_t)sec;
	char text[64];
	struct tm tm;

	if (sec == 0 || gmtime_r(&t, &tm) == NULL ||
		strftime(text, sizeof(text), "%b %e %H:%M:%S %Y GMT", &tm) == 0)
		return json_string("N/A");
	return json_string(text);
}

static void audit_update(struct crl_manager *m, const struct crl_source *s, size_t added,
	size_t removed, bool is_success)
{
	char description[PKI_DN_MAX + 32];

	snprintf(description, sizeof(description), "Updated CRL for issuer: %s",
		s->issuer[0] != '\0' ? s->issuer : "N/A");
	audit_write(m->d->audit, "system.crl_update", description,
		json_pack("{s:b, s:o, s:o, s:s, s:I, s:I, s:I, s:I, s:b, s:s, s:s}", "forced",
			s->is_forced_running, "last_updated", audit_time(s->this_update),
			"next_update", audit_time(s->next_update), "crl_url", s->url, "size",
			(json_int_t)s->bytes, "total_entries", (json_int_t)s->entry_cnt,
			"added_entries", (json_int_t)added, "removed_entries", (json_int_t)removed,
			"success", is_success, "certificate_authority",
			s->issuer[0] != '\0' ? s->issuer : "N/A", "error", s->last_error));
}

static const char *what_failed(const char *kind)
{
	if (strcmp(kind, "crl-fetch") == 0)
		return "cannot be retrieved";
	return strcmp(kind, "crl-rollback") == 0 ? "was rolled back" : "cannot be accepted";
}

static void not_taken(struct crl_source *s, const char *reason)
{
	snprintf(s->last_error, sizeof(s->last_error), "%s", reason);
	/* The validators stand for a body that was not taken: ask for all of it again. */
	s->etag[0] = s->last_modified[0] = '\0';
}

void crl_clear_failures(struct crl_manager *m, const struct crl_source *s, const char *but)
{
	static const char *const kinds[] = {
		"crl-fetch", "crl-refused", "crl-rollback", "crl-shrunk"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i], but) != 0)
			alarm_clear(m->d->alarms, kinds[i], s->name);
	}
}

void crl_fail(struct crl_manager *m, struct crl_source *s, const char *kind, const char *reason)
{
	const struct alarm_spec alarm = crl_alarm(kind, s, ALARM_MAJOR);
	bool is_news = strcmp(s->last_error, reason) != 0 || s->is_forced_running;
	uint32_t jitter = 0;

	not_taken(s, reason);
	s->has_waited = false;
	/* Only the jitter of a retry: a failing generator is noticed where it matters. */
	if (RAND_bytes((unsigned char *)&jitter, sizeof(jitter)) != 1)
		jitter = 0;
	if (strcmp(kind, "crl-shrunk") == 0)
		crl_source_schedule_held(s, crl_now_ns(), crl_wall_sec());
	else
		crl_source_schedule_failure(s, crl_now_ns(), crl_wall_sec(), jitter);
	log_warning("crl: %s: %s", s->url, reason);
	if (strcmp(kind, "crl-fetch") != 0) /* it came, and this is what is wrong with it */
		crl_clear_failures(m, s, kind);
	alarm_raise(m->d->alarms, &alarm, "CRL %s %s: %s", s->url, what_failed(kind), reason);
	if (is_news)
		audit_update(m, s, 0, 0, false);
	crl_watch(m);
	crl_run_ended(m, s);
}

static void succeed(struct crl_manager *m, struct crl_source *s)
{
	s->last_success = s->last_try;
	crl_source_schedule_success(s, crl_now_ns(), crl_wall_sec());
	crl_clear_failures(m, s, "");
	s->is_shrunk_held = s->has_waited = false;
	crl_clock_confirm(&m->clock);
	crl_watch(m);
	crl_run_ended(m, s);
}

static void keep_facts(struct crl_source *s, const struct crl_ingest *in)
{
	s->entry_cnt = in->entry_cnt;
	s->this_update = in->this_update;
	s->next_update = in->next_update;
	s->has_issuer = true;
	memcpy(s->issuer_hash, in->issuer_hash, sizeof(s->issuer_hash));
	memcpy(s->issuer, in->issuer, sizeof(s->issuer));
	crl_source_tell_signer(s, (struct rk_span){in->signer_key, sizeof(in->signer_key)});
	memcpy(s->number, in->number, sizeof(s->number));
	memcpy(s->base_number, in->base_number, sizeof(s->base_number));
	snprintf(s->scope, sizeof(s->scope), "%s", master_source_info(in->source[0])->scope);
	s->has_signature = true;
	memcpy(s->signature_digest, in->signature_digest, sizeof(s->signature_digest));
	s->delta_url_cnt = in->delta_url_cnt;
	memcpy(s->delta_url, in->delta_url, sizeof(s->delta_url));
}

static void put_list(void *list)
{
	master_list_put(list);
}

/* Where much is given back, a helper does it: the loop has others to serve. */
static void release_list(struct crl_manager *m, struct master_list *list)
{
	bool is_large = master_list_entry_cnt(list) > RELEASE_ENTRIES;

	helper_release(is_large ? m->d->helpers : NULL, put_list, list);
}

/* A delta fits a newer list, or needs one: the other is asked for now. */
static void wake_deltas(struct crl_manager *m, const struct crl_source *full)
{
	for (size_t i = 0; i < m->source_cnt; i++) {
		if (crl_source_belongs_to(m->source[i], full))
			m->source[i]->due_ns = 0;
	}
}

static void wake_full(struct crl_manager *m, const struct crl_source *delta)
{
	for (size_t i = 0; i < m->source_cnt; i++) {
		/* One that fails keeps to its own pauses. */
		if (crl_source_belongs_to(delta, m->source[i]) && m->source[i]->failure_cnt == 0)
			m->source[i]->due_ns = 0;
	}
}

/* In a sentence: the first finding, or else the error. */
static void tell_reason(const struct pki_report *report, int error, char out[REASON_MAX])
{
	const struct pki_finding *finding = pki_report_first(report);

	if (finding != NULL)
		snprintf(out, REASON_MAX, "%s (%s)", finding->text, finding->code);
	else
		snprintf(out, REASON_MAX, "%s", strerror(-error));
}

/* A list that was good when it was read cannot be put in: another one came before it. */
static void fail_late(struct crl_manager *m, struct crl_source *s, struct crl_ingest *in, int error)
{
	const struct master_source_info *about = master_source_info(in->source[0]);
	char reason[REASON_MAX];

	if (error == -ESTALE)
		crl_report_rollback(&in->report, about->number, master_list_mark(m->list, about));
	tell_reason(&in->report, error, reason);
	if (error == -E2BIG)
		snprintf(reason, sizeof(reason), "there are more lists and issuers than are kept");
	crl_fail(m, s, error == -ESTALE ? "crl-rollback" : "crl-refused", reason);
}

/* A refresh does not wait for what would only come after the pause between endpoints. */
static bool is_coming(const struct crl_source *full, bool is_forced)
{
	return !full->is_overridden &&
	       (full->is_running || full->is_forced || (full->due_ns == 0 && !is_forced));
}

/*
 * A delta that came before its full list, which is on its way or has come meanwhile: nothing is wrong
 * with either. It is fetched again right after, and only then refused.
 */
static bool wait_for_full(struct crl_manager *m, struct crl_source *delta,
	const struct crl_ingest *in, const char *reason)
{
	bool is_here = m->list != in->args.list, is_due = is_here;

	wake_full(m, delta);
	for (size_t i = 0; i < m->source_cnt && !is_due; i++)
		is_due = crl_source_belongs_to(delta, m->source[i]) &&
			 is_coming(m->source[i], delta->is_forced_running);
	if (!is_due || delta->has_waited)
		return false;
	log_info("crl: %s: waits for its full list", delta->url);
	not_taken(delta, reason);
	delta->has_waited = true;
	delta->is_waiting = !is_here;
	m->waiting_cnt += delta->is_waiting;
	delta->due_ns = 0;
	delta->is_forced |= delta->is_forced_running;
	crl_run_ended(m, delta);
	return true;
}

static bool is_trusted(const void *trust, struct rk_span key)
{
	return key.len == 0 || pki_trust_has_key(trust, key.data);
}

/*
 * In the place of what its signer's list said before. Another key's list of that name stands beside it,
 * until its CA certificate is no longer trusted: nothing that it signed is good then, revoked or not.
 */
static int put_in(struct crl_manager *m, const struct crl_ingest *in, struct master_list **out)
{
	struct master_list *list;
	int ret = master_list_replace_group(m->list, in->source, in->source_cnt, &list);

	if (ret < 0)
		return ret;
	ret = master_list_retire(
		list, master_source_info(in->source[0]), is_trusted, in->args.trust, out);
	master_list_put(list);
	return ret;
}

/*
 * The new list goes to the workers first and to disk after: early is safe, and after a crash the
 * older list is loaded and fetched again.
 */
static void put_in_force(struct crl_manager *m, struct crl_source *s, struct crl_ingest *in)
{
	struct master_list *changed;
	int ret = put_in(m, in, &changed);

	if (ret < 0) {
		fail_late(m, s, in, ret);
		return;
	}
	keep_facts(s, in);
	if (changed == m->list) {
		master_list_put(changed);
	} else {
		release_list(m, m->list);
		m->list = changed;
		publisher_mark(m->d->publisher, RK_PART_REVOCATION_BASE);
		publisher_flush(m->d->publisher);
		crl_save(m);
		wake_deltas(m, s);
		log_info("crl: %s: number %s, %zu entries (+%zu -%zu)", s->url, s->number,
			s->entry_cnt, in->added_cnt, in->removed_cnt);
		audit_update(m, s, in->added_cnt, in->removed_cnt, true);
	}
	crl_learn_deltas(m, s);
	crl_relate(m);
	succeed(m, s);
}

static void free_ingest(void *in)
{
	crl_ingest_free(in);
}

static const char *alarm_kind_of(enum crl_refusal refusal)
{
	switch (refusal) {
	case CRL_REFUSED_ROLLBACK:
		return "crl-rollback";
	case CRL_REFUSED_SHRUNK:
		return "crl-shrunk";
	default:
		return "crl-refused";
	}
}

static void on_ingested(void *arg)
{
	struct crl_ingest *in = arg;
	struct crl_run *run = in->owner;
	struct crl_source *s = run->source;
	char reason[REASON_MAX];

	metrics_count(run->m->d->metrics,
		in->error == 0 ? METRIC_CRL_INGEST_SUCCESS : METRIC_CRL_INGEST_FAILURE);
	if (in->error == 0) {
		put_in_force(run->m, s, in);
	} else {
		tell_reason(&in->report, in->error, reason);
		s->is_shrunk_held = in->refusal == CRL_REFUSED_SHRUNK;
		if (in->refusal != CRL_REFUSED_NO_BASE || !wait_for_full(run->m, s, in, reason))
			crl_fail(run->m, s, alarm_kind_of(in->refusal), reason);
	}
	helper_release(
		run->m->d->helpers, free_ingest, in); /* whose file the disk may be slow with */
	free(run);
}

/* Who is revoked, as it is known when the fetch ends. */
struct signer_query {
	struct revocations_query query; /* first: revocations_find gets it */
	struct revocations *revocations;
};

static void free_query(void *arg)
{
	struct signer_query *q = arg;

	if (q != NULL)
		revocations_put(q->revocations);
	free(q);
}

/* NULL when memory is short. */
static struct signer_query *new_query(struct daemon *d)
{
	struct revocations *now = revocations_current(d);
	struct signer_query *q = now != NULL ? calloc(1, sizeof(*q)) : NULL;

	if (q != NULL) {
		q->revocations = revocations_get(now);
		q->query.revocations = now;
		q->query.now = crl_wall_sec();
	}
	return q;
}

static void ingest(struct crl_run *run, struct fetch_result *result)
{
	struct crl_manager *m = run->m;
	struct crl_source *s = run->source;
	struct pki_trust *trust = trust_current(m->d->trust);
	struct crl_ingest_args args = {.fd = result->fd,
		.len = result->len,
		.is_foreign = result->is_foreign,
		.dir_fd = m->d->state_fd,
		.url = s->url,
		.is_delta = s->is_delta,
		.is_learnt = !s->is_configured,
		.now = crl_wall_sec(),
		.trust = trust,
		.list = m->list,
		.find = revocations_find,
		.free_ctx = free_query,
		.shrink_percent = s->is_shrunk_held ? 100 : s->shrink_percent,
		.recent_sec = s->recent_sec,
		.in_force = s->has_signature ? s->signature_digest : NULL,
		.installation_key = m->d->installation_key};
	struct crl_ingest *in = NULL;
	int ret = -ENOMEM;

	if (trust == NULL) {
		crl_fail(m, s, "crl-refused", "no trusted CA certificate is installed");
		free(run);
		return;
	}
	args.find_ctx = new_query(m->d);
	if (args.find_ctx != NULL)
		in = crl_ingest_new(&args);
	if (in == NULL)
		free_query(args.find_ctx);
	if (in != NULL) {
		result->fd = -1;
		in->owner = run;
		ret = helper_run(m->d->helpers, crl_ingest_work, on_ingested, in);
	}
	if (ret < 0) {
		crl_ingest_free(in);
		free(run);
		crl_fail(m, s, "crl-fetch", strerror(-ret));
	}
}

void crl_on_fetched(void *arg, struct fetch_result *result)
{
	struct crl_run *run = arg;
	struct crl_source *s = run->source;

	if (run->m->is_closing) {
		free(run);
		return;
	}
	s->http_status = result->http_status;
	metrics_count(run->m->d->metrics,
		result->error < 0 ? METRIC_CRL_FETCH_FAILURE : METRIC_CRL_FETCH_SUCCESS);
	if (result->error < 0) {
		crl_fail(run->m, s, "crl-fetch", result->text);
		free(run);
	} else if (result->is_not_modified) {
		succeed(run->m, s);
		free(run);
	} else {
		s->bytes = result->len;
		memcpy(s->etag, result->etag, sizeof(s->etag));
		memcpy(s->last_modified, result->last_modified, sizeof(s->last_modified));
		ingest(run, result);
	}
}
