/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/credential.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/alarms.h"
#include "control/clock_watch.h"
#include "control/config.h"
#include "control/crl/manager.h"
#include "control/provision_files.h"
#include "control/metrics.h"
#include "control/publish.h"
#include "control/revocations.h"
#include "control/time_text.h"
#include "control/trust.h"
#include "pki/x509/cert.h"
#include "pki/x509/identity.h"
#include "pki/x509/key.h"
#include "pki/x509/validate.h"

#define DAY           INT64_C(86400)
#define JUDGE_SECONDS 60

struct credential {
	struct daemon *daemon;
	struct event *timer;
	char name[PROVISION_NAME_MAX + 1];
	X509 *cert; /* NULL: none */
	uint8_t *der;
	struct rk_verdict verdict; /* without revocation: the view's keys tell that */
	struct compile_credential compiled;
	char trouble[PKI_TEXT_MAX]; /* why there is none, or why it is not good */
	bool is_stale;              /* what is on disk cannot be taken: cert is from before */
};

/* The pair of files as read, before any of it counts. */
struct pair {
	X509 *cert;
	uint8_t *der;
	size_t der_len;
	uint8_t public_key_hash[RK_DIGEST_LEN];
};

/* Kinds of alarms about our own certificate; all but the name exclude each other. */
static const char *const own_kinds[] = {"certificate-absent", "certificate-expiring",
	"certificate-expired", "certificate-revoked", "certificate-invalid"};

static void raise_alarm(const struct credential *c, const char *kind, enum alarm_severity severity,
	const char *text)
{
	const struct alarm_spec spec = {.kind = kind, .source = c->name, .severity = severity};

	alarm_raise(c->daemon->alarms, &spec, "%s", text);
}

/* Raises one of the kinds, or none (NULL), and clears the others. */
static void set_alarm(const struct credential *c, const char *kind, enum alarm_severity severity,
	const char *text)
{
	for (size_t i = 0; i < sizeof(own_kinds) / sizeof(own_kinds[0]); i++)
		if (kind == NULL || strcmp(kind, own_kinds[i]) != 0)
			alarm_clear(c->daemon->alarms, own_kinds[i], c->name);
	if (kind != NULL)
		raise_alarm(c, kind, severity, text);
}

static void count_refusal(const struct credential *c, const char *kind, enum metric which)
{
	if (!alarm_is_standing(c->daemon->alarms, kind, c->name))
		metrics_count(c->daemon->metrics, which);
}

static void alarm_dates(const struct credential *c, int64_t now)
{
	char text[256], until[TIME_TEXT_LEN];
	int64_t left = c->verdict.not_after - now;

	time_text(c->verdict.not_after, until);
	if (left > 30 * DAY) {
		set_alarm(c, NULL, ALARM_INFO, NULL);
		return;
	}
	snprintf(text, sizeof(text), "Certificate %s expires within a %s: %s", c->name,
		left > 7 * DAY ? "month" : "week", until);
	set_alarm(c, "certificate-expiring", left > 7 * DAY ? ALARM_MINOR : ALARM_MAJOR, text);
}

static void alarm_status(
	const struct credential *c, enum rk_verdict_status status, const char *detail, int64_t now)
{
	const char *kind = "certificate-invalid";
	enum metric which = METRIC_CERTIFICATE_INVALID;
	char text[512];

	if (status == RK_VERDICT_GOOD) {
		alarm_dates(c, now);
		return;
	}
	if (status == RK_VERDICT_REVOKED) {
		kind = "certificate-revoked";
		which = METRIC_CERTIFICATE_REVOKED;
	} else if (status == RK_VERDICT_EXPIRED) {
		kind = "certificate-expired";
		which = METRIC_CERTIFICATE_EXPIRED;
	}
	count_refusal(c, kind, which);
	snprintf(text, sizeof(text), "Certificate %s is invalid: %s - %s", c->name,
		rk_verdict_status_name(status), detail);
	set_alarm(c, kind, ALARM_CRITICAL, text);
}

/* What the configuration names is not on disk: told whether or not rekeying is enabled. */
static void alarm_file(const struct credential *c, int error, const char *suffix)
{
	const struct alarm_spec spec = {"certificate-file-absent", c->name, ALARM_MAJOR};

	if (error == -ENOENT && c->daemon->config->client_certificate_cnt > 0)
		alarm_raise(c->daemon->alarms, &spec,
			"The client-certificate's file %s.%s does not exist", c->name, suffix);
	else
		alarm_clear(c->daemon->alarms, spec.kind, c->name);
}

static void alarm_absent(const struct credential *c)
{
	char text[512];

	if (!c->daemon->config->is_enabled) {
		set_alarm(c, NULL, ALARM_INFO, NULL);
		return;
	}
	snprintf(text, sizeof(text), "No valid CA-signed certificate while rekeying is enabled: %s",
		c->trouble);
	set_alarm(c, "certificate-absent", ALARM_CRITICAL, text);
}

