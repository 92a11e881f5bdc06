/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Enrolment: has a configured CA (ca-profile) sign, renew and revoke our certificates, and renews
 * by itself what it enrolled, at two thirds of the lifetime with jitter. A new certificate comes
 * with a new key; the old pair is in force until both are in place. What goes on stands in
 * STATE/enrolment.json (0600), without secrets, and is taken up again after a restart. Three
 * failures in a row raise the alarm enrolment-failing. Loop thread only.
 */
#pragma once

#include "control/answer.h"
#include "control/daemon.h"

int enrol_open(struct daemon *d, struct enrol **out) __attribute__((warn_unused_result));
/* Cuts a conversation short. After the daemon's helpers have ended. NULL is fine. */
void enrol_close(struct enrol *e);
/* The configuration has changed: alarms and plans of what no profile stands behind end. */
void enrol_configure(struct enrol *e);

/*
 * name (default: the credential of peering), action (enrol, renew, revoke; default enrol),
 * ca_profile (an URL; default: the one it was enrolled with, else the first). enrol: also the
 * fields of private-key and certificate-request, all optional here. revoke: revocation_reason.
 * 202 with enrol_show's body as soon as the CA is being asked; 400, 404, 409 as those calls.
 */
void enrol_start(struct enrol *e, const json_t *request, answer_cb cb, void *arg);
/*
 * {"enrolments": [...], "ca_profiles": [{"url", "protocol", "renewal"}]}; each enrolment:
 * {"name", "ca_profile", "protocol", "action", "state", "started", "last_success", "next_try",
 * "failures", "error" (text or null), "offered_ca_certificates": [{"subject", "fingerprint",
 * "is_trusted"}]}. Times are RFC 3339 or null. state: making-key, requesting, waiting-for-ca,
 * installing, done, failed.
 */
void enrol_list(const struct enrol *e, struct answer *out);
void enrol_show(const struct enrol *e, const char *name, struct answer *out);
/* Forgets it: nothing is asked of the CA, and nothing renewed, any more. Files stay. */
void enrol_delete(struct enrol *e, const char *name, struct answer *out);
