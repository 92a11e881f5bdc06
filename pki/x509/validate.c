/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/validate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "pki/x509/cert.h"
#include "pki/x509/general_name.h"
#include "pki/x509/key.h"
#include "pki/x509/name.h"
#include "pki/x509/path.h"
#include "pki/x509/profile.h"

/* One judgement in progress. */
struct judgement {
	const struct pki_validate_args *args;
	struct pki_report *report;
	struct pki_revocation_keyer *keyer;
	X509 *leaf;
	struct rk_verdict *v;
};

/* What one path came to. */
struct outcome {
	struct rk_verdict v;
	struct pki_report report;
};

/* The paths of one judgement; each is judged from what is known of the leaf by itself. */
struct path_trial {
	const struct judgement *j;
	struct outcome outcome; /* of the path taken, else of the first that stood */
	bool has_outcome;
	int error; /* -errno: could not be judged */
};

/* The first bad word stands, but for doubt, which certainty replaces. */
static void worsen(struct judgement *j, enum rk_verdict_status status)
{
	if (j->v->status == RK_VERDICT_GOOD ||
		(j->v->status == RK_VERDICT_UNKNOWN && status == RK_VERDICT_REVOKED))
		j->v->status = (uint8_t)status;
}

static void fill_dates(struct judgement *j)
{
	if (!pki_asn1_time(X509_get0_notBefore(j->leaf), &j->v->not_before))
		j->v->not_before = 0;
	if (!pki_asn1_time(X509_get0_notAfter(j->leaf), &j->v->not_after))
		j->v->not_after = 0;
}

/* cn stays empty unless there is exactly one CN that a router could be called by. */
static void fill_common_name(struct judgement *j)
{
	const X509_NAME *subject = X509_get_subject_name(j->leaf);
	struct rk_verdict *v = j->v;
	unsigned char *text = NULL;
	int at = -1, last = -1, cnt = 0, len;

	while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0) {
		last = at;
		cnt++;
	}
	v->cn_cnt = (uint8_t)(cnt < UINT8_MAX ? cnt : UINT8_MAX);
	if (cnt != 1)
		return;
	len = ASN1_STRING_to_UTF8(
		&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
	if (len > 0 && len <= RK_CN_MAX && memchr(text, '\0', (size_t)len) == NULL) {
		memcpy(v->cn, text, (size_t)len);
		v->cn_len = (uint8_t)len;
	}
	OPENSSL_free(text);
}

/* What does not fit was reported by the profile, which refuses such a certificate. */
static void fill_uris(struct judgement *j)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(j->leaf, NID_subject_alt_name, NULL, NULL);
	struct rk_verdict *v = j->v;
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(names) && v->uri_cnt < RK_URI_MAX; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		int len;

		if (name->type != GEN_URI)
			continue;
		len = ASN1_STRING_length(name->d.uniformResourceIdentifier);
		if (len <= 0 || len > RK_URI_LEN_MAX)
			continue;
		memcpy(v->uri[v->uri_cnt], ASN1_STRING_get0_data(name->d.uniformResourceIdentifier),
			(size_t)len);
		v->uri_len[v->uri_cnt++] = (uint16_t)len;
	}
	GENERAL_NAMES_free(names);
}

static enum rk_verdict_status check_profile(struct judgement *j, X509 *cert, enum pki_role role)
{
	const struct pki_profile_args args = {
		.role = role,
		.severity = PKI_ERROR,
		.now = j->args->now,
		.is_ed25519_allowed = j->args->is_ed25519_allowed,
		.is_self_signature_known = role == PKI_ROLE_ANCHOR,
	};
	char name[PKI_SUBJECT_MAX];

	pki_name_text(X509_get_subject_name(cert), name, sizeof(name));
	pki_report_about(j->report, "%s", name);
	return pki_profile_check(cert, &args, j->report);
}

