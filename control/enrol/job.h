/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One conversation with a CA, and the interface of those who can hold one (est.c, cmp.c). The
 * service (enrol.h) fills a job on the loop thread, a driver runs it in a helper thread, and the
 * loop reads what came of it. Nothing that a CA says is trusted here: what it returns goes through
 * the three checks of an ingest, and CA certificates it offers are only shown.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "control/http.h"
#include "control/provision_check.h"

enum enrol_action {
	ENROL_FIRST,  /* a certificate for the key in request */
	ENROL_RENEW,  /* the same, in the name of old_cert */
	ENROL_REVOKE, /* old_cert */
};

enum enrol_outcome {
	ENROL_CERTIFICATE, /* cert is ours to install */
	ENROL_WAIT,        /* the CA wants to be asked again after wait_sec */
	ENROL_REVOKED,
	ENROL_REFUSED,     /* the CA says no, or what it sent is refused: text */
	ENROL_UNREACHABLE, /* no answer, or none that can be used; another try may get one: text */
};

#define ENROL_TEXT_MAX 256
#define ENROL_WAIT_MAX 86400

struct enrol_job {
	const struct enrol_driver *driver;
	enum enrol_action action;
	char *url;
	char *username;  /* NULL; EST: of the password; CMP: the reference value of the secret */
	char *recipient; /* NULL; CMP: the CA's name, "/CN=...", where it is not known otherwise */
	uint8_t *secret; /* rk_secret_new memory; NULL */
	size_t secret_len, secret_size;
	EVP_PKEY *key;      /* of request */
	X509_REQ *request;  /* NULL for ENROL_REVOKE */
	EVP_PKEY *auth_key; /* what we authenticate with besides the secret, or NULL */
	X509 *auth_cert;
	X509 *old_cert;         /* RENEW, REVOKE */
	unsigned validity_days; /* asked for; 0 = the CA decides */
	int reason;             /* REVOKE: CRLReason; -1 = none */
	struct pki_trust *trust;
	X509_STORE *tls_store;         /* who may have signed the server's certificate */
	struct provision_check *check; /* for what the CA returns; its text is not set */
	const atomic_bool *is_stopping;
	/* How the CA is reached: http_exchange, or what a test puts in its place. */
	int (*exchange)(const struct http_request *, struct http_answer *, uint8_t **body);
	/* What came of it. */
	enum enrol_outcome outcome;
	unsigned wait_sec;
	X509 *cert;
	STACK_OF(X509) * offered;  /* other certificates the CA sent along */
	char text[ENROL_TEXT_MAX]; /* a sentence without full stop */
	void *state;               /* the driver's own, from a run that ended in WAIT to the next */
};

struct enrol_driver {
	const char *name; /* "est" */
	bool can_revoke;
	/* Runs until there is an outcome; in a helper thread. Bounded in time. */
	void (*run)(struct enrol_job *job);
	/* Frees state. Any thread. */
	void (*forget)(struct enrol_job *job);
};

extern const struct enrol_driver enrol_est; /* RFC 7030, 8951 */
extern const struct enrol_driver enrol_cmp; /* RFC 4210, 9483 */

struct enrol_job *enrol_job_new(void);      /* NULL = no memory */
void enrol_job_free(struct enrol_job *job); /* NULL is fine; wipes the secret */

/* For drivers. One message to the CA. */
struct enrol_question {
	const char *url;
	const char *content_type; /* NULL: GET */
	const uint8_t *body;
	size_t body_len;
	bool is_by_password; /* username and secret go along */
};
/*
 * Asks, showing our certificate if there is one. No redirects: a CA is where the operator said. 0
 * when there was an answer, whatever its status, with the body, freed with free (NULL when empty);
 * -errno with answer->text.
 */
int enrol_job_ask(struct enrol_job *job, const struct enrol_question *question,
	struct http_answer *answer, uint8_t **body) RK_MUST_CHECK;
/* The outcome with its sentence; printf-like, control characters replaced. */
void enrol_job_fail(struct enrol_job *job, enum enrol_outcome outcome, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * The three checks for a certificate that the CA returned; on refusal the outcome is filled and
 * false returned.
 */
bool enrol_job_accept(struct enrol_job *job, X509 *cert) RK_MUST_CHECK;
/* Remembers a certificate that the CA sent along, a bounded number of them. */
void enrol_job_offer(struct enrol_job *job, X509 *cert);
