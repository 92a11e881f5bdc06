/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/trust.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "pki/x509/cert.h"
#include "pki/x509/name.h"
#include "pki/x509/path.h"
#include "pki/x509/pem.h"
#include "pki/x509/profile.h"

struct entry {
	struct pki_ca ca;
	uint8_t fingerprint[RK_FINGERPRINT_LEN];
	const struct pki_bundle *source; /* while building only */
};

struct pki_trust {
	atomic_uint ref_cnt;
	uint64_t generation;
	bool is_any_anchor;
	X509_STORE *store;              /* the anchors; never written after building */
	STACK_OF(X509) * intermediates; /* borrowed from entry */
	char **bundle_name;
	size_t bundle_cnt;
	size_t cnt;             /* CA certificates, from the front */
	size_t self_signed_cnt; /* routers' own, from the back */
	struct entry entry[PKI_TRUST_CERT_MAX];
};

/* What is handed down while one set is built. */
struct builder {
	const struct pki_trust_config *config;
	struct pki_trust *trust;
	struct pki_report *report;
	const struct pki_bundle *bundle;
	const char *bundle_name; /* the trust's own copy */
	unsigned block_number;
	bool is_refused;
};

static const char advice_bundle[] =
	"Put only PEM CERTIFICATE blocks of CA certificates up to the root into the bundle.";

static const struct entry *self_signed_entry(const struct pki_trust *t, size_t i)
{
	return &t->entry[PKI_TRUST_CERT_MAX - 1 - i];
}

static void free_trust(struct pki_trust *t)
{
	size_t i;

	X509_STORE_free(t->store);
	sk_X509_free(t->intermediates);
	for (i = 0; i < t->cnt; i++)
		X509_free(t->entry[i].ca.cert);
	for (i = 0; i < t->self_signed_cnt; i++)
		X509_free(self_signed_entry(t, i)->ca.cert);
	for (i = 0; i < t->bundle_cnt; i++)
		free(t->bundle_name[i]);
	free(t->bundle_name);
	free(t);
}

/* Remembers that an error was reported: warnings do not refuse. */
static enum pki_severity severity_of(struct builder *b, const struct pki_bundle *bundle)
{
	if (bundle->mode == PKI_MODE_STRICT)
		b->is_refused = true;
	return bundle->mode == PKI_MODE_STRICT ? PKI_ERROR : PKI_WARNING;
}

static bool is_self_issued(const X509 *cert)
{
	return X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
}

static const struct entry *find_fingerprint(const struct pki_trust *t, const uint8_t *fingerprint)
{
	size_t i;

	for (i = 0; i < t->cnt; i++) {
		if (memcmp(t->entry[i].fingerprint, fingerprint, RK_FINGERPRINT_LEN) == 0)
			return &t->entry[i];
	}
	for (i = 0; i < t->self_signed_cnt; i++) {
		const struct entry *e = self_signed_entry(t, i);

		if (memcmp(e->fingerprint, fingerprint, RK_FINGERPRINT_LEN) == 0)
			return e;
	}
	return NULL;
}

/* Where it is allowed, what is no CA is meant as a router's own certificate. */
static enum pki_role role_of(const struct builder *b, X509 *cert)
{
	if (!is_self_issued(cert))
		return PKI_ROLE_CA;
	if (b->config->is_self_signed_allowed && X509_check_ca(cert) == 0)
		return PKI_ROLE_SELF_SIGNED_LEAF;
	return PKI_ROLE_ANCHOR;
}

static int keep_entry(struct builder *b, const struct entry *e, enum pki_role role)
{
	struct pki_trust *t = b->trust;

	if (role == PKI_ROLE_SELF_SIGNED_LEAF) {
		t->entry[PKI_TRUST_CERT_MAX - 1 - t->self_signed_cnt++] = *e;
		return 0;
	}
	if (e->ca.is_anchor ? X509_STORE_add_cert(t->store, e->ca.cert) != 1
			    : sk_X509_push(t->intermediates, e->ca.cert) <= 0)
		return -ENOMEM;
	t->entry[t->cnt++] = *e;
	return 0;
}

static void describe(struct builder *b, X509 *cert)
{
	char name[PKI_SUBJECT_MAX / 2];

	pki_name_text(X509_get_subject_name(cert), name, sizeof(name));
	pki_report_about(
		b->report, "%.63s: certificate %u (%s)", b->bundle_name, b->block_number, name);
}

/* May it be kept under WARN? Dates change by themselves; the rest never gets better. */
static bool is_usable(enum rk_verdict_status status)
{
	return status == RK_VERDICT_GOOD || status == RK_VERDICT_EXPIRED ||
	       status == RK_VERDICT_NOT_YET_VALID;
}

static int hash_key(const X509 *cert, uint8_t out[PKI_KEY_HASH_LEN])
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	bool is_good = len > 0 && EVP_Digest(der, (size_t)len, out, NULL, EVP_sha256(), NULL) == 1;

	OPENSSL_free(der);
	return is_good ? 0 : -EIO;
}

