/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Certificate Management Protocol, RFC 4210 in the profile of RFC 9483, over HTTP (RFC 6712), on
 * OpenSSL's client. First enrolments are protected by the shared secret or by a certificate that we
 * have already, updates and revocations by the certificate they are about. Every message of the CA
 * must be protected; a certificate is confirmed only when it passed the three checks.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/cmp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "control/enrol/job.h"
#include "pki/x509/trust.h"

#define WAIT_DEFAULT   60
#define REVOKE_SEC_MAX 60 /* a revocation, its waiting included */

/* A driver's failure texts are written where the reason is known; the first one stands. */
static void note_failure(struct enrol_job *job, enum enrol_outcome outcome, const char *text)
{
	if (job->text[0] == '\0')
		enrol_job_fail(job, outcome, "%s", text);
}

/* The CA's message, and nothing behind it; NULL = it is none. */
static OSSL_CMP_MSG *decode_message(const uint8_t *body, size_t len)
{
	const unsigned char *next = body;
	OSSL_CMP_MSG *message = len > 0 ? d2i_OSSL_CMP_MSG(NULL, &next, (long)len) : NULL;

	if (message != NULL && next != body + len) {
		OSSL_CMP_MSG_free(message);
		return NULL;
	}
	return message;
}

/* One message there and one back. */
static OSSL_CMP_MSG *transfer(OSSL_CMP_CTX *ctx, const OSSL_CMP_MSG *message)
{
	struct enrol_job *job = OSSL_CMP_CTX_get_transfer_cb_arg(ctx);
	struct enrol_question question = {.url = job->url, .content_type = "application/pkixcmp"};
	struct http_answer answer;
	OSSL_CMP_MSG *reply = NULL;
	unsigned char *der = NULL;
	uint8_t *body = NULL;
	char text[80];
	int len = i2d_OSSL_CMP_MSG(message, &der);

	if (len <= 0)
		return NULL;
	question.body = der;
	question.body_len = (size_t)len;
	if (enrol_job_ask(job, &question, &answer, &body) < 0) {
		note_failure(job, ENROL_UNREACHABLE, answer.text);
	} else {
		reply = decode_message(body, answer.len);
		if (reply == NULL) {
			snprintf(text, sizeof(text),
				"the CA's answer is no CMP message (HTTP status %ld)",
				answer.status);
			note_failure(job, ENROL_UNREACHABLE, text);
		}
	}
	free(body);
	OPENSSL_free(der);
	return reply;
}

/* Before the confirmation: what we refuse, the CA learns of and can revoke. */
static int confirm(OSSL_CMP_CTX *ctx, X509 *cert, int fail_info, const char **text)
{
	struct enrol_job *job = OSSL_CMP_CTX_get_certConf_cb_arg(ctx);

	if (fail_info != 0) {
		note_failure(job, ENROL_REFUSED, "the CA returned a certificate for another key");
		return fail_info;
	}
	if (job->text[0] == '\0' && enrol_job_accept(job, cert))
		return 0;
	*text = "refused by local policy";
	return 1 << OSSL_CMP_PKIFAILUREINFO_incorrectData;
}

static bool set_protection(OSSL_CMP_CTX *ctx, const struct enrol_job *job)
{
	if (job->auth_cert != NULL)
		return OSSL_CMP_CTX_set1_cert(ctx, job->auth_cert) == 1 &&
		       OSSL_CMP_CTX_set1_pkey(ctx, job->auth_key) == 1;
	if (job->username != NULL &&
		OSSL_CMP_CTX_set1_referenceValue(
			ctx, (const unsigned char *)job->username, (int)strlen(job->username)) != 1)
		return false;
	return job->secret != NULL &&
	       OSSL_CMP_CTX_set1_secretValue(ctx, job->secret, (int)job->secret_len) == 1 &&
	       OSSL_CMP_CTX_set_option(ctx, OSSL_CMP_OPT_MAC_ALGNID, NID_hmacWithSHA256) == 1;
}

