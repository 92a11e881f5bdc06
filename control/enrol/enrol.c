/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/enrol/enrol_private.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/alarms.h"
#include "control/disk_write.h"
#include "control/helper.h"

#define QUEUE_MAX      (ENROLMENT_MAX + 8)
#define TICK_SEC       60 /* the longest sleep: the clock may be set meanwhile */
#define POSTPONE_SEC   2
#define RETRY_SEC      60
#define RETRY_MAX_SEC  (6 * 3600)
#define URGENT_SEC     (7 * 86400)
#define FAILURES_ALARM 3

#define ALARM_KIND "enrolment-failing"

const struct config_ca_profile *enrol_profile(const struct enrol *e, const char *url)
{
	const struct config *c = e->daemon->config;

	for (size_t i = 0; i < c->ca_profile_cnt; i++)
		if (strcmp(c->ca_profile[i].url, url) == 0)
			return &c->ca_profile[i];
	return NULL;
}

static const char *protocol_name(const struct config_ca_profile *profile)
{
	return profile->protocol == CONFIG_CA_CMP ? enrol_cmp.name : enrol_est.name;
}

const char *enrol_protocol(const struct enrol *e, const char *url)
{
	const struct config_ca_profile *profile = enrol_profile(e, url);

	return profile != NULL ? protocol_name(profile) : NULL;
}

struct enrolment *enrol_find(const struct enrol *e, const char *name)
{
	struct enrolment *r;

	LIST_FOREACH(r, &e->list, link)
	if (strcmp(r->name, name) == 0)
		return r;
	return NULL;
}

/* ---- when ------------------------------------------------------------------------------------- */

/* A pause before the same again is never so long: the clock was ahead when it began, and was set. */
static void mend_pause(struct enrolment *r, int64_t now)
{
	int64_t pause_max = ENROL_WAIT_MAX > RETRY_MAX_SEC ? ENROL_WAIT_MAX : RETRY_MAX_SEC;

	if (r->fingerprint[0] == '\0' && r->next_try > now + pause_max)
		r->next_try = now + RETRY_SEC;
}

static void set_timer(struct enrol *e)
{
	int64_t now = time(NULL), wait = TICK_SEC;
	struct timeval tv = {0};
	struct enrolment *r;

	LIST_FOREACH(r, &e->list, link)
	{
		mend_pause(r, now);
		if (r->next_try != 0 && r->next_try - now < wait)
			wait = r->next_try - now;
	}
	tv.tv_sec = wait > 0 ? wait : 1;
	evtimer_add(e->timer, &tv);
}

void enrol_changed(struct enrol *e)
{
	disk_write(e->daemon, ENROLMENT_FILE, enrolment_print(&e->list), NULL, NULL);
	set_timer(e);
}

/*
 * Two thirds of the lifetime, and up to a twentieth of it earlier: a fleet does not come at once.
 * One that was old when it came is renewed after two thirds of what was left of it: the next may
 * be as old, and the CA is not to be asked without a pause.
 */
static void plan_renewal(struct enrolment *r, bool is_new)
{
	const struct config_ca_profile *profile = enrol_profile(r->enrol, r->url);
	struct pki_cert_info info;
	int64_t life, now = time(NULL);
	X509 *cert = NULL;

	r->next_try = 0;
	r->fingerprint[0] = '\0';
	if (profile == NULL || !profile->is_renewal_on ||
		provision_read_certificate(r->enrol->daemon->pki_fd, r->name, &cert) < 0)
		return;
	if (pki_cert_info(cert, &info) == 0 && info.not_after > info.not_before) {
		life = info.not_after - info.not_before;
		r->next_try = info.not_before + life / 3 * 2;
		if (life >= 20)
			r->next_try -= arc4random_uniform(
				life / 20 < UINT32_MAX ? (uint32_t)(life / 20) : UINT32_MAX);
		if (is_new && r->next_try <= now)
			r->next_try = now + (info.not_after - now) / 3 * 2;
		if (is_new && r->next_try <= now)
			r->next_try = now + RETRY_SEC;
		snprintf(r->fingerprint, sizeof(r->fingerprint), "%s", info.fingerprint_sha256);
	}
	X509_free(cert);
}

/* Somebody may have installed another certificate since the renewal was planned. */
static bool is_plan_current(const struct enrolment *r)
{
	struct pki_cert_info info;
	X509 *cert = NULL;
	bool is_same;

	is_same = provision_read_certificate(r->enrol->daemon->pki_fd, r->name, &cert) == 0 &&
		  pki_cert_info(cert, &info) == 0 &&
		  strcmp(info.fingerprint_sha256, r->fingerprint) == 0;
	X509_free(cert);
	return is_same;
}

