/* SPDX-License-Identifier: BSD-3-Clause */
/* Between start.c (what is asked for), enrol.c (when), steps.c (what is done then), job_fill.c. */
#pragma once

#include "control/enrol/enrol.h"
#include "control/enrol/record.h"

struct enrol {
	struct daemon *daemon;
	struct helper_pool *helpers; /* of its own: a CA may be slow */
	atomic_bool is_stopping;
	struct enrolment_list list;
	struct event *timer;
};

/* The profile with this URL; NULL = none. */
const struct config_ca_profile *enrol_profile(const struct enrol *e, const char *url);
const char *enrol_protocol(const struct enrol *e, const char *url);
/* The record of this name; NULL = none. */
struct enrolment *enrol_find(const struct enrol *e, const char *name);
/* The record has changed: on disk, and the timer is set. */
void enrol_changed(struct enrol *e);

/* What provision_request is asked for by this enrolment. The caller's. */
json_t *enrol_request_body(const struct enrol *e, const char *name, const json_t *request);
/* Begins with the key, the request, or the conversation, by what is there already. */
void enrol_begin(struct enrolment *r);
/*
 * Ends this try: counts, plans the next one. Final: it is not repeated; a certificate that was
 * enrolled before is renewed in its time all the same.
 */
void enrol_fail(struct enrolment *r, bool is_final, const char *text);
/* What was asked for could not be begun; who asked has been told. The record may be gone. */
void enrol_drop(struct enrolment *r, const char *text);
/* Not now: the same again in a moment, and no failure. */
void enrol_postpone(struct enrolment *r);
void enrol_succeed(struct enrolment *r);

/* A job for the record as it stands; on failure *why says what is missing. 0 or -errno. */
int enrol_job_fill(
	const struct enrolment *r, struct enrol_job **out, char why[ENROL_TEXT_MAX]) RK_MUST_CHECK;
