/* SPDX-License-Identifier: BSD-3-Clause */
/* One enrolment as it stands, in memory and in STATE/enrolment.json. Loop thread only. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "control/answer.h"
#include "control/audit.h"
#include "control/config.h"
#include "control/enrol/job.h"

#define ENROL_STATES(X)              \
	X(MAKING_KEY, "making-key")  \
	X(REQUESTING, "requesting")  \
	X(WAITING, "waiting-for-ca") \
	X(INSTALLING, "installing")  \
	X(DONE, "done")              \
	X(FAILED, "failed")

enum enrol_state {
#define X(name, text) ENROL_##name,
	ENROL_STATES(X)
#undef X
};

struct enrolment {
	LIST_ENTRY(enrolment) link;
	struct enrol *enrol;
	char name[PROVISION_NAME_MAX + 1];
	char url[CONFIG_CA_URL_MAX + 1]; /* of the profile */
	enum enrol_action action;
	enum enrol_state state;
	int64_t started;
	int64_t last_success; /* 0 = never */
	int64_t next_try;     /* of the request, or of the next renewal; 0 = none */
	unsigned failure_cnt; /* in a row */
	unsigned validity_days;
	int reason; /* revoke */
	char error[ENROL_TEXT_MAX];
	json_t *offered; /* or NULL */
	/* Of the certificate that next_try renews; "" when next_try repeats what failed or waits. */
	char fingerprint[3 * RK_FINGERPRINT_LEN];
	/* While something is going on; not on disk. */
	json_t *request; /* what POST asked for */
	struct enrol_job *job;
	struct audit_actor actor;
	answer_cb cb; /* the POST that waits for its answer; NULL */
	void *arg;
};

LIST_HEAD(enrolment_list, enrolment);

struct enrolment *enrolment_new(struct enrol *e, const char *name); /* NULL = no memory */
void enrolment_free(struct enrolment *r);
json_t *enrolment_json(const struct enrolment *r, const char *protocol);
/* What a CA said may be no UTF-8, or cut inside a character: made printable. */
void enrolment_set_error(struct enrolment *r, const char *text);
/* Is something going on that must not be disturbed? */
bool enrolment_is_busy(const struct enrolment *r);

#define ENROLMENT_MAX  64
#define ENROLMENT_FILE "enrolment.json"
/* The whole list as the file's text, the caller's to free; NULL = no memory. */
char *enrolment_print(const struct enrolment_list *list) RK_MUST_CHECK;
/* A file that is damaged is an error; none is an empty list. 0 or -errno. */
int enrolment_load(struct enrol *e, int state_fd, struct enrolment_list *list) RK_MUST_CHECK;