static void try_now(struct enrolment *r)
{
	if (r->fingerprint[0] != '\0') {
		if (!is_plan_current(r)) {
			plan_renewal(r, false);
			return;
		}
		log_info("%s: two thirds of its lifetime are over: renewing it", r->name);
		r->action = ENROL_RENEW;
		r->started = time(NULL);
	}
	memset(&r->actor, 0, sizeof(r->actor));
	json_decref(r->request);
	r->request = NULL;
	enrol_begin(r);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct enrol *e = arg;
	struct enrolment *r, *next;
	int64_t now = time(NULL);

	(void)fd;
	(void)what;
	for (r = LIST_FIRST(&e->list); r != NULL; r = next) {
		next = LIST_NEXT(r, link);
		if (!enrolment_is_busy(r) && r->next_try != 0 && r->next_try <= now)
			try_now(r);
	}
	set_timer(e);
}

/* ---- what came of it --------------------------------------------------------------------------- */

static const char *action_name(const struct enrolment *r)
{
	return r->action == ENROL_REVOKE  ? "revocation"
	       : r->action == ENROL_RENEW ? "renewal"
					  : "enrolment";
}

static void audit(const struct enrolment *r, bool is_success)
{
	char text[160];

	snprintf(text, sizeof(text), "Certificate %s %s: %s", action_name(r),
		is_success ? "succeeded" : "failed", r->name);
	audit_write_as(r->enrol->daemon->audit, &r->actor,
		is_success ? "system.enrolment" : "system.enrolment_failed", text,
		json_pack("{s:s, s:s, s:s, s:b, s:s?}", "name", r->name, "ca_profile", r->url,
			"action", action_name(r), "success", is_success, "reason",
			r->error[0] != '\0' ? r->error : NULL));
}

static void end_try(struct enrolment *r)
{
	enrol_job_free(r->job);
	r->job = NULL;
	json_decref(r->request);
	r->request = NULL;
}

/* Little time is left, or none, or nobody knows. */
static bool is_urgent(const struct enrolment *r)
{
	struct pki_cert_info info;
	X509 *cert = NULL;
	bool has_time;

	has_time = provision_read_certificate(r->enrol->daemon->pki_fd, r->name, &cert) == 0 &&
		   pki_cert_info(cert, &info) == 0 && info.not_after > time(NULL) + URGENT_SEC;
	X509_free(cert);
	return !has_time;
}

static void raise_alarm(const struct enrolment *r)
{
	const struct alarm_spec spec = {.kind = ALARM_KIND,
		.source = r->name,
		.severity = is_urgent(r) ? ALARM_MAJOR : ALARM_MINOR};

	alarm_raise(r->enrol->daemon->alarms, &spec,
		"The %s of certificate %s failed %u times in a row: %s", action_name(r), r->name,
		r->failure_cnt, r->error);
}

/* A minute, then twice as long each time, six hours at most. */
static int64_t retry_pause(unsigned failure_cnt)
{
	int64_t pause = RETRY_SEC;

	while (failure_cnt-- > 1 && pause < RETRY_MAX_SEC)
		pause *= 2;
	return pause < RETRY_MAX_SEC ? pause : RETRY_MAX_SEC;
}

void enrol_postpone(struct enrolment *r)
{
	r->state = r->job != NULL ? ENROL_WAITING : ENROL_FAILED;
	enrolment_set_error(r, "another key or certificate is being worked on");
	r->next_try = time(NULL) + POSTPONE_SEC;
	set_timer(r->enrol);
}

void enrol_drop(struct enrolment *r, const char *text)
{
	struct enrol *e = r->enrol;

	if (r->last_success != 0) {
		enrol_fail(r, true, text);
		return;
	}
	LIST_REMOVE(r, link);
	alarm_clear(e->daemon->alarms, ALARM_KIND, r->name);
	enrolment_free(r);
	enrol_changed(e);
}

void enrol_fail(struct enrolment *r, bool is_final, const char *text)
{
	int64_t next;

	enrolment_set_error(r, text);
	r->state = ENROL_FAILED;
	r->failure_cnt++;
	next = time(NULL) + retry_pause(r->failure_cnt);
	r->next_try = next;
	if (is_final) {
		r->next_try = 0;
		if (r->last_success != 0)
			plan_renewal(r, false);
		if (r->next_try != 0 && r->next_try < next)
			r->next_try = next;
	}
	log_warning("%s: the %s failed: %s", r->name, action_name(r), r->error);
	audit(r, false);
	if (r->failure_cnt >= FAILURES_ALARM)
		raise_alarm(r);
	end_try(r);
	enrol_changed(r->enrol);
}

