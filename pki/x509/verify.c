/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/verify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "pki/x509/cert_list.h"
#include "pki/x509/crl_set.h"
#include "pki/x509/identity.h"
#include "pki/x509/pem.h"
#include "pki/x509/trust.h"
#include "pki/x509/validate.h"

static const char advice_text[] = "Give PEM blocks as the manual says.";

struct verification {
	const struct pki_verify_args *args;
	struct pki_verify_result *out;
	struct pki_trust *trust;
	X509 *leaf;
	STACK_OF(X509) * untrusted;
	struct pki_crl_set *set;
};

static int refuse(struct verification *v, const char *code, const char *text)
{
	pki_report_add(&v->out->report, PKI_ERROR, code, advice_text, "%s", text);
	return -EBADMSG;
}

static bool is_blank(const struct pki_verify_text *t)
{
	return pki_text_is_blank(t->data, t->len);
}

/* Takes one X509 CRL block. */
static int add_crl(struct verification *v, const struct pki_pem_block *block)
{
	size_t len = (size_t)(block->end - block->start);
	struct pki_crl *crl = NULL;
	int ret;

	if (pki_crl_set_cnt(v->set) == PKI_CRL_SET_MAX)
		return refuse(v, "too-many-crls", "There are too many revocation lists.");
	ret = pki_crl_parse_kinds(block->start, len, len, PKI_CRL_TAKE_ALL, &v->out->report, &crl);
	if (ret == 0)
		ret = pki_crl_set_add(v->set, crl);
	return ret;
}

static int read_certs(
	struct verification *v, const struct pki_verify_text *t, STACK_OF(X509) * list)
{
	if (t->len > PKI_VERIFY_TEXT_MAX)
		return refuse(v, "text-too-large", "A file is too large.");
	return pki_cert_list_parse(t->data, t->len, PKI_VERIFY_CERT_MAX, &v->out->report, list);
}

/* The first is judged, others help. */
static int read_leaf(struct verification *v)
{
	int ret = read_certs(v, &v->args->cert, v->untrusted);

	if (ret == 0)
		v->leaf = sk_X509_shift(v->untrusted);
	return ret;
}

static int read_crls(struct verification *v)
{
	const struct pki_verify_text *t = &v->args->crls;
	const char *next = t->data, *end = t->data + t->len;
	struct pki_pem_block block;
	enum pki_pem_result result;
	bool is_empty = true;
	int ret = 0;

	if (t->len > PKI_VERIFY_TEXT_MAX)
		return refuse(v, "text-too-large", "A file is too large.");
	while (ret == 0 && (result = pki_pem_next(&next, end, &block)) != PKI_PEM_END) {
		is_empty = false;
		ret = result == PKI_PEM_BLOCK
			      ? add_crl(v, &block)
			      : refuse(v, "pem-damaged", "A PEM block has no matching END line.");
	}
	return ret == 0 && is_empty ? refuse(v, "no-pem", "A file holds text, but no PEM block.")
				    : ret;
}

/* Anchors that no validation would ever take are left out: they are warnings, and lead nowhere. */
static int read_anchors(struct verification *v)
{
	const struct pki_bundle bundle = {
		"anchors", v->args->anchors.data, v->args->anchors.len, PKI_MODE_WARN};
	const struct pki_trust_config config = {.bundle = &bundle,
		.bundle_cnt = 1,
		.generation = 1,
		.now = v->args->now,
		.is_any_anchor = true};
	int ret = pki_trust_new(&config, &v->out->report, &v->trust);

	return ret == -EINVAL ? -EBADMSG : ret;
}

/* A bundle may hold damaged blocks; here they are errors. */
static int check_anchors(struct verification *v)
{
	STACK_OF(X509) *list = sk_X509_new_null();
	int ret = list != NULL ? read_certs(v, &v->args->anchors, list) : -ENOMEM;

	sk_X509_pop_free(list, X509_free);
	return ret;
}

static int read_lists(struct verification *v)
{
	const struct pki_crl_set_args args = {
		.trust = v->trust, .untrusted = v->untrusted, .now = v->args->now};
	int ret;

	if (is_blank(&v->args->crls))
		return 0;
	ret = pki_crl_set_new(&args, &v->set);
	return ret == 0 ? read_crls(v) : ret;
}

static int read_all(struct verification *v)
{
	int ret = read_anchors(v);

	if (ret == 0)
		ret = check_anchors(v);
	if (ret == 0)
		ret = read_leaf(v);
	if (ret == 0 && !is_blank(&v->args->untrusted))
		ret = read_certs(v, &v->args->untrusted, v->untrusted);
	return ret == 0 ? read_lists(v) : ret;
}

static int judge(struct verification *v)
{
	static const uint8_t key[PKI_INSTALLATION_KEY_LEN]; /* nothing is looked up by it */
	const struct pki_validate_args args = {.trust = v->trust,
		.installation_key = key,
		.now = v->args->now,
		.is_revocation_required = v->set != NULL,
		.find = v->set != NULL ? pki_crl_set_find : NULL,
		.find_ctx = v->set,
		.untrusted = v->untrusted};
	struct pki_verify_result *out = v->out;
	const char *name = v->args->identity;
	int ret = pki_validate(&args, v->leaf, &out->report, &out->verdict);

	if (ret < 0)
		return ret;
	out->is_valid = out->verdict.status == RK_VERDICT_GOOD && out->report.error_cnt == 0;
	if (out->is_valid && name != NULL &&
		pki_identity_match(&out->verdict, name, strlen(name)) == PKI_IDENTITY_NONE) {
		out->is_valid = false;
		return refuse(v, "identity-mismatch",
			"The certificate is valid, but does not carry that name.");
	}
	return 0;
}

static void sum_up(struct pki_verify_result *out)
{
	const struct pki_finding *first = pki_report_first(&out->report);

	if (out->is_valid) {
		out->code = "valid";
		snprintf(out->reason, sizeof(out->reason), "%s", "The certificate is valid.");
	} else if (first != NULL && first->severity == PKI_ERROR) {
		out->code = first->code;
		memcpy(out->reason, first->text, sizeof(out->reason));
	} else {
		out->code = "not-valid";
		snprintf(out->reason, sizeof(out->reason), "%s", "The certificate is not valid.");
	}
}

int pki_verify(const struct pki_verify_args *args, struct pki_verify_result *out)
{
	struct verification v = {.args = args, .out = out, .untrusted = sk_X509_new_null()};
	int ret = -ENOMEM;

	memset(out, 0, sizeof(*out));
	pki_report_init(&out->report);
	if (v.untrusted != NULL)
		ret = read_all(&v);
	if (ret == 0)
		ret = judge(&v);
	if (ret == -EBADMSG || ret == -EFBIG)
		ret = 0; /* and a finding says why */
	if (ret == 0)
		sum_up(out);
	pki_crl_set_free(v.set);
	sk_X509_pop_free(v.untrusted, X509_free);
	X509_free(v.leaf);
	pki_trust_put(v.trust);
	ERR_clear_error();
	return ret;
}
