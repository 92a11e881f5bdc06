/* SPDX-License-Identifier: BSD-3-Clause */
/* Enrolment over Secure Transport: RFC 7030 as clarified by RFC 8951. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>

#include "control/enrol/est_answer.h"
#include "control/enrol/job.h"
#include "pki/x509/key.h"

#define URL_MAX      640
#define WAIT_DEFAULT 60

/* base/.well-known/est[/label]/operation: an URL without a path gets the well-known one. */
static void build_url(const char *base, const char *operation, char out[URL_MAX])
{
	const char *host = strstr(base, "://");
	size_t len = strlen(base);
	const char *path = strchr(host != NULL ? host + 3 : base, '/');

	while (len > 0 && base[len - 1] == '/')
		len--;
	snprintf(out, URL_MAX, "%.*s%s/%s", (int)len, base,
		path == NULL || path[1] == '\0' ? "/.well-known/est" : "", operation);
}

/* As RFC 8951 3.1 wants it, in lines, which every server reads. NULL = no memory. */
static char *encode_request(X509_REQ *request)
{
	EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
	unsigned char *der = NULL;
	int der_len = i2d_X509_REQ(request, &der), len = 0, tail = 0;
	char *text = NULL;

	if (ctx != NULL && der_len > 0)
		text = malloc((size_t)der_len * 2 + 80);
	if (text != NULL) {
		EVP_EncodeInit(ctx);
		EVP_EncodeUpdate(ctx, (unsigned char *)text, &len, der, der_len);
		EVP_EncodeFinal(ctx, (unsigned char *)text + len, &tail);
		text[len + tail] = '\0';
	}
	EVP_ENCODE_CTX_free(ctx);
	OPENSSL_free(der);
	return text;
}

/* What the CA would have us trust: shown to people, and nothing more. False: no connection. */
static bool note_ca_certificates(struct enrol_job *job)
{
	char url[URL_MAX];
	const struct enrol_question question = {.url = url, .is_by_password = true};
	struct http_answer answer;
	uint8_t *body;
	PKCS7 *p7;

	build_url(job->url, "cacerts", url);
	if (enrol_job_ask(job, &question, &answer, &body) < 0) {
		enrol_job_fail(job, ENROL_UNREACHABLE, "%s", answer.text);
		return false;
	}
	p7 = answer.status == 200 ? est_answer_decode(answer.content_type, body, answer.len) : NULL;
	for (int i = 0; p7 != NULL && i < sk_X509_num(p7->d.sign->cert); i++)
		enrol_job_offer(job, sk_X509_value(p7->d.sign->cert, i));
	PKCS7_free(p7);
	free(body);
	return true;
}

/* Ours is the one for our key; a server may send its chain along. */
static void take_certificates(
	struct enrol_job *job, const struct http_answer *answer, const uint8_t *body)
{
	PKCS7 *p7 = est_answer_decode(answer->content_type, body, answer->len);
	X509 *ours = NULL;

	if (p7 == NULL) {
		enrol_job_fail(job, ENROL_REFUSED,
			"the CA answered with something that is no certs-only PKCS#7 message");
		return;
	}
	for (int i = 0; i < sk_X509_num(p7->d.sign->cert); i++) {
		X509 *cert = sk_X509_value(p7->d.sign->cert, i);

		if (ours == NULL && pki_key_matches_cert(job->key, cert))
			ours = cert;
		else
			enrol_job_offer(job, cert);
	}
	if (ours == NULL) {
		enrol_job_fail(job, ENROL_REFUSED, "the CA returned a certificate for another key");
	} else if (enrol_job_accept(job, ours) && X509_up_ref(ours) == 1) {
		job->cert = ours;
		job->outcome = ENROL_CERTIFICATE;
	}
	PKCS7_free(p7);
}

static void wait_as_told(struct enrol_job *job, const struct http_answer *answer)
{
	job->outcome = ENROL_WAIT;
	job->wait_sec = answer->retry_after_sec > 0 ? answer->retry_after_sec : WAIT_DEFAULT;
	snprintf(job->text, sizeof(job->text), "the CA has not decided yet");
}

static void take_refusal(
	struct enrol_job *job, const struct http_answer *answer, const uint8_t *body)
{
	bool is_final = answer->status >= 400 && answer->status < 500 && answer->status != 429;
	const char *said = "";

	if (body != NULL && strncasecmp(answer->content_type, "text/plain", 10) == 0)
		said = (const char *)body;
	if (answer->status == 401 || answer->status == 403)
		enrol_job_fail(job, ENROL_REFUSED,
			"the CA does not take our credentials (HTTP status %ld)", answer->status);
	else
		enrol_job_fail(job, is_final ? ENROL_REFUSED : ENROL_UNREACHABLE,
			"the CA answered with HTTP status %ld%s%.120s", answer->status,
			said[0] != '\0' ? ": " : "", said);
}

static void ask(struct enrol_job *job)
{
	char url[URL_MAX];
	char *text = encode_request(job->request);
	struct enrol_question question = {.url = url,
		.content_type = "application/pkcs10",
		.body = (const uint8_t *)text,
		.is_by_password = true};
	struct http_answer answer;
	uint8_t *body = NULL;

	if (text == NULL) {
		enrol_job_fail(job, ENROL_UNREACHABLE, "no memory for the request");
		return;
	}
	build_url(job->url, job->action == ENROL_RENEW ? "simplereenroll" : "simpleenroll", url);
	question.body_len = strlen(text);
	if (enrol_job_ask(job, &question, &answer, &body) < 0)
		enrol_job_fail(job, ENROL_UNREACHABLE, "%s", answer.text);
	else if (answer.status == 200)
		take_certificates(job, &answer, body);
	else if (answer.status == 202)
		wait_as_told(job, &answer);
	else
		take_refusal(job, &answer, body);
	free(body);
	free(text);
}

static void run(struct enrol_job *job)
{
	if (note_ca_certificates(job))
		ask(job);
	ERR_clear_error();
}

/* A request that waits is the same request again: there is nothing to keep. */
static void forget(struct enrol_job *job)
{
	(void)job;
}

const struct enrol_driver enrol_est = {.name = "est", .run = run, .forget = forget};
