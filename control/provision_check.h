/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The three checks that every certificate passes before it is taken, whoever brought it: a person
 * by POST, or a CA in answer to an enrolment. A check holds copies and counted references of what
 * was in force when it was made: it is made and freed on the loop thread, run on any one.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "control/daemon.h"
#include "control/provision_files.h"
#include "pki/view/verdict.h"
#include "pki/x509/cert.h"
#include "pki/x509/report.h"

enum provision_check_kind {
	PROVISION_CHECK_PRIVATE_KEY, /* none in the submission, and the certificate is for ours */
	PROVISION_CHECK_VALIDATION,
	PROVISION_CHECK_REVOCATION,
	PROVISION_CHECK_CNT
};

enum provision_result { PROVISION_NOT_REACHED, PROVISION_PASSED, PROVISION_FAILED };

struct pki_trust;
struct revocations;

struct provision_check {
	int pki_fd; /* borrowed */
	char name[PROVISION_NAME_MAX + 1];
	char *text;
	struct pki_trust *trust;
	struct revocations *revocations;
	uint8_t installation_key[INSTALLATION_KEY_LEN];
	bool is_ed25519_allowed;
	int64_t now;
	/* What was found. */
	int error;                        /* -errno: could not be judged */
	enum provision_check_kind failed; /* the first that did; CNT: all passed */
	enum provision_result result[PROVISION_CHECK_CNT];
	int status; /* HTTP, of the first failure */
	const char *code;
	struct pki_report report[PROVISION_CHECK_CNT];
	enum provision_key which; /* of our keys the certificate is for */
	X509 *cert;
	char *pem; /* canonical; only when all passed */
	struct pki_cert_info info;
	struct rk_verdict verdict;
};

/* text: the certificate as submitted; NULL = set later. NULL = no memory. */
struct provision_check *provision_check_new(
	struct daemon *d, const char *name, const char *text) RK_MUST_CHECK;
void provision_check_free(struct provision_check *c); /* NULL is fine */

/* Runs what has not run. Never fails: error and failed say what came of it. Any thread. */
void provision_check_run(struct provision_check *c);
bool provision_check_is_passed(const struct provision_check *c);

/* "private-key", "validation", "revocation". */
const char *provision_check_kind_name(enum provision_check_kind kind);
/* The first finding of the check that failed; NULL = none. */
const struct pki_finding *provision_check_finding(const struct provision_check *c);
/* [{"check", "result", "findings"}] */
json_t *provision_check_json(const struct provision_check *c);