void enrol_succeed(struct enrolment *r)
{
	r->error[0] = '\0';
	r->state = ENROL_DONE;
	r->failure_cnt = 0;
	r->last_success = time(NULL);
	if (r->action == ENROL_REVOKE)
		r->next_try = 0;
	else
		plan_renewal(r, true);
	log_info("%s: the %s succeeded", r->name, action_name(r));
	audit(r, true);
	alarm_clear(r->enrol->daemon->alarms, ALARM_KIND, r->name);
	end_try(r);
	enrol_changed(r->enrol);
}

/* ---- what there is ----------------------------------------------------------------------------- */

void enrol_list(const struct enrol *e, struct answer *out)
{
	const struct config *c = e->daemon->config;
	json_t *list = json_array(), *profiles = json_array();
	const struct enrolment *r;

	LIST_FOREACH(r, &e->list, link)
	json_array_append_new(list, enrolment_json(r, enrol_protocol(e, r->url)));
	for (size_t i = 0; i < c->ca_profile_cnt; i++)
		json_array_append_new(
			profiles, json_pack("{s:s, s:s, s:b}", "url", c->ca_profile[i].url,
					  "protocol", protocol_name(&c->ca_profile[i]), "renewal",
					  c->ca_profile[i].is_renewal_on));
	answer_ok(out, json_pack("{s:o, s:o}", "enrolments", list, "ca_profiles", profiles));
}

static const struct enrolment *find_or_refuse(
	const struct enrol *e, const char *name, struct answer *out)
{
	const struct enrolment *r = enrol_find(e, name);

	if (r == NULL)
		answer_error(out, 404, "no-enrolment", NULL,
			"no certificate named \"%.64s\" was enrolled", name);
	return r;
}

void enrol_show(const struct enrol *e, const char *name, struct answer *out)
{
	const struct enrolment *r = find_or_refuse(e, name, out);

	if (r != NULL)
		answer_ok(out, enrolment_json(r, enrol_protocol(e, r->url)));
}

void enrol_delete(struct enrol *e, const char *name, struct answer *out)
{
	struct enrolment *r = enrol_find(e, name);

	if (find_or_refuse(e, name, out) == NULL)
		return;
	if (enrolment_is_busy(r)) {
		answer_error(out, 409, "busy", NULL,
			"the CA is being asked right now: try again in a minute");
		return;
	}
	LIST_REMOVE(r, link);
	enrolment_free(r);
	alarm_clear(e->daemon->alarms, ALARM_KIND, name);
	enrol_changed(e);
	answer_ok(out, json_pack("{s:s, s:s}", "name", name, "deleted", "enrolment"));
}

/* ---- beginning and end ------------------------------------------------------------------------- */

/* What a restart interrupted: a request that waits is asked again, the rest is tried again. */
static void take_up(struct enrolment *r)
{
	if (enrolment_is_busy(r)) {
		r->state = ENROL_FAILED;
		r->next_try = time(NULL) + RETRY_SEC;
		snprintf(r->error, sizeof(r->error), "it was interrupted by a restart");
	}
}

void enrol_configure(struct enrol *e)
{
	struct enrolment *r;

	LIST_FOREACH(r, &e->list, link)
	if (r->state == ENROL_DONE && r->action != ENROL_REVOKE)
		plan_renewal(r, false);
	set_timer(e);
}

static bool is_enrolled(void *arg, const char *name)
{
	return enrol_find(arg, name) != NULL;
}

int enrol_open(struct daemon *d, struct enrol **out)
{
	struct enrol *e = calloc(1, sizeof(*e));
	struct enrolment *r;
	int ret;

	if (e == NULL)
		return -ENOMEM;
	e->daemon = d;
	atomic_init(&e->is_stopping, false);
	LIST_INIT(&e->list);
	e->timer = evtimer_new(d->base, on_timer, e);
	ret = e->timer == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ? -ENOMEM : 0;
	if (ret == 0)
		ret = helper_pool_new(d->base, 1, QUEUE_MAX, &e->helpers);
	if (ret == 0)
		ret = enrolment_load(e, d->state_fd, &e->list);
	if (ret < 0) {
		log_error("%s/%s: %s", d->options->state_dir, ENROLMENT_FILE, strerror(-ret));
		enrol_close(e);
		return ret;
	}
	LIST_FOREACH(r, &e->list, link)
	take_up(r);
	alarm_clear_unless(d->alarms, ALARM_KIND, is_enrolled, e);
	set_timer(e);
	*out = e;
	return 0;
}

void enrol_close(struct enrol *e)
{
	struct enrolment *r;

	if (e == NULL)
		return;
	atomic_store(&e->is_stopping, true);
	helper_pool_free(e->helpers);
	while ((r = LIST_FIRST(&e->list)) != NULL) {
		LIST_REMOVE(r, link);
		enrolment_free(r);
	}
	if (e->timer != NULL)
		event_free(e->timer);
	free(e);
}
