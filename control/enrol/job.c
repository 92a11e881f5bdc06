/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/enrol/job.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pki/view/secret.h"
#include "pki/x509/trust.h"

#define OFFERED_MAX 16
#define SKEW_SEC    20
#define ANSWER_MAX  ((size_t)256 << 10)
#define TOTAL_SEC   60
#define STALL_BYTES 16 /* a second */

struct enrol_job *enrol_job_new(void)
{
	struct enrol_job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->reason = -1;
	job->exchange = http_exchange;
	job->outcome = ENROL_UNREACHABLE;
	snprintf(job->text, sizeof(job->text), "it was not tried");
	job->offered = sk_X509_new_null();
	if (job->offered == NULL) {
		free(job);
		return NULL;
	}
	return job;
}

void enrol_job_free(struct enrol_job *job)
{
	if (job == NULL)
		return;
	if (job->driver != NULL)
		job->driver->forget(job);
	rk_secret_free(job->secret, job->secret_size);
	free(job->url);
	free(job->username);
	free(job->recipient);
	EVP_PKEY_free(job->key);
	EVP_PKEY_free(job->auth_key);
	X509_REQ_free(job->request);
	X509_free(job->auth_cert);
	X509_free(job->old_cert);
	X509_free(job->cert);
	sk_X509_pop_free(job->offered, X509_free);
	X509_STORE_free(job->tls_store);
	pki_trust_put(job->trust);
	provision_check_free(job->check);
	free(job);
}

void enrol_job_fail(struct enrol_job *job, enum enrol_outcome outcome, const char *format, ...)
{
	va_list args;

	job->outcome = outcome;
	va_start(args, format);
	vsnprintf(job->text, sizeof(job->text), format, args);
	va_end(args);
	for (char *c = job->text; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
}

int enrol_job_ask(struct enrol_job *job, const struct enrol_question *question,
	struct http_answer *answer, uint8_t **body)
{
	const struct http_request request = {.url = question->url,
		.content_type = question->content_type,
		.body = question->body,
		.body_len = question->body_len,
		.username = question->is_by_password ? job->username : NULL,
		.password = question->is_by_password ? job->secret : NULL,
		.password_len = job->secret_len,
		.tls_store = job->tls_store,
		.tls_cert = job->auth_cert,
		.tls_key = job->auth_key,
		.is_local_allowed = true, /* the operator's word, not a certificate's */
		.size_max = ANSWER_MAX,
		.total_sec = TOTAL_SEC,
		.stall_bytes = STALL_BYTES,
		.is_stopping = job->is_stopping};

	return job->exchange(&request, answer, body);
}

/* A CA's clock may be a little ahead: a certificate that begins in a moment is waited for. */
static void await_validity(const struct enrol_job *job, const X509 *cert)
{
	const struct timespec pause = {.tv_nsec = 100000000};

	for (int i = 0; i < SKEW_SEC * 10; i++) {
		if (X509_cmp_current_time(X509_get0_notBefore(cert)) < 0 ||
			atomic_load_explicit(job->is_stopping, memory_order_relaxed))
			return;
		nanosleep(&pause, NULL);
	}
}

bool enrol_job_accept(struct enrol_job *job, X509 *cert)
{
	const struct pki_finding *f;

	free(job->check->text);
	job->check->text = NULL;
	if (pki_cert_to_pem(cert, &job->check->text) < 0) {
		enrol_job_fail(job, ENROL_UNREACHABLE, "no memory for the certificate");
		return false;
	}
	await_validity(job, cert);
	job->check->now = time(NULL);
	provision_check_run(job->check);
	if (provision_check_is_passed(job->check))
		return true;
	f = provision_check_finding(job->check);
	enrol_job_fail(job, ENROL_REFUSED, "the certificate that the CA returned is refused: %s",
		f != NULL                  ? f->text
		: job->check->code != NULL ? job->check->code
					   : "it could not be judged");
	return false;
}

void enrol_job_offer(struct enrol_job *job, X509 *cert)
{
	for (int i = 0; i < sk_X509_num(job->offered); i++)
		if (X509_cmp(sk_X509_value(job->offered, i), cert) == 0)
			return;
	if (sk_X509_num(job->offered) < OFFERED_MAX && X509_up_ref(cert) == 1 &&
		sk_X509_push(job->offered, cert) <= 0)
		X509_free(cert);
}
