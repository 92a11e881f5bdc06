/* SPDX-License-Identifier: BSD-3-Clause */
/* From the configuration and the files of the PKI directory to a job that a driver can run. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "control/enrol/enrol_private.h"
#include "control/trust.h"
#include "pki/view/file.h"
#include "pki/x509/cert_list.h"
#include "pki/x509/trust.h"

#define SECRET_MAX   1024
#define REQUEST_MAX  32768
#define TLS_FILE_MAX (1024 * 1024)
#define TLS_CA_MAX   64

#define DRIVER(profile) ((profile)->protocol == CONFIG_CA_CMP ? &enrol_cmp : &enrol_est)

static int say(char why[ENROL_TEXT_MAX], int error, const char *what, const char *file)
{
	snprintf(why, ENROL_TEXT_MAX, "%s %s cannot be used: %s", what, file,
		error == -EPERM     ? "others may read it (mode 0600 is right)"
		: error == -EBADMSG ? "it is not what it must be"
				    : strerror(-error));
	return error;
}

/* A line break at the end, as an editor leaves it, is not part of the secret. */
static int read_secret(int dir, const char *file, struct enrol_job *job, char why[ENROL_TEXT_MAX])
{
	int ret = rk_file_read_secret(
		dir, file, SECRET_MAX, &job->secret, &job->secret_len, &job->secret_size);

	if (ret < 0)
		return say(why, ret, "secret-file", file);
	while (job->secret_len > 0 && (job->secret[job->secret_len - 1] == '\n' ||
					      job->secret[job->secret_len - 1] == '\r'))
		job->secret[--job->secret_len] = '\0';
	return job->secret_len > 0 ? 0 : say(why, -EBADMSG, "secret-file", file);
}

static int fill_store(const char *text, size_t len, struct pki_report *report, X509_STORE *store)
{
	STACK_OF(X509) *list = sk_X509_new_null();
	int ret = list != NULL ? pki_cert_list_parse(text, len, TLS_CA_MAX, report, list) : -ENOMEM;

	for (int i = 0; ret == 0 && i < sk_X509_num(list); i++)
		if (X509_STORE_add_cert(store, sk_X509_value(list, i)) != 1)
			ret = -ENOMEM;
	sk_X509_pop_free(list, X509_free);
	return ret;
}

/* A file that is damaged in one place is not taken at all: who wrote it meant all of it. */
static int read_tls_store(int dir, const char *file, X509_STORE **out, char why[ENROL_TEXT_MAX])
{
	X509_STORE *store = X509_STORE_new();
	const struct pki_finding *f;
	struct pki_report report;
	uint8_t *text = NULL;
	size_t len = 0;
	int ret = store != NULL ? rk_file_read(dir, file, TLS_FILE_MAX, &text, &len) : -ENOMEM;

	pki_report_init(&report);
	if (ret == 0)
		ret = fill_store((const char *)text, len, &report, store);
	free(text);
	ERR_clear_error();
	if (ret == 0) {
		*out = store;
		return 0;
	}
	X509_STORE_free(store);
	f = pki_report_first(&report);
	if (f == NULL)
		return say(why, ret, "tls-ca-file", file);
	snprintf(why, ENROL_TEXT_MAX, "tls-ca-file %.80s cannot be used: %.30s%s%.110s", file,
		f->subject, f->subject[0] != '\0' ? ": " : "", f->text);
	return ret;
}

static int read_pair(
	int dir, const char *name, EVP_PKEY **key, X509 **cert, char why[ENROL_TEXT_MAX])
{
	int ret = provision_read_certificate(dir, name, cert);

	if (ret == 0)
		ret = provision_read_key(dir, name, PROVISION_KEY_CURRENT, key);
	if (ret == 0 && !pki_key_matches_cert(*key, *cert))
		ret = -EKEYREJECTED;
	return ret == 0 ? 0 : say(why, ret, "credential", name);
}