/* Takes cert on success. 0 also when it is left out; -errno when building cannot go on. */
static int add_cert(struct builder *b, X509 *cert)
{
	struct pki_profile_args args = {
		.role = role_of(b, cert),
		.severity = b->bundle->mode == PKI_MODE_STRICT ? PKI_ERROR : PKI_WARNING,
		.now = b->config->now,
		.is_ed25519_allowed = b->config->is_ed25519_allowed,
	};
	struct entry e = {.source = b->bundle};
	enum rk_verdict_status status;
	const struct entry *same;

	if (pki_cert_fingerprint(cert, e.fingerprint) < 0 || hash_key(cert, e.ca.key_hash) < 0)
		return -EIO;
	describe(b, cert);
	same = find_fingerprint(b->trust, e.fingerprint);
	if (same != NULL) {
		if (same->ca.bundle == b->bundle_name)
			pki_report_add(b->report, PKI_WARNING, "duplicate-certificate",
				"Leave it out.", "The bundle holds this certificate twice.");
		X509_free(cert);
		return 0;
	}
	status = pki_profile_check(cert, &args, b->report);
	if (status != RK_VERDICT_GOOD)
		(void)severity_of(b, b->bundle);
	if (!is_usable(status)) {
		X509_free(cert);
		return 0;
	}
	e.ca.cert = cert;
	e.ca.bundle = b->bundle_name;
	e.ca.is_anchor = args.role != PKI_ROLE_CA || b->config->is_any_anchor;
	return keep_entry(b, &e, args.role);
}

static int add_block(struct builder *b, const struct pki_pem_block *block)
{
	uint8_t der[RK_CERT_DER_MAX];
	struct pki_report findings;
	const struct pki_finding *first;
	X509 *cert = NULL;
	size_t len;
	int ret;

	if (strcmp(block->label, "CERTIFICATE") != 0) {
		pki_report_add(b->report, severity_of(b, b->bundle), "bundle-wrong-label",
			advice_bundle, "The PEM block is labelled %s, not CERTIFICATE.",
			block->label);
		return 0;
	}
	if (b->trust->cnt + b->trust->self_signed_cnt == PKI_TRUST_CERT_MAX) {
		b->is_refused = true;
		pki_report_add(b->report, PKI_ERROR, "too-many-certificates", advice_bundle,
			"There are more than %d trusted certificates.", PKI_TRUST_CERT_MAX);
		return 0;
	}
	pki_report_init(&findings);
	ret = pki_base64_decode(block->body, block->body_len, der, sizeof(der), &len);
	if (ret == 0)
		ret = pki_cert_parse_der(der, len, &findings, &cert);
	if (ret < 0) {
		first = pki_report_first(&findings);
		pki_report_add(b->report, severity_of(b, b->bundle),
			first != NULL ? first->code : "certificate-pem-damaged", advice_bundle,
			"%s",
			first != NULL ? first->text : "The PEM block is damaged or too large.");
		return 0;
	}
	ret = add_cert(b, cert);
	if (ret < 0)
		X509_free(cert);
	return ret;
}

/* What is wrong with the text as a whole; refused in every mode. */
static bool check_text(struct builder *b)
{
	if (b->bundle->len > PKI_BUNDLE_TEXT_MAX) {
		pki_report_add(b->report, PKI_ERROR, "bundle-too-large", advice_bundle,
			"The bundle is larger than a megabyte.");
		return false;
	}
	return !pki_text_find_private_key(b->bundle->text, b->bundle->len, b->report);
}

static int add_bundle(struct builder *b)
{
	const char *next = b->bundle->text;
	const char *end = next + b->bundle->len;
	struct pki_pem_block block;
	int ret = 0;

	pki_report_about(b->report, "%s", b->bundle_name);
	if (!check_text(b)) {
		b->is_refused = true;
		return 0;
	}
	for (b->block_number = 1; ret == 0; b->block_number++) {
		enum pki_pem_result result = pki_pem_next(&next, end, &block);

		if (result == PKI_PEM_END)
			break;
		pki_report_about(
			b->report, "%.63s: certificate %u", b->bundle_name, b->block_number);
		if (result == PKI_PEM_DAMAGED)
			pki_report_add(b->report, severity_of(b, b->bundle),
				"certificate-pem-damaged", advice_bundle,
				"The PEM block has no matching END line.");
		else
			ret = add_block(b, &block);
	}
	if (b->block_number == 1) {
		b->is_refused = true;
		pki_report_about(b->report, "%s", b->bundle_name);
		pki_report_add(b->report, PKI_ERROR, "bundle-empty", advice_bundle,
			"The bundle holds no PEM block.");
	}
	return ret;
}

