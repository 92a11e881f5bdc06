/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/rest_doubles.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/alarms.h"
#include "control/audit.h"
#include "control/configuration.h"
#include "control/crl/manager.h"
#include "control/enrol/enrol.h"
#include "control/metrics.h"
#include "control/peers.h"
#include "control/provision.h"
#include "control/publish.h"
#include "control/trust.h"

#define HELD_MAX 16

struct doubles {
	pthread_mutex_t lock; /* the test's thread asks while the loop's works */
	unsigned call_cnt;
	json_t *last_body;
	json_t *audit;
	struct configured *configured; /* users; rest_doubles_users.c */
	bool is_held;
	bool is_audit_full;
	unsigned held_cnt;
	struct {
		answer_cb cb;
		void *arg;
	} held[HELD_MAX];
};

/* Every service handle of the daemon is the same object here. */
#define DOUBLES(handle) ((struct doubles *)(void *)(handle))

struct doubles *doubles_new(void)
{
	struct doubles *s = calloc(1, sizeof(*s));

	pthread_mutex_init(&s->lock, NULL);
	s->audit = json_array();
	return s;
}

struct configured **doubles_configured(struct doubles *s)
{
	return &s->configured;
}

void doubles_free(struct doubles *s)
{
	json_decref(s->last_body);
	json_decref(s->audit);
	configured_free(s->configured);
	free(s);
}

unsigned doubles_call_cnt(struct doubles *s)
{
	unsigned cnt;

	pthread_mutex_lock(&s->lock);
	cnt = s->call_cnt;
	pthread_mutex_unlock(&s->lock);
	return cnt;
}

static char *print(struct doubles *s, json_t *const *json)
{
	char *text;

	pthread_mutex_lock(&s->lock);
	text = json_dumps(*json != NULL ? *json : json_null(), JSON_COMPACT | JSON_ENCODE_ANY);
	pthread_mutex_unlock(&s->lock);
	return text;
}

char *doubles_last_body(struct doubles *s)
{
	return print(s, &s->last_body);
}

char *doubles_audit(struct doubles *s)
{
	return print(s, &s->audit);
}

static void saw(struct doubles *s, const json_t *body)
{
	pthread_mutex_lock(&s->lock);
	s->call_cnt++;
	json_decref(s->last_body);
	s->last_body = json_deep_copy(body);
	pthread_mutex_unlock(&s->lock);
}

static void answer_with(answer_cb cb, void *arg, json_t *body)
{
	struct answer a;

	answer_ok(&a, body);
	cb(arg, &a);
	answer_fini(&a);
}

void doubles_hold(struct doubles *s, bool is_held)
{
	unsigned cnt = s->held_cnt;

	s->is_held = is_held;
	if (is_held)
		return;
	s->held_cnt = 0;
	for (unsigned i = 0; i < cnt; i++)
		answer_with(s->held[i].cb, s->held[i].arg, json_pack("{s:s}", "name", "held"));
}

void provision_create_key(struct provision *p, const json_t *request, answer_cb cb, void *arg)
{
	struct doubles *s = DOUBLES(p);

	saw(s, request);
	if (s->is_held && s->held_cnt < HELD_MAX) {
		s->held[s->held_cnt].cb = cb;
		s->held[s->held_cnt++].arg = arg;
		return;
	}
	answer_with(cb, arg, json_pack("{s:s}", "name", "key"));
}

void provision_request(struct provision *p, const json_t *request, answer_cb cb, void *arg)
{
	saw(DOUBLES(p), request);
	answer_with(cb, arg, json_pack("{s:s}", "csr", "-----BEGIN CERTIFICATE REQUEST-----\n"));
}

void provision_ingest(
	struct provision *p, const json_t *request, bool must_exist, answer_cb cb, void *arg)
{
	saw(DOUBLES(p), request);
	answer_with(cb, arg, json_pack("{s:b}", "must_exist", must_exist));
}

static void delete_one(struct provision *p, const char *name, answer_cb cb, void *arg)
{
	saw(DOUBLES(p), NULL);
	answer_with(cb, arg, json_pack("{s:s, s:s}", "name", name, "deleted", "it"));
}

void provision_delete_key(struct provision *p, const char *name, answer_cb cb, void *arg)
{
	delete_one(p, name, cb, arg);
}

void provision_delete_request(struct provision *p, const char *name, answer_cb cb, void *arg)
{
	delete_one(p, name, cb, arg);
}

void provision_delete_certificate(struct provision *p, const char *name, answer_cb cb, void *arg)
{
	delete_one(p, name, cb, arg);
}

void provision_reload(struct provision *p, answer_cb cb, void *arg)
{
	saw(DOUBLES(p), NULL);
	answer_with(cb, arg,
		json_pack("{s:[s], s:b, s:{s:s}}", "reloaded", "x", "is_usable", 1, "publication",
			"data_plane", "absent"));
}