static void report_path(struct judgement *j, const struct pki_path_result *path)
{
	char name[PKI_SUBJECT_MAX];

	/* OpenSSL names the first thing it minds; the profile names all, and more exactly. */
	if (path->depth > 0 && path->culprit != NULL)
		(void)check_profile(j, path->culprit, PKI_ROLE_CA);
	/* The leaf's own dates were reported with the leaf. */
	if (path->depth == 0 && j->report != NULL && pki_report_has(j->report, path->code))
		return;
	pki_name_text(X509_get_subject_name(j->leaf), name, sizeof(name));
	pki_report_about(j->report, "%s", name);
	pki_report_add(j->report, PKI_ERROR, path->code,
		path->status == RK_VERDICT_UNTRUSTED
			? "Install the issuing CA's certificate and all above it as trusted CA "
			  "certificates, or have the certificate issued by a CA that is trusted."
			: "Have the certificate issued again with this put right by its CA.",
		"The certificate's chain is not valid (certificate %d of the chain): %s.",
		path->depth + 1, path->text);
}

/* A full set is not an error: a kind that is in no view is judged by the view's strictest policy. */
static int fill_kind(struct judgement *j, X509 *cert, struct pki_revocation_query *q)
{
	uint8_t kind[PKI_KIND_LEN];
	int ret = pki_kind_digest(cert, kind);

	if (ret < 0)
		return ret;
	pki_revocation_key(j->keyer, q->issuer_hash, kind, sizeof(kind), &q->entry.issuer);
	if (j->args->kinds == NULL)
		return 0;
	ret = pki_kind_set_note(j->args->kinds, cert);
	return ret == -ENOSPC ? 0 : ret;
}

static int fill_entry(struct judgement *j, X509 *cert, struct pki_revocation_query *q)
{
	uint8_t serial[PKI_SERIAL_MAX];
	int len, ret;

	q->issuer = X509_get_issuer_name(cert);
	q->serial = X509_get0_serialNumber(cert);
	len = pki_serial_bytes(q->serial, serial);
	if (len < 0 || !pki_asn1_time(X509_get0_notBefore(cert), &q->entry.not_before) ||
		!pki_asn1_time(X509_get0_notAfter(cert), &q->entry.not_after))
		return -EINVAL;
	ret = pki_issuer_hash(q->issuer, q->issuer_hash);
	if (ret < 0)
		return ret;
	pki_revocation_key(j->keyer, q->issuer_hash, serial, (size_t)len, &q->entry.cert);
	return fill_kind(j, cert, q);
}

static void report_revocation(
	struct judgement *j, enum pki_revocation_answer answer, const struct pki_revoked *revoked)
{
	if (answer == PKI_REVOCATION_REVOKED) {
		worsen(j, RK_VERDICT_REVOKED);
		pki_report_add(j->report, PKI_ERROR, "revoked",
			"Make a new key and have a new certificate issued.",
			"The certificate was revoked by its CA (reason code %d).",
			(int)revoked->reason);
	} else if (answer == PKI_REVOCATION_NOT_COVERED) {
		worsen(j, RK_VERDICT_UNKNOWN);
		pki_report_add(j->report, PKI_ERROR, "revocation-not-covered",
			"Configure a CRL source of the issuing CA.",
			"No revocation list covers the certificate.");
	} else {
		worsen(j, RK_VERDICT_UNKNOWN);
		pki_report_add(j->report, PKI_ERROR, "revocation-unknown",
			"See that the issuing CA's CRL can be fetched and is current.",
			"Whether the certificate is revoked cannot be told.");
	}
}

static void ask_revocation(struct judgement *j, X509 *cert, const struct pki_revocation_query *q)
{
	struct pki_revoked revoked = {.reason = RK_REASON_UNSPECIFIED};
	enum pki_revocation_answer answer;
	char name[PKI_SUBJECT_MAX];

	if (j->args->find == NULL && !j->args->is_revocation_required)
		return;
	answer = j->args->find != NULL ? j->args->find(j->args->find_ctx, q, &revoked)
				       : PKI_REVOCATION_NOT_COVERED;
	if (answer == PKI_REVOCATION_GOOD ||
		(answer == PKI_REVOCATION_NOT_COVERED && !j->args->is_revocation_required))
		return;
	pki_name_text(X509_get_subject_name(cert), name, sizeof(name));
	pki_report_about(j->report, "%s", name);
	report_revocation(j, answer, &revoked);
}