/* "TYPE=VALUE"; text is taken apart. */
static bool add_part(X509_NAME *name, char *text)
{
	char *value = strchr(text, '=');

	if (value == NULL)
		return false;
	*value++ = '\0';
	return X509_NAME_add_entry_by_txt(
		       name, text, MBSTRING_UTF8, (const unsigned char *)value, -1, -1, 0) == 1;
}

/* "/O=Lab/CN=CA", or a common name alone. NULL = it is neither. */
static X509_NAME *parse_name(const char *text)
{
	X509_NAME *name = X509_NAME_new();
	char *copy = strdup(text), *rest = copy, *part;
	bool is_ok = name != NULL && copy != NULL;

	if (is_ok && text[0] != '/')
		is_ok = X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
				(const unsigned char *)text, -1, -1, 0) == 1;
	while (is_ok && text[0] == '/' && (part = strsep(&rest, "/")) != NULL)
		is_ok = part[0] == '\0' || add_part(name, part);
	free(copy);
	if (is_ok)
		return name;
	X509_NAME_free(name);
	return NULL;
}

/* Whom we call is who must have signed the answer: not any certificate of the same CA. */
static bool set_recipient(OSSL_CMP_CTX *ctx, const struct enrol_job *job)
{
	X509_NAME *name;
	bool is_set;

	if (job->recipient == NULL)
		return true;
	name = parse_name(job->recipient);
	is_set = name != NULL && OSSL_CMP_CTX_set1_recipient(ctx, name) == 1 &&
		 (job->auth_cert == NULL || OSSL_CMP_CTX_set1_expected_sender(ctx, name) == 1);
	X509_NAME_free(name);
	return is_set;
}

/* Whom we believe: those whose certificates we would take. */
static bool set_trust(OSSL_CMP_CTX *ctx, const struct enrol_job *job)
{
	X509_STORE *store = pki_trust_store(job->trust);

	if (OSSL_CMP_CTX_set1_untrusted(ctx, pki_trust_intermediates(job->trust)) != 1 ||
		X509_STORE_up_ref(store) != 1)
		return false;
	if (OSSL_CMP_CTX_set0_trustedStore(ctx, store) == 1)
		return true;
	X509_STORE_free(store);
	return false;
}

/* A CA may let newer OpenSSL wait for the answer, which sleeps for as long as the CA says. */
static bool set_revocation(OSSL_CMP_CTX *ctx, const struct enrol_job *job)
{
	return OSSL_CMP_CTX_set_option(ctx, OSSL_CMP_OPT_TOTAL_TIMEOUT, REVOKE_SEC_MAX) == 1 &&
	       (job->reason < 0 || OSSL_CMP_CTX_set_option(
					   ctx, OSSL_CMP_OPT_REVOCATION_REASON, job->reason) == 1);
}

static bool set_request(OSSL_CMP_CTX *ctx, const struct enrol_job *job)
{
	X509_EXTENSIONS *extensions;

	if (job->old_cert != NULL && OSSL_CMP_CTX_set1_oldCert(ctx, job->old_cert) != 1)
		return false;
	if (job->action == ENROL_REVOKE)
		return set_revocation(ctx, job);
	if (EVP_PKEY_up_ref(job->key) != 1)
		return false;
	if (OSSL_CMP_CTX_set0_newPkey(ctx, 1, job->key) != 1) {
		EVP_PKEY_free(job->key);
		return false;
	}
	extensions = X509_REQ_get_extensions(job->request);
	if (extensions != NULL && OSSL_CMP_CTX_set0_reqExtensions(ctx, extensions) != 1) {
		sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
		return false;
	}
	return OSSL_CMP_CTX_set1_subjectName(ctx, X509_REQ_get_subject_name(job->request)) == 1 &&
	       (job->validity_days == 0 || OSSL_CMP_CTX_set_option(ctx, OSSL_CMP_OPT_VALIDITY_DAYS,
						   (int)job->validity_days) == 1);
}