void provision_list(const struct provision *p, struct answer *out)
{
	(void)p;
	answer_ok(out, json_pack("{s:[]}", "certificates"));
}

void provision_show(const struct provision *p, const char *name, struct answer *out)
{
	(void)p;
	answer_ok(out, json_pack("{s:s, s:b, s:b, s:b, s:b}", "name", name, "is_for_peering", 1,
			       "has_key", 1, "has_replacement_key", 0, "has_request", 0));
}

void enrol_start(struct enrol *e, const json_t *request, answer_cb cb, void *arg)
{
	saw(DOUBLES(e), request);
	answer_with(cb, arg,
		json_pack("{s:s, s:s, s:s, s:s, s:i}", "name", "n", "ca_profile", "u", "action",
			"enrol", "state", "requesting", "failures", 0));
}

void enrol_list(const struct enrol *e, struct answer *out)
{
	(void)e;
	answer_ok(out, json_pack("{s:[], s:[]}", "enrolments", "ca_profiles"));
}

void enrol_show(const struct enrol *e, const char *name, struct answer *out)
{
	(void)e;
	answer_ok(out, json_pack("{s:s, s:s, s:s, s:s, s:i}", "name", name, "ca_profile", "u",
			       "action", "enrol", "state", "done", "failures", 0));
}

void enrol_delete(struct enrol *e, const char *name, struct answer *out)
{
	(void)e;
	answer_ok(out, json_pack("{s:s, s:s}", "name", name, "deleted", "enrolment"));
}

void trust_install(struct trust *t, const json_t *request, answer_cb cb, void *arg)
{
	saw(DOUBLES(t), request);
	answer_with(cb, arg, json_pack("{s:s}", "name", "ca"));
}

void trust_delete(struct trust *t, const char *name, answer_cb cb, void *arg)
{
	saw(DOUBLES(t), NULL);
	answer_with(cb, arg, json_pack("{s:s}", "name", name));
}

void trust_list(const struct trust *t, struct answer *out)
{
	(void)t;
	answer_ok(out, json_pack("{s:[]}", "trusted_ca_certificates"));
}

void crl_manager_refresh(struct crl_manager *m, const json_t *request, answer_cb cb, void *arg)
{
	saw(DOUBLES(m), request);
	answer_with(cb, arg, json_pack("{s:[]}", "sources"));
}

void crl_manager_list(struct crl_manager *m, answer_cb cb, void *arg)
{
	saw(DOUBLES(m), NULL);
	answer_with(cb, arg, json_pack("{s:[]}", "sources"));
}

struct master_list *crl_manager_master_list(const struct crl_manager *m)
{
	(void)m;
	return NULL;
}

void peers_list(struct peers *p, const char *query, answer_cb cb, void *arg)
{
	(void)query;
	saw(DOUBLES(p), NULL);
	answer_with(cb, arg, json_pack("{s:[]}", "peers"));
}

void peers_show(struct peers *p, const char *name, answer_cb cb, void *arg)
{
	saw(DOUBLES(p), NULL);
	answer_with(cb, arg, json_pack("{s:s, s:s}", "name", name, "status", "up"));
}

void peers_rotate(struct peers *p, const json_t *request, answer_cb cb, void *arg)
{
	saw(DOUBLES(p), request);
	answer_with(cb, arg, json_pack("{s:s}", "rotated", "all"));
}

void peers_stats(struct peers *p, answer_cb cb, void *arg)
{
	saw(DOUBLES(p), NULL);
	answer_with(cb, arg, json_pack("{s:{}, s:{}}", "control", "dataplane"));
}

void alarms_list(const struct alarms *a, bool with_shelved, struct answer *out)
{
	(void)a;
	(void)with_shelved;
	answer_ok(out, json_pack("{s:[], s:i}", "alarms", "shelved", 0));
}

void metrics_scrape(struct daemon *d, answer_cb cb, void *arg)
{
	(void)d;
	answer_with(cb, arg, json_string("# EOF\n"));
}

void audit_when_written(struct audit *a, void (*cb)(void *arg), void *arg)
{
	(void)a;
	cb(arg);
}

bool audit_is_full(const struct audit *a)
{
	const struct doubles *s = (const struct doubles *)(const void *)a;

	return s->is_audit_full;
}

void doubles_fill_audit(struct doubles *s, bool is_full)
{
	pthread_mutex_lock(&s->lock);
	s->is_audit_full = is_full;
	pthread_mutex_unlock(&s->lock);
}

const char *audit_request_type(const char *method, const char *path, int status)
{
	(void)method;
	(void)path;
	(void)status;
	return "rest.request";
}

void audit_verify(struct audit *a, answer_cb cb, void *arg)
{
	saw(DOUBLES(a), NULL);
	answer_with(cb, arg, json_pack("{s:b}", "is_intact", 1));
}