static bool is_self_issued(const X509 *cert)
{
	return X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
}

/* RFC 5280 6.1.3 (c) for names that stand for many. */
static void judge_wildcards(struct judgement *j, const STACK_OF(X509) * chain, int depth)
{
	X509 *cert = sk_X509_value(chain, depth);
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	char text[PKI_SUBJECT_MAX];
	bool is_excluded = false;

	for (int i = depth + 1; names != NULL && i < sk_X509_num(chain); i++) {
		NAME_CONSTRAINTS *nc =
			X509_get_ext_d2i(sk_X509_value(chain, i), NID_name_constraints, NULL, NULL);

		is_excluded |= nc != NULL && pki_name_constraints_exclude_wildcard(nc, names);
		NAME_CONSTRAINTS_free(nc);
	}
	GENERAL_NAMES_free(names);
	if (!is_excluded)
		return;
	worsen(j, RK_VERDICT_NOT_ALLOWED);
	pki_name_text(X509_get_subject_name(cert), text, sizeof(text));
	pki_report_about(j->report, "%s", text);
	pki_report_add(j->report, PKI_ERROR, "name-excluded",
		"Have the certificate issued again without that name.",
		"A wildcard of its subjectAltName could be a name that a CA above excludes.");
}

/* Every certificate of the path below the anchor, leaf first; then the anchor's own profile. */
static int judge_chain(struct judgement *j, STACK_OF(X509) * chain)
{
	X509 *anchor = sk_X509_value(chain, sk_X509_num(chain) - 1);
	bool is_self_signed = pki_trust_has_self_signed(j->args->trust, j->leaf);
	int below_cnt = is_self_signed ? 1 : sk_X509_num(chain) - 1;
	struct rk_verdict *v = j->v;
	int i, ret;

	if (below_cnt < 1) { /* the anchor itself: the profile has said "self-signed" */
		worsen(j, RK_VERDICT_UNTRUSTED);
		return 0;
	}
	if (below_cnt > RK_CHAIN_MAX)
		return -EIO; /* the path's rules do not let this happen */
	for (i = 0; i < below_cnt; i++) {
		struct pki_revocation_query q = {.is_leaf = i == 0, .chain = chain, .depth = i};
		X509 *cert = sk_X509_value(chain, i);

		if (i > 0)
			worsen(j, check_profile(j, cert, PKI_ROLE_CA));
		judge_wildcards(j, chain, i);
		ret = fill_entry(j, cert, &q);
		if (ret == -EINVAL) {
			worsen(j, RK_VERDICT_NOT_ALLOWED); /* and the profile said why */
			continue;
		}
		if (ret < 0)
			return ret;
		ask_revocation(j, cert, &q);
		v->chain[i] = q.entry;
		if (q.entry.not_before > v->not_before)
			v->not_before = q.entry.not_before;
		if (q.entry.not_after < v->not_after)
			v->not_after = q.entry.not_after;
	}
	if (!is_self_signed)
		worsen(j, check_profile(j, anchor,
				  is_self_issued(anchor) ? PKI_ROLE_ANCHOR : PKI_ROLE_CA));
	v->chain_cnt = (uint8_t)below_cnt;
	return 0;
}

/* Is this the path to go by? A leaf that is bad by itself gets no better on another one. */
static bool accept_path(void *ctx, STACK_OF(X509) * chain)
{
	struct path_trial *t = ctx;
	struct outcome o = {.v = *t->j->v};
	struct judgement j = *t->j;

	j.v = &o.v;
	if (j.report != NULL) {
		o.report = *j.report;
		j.report = &o.report;
	}
	t->error = judge_chain(&j, chain);
	if (t->error == 0 && (!t->has_outcome || o.v.status == RK_VERDICT_GOOD)) {
		t->outcome = o;
		t->has_outcome = true;
	}
	return t->error < 0 || o.v.status == RK_VERDICT_GOOD || t->j->v->status != RK_VERDICT_GOOD;
}