static int read_request(const struct enrolment *r, struct enrol_job *job, char why[ENROL_TEXT_MAX])
{
	int dir = r->enrol->daemon->pki_fd;
	enum provision_key which = provision_has_key(dir, r->name, PROVISION_KEY_NEXT)
					   ? PROVISION_KEY_NEXT
					   : PROVISION_KEY_CURRENT;
	char file[PROVISION_NAME_MAX + 8];
	uint8_t *text = NULL;
	BIO *bio = NULL;
	size_t len;
	int ret;

	snprintf(file, sizeof(file), "%s.csr", r->name);
	ret = provision_read_key(dir, r->name, which, &job->key);
	if (ret == 0)
		ret = rk_file_read(dir, file, REQUEST_MAX, &text, &len);
	if (ret == 0)
		bio = BIO_new_mem_buf(text, (int)len);
	if (bio != NULL)
		job->request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	BIO_free(bio);
	free(text);
	if (ret == 0 && (job->request == NULL ||
				EVP_PKEY_eq(job->key, X509_REQ_get0_pubkey(job->request)) != 1))
		ret = -EBADMSG;
	ERR_clear_error();
	return ret == 0 ? 0 : say(why, ret, "the request", file);
}

/* An expired certificate proves nothing; where there is another way in, that is taken. */
static bool is_lapsed(const struct enrolment *r, const struct config_ca_profile *profile)
{
	X509 *cert = NULL;
	bool is_expired;

	if (r->action != ENROL_RENEW ||
		(profile->secret_file == NULL && profile->client_credential == NULL) ||
		provision_read_certificate(r->enrol->daemon->pki_fd, r->name, &cert) < 0)
		return false;
	is_expired = X509_cmp_current_time(X509_get0_notAfter(cert)) < 0;
	X509_free(cert);
	return is_expired;
}

/* What we show the CA: what is renewed or revoked, else what the profile names, else nothing. */
static int read_credentials(const struct enrolment *r, const struct config_ca_profile *profile,
	struct enrol_job *job, char why[ENROL_TEXT_MAX])
{
	int dir = r->enrol->daemon->pki_fd;
	int ret;

	if (profile->secret_file != NULL) {
		ret = read_secret(dir, profile->secret_file, job, why);
		if (ret < 0)
			return ret;
	}
	if (r->action != ENROL_FIRST && !is_lapsed(r, profile)) {
		ret = read_pair(dir, r->name, &job->auth_key, &job->auth_cert, why);
		if (ret == 0 && X509_up_ref(job->auth_cert) == 1)
			job->old_cert = job->auth_cert;
		return ret;
	}
	job->action = ENROL_FIRST;
	if (profile->client_credential == NULL)
		return 0;
	return read_pair(dir, profile->client_credential, &job->auth_key, &job->auth_cert, why);
}

static int copy_text(const char *text, char **out)
{
	if (text == NULL)
		return 0;
	*out = strdup(text);
	return *out != NULL ? 0 : -ENOMEM;
}

static int fill(const struct enrolment *r, const struct config_ca_profile *profile,
	struct enrol_job *job, char why[ENROL_TEXT_MAX])
{
	struct daemon *d = r->enrol->daemon;
	int ret;

	snprintf(why, ENROL_TEXT_MAX, "no memory");
	job->driver = DRIVER(profile);
	job->action = r->action;
	job->validity_days = r->validity_days;
	job->reason = r->reason;
	job->is_stopping = &r->enrol->is_stopping;
	job->trust = pki_trust_get(trust_current(d->trust));
	job->check = provision_check_new(d, r->name, NULL);
	if (job->check == NULL || copy_text(r->url, &job->url) < 0 ||
		copy_text(profile->username, &job->username) < 0 ||
		copy_text(profile->recipient, &job->recipient) < 0)
		return -ENOMEM;
	if (profile->tls_ca_file != NULL) {
		ret = read_tls_store(d->pki_fd, profile->tls_ca_file, &job->tls_store, why);
		if (ret < 0)
			return ret;
	} else if (X509_STORE_up_ref(pki_trust_store(job->trust)) == 1) {
		job->tls_store = pki_trust_store(job->trust);
	}
	ret = read_credentials(r, profile, job, why);
	if (ret == 0 && job->action != ENROL_REVOKE)
		ret = read_request(r, job, why);
	return ret;
}

int enrol_job_fill(const struct enrolment *r, struct enrol_job **out, char why[ENROL_TEXT_MAX])
{
	const struct config_ca_profile *profile = enrol_profile(r->enrol, r->url);
	struct enrol_job *job;
	int ret;

	if (profile == NULL) {
		snprintf(why, ENROL_TEXT_MAX, "no ca-profile of the configuration has this URL");
		return -ENOENT;
	}
	job = enrol_job_new();
	if (job == NULL) {
		snprintf(why, ENROL_TEXT_MAX, "no memory");
		return -ENOMEM;
	}
	ret = fill(r, profile, job, why);
	if (ret < 0)
		enrol_job_free(job);
	else
		*out = job;
	return ret;
}