/* Every intermediate reaches an anchor, whatever the dates. */
static int check_complete(struct builder *b)
{
	struct pki_path_args args = {
		.trust = b->trust, .is_time_ignored = true, .is_single_try = true};
	struct pki_path_result result;
	size_t i;
	int ret;

	for (i = 0; i < b->trust->cnt; i++) {
		const struct entry *e = &b->trust->entry[i];
		char name[PKI_SUBJECT_MAX / 2];

		if (e->ca.is_anchor)
			continue;
		ret = pki_path_verify(&args, e->ca.cert, &result);
		if (ret < 0)
			return ret;
		if (result.status != RK_VERDICT_GOOD) {
			pki_name_text(X509_get_subject_name(e->ca.cert), name, sizeof(name));
			pki_report_about(b->report, "%.63s: %s", e->ca.bundle, name);
			pki_report_add(b->report, severity_of(b, e->source), "chain-incomplete",
				"Add the certificates of all CAs above it, up to the "
				"self-signed root.",
				"No chain leads from this certificate to a trusted root: %s.",
				result.text);
		}
		pki_path_result_fini(&result);
	}
	return 0;
}

static int copy_names(struct pki_trust *t, const struct pki_trust_config *config)
{
	t->bundle_name = calloc(config->bundle_cnt + 1, sizeof(*t->bundle_name));
	if (t->bundle_name == NULL)
		return -ENOMEM;
	for (; t->bundle_cnt < config->bundle_cnt; t->bundle_cnt++) {
		char *name = strdup(config->bundle[t->bundle_cnt].name);

		if (name == NULL)
			return -ENOMEM;
		t->bundle_name[t->bundle_cnt] = name;
	}
	return 0;
}

static int build(struct builder *b)
{
	size_t i;
	int ret = copy_names(b->trust, b->config);

	for (i = 0; ret == 0 && i < b->config->bundle_cnt; i++) {
		b->bundle = &b->config->bundle[i];
		b->bundle_name = b->trust->bundle_name[i];
		ret = add_bundle(b);
	}
	if (ret == 0)
		ret = check_complete(b);
	pki_report_about(b->report, "%s", "");
	if (ret == 0 && b->is_refused)
		ret = -EINVAL;
	return ret;
}

int pki_trust_new(
	const struct pki_trust_config *config, struct pki_report *report, struct pki_trust **out)
{
	struct pki_trust *t = calloc(1, sizeof(*t));
	struct builder b = {.config = config, .trust = t, .report = report};
	int ret = -ENOMEM;

	if (t == NULL)
		return -ENOMEM;
	atomic_init(&t->ref_cnt, 1);
	t->generation = config->generation;
	t->is_any_anchor = config->is_any_anchor;
	t->store = X509_STORE_new();
	t->intermediates = sk_X509_new_null();
	if (t->store != NULL && t->intermediates != NULL)
		ret = build(&b);
	ERR_clear_error();
	if (ret < 0)
		free_trust(t);
	else
		*out = t;
	return ret;
}

struct pki_trust *pki_trust_get(struct pki_trust *t)
{
	atomic_fetch_add_explicit(&t->ref_cnt, 1, memory_order_relaxed);
	return t;
}

void pki_trust_put(struct pki_trust *t)
{
	if (t != NULL && atomic_fetch_sub_explicit(&t->ref_cnt, 1, memory_order_acq_rel) == 1)
		free_trust(t);
}

uint64_t pki_trust_generation(const struct pki_trust *t)
{
	return t->generation;
}

bool pki_trust_is_any_anchor(const struct pki_trust *t)
{
	return t->is_any_anchor;
}

size_t pki_trust_ca_cnt(const struct pki_trust *t)
{
	return t->cnt;
}

const struct pki_ca *pki_trust_ca(const struct pki_trust *t, size_t i)
{
	return &t->entry[i].ca;
}

const struct pki_ca *pki_trust_find_ca(
	const struct pki_trust *t, const X509_NAME *subject, size_t *i)
{
	while (*i < t->cnt) {
		const struct pki_ca *ca = &t->entry[(*i)++].ca;

		if (X509_NAME_cmp(X509_get_subject_name(ca->cert), subject) == 0)
			return ca;
	}
	return NULL;
}

bool pki_trust_has_key(const struct pki_trust *t, const uint8_t key_hash[PKI_KEY_HASH_LEN])
{
	for (size_t i = 0; i < t->cnt; i++)
		if (memcmp(t->entry[i].ca.key_hash, key_hash, PKI_KEY_HASH_LEN) == 0)
			return true;
	return false;
}

size_t pki_trust_self_signed_cnt(const struct pki_trust *t)
{
	return t->self_signed_cnt;
}

const struct pki_ca *pki_trust_self_signed(const struct pki_trust *t, size_t i)
{
	return &self_signed_entry(t, i)->ca;
}

bool pki_trust_has_self_signed(const struct pki_trust *t, const X509 *cert)
{
	for (size_t i = 0; i < t->self_signed_cnt; i++)
		if (X509_cmp(self_signed_entry(t, i)->ca.cert, cert) == 0)
			return true;
	return false;
}

X509_STORE *pki_trust_store(const struct pki_trust *t)
{
	return t->store;
}

STACK_OF(X509) * pki_trust_intermediates(const struct pki_trust *t)
{
	return t->intermediates;
}