void publisher_show(const struct publisher *p, struct answer *out)
{
	(void)p;
	answer_ok(out, json_pack("{s:b, s:{}, s:[]}", "connected", 0, "published", "parts"));
}

bool publisher_is_connected(const struct publisher *p)
{
	(void)p;
	return false;
}

bool publisher_is_hung(const struct publisher *p)
{
	(void)p;
	return false;
}

void audit_set_actor(struct audit *a, const struct audit_actor *actor)
{
	(void)a;
	(void)actor;
}

struct audit_actor audit_actor(const struct audit *a)
{
	(void)a;
	return (struct audit_actor){.user = "double"};
}

void audit_write_as(struct audit *a, const struct audit_actor *actor, const char *type,
	const char *description, json_t *detail)
{
	struct doubles *s = DOUBLES(a);

	pthread_mutex_lock(&s->lock);
	json_array_append_new(s->audit,
		json_pack("{s:s, s:s, s:b, s:s, s:s, s:s, s:o}", "type", type, "user", actor->user,
			"denied", actor->is_denied, "address", actor->address, "request_id",
			actor->request_id, "description", description, "detail", detail));
	pthread_mutex_unlock(&s->lock);
}

void audit_write(struct audit *a, const char *type, const char *description, json_t *detail)
{
	const struct audit_actor nobody = {""};

	audit_write_as(a, &nobody, type, description, detail);
}

json_t *audit_tail(const struct audit *a, size_t count)
{
	(void)a;
	return json_pack("[i]", (int)count);
}

void configuration_schema(struct configuration *c, struct answer *out)
{
	(void)c;
	answer_ok(out, json_object());
}

void configuration_show_running(struct configuration *c, const char *query, struct answer *out)
{
	(void)c;
	answer_ok(out, json_pack("{s:s}", "query", query));
}

/* "path=large": more than any socket buffers. */
static void answer_large(struct answer *out)
{
	static char text[(16 << 20) + 1];

	memset(text, 'x', sizeof(text) - 1);
	answer_ok(out, json_pack("{s:s}", "query", text));
	out->is_large = true;
}

void configuration_show_candidate(struct configuration *c, const char *query, struct answer *out)
{
	(void)c;
	if (strcmp(query, "path=large") == 0) {
		answer_large(out);
		return;
	}
	answer_ok(out, json_pack("{s:s}", "query", query));
}

void configuration_discard(struct configuration *c, struct answer *out)
{
	(void)c;
	answer_ok(out, json_object());
}

void configuration_diff(struct configuration *c, const char *query, answer_cb cb, void *arg)
{
	(void)c;
	answer_with(cb, arg, json_pack("{s:s}", "query", query));
}

void configuration_history(struct configuration *c, struct answer *out)
{
	(void)c;
	answer_ok(out, json_object());
}

void configuration_show_entry(struct configuration *c, const char *number, answer_cb cb, void *arg)
{
	(void)c;
	answer_with(cb, arg, json_pack("{s:s}", "number", number));
}

void configuration_confirm(struct configuration *c, answer_cb cb, void *arg)
{
	(void)c;
	answer_with(cb, arg, json_object());
}

void configuration_edit(
	struct configuration *c, const json_t *request, const char *user, answer_cb cb, void *arg)
{
	saw(DOUBLES(c), request);
	answer_with(cb, arg, json_pack("{s:b, s:s}", "is_changed", 1, "user", user));
}

void configuration_replace(
	struct configuration *c, json_t *document, const char *user, answer_cb cb, void *arg)
{
	configuration_edit(c, document, user, cb, arg);
}

void configuration_validate(struct configuration *c, answer_cb cb, void *arg)
{
	saw(DOUBLES(c), NULL);
	answer_with(cb, arg, json_pack("{s:b}", "is_valid", 1));
}

void configuration_commit(struct configuration *c, const json_t *request, answer_cb cb, void *arg)
{
	saw(DOUBLES(c), request);
	answer_with(cb, arg, json_pack("{s:i}", "number", 1));
}

void configuration_rollback(struct configuration *c, const json_t *request, answer_cb cb, void *arg)
{
	configuration_commit(c, request, cb, arg);
}

void peers_show_certificate(struct peers *p, const char *name, answer_cb cb, void *arg)
{
	saw(DOUBLES(p), NULL);
	answer_with(cb, arg, json_pack("{s:s, s:s, s:[]}", "name", name, "status", "up", "paths"));
}

void peers_key_status(struct peers *p, answer_cb cb, void *arg)
{
	saw(DOUBLES(p), NULL);
	answer_with(cb, arg, json_pack("{s:s}", "router", "east"));
}

void alarm_raise(struct alarms *a, const struct alarm_spec *spec, const char *text_format, ...)
{
	(void)text_format;
	audit_write((void *)a, "alarm", spec->source, NULL);
}

void alarm_clear(struct alarms *a, const char *kind, const char *source)
{
	(void)a;
	(void)kind;
	(void)source;
}
