/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/rand.h>

#include "control/alarms.h"
#include "control/audit.h"
#include "control/crl/state.h"
#include "control/helper.h"
#include "control/log.h"
#include "control/metrics.h"
#include "control/publish.h"
#include "control/trust.h"

static struct alarm_spec alarm_of(
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

void crl_fail(struct crl_manager *m, struct crl_source *s, const char *kind, const char *reason)
{
	const struct alarm_spec alarm = alarm_of(kind, s, ALARM_MAJOR);
	bool is_news = strcmp(s->last_error, reason) != 0 || s->is_forced_running;
	uint32_t jitter = 0;

	snprintf(s->last_error, sizeof(s->last_error), "%s", reason);
	/* The validators stand for a body that was not taken: ask for all of it again. */
	s->etag[0] = s->last_modified[0] = '\0';
	/* Only the jitter of a retry: a failing generator is noticed where it matters. */
	if (RAND_bytes((unsigned char *)&jitter, sizeof(jitter)) != 1)
		jitter = 0;
	crl_source_schedule_failure(s, crl_now_ns(), crl_wall_sec(), jitter);
	log_warning("crl: %s: %s", s->url, reason);
	alarm_raise(m->d->alarms, &alarm, "CRL %s cannot be %s: %s", s->url,
		strcmp(kind, "crl-fetch") == 0 ? "retrieved" : "accepted", reason);
	if (is_news)
		audit_update(m, s, 0, 0, false);
	crl_check_stale(m);
	crl_run_ended(m, s);
}

static void succeed(struct crl_manager *m, struct crl_source *s)
{
	s->last_success = s->last_try;
	crl_source_schedule_success(s, crl_now_ns(), crl_wall_sec());
	alarm_clear(m->d->alarms, "crl-fetch", s->name);
	alarm_clear(m->d->alarms, "crl-refused", s->name);
	crl_check_stale(m);
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
	memcpy(s->number, in->number, sizeof(s->number));
}

/*
 * The new list goes to the workers first and to disk after: early is safe, and after a crash the
 * older list is loaded and fetched again.
 */
static void put_in_force(struct crl_manager *m, struct crl_source *s, struct crl_ingest *in)
{
	struct master_list *changed;
	int ret = master_list_replace(m->list, in->source, &changed);

	if (ret == -ESTALE) {
		crl_fail(m, s, "crl-refused",
			"its CRL number is lower than one accepted before (rollback)");
		return;
	}
	if (ret < 0) {
		crl_fail(m, s, "crl-refused", strerror(-ret));
		return;
	}
	keep_facts(s, in);
	if (changed == m->list) {
		master_list_put(changed);
	} else {
		master_list_put(m->list);
		m->list = changed;
		publisher_mark(m->d->publisher, RK_PART_REVOCATION_BASE);
		publisher_flush(m->d->publisher);
		crl_save(m);
		log_info("crl: %s: number %s, %zu entries (+%zu -%zu)", s->url, s->number,
			s->entry_cnt, in->added_cnt, in->removed_cnt);
		audit_update(m, s, in->added_cnt, in->removed_cnt, true);
	}
	crl_mark_overridden(m);
	succeed(m, s);
}

static void on_ingested(void *arg)
{
	struct crl_ingest *in = arg;
	struct crl_run *run = in->owner;
	struct crl_source *s = run->source;
	const struct pki_finding *finding = pki_report_first(&in->report);
	char reason[PKI_TEXT_MAX + 80];

	metrics_count(run->m->d->metrics,
		in->error == 0 ? METRIC_CRL_INGEST_SUCCESS : METRIC_CRL_INGEST_FAILURE);
	if (in->error == 0) {
		put_in_force(run->m, s, in);
	} else {
		if (finding != NULL)
			snprintf(reason, sizeof(reason), "%s (%s)", finding->text, finding->code);
		else
			snprintf(reason, sizeof(reason), "%s", strerror(-in->error));
		crl_fail(run->m, s, "crl-refused", reason);
	}
	crl_ingest_free(in);
	free(run);
}

static void ingest(struct crl_run *run, struct fetch_result *result)
{
	struct crl_manager *m = run->m;
	struct crl_source *s = run->source;
	struct pki_trust *trust = trust_current(m->d->trust);
	struct crl_ingest *in;
	int ret = -ENOMEM;

	if (trust == NULL) {
		crl_fail(m, s, "crl-refused", "no trusted CA certificate is installed");
		free(run);
		return;
	}
	in = crl_ingest_new(result->body, result->len, s->url, crl_wall_sec(), trust, m->list);
	if (in != NULL) {
		result->body = NULL;
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

void crl_check_stale(struct crl_manager *m)
{
	int64_t now = crl_wall_sec();
	size_t i;

	for (i = 0; i < m->source_cnt; i++) {
		const struct crl_source *s = m->source[i];
		const struct alarm_spec alarm = alarm_of("crl-stale", s, ALARM_MAJOR);

		if (s->this_update != 0 && s->next_update < now && !s->is_overridden)
			alarm_raise(m->d->alarms, &alarm,
				"CRL %s is stale: its next update was due", s->url);
		else
			alarm_clear(m->d->alarms, "crl-stale", s->name);
	}
}

/* ---- the list on disk ------------------------------------------------------------------------ */

struct save {
	struct crl_manager *m;
	struct master_list *list; /* counted */
	int dir;
	int error;
};

static void save_work(void *arg)
{
	struct save *save = arg;

	save->error = master_list_save(save->list, save->dir, NULL);
}

static void on_saved(void *arg)
{
	static const struct alarm_spec alarm = {
		.kind = "crl-save", .source = "master-list", .severity = ALARM_MAJOR};
	struct save *save = arg;
	struct crl_manager *m = save->m;

	m->is_saving = false;
	if (save->error < 0)
		m->is_save_due = true; /* the timer tries again, or close does */
	if (save->error == -ECANCELED) {
		log_debug("crl: the daemon stopped before the master list was written");
	} else if (save->error < 0) {
		log_error("crl: the master list cannot be written: %s", strerror(-save->error));
		alarm_raise(m->d->alarms, &alarm,
			"The list of revoked certificates cannot be written: %s",
			strerror(-save->error));
	} else {
		alarm_clear(m->d->alarms, alarm.kind, alarm.source);
		if (m->is_save_due && !m->is_closing)
			crl_save(m);
	}
	master_list_put(save->list);
	free(save);
}

void crl_save(struct crl_manager *m)
{
	struct save *save;

	m->is_save_due = true;
	if (m->is_saving)
		return;
	save = calloc(1, sizeof(*save));
	if (save == NULL)
		return;
	*save = (struct save){.m = m,
		.list = master_list_get(m->list),
		.dir = m->d->state_fd,
		.error = -ECANCELED};
	if (helper_run(m->d->helpers, save_work, on_saved, save) < 0) {
		master_list_put(save->list);
		free(save);
		return;
	}
	m->is_saving = true;
	m->is_save_due = false;
}