static int judge_paths(struct judgement *j)
{
	struct path_trial trial = {.j = j};
	const struct pki_path_args path_args = {
		.trust = j->args->trust,
		.untrusted = j->args->untrusted,
		.now = j->args->now,
		.is_single_try = j->v->status != RK_VERDICT_GOOD,
		.accept = accept_path,
		.accept_ctx = &trial,
	};
	struct pki_path_result path = {0};
	int ret = pki_path_verify(&path_args, j->leaf, &path);

	/* a single try is not put to accept_path */
	if (ret == 0 && path.status == RK_VERDICT_GOOD && path_args.is_single_try)
		(void)accept_path(&trial, path.chain);
	if (ret == 0)
		ret = trial.error;
	if (ret == 0 && trial.has_outcome) {
		*j->v = trial.outcome.v;
		if (j->report != NULL)
			*j->report = trial.outcome.report;
	} else if (ret == 0) {
		report_path(j, &path);
		worsen(j, path.status);
	}
	pki_path_result_fini(&path);
	return ret;
}

/* Its own anchor: there is no path, but its lists are asked all the same. */
static int judge_self_signed(struct judgement *j)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	int ret = -ENOMEM;

	worsen(j, check_profile(j, j->leaf, PKI_ROLE_SELF_SIGNED_LEAF));
	if (chain != NULL && sk_X509_push(chain, j->leaf) > 0)
		ret = judge_chain(j, chain);
	sk_X509_free(chain);
	return ret;
}

static int judge_issued(struct judgement *j)
{
	worsen(j, check_profile(j, j->leaf, PKI_ROLE_LEAF));
	return judge_paths(j);
}

static int judge(struct judgement *j)
{
	int ret;

	ret = pki_cert_fingerprint(j->leaf, j->v->fingerprint);
	if (ret < 0)
		return ret;
	fill_dates(j);
	fill_common_name(j);
	fill_uris(j);
	ret = pki_trust_has_self_signed(j->args->trust, j->leaf) ? judge_self_signed(j)
								 : judge_issued(j);
	if (ret == 0 && j->v->status == RK_VERDICT_GOOD && pki_public_key(j->leaf, &j->v->key) < 0)
		ret = -EIO; /* the profile took this key */
	return ret;
}

/* Only a good verdict carries what could be acted on. */
static void strip(struct rk_verdict *v)
{
	if (v->status == RK_VERDICT_GOOD)
		return;
	v->chain_cnt = 0;
	memset(v->chain, 0, sizeof(v->chain));
	memset(&v->key, 0, sizeof(v->key));
}

int pki_validate(const struct pki_validate_args *args, X509 *leaf, struct pki_report *report,
	struct rk_verdict *out)
{
	struct judgement j = {.args = args, .report = report, .leaf = leaf, .v = out};
	int ret;

	memset(out, 0, sizeof(*out));
	ret = pki_revocation_keyer_new(args->installation_key, &j.keyer);
	if (ret < 0)
		return ret;
	out->status = RK_VERDICT_GOOD;
	out->trust_generation = pki_trust_generation(args->trust);
	ret = judge(&j);
	strip(out);
	if (ret < 0)
		memset(out, 0, sizeof(*out));
	pki_report_about(report, "%s", "");
	pki_revocation_keyer_free(j.keyer);
	ERR_clear_error();
	return ret;
}

int pki_validate_der(const struct pki_validate_args *args, const uint8_t *der, size_t len,
	struct pki_report *report, struct rk_verdict *out)
{
	X509 *leaf = NULL;
	int ret = pki_cert_parse_der(der, len, report, &leaf);

	if (ret == -EBADMSG) {
		memset(out, 0, sizeof(*out));
		if (EVP_Digest(der, len, out->fingerprint, NULL, EVP_sha256(), NULL) != 1)
			return -EIO;
		out->status = RK_VERDICT_MALFORMED;
		out->trust_generation = pki_trust_generation(args->trust);
		return 0;
	}
	if (ret < 0)
		return ret;
	ret = pki_validate(args, leaf, report, out);
	X509_free(leaf);
	return ret;
}
