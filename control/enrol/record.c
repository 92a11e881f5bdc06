/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/enrol/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/time_text.h"
#include "pki/view/file.h"

#define FILE_MAX (1024 * 1024)

static const char *const state_names[] = {
#define X(name, text) [ENROL_##name] = text,
	ENROL_STATES(X)
#undef X
};
static const char *const action_names[] = {
	[ENROL_FIRST] = "enrol", [ENROL_RENEW] = "renew", [ENROL_REVOKE] = "revoke"};

struct enrolment *enrolment_new(struct enrol *e, const char *name)
{
	struct enrolment *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->enrol = e;
	r->reason = -1;
	r->state = ENROL_FAILED;
	snprintf(r->name, sizeof(r->name), "%s", name);
	return r;
}

void enrolment_free(struct enrolment *r)
{
	if (r == NULL)
		return;
	enrol_job_free(r->job);
	json_decref(r->request);
	json_decref(r->offered);
	free(r);
}

void enrolment_set_error(struct enrolment *r, const char *text)
{
	json_t *json;

	snprintf(r->error, sizeof(r->error), "%s", text);
	json = json_string(r->error);
	if (json == NULL)
		for (char *c = r->error; *c != '\0'; c++)
			if ((unsigned char)*c >= 0x80)
				*c = '?';
	json_decref(json);
}

bool enrolment_is_busy(const struct enrolment *r)
{
	return r->state == ENROL_MAKING_KEY || r->state == ENROL_REQUESTING ||
	       r->state == ENROL_INSTALLING;
}

json_t *enrolment_json(const struct enrolment *r, const char *protocol)
{
	return json_pack("{s:s, s:s, s:s?, s:s, s:s, s:o, s:o, s:o, s:i, s:s?, s:O?}", "name",
		r->name, "ca_profile", r->url, "protocol", protocol, "action",
		action_names[r->action], "state", state_names[r->state], "started",
		time_json(r->started), "last_success", time_json(r->last_success), "next_try",
		time_json(r->next_try), "failures", (int)r->failure_cnt, "error",
		r->error[0] != '\0' ? r->error : NULL, "offered_ca_certificates", r->offered);
}

static json_t *store_one(const struct enrolment *r)
{
	return json_pack("{s:s, s:s, s:i, s:i, s:I, s:I, s:I, s:i, s:i, s:i, s:s, s:s, s:O?}",
		"name", r->name, "url", r->url, "action", (int)r->action, "state", (int)r->state,
		"started", (json_int_t)r->started, "last_success", (json_int_t)r->last_success,
		"next_try", (json_int_t)r->next_try, "failures", (int)r->failure_cnt, "validity",
		(int)r->validity_days, "reason", r->reason, "error", r->error, "fingerprint",
		r->fingerprint, "offered", r->offered);
}

char *enrolment_print(const struct enrolment_list *list)
{
	json_t *all = json_array();
	const struct enrolment *r;
	char *text;

	LIST_FOREACH(r, list, link)
	json_array_append_new(all, store_one(r));
	text = json_dumps(all, JSON_INDENT(1));
	json_decref(all);
	return text;
}

static int load_one(struct enrol *e, json_t *json, struct enrolment_list *list)
{
	const char *name, *url, *error, *fingerprint;
	json_int_t started, last_success, next_try;
	int action, state, failures, validity, reason;
	json_t *offered = NULL;
	struct enrolment *r;

	if (json_unpack(json, "{s:s, s:s, s:i, s:i, s:I, s:I, s:I, s:i, s:i, s:i, s:s, s:s, s:o}",
		    "name", &name, "url", &url, "action", &action, "state", &state, "started",
		    &started, "last_success", &last_success, "next_try", &next_try, "failures",
		    &failures, "validity", &validity, "reason", &reason, "error", &error,
		    "fingerprint", &fingerprint, "offered", &offered) < 0 ||
		!provision_is_name(name) || action < 0 || action > ENROL_REVOKE || state < 0 ||
		state > ENROL_FAILED || failures < 0 || validity < 0)
		return -EBADMSG;
	r = enrolment_new(e, name);
	if (r == NULL)
		return -ENOMEM;
	snprintf(r->url, sizeof(r->url), "%s", url);
	snprintf(r->error, sizeof(r->error), "%s", error);
	snprintf(r->fingerprint, sizeof(r->fingerprint), "%s", fingerprint);
	r->action = (enum enrol_action)action;
	r->state = (enum enrol_state)state;
	r->started = started;
	r->last_success = last_success;
	r->next_try = next_try;
	r->failure_cnt = (unsigned)failures;
	r->validity_days = (unsigned)validity;
	r->reason = reason;
	r->offered = json_is_array(offered) ? json_incref(offered) : NULL;
	LIST_INSERT_HEAD(list, r, link);
	return 0;
}

int enrolment_load(struct enrol *e, int state_fd, struct enrolment_list *list)
{
	uint8_t *text = NULL;
	json_t *all, *one;
	size_t len, i;
	int ret = rk_file_read(state_fd, ENROLMENT_FILE, FILE_MAX, &text, &len);

	if (ret == -ENOENT)
		return 0;
	if (ret < 0)
		return ret;
	all = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	ret = json_is_array(all) && json_array_size(all) <= ENROLMENT_MAX ? 0 : -EBADMSG;
	for (i = 0; ret == 0 && i < json_array_size(all); i++) {
		one = json_array_get(all, i);
		ret = load_one(e, one, list);
	}
	json_decref(all);
	return ret;
}