static void alarm_name(const struct credential *c)
{
	const char *name = c->daemon->config->peering_common_name;
	char text[256];

	if (c->cert == NULL ||
		pki_identity_match(&c->verdict, name, strlen(name)) != PKI_IDENTITY_NONE) {
		alarm_clear(c->daemon->alarms, "certificate-name", c->name);
		return;
	}
	snprintf(text, sizeof(text),
		"Certificate %s does not carry this router's peering-common-name \"%s\": peers "
		"will refuse it",
		c->name, name);
	raise_alarm(c, "certificate-name", ALARM_MAJOR, text);
}

/* With revocation, for the alarm; the published verdict stays without. */
static enum rk_verdict_status judge_revocation(
	const struct credential *c, struct pki_validate_args *args, char *detail, size_t size)
{
	struct revocations_query query = {
		.revocations = revocations_current(c->daemon), .now = args->now};
	struct pki_report report;
	struct rk_verdict verdict;

	if (query.revocations == NULL)
		return RK_VERDICT_GOOD; /* no memory now: asked again in a minute */
	pki_report_init(&report);
	args->find = revocations_find;
	args->find_ctx = &query;
	if (pki_validate(args, c->cert, &report, &verdict) < 0)
		return RK_VERDICT_GOOD;
	if (verdict.status == RK_VERDICT_REVOKED)
		snprintf(detail, size, "%s", query.detail);
	else if (report.error_cnt > 0)
		snprintf(detail, size, "%s", pki_report_first(&report)->text);
	return (enum rk_verdict_status)verdict.status;
}

void credential_judge(struct credential *c)
{
	struct pki_validate_args args = {
		.trust = trust_current(c->daemon->trust),
		.installation_key = c->daemon->installation_key,
		.now = clock_now(c->daemon),
		.is_ed25519_allowed = c->daemon->config->is_ed25519_allowed,
		.kinds = c->daemon->kinds,
	};
	enum rk_verdict_status status;
	struct pki_report report;
	struct rk_verdict verdict;
	bool is_same;

	if (c->cert == NULL) {
		alarm_absent(c);
		alarm_name(c);
		return;
	}
	pki_report_init(&report);
	if (pki_validate(&args, c->cert, &report, &verdict) < 0) {
		log_error("our own certificate could not be judged");
		return;
	}
	(void)revocations_follow_kinds(c->daemon);
	is_same = memcmp(&verdict, &c->verdict, sizeof(verdict)) == 0;
	c->verdict = verdict;
	status = (enum rk_verdict_status)verdict.status;
	c->trouble[0] = '\0';
	if (report.error_cnt > 0)
		snprintf(c->trouble, sizeof(c->trouble), "%s", pki_report_first(&report)->text);
	if (status == RK_VERDICT_GOOD)
		status = judge_revocation(c, &args, c->trouble, sizeof(c->trouble));
	alarm_status(c, status, c->trouble, args.now);
	alarm_name(c);
	if (!is_same)
		publisher_mark(c->daemon->publisher, RK_PART_CONFIG);
}

static void unload(struct credential *c)
{
	X509_free(c->cert);
	c->cert = NULL;
	OPENSSL_free(c->der);
	c->der = NULL;
	memset(&c->verdict, 0, sizeof(c->verdict));
	memset(&c->compiled, 0, sizeof(c->compiled));
	c->is_stale = false;
}

static int read_key(const struct credential *c, EVP_PKEY **out)
{
	return provision_read_key(c->daemon->pki_fd, c->name, PROVISION_KEY_CURRENT, out);
}

static void free_pair(struct pair *pair)
{
	X509_free(pair->cert);
	OPENSSL_free(pair->der);
}

static int read_pair(const struct credential *c, struct pair *pair, const char **suffix)
{
	EVP_PKEY *key = NULL;
	int ret;

	*suffix = "pem";
	ret = provision_read_certificate(c->daemon->pki_fd, c->name, &pair->cert);
	if (ret == 0)
		ret = pki_cert_to_der(pair->cert, &pair->der, &pair->der_len);
	if (ret < 0)
		return ret;
	*suffix = "key";
	ret = read_key(c, &key);
	if (ret == 0 && !pki_key_matches_cert(key, pair->cert))
		ret = -EKEYREJECTED;
	if (ret == 0)
		/* Of the key: a certificate may spell the same key in other bytes. */
		ret = pki_key_hash(key, pair->public_key_hash);
	EVP_PKEY_free(key);
	return ret;
}

/* The pair is in force from here on. */
static void take_pair(struct credential *c, struct pair *pair)
{
	unload(c);
	c->cert = pair->cert;
	c->der = pair->der;
	c->compiled.der = (struct rk_span){c->der, pair->der_len};
	memcpy(c->compiled.public_key_hash, pair->public_key_hash, RK_DIGEST_LEN);
	crl_manager_note_certificate(c->daemon->crl, c->cert);
}