static OSSL_CMP_CTX *begin(struct enrol_job *job)
{
	OSSL_CMP_CTX *ctx = OSSL_CMP_CTX_new(NULL, NULL);

	if (ctx != NULL && OSSL_CMP_CTX_set_transfer_cb(ctx, transfer) == 1 &&
		OSSL_CMP_CTX_set_transfer_cb_arg(ctx, job) == 1 &&
		OSSL_CMP_CTX_set_certConf_cb(ctx, confirm) == 1 &&
		OSSL_CMP_CTX_set_certConf_cb_arg(ctx, job) == 1 && set_protection(ctx, job) &&
		set_recipient(ctx, job) && set_trust(ctx, job) && set_request(ctx, job))
		return ctx;
	OSSL_CMP_CTX_free(ctx);
	return NULL;
}

static void note_offered(struct enrol_job *job, STACK_OF(X509) * certs)
{
	for (int i = 0; i < sk_X509_num(certs); i++)
		enrol_job_offer(job, sk_X509_value(certs, i));
	sk_X509_pop_free(certs, X509_free);
}

/* In the CA's words where it gave a status, else in OpenSSL's. */
static void explain(struct enrol_job *job, OSSL_CMP_CTX *ctx)
{
	const char *reason;
	char said[160];

	if (OSSL_CMP_CTX_get_status(ctx) == OSSL_CMP_PKISTATUS_rejection) {
		if (OSSL_CMP_CTX_snprint_PKIStatus(ctx, said, sizeof(said)) == NULL)
			said[0] = '\0';
		if (job->text[0] == '\0')
			enrol_job_fail(job, ENROL_REFUSED, "the CA refused: %s", said);
		return;
	}
	reason = ERR_reason_error_string(ERR_peek_error());
	if (job->text[0] == '\0')
		enrol_job_fail(job, ENROL_REFUSED, "the CA's answer is refused: %s",
			reason != NULL ? reason : "it is not protected as it must be");
}

static void take_certificate(struct enrol_job *job, OSSL_CMP_CTX *ctx)
{
	X509 *cert = OSSL_CMP_CTX_get0_newCert(ctx);

	note_offered(job, OSSL_CMP_CTX_get1_caPubs(ctx));
	note_offered(job, OSSL_CMP_CTX_get1_extraCertsIn(ctx));
	/* The confirmation was asked for by us: a CA that left it out had its certificate unchecked. */
	if (cert == NULL || !provision_check_is_passed(job->check)) {
		note_failure(job, ENROL_REFUSED, "the CA's certificate was not checked");
	} else if (X509_up_ref(cert) == 1) {
		job->cert = cert;
		job->outcome = ENROL_CERTIFICATE;
	}
}

static void request_certificate(struct enrol_job *job, OSSL_CMP_CTX *ctx)
{
	int type = job->action == ENROL_RENEW ? OSSL_CMP_KUR : OSSL_CMP_IR;
	int wait = 0;
	int ret = OSSL_CMP_try_certreq(ctx, type, NULL, &wait);

	if (ret == 1) {
		take_certificate(job, ctx);
	} else if (ret == -1) {
		job->outcome = ENROL_WAIT;
		job->wait_sec = wait > 0 ? (unsigned)wait : WAIT_DEFAULT;
		snprintf(job->text, sizeof(job->text), "the CA has not decided yet");
	} else {
		explain(job, ctx);
	}
}

static void run(struct enrol_job *job)
{
	OSSL_CMP_CTX *ctx = job->state != NULL ? job->state : begin(job);

	job->state = ctx;
	job->text[0] = '\0';
	if (ctx == NULL)
		enrol_job_fail(job, ENROL_REFUSED,
			"neither a shared secret nor a certificate to protect the request with, or "
			"a recipient that is no name");
	else if (job->action != ENROL_REVOKE)
		request_certificate(job, ctx);
	else if (OSSL_CMP_exec_RR_ses(ctx) == 1)
		job->outcome = ENROL_REVOKED;
	else
		explain(job, ctx);
	ERR_clear_error();
}

static void forget(struct enrol_job *job)
{
	OSSL_CMP_CTX_free(job->state);
	job->state = NULL;
}

const struct enrol_driver enrol_cmp = {
	.name = "cmp", .can_revoke = true, .run = run, .forget = forget};