static void explain(struct credential *c, int error, const char *suffix)
{
	if (error == -EKEYREJECTED)
		snprintf(c->trouble, sizeof(c->trouble), "%s.key and %s.pem do not belong together",
			c->name, c->name);
	else if (error == -EBADMSG)
		snprintf(c->trouble, sizeof(c->trouble), "%s.%s cannot be read as PEM", c->name,
			suffix);
	else
		snprintf(c->trouble, sizeof(c->trouble), "%s.%s: %s", c->name, suffix,
			strerror(-error));
}

/* What was in force stays, while somebody is told. */
static void alarm_stale(const struct credential *c)
{
	const struct alarm_spec spec = {"certificate-not-read", c->name, ALARM_MAJOR};

	if (c->is_stale)
		alarm_raise(c->daemon->alarms, &spec,
			"The files of certificate %s cannot be taken: %s; what was read before "
			"stays in force",
			c->name, c->trouble);
	else
		alarm_clear(c->daemon->alarms, spec.kind, c->name);
}

const char *credential_name(const struct daemon *d)
{
	const struct config_client_certificate *cert = d->config->client_certificate;

	if (d->config->client_certificate_cnt == 0)
		return CREDENTIAL_NAME;
	return cert->file != NULL ? cert->file : cert->name;
}

void credential_configure(struct credential *c)
{
	if (strcmp(c->name, credential_name(c->daemon)) == 0) {
		credential_judge(c);
		return;
	}
	set_alarm(c, NULL, ALARM_INFO, NULL);
	alarm_clear(c->daemon->alarms, "certificate-name", c->name);
	alarm_clear(c->daemon->alarms, "certificate-file-absent", c->name);
	unload(c); /* another's is no substitute */
	alarm_stale(c);
	(void)credential_reload(c);
}

int credential_reload(struct credential *c)
{
	struct pair pair = {0};
	const char *suffix;
	int ret;

	snprintf(c->name, sizeof(c->name), "%s", credential_name(c->daemon));
	ret = read_pair(c, &pair, &suffix);
	alarm_file(c, ret, suffix);
	if (ret == 0) {
		take_pair(c, &pair);
	} else {
		free_pair(&pair);
		explain(c, ret, suffix);
		/* Only who takes the certificate away means to be without. */
		if (!provision_has_certificate(c->daemon->pki_fd, c->name))
			unload(c);
		c->is_stale = c->cert != NULL;
	}
	alarm_stale(c);
	c->compiled.verdict = &c->verdict;
	credential_judge(c);
	publisher_mark(c->daemon->publisher, RK_PART_CONFIG);
	return ret;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct credential *c = arg;

	(void)fd;
	(void)what;
	if (c->is_stale)
		(void)credential_reload(c); /* a disk that was full or busy may be so no more */
	else
		credential_judge(c);
}

static bool is_ours(void *arg, const char *source)
{
	const struct credential *c = arg;

	return strcmp(source, c->name) == 0;
}

/* Or about trusted CA certificates, whose sources are more than a name. */
static bool is_file_ours(void *arg, const char *source)
{
	return is_ours(arg, source) || strchr(source, ' ') != NULL;
}

/* Of the certificate that was named when this daemon ran last, and is not any more. */
static void drop_alarms(struct credential *c)
{
	for (size_t i = 0; i < sizeof(own_kinds) / sizeof(own_kinds[0]); i++)
		alarm_clear_unless(c->daemon->alarms, own_kinds[i], is_ours, c);
	alarm_clear_unless(c->daemon->alarms, "certificate-name", is_ours, c);
	alarm_clear_unless(c->daemon->alarms, "certificate-not-read", is_ours, c);
	alarm_clear_unless(c->daemon->alarms, "certificate-file-absent", is_file_ours, c);
}

int credential_open(struct daemon *d, struct credential **out)
{
	const struct timeval every = {.tv_sec = JUDGE_SECONDS};
	struct credential *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	c->daemon = d;
	c->timer = event_new(d->base, -1, EV_PERSIST, on_timer, c);
	if (c->timer == NULL || event_add(c->timer, &every) < 0) {
		credential_close(c);
		return -ENOMEM;
	}
	(void)credential_reload(c);
	drop_alarms(c);
	*out = c;
	return 0;
}

void credential_close(struct credential *c)
{
	if (c == NULL)
		return;
	unload(c);
	if (c->timer != NULL)
		event_free(c->timer);
	free(c);
}

const struct compile_credential *credential_compiled(const struct credential *c)
{
	return c->cert != NULL ? &c->compiled : NULL;
}

int credential_private_key(const struct credential *c, struct rk_private_key *key)
{
	EVP_PKEY *private_key = NULL;
	int ret;

	if (c->cert == NULL)
		return -ENOENT;
	ret = read_key(c, &private_key);
	if (ret == 0 && !pki_key_matches_cert(private_key, c->cert))
		ret = -EKEYREJECTED;
	if (ret == 0)
		ret = pki_key_to_private(private_key, key);
	EVP_PKEY_free(private_key);
	return ret;
}

int64_t credential_not_after(const struct credential *c)
{
	return c->cert != NULL ? c->verdict.not_after : 0;
}
