/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/profile.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "pki/x509/algorithm.h"
#include "pki/x509/extension.h"
#include "pki/x509/general_name.h"
#include "pki/x509/name.h"
#include "pki/x509/revocation_key.h"

static const char advice_reissue[] =
	"Have the certificate issued again with this put right by its CA.";

struct check {
	X509 *cert;
	const struct pki_profile_args *args;
	struct pki_report *report;
	enum rk_verdict_status status;
};

static void found(struct check *c, const char *code, const char *text)
{
	if (c->status != RK_VERDICT_UNTRUSTED)
		c->status = RK_VERDICT_NOT_ALLOWED;
	pki_report_add(c->report, c->args->severity, code, advice_reissue,
		"The certificate is not allowed: %s.", text);
}

static void found_problem(struct check *c, const struct pki_problem *p)
{
	if (p != NULL)
		found(c, p->code, p->text);
}

static bool is_ca_role(const struct check *c)
{
	return c->args->role != PKI_ROLE_LEAF;
}

static void check_head(struct check *c)
{
	const X509_ALGOR *outer;
	uint8_t serial[PKI_SERIAL_MAX];

	if (X509_get_version(c->cert) != 2)
		found(c, "not-version-3", "it is not an X.509 version 3 certificate");
	if (pki_serial_bytes(X509_get0_serialNumber(c->cert), serial) < 0)
		found(c, "bad-serial",
			"its serial number is not a positive number of at most 20 octets");
	X509_get0_signature(NULL, &outer, c->cert);
	if (X509_ALGOR_cmp(X509_get0_tbs_sigalg(c->cert), outer) != 0)
		found(c, "signature-algorithms-differ",
			"the signature algorithms inside and outside the signed part differ");
	found_problem(c, pki_signature_problem(outer, c->args->is_ed25519_allowed));
	found_problem(c, pki_cert_key_problem(c->cert, is_ca_role(c), c->args->is_ed25519_allowed));
	if (X509_NAME_entry_count(X509_get_issuer_name(c->cert)) == 0)
		found(c, "empty-issuer", "its issuer name is empty");
}

static void check_dates(struct check *c)
{
	int64_t not_before, not_after;

	if (!pki_asn1_time(X509_get0_notBefore(c->cert), &not_before) ||
		!pki_asn1_time(X509_get0_notAfter(c->cert), &not_after) || not_before > not_after) {
		found(c, "bad-validity", "its dates are not in the form that RFC 5280 demands");
		return;
	}
	if (c->args->now >= not_before && c->args->now <= not_after)
		return;
	if (c->status == RK_VERDICT_GOOD)
		c->status =
			c->args->now > not_after ? RK_VERDICT_EXPIRED : RK_VERDICT_NOT_YET_VALID;
	if (c->args->now > not_after)
		pki_report_add(c->report, c->args->severity, "expired",
			"Have a new certificate issued; check this router's clock.",
			"The certificate has expired.");
	else
		pki_report_add(c->report, c->args->severity, "not-yet-valid",
			"Wait until it is valid, or have it issued again; check this router's "
			"clock.",
			"The certificate is not yet valid.");
}

/* RFC 5280 4.2.1.1, 4.2.1.2, 4.2.1.8, 4.2.1.15, 4.2.2.1, 4.2.2.2 */
static void check_not_critical(struct check *c)
{
	static const int must_not_be_critical[] = {NID_authority_key_identifier,
		NID_subject_key_identifier, NID_subject_directory_attributes, NID_freshest_crl,
		NID_info_access, NID_sinfo_access};
	size_t i;

	for (i = 0; i < sizeof(must_not_be_critical) / sizeof(must_not_be_critical[0]); i++) {
		int at = X509_get_ext_by_NID(c->cert, must_not_be_critical[i], -1);

		if (at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(c->cert, at)) != 0)
			found(c, "extension-must-not-be-critical",
				"an extension is critical that RFC 5280 wants not critical");
	}
}

/* Whatever stands there is compared with the constraints of the CAs above. */
static void check_alt_names(struct check *c)
{
	int critical = -1, i;
	GENERAL_NAMES *names = X509_get_ext_d2i(c->cert, NID_subject_alt_name, &critical, NULL);

	if (names == NULL && critical != -1)
		found(c, "bad-extension",
			"its subjectAltName cannot be read or stands there twice");
	if (names != NULL && sk_GENERAL_NAME_num(names) == 0)
		found(c, "bad-extension", "its subjectAltName is empty");
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		if (pki_alt_name_is_sound(sk_GENERAL_NAME_value(names, i)))
			continue;
		found(c, "bad-alt-name", "a name of its subjectAltName is not written as it must");
		break;
	}
	GENERAL_NAMES_free(names);
}

static void check_extensions(struct check *c)
{
	uint32_t flags = X509_get_extension_flags(c->cert);
	int cnt = X509_get_ext_count(c->cert);
	int i;

	for (i = 0; i < cnt; i++) {
		const ASN1_OBJECT *oid = X509_EXTENSION_get_object(X509_get_ext(c->cert, i));

		if (X509_get_ext_by_OBJ(c->cert, oid, i) < 0)
			continue;
		found(c, "duplicate-extension", "it has one extension twice");
		break;
	}
	for (i = 0; i < cnt; i++)
		found_problem(c, pki_extension_problem(X509_get_ext(c->cert, i)));
	if ((flags & (EXFLAG_INVALID | EXFLAG_INVALID_POLICY)) != 0)
		found(c, "bad-extension", "an extension cannot be read, or contradicts another");
	if ((flags & EXFLAG_KUSAGE) != 0 && X509_get_key_usage(c->cert) == 0)
		found(c, "bad-extension", "its keyUsage names no use");
	check_not_critical(c);
	check_alt_names(c);
}

/* RFC 5280 4.2.1.10, 4.2.1.11, 4.2.1.14: whoever does not understand these must refuse. */
static void check_constraints(struct check *c)
{
	static const int must_be_critical[] = {
		NID_name_constraints, NID_policy_constraints, NID_inhibit_any_policy};
	NAME_CONSTRAINTS *nc;
	size_t i;

	for (i = 0; i < sizeof(must_be_critical) / sizeof(must_be_critical[0]); i++) {
		int at = X509_get_ext_by_NID(c->cert, must_be_critical[i], -1);

		if (at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(c->cert, at)) == 0)
			found(c, "constraints-not-critical",
				"its name or policy constraints are not critical");
	}
	nc = X509_get_ext_d2i(c->cert, NID_name_constraints, NULL, NULL);
	if (nc != NULL && !pki_name_constraints_are_sound(nc))
		found(c, "bad-name-constraints",
			"its name constraints are empty or not written as they must");
	NAME_CONSTRAINTS_free(nc);
}

static void check_signer(struct check *c)
{
	uint32_t flags = X509_get_extension_flags(c->cert);

	if ((flags & EXFLAG_KUSAGE) == 0 || (X509_get_key_usage(c->cert) & KU_CRL_SIGN) == 0)
		found(c, "crl-signer-without-crl-sign",
			"its keyUsage is missing or does not include cRLSign");
}

static void check_ca(struct check *c)
{
	uint32_t flags = X509_get_extension_flags(c->cert);

	if ((flags & EXFLAG_BCONS) == 0 || (flags & EXFLAG_CA) == 0)
		found(c, "not-a-ca",
			"it is not a CA certificate (basicConstraints with CA:TRUE is missing)");
	else if ((flags & EXFLAG_BCONS_CRITICAL) == 0)
		found(c, "basic-constraints-not-critical", "its basicConstraints are not critical");
	if ((flags & EXFLAG_KUSAGE) == 0 || (X509_get_key_usage(c->cert) & KU_KEY_CERT_SIGN) == 0)
		found(c, "key-usage-without-certificate-signing",
			"its keyUsage is missing or does not include keyCertSign");
	/* RFC 5280 4.2.1.1. OpenSSL does not ask this of where a path ends. */
	if (X509_NAME_cmp(X509_get_subject_name(c->cert), X509_get_issuer_name(c->cert)) != 0 &&
		X509_get0_authority_key_id(c->cert) == NULL)
		found(c, "no-authority-key-identifier",
			"it has no authority key identifier and is not self-signed");
}

static void check_self_signature(struct check *c)
{
	if (X509_verify(c->cert, X509_get0_pubkey(c->cert)) != 1)
		found(c, "bad-self-signature", "its self-signature does not verify");
}

/* Whoever signs anything. */
static void check_issuing(struct check *c)
{
	check_constraints(c);
	if (X509_NAME_entry_count(X509_get_subject_name(c->cert)) == 0)
		found(c, "empty-subject", "its subject name is empty");
	if (c->args->role == PKI_ROLE_ANCHOR && !c->args->is_self_signature_known)
		check_self_signature(c);
}

/* A verdict carries a bounded number of URIs; one that was cut could name another router. */
static void check_leaf_names(struct check *c)
{
	int critical = -1, cnt = 0, i;
	GENERAL_NAMES *names = X509_get_ext_d2i(c->cert, NID_subject_alt_name, &critical, NULL);

	if (X509_NAME_entry_count(X509_get_subject_name(c->cert)) == 0 &&
		(names == NULL || critical != 1))
		found(c, "empty-subject",
			"its subject name is empty and it has no critical subjectAltName");
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_URI)
			continue;
		cnt++;
		if (ASN1_STRING_length(name->d.uniformResourceIdentifier) > RK_URI_LEN_MAX)
			found(c, "uri-too-long", "a URI of its subjectAltName is longer than 256");
	}
	if (cnt > RK_URI_MAX)
		found(c, "too-many-uris", "its subjectAltName has more than four URIs");
	GENERAL_NAMES_free(names);
}

static void check_leaf(struct check *c)
{
	uint32_t flags = X509_get_extension_flags(c->cert);
	uint32_t usage = X509_get_key_usage(c->cert);

	if (c->args->role == PKI_ROLE_SELF_SIGNED_LEAF) {
		check_self_signature(c);
	} else if (X509_NAME_cmp(X509_get_subject_name(c->cert), X509_get_issuer_name(c->cert)) ==
		   0) {
		c->status = RK_VERDICT_UNTRUSTED;
		pki_report_add(c->report, c->args->severity, "self-signed",
			"Have the request signed by a CA whose certificate is trusted here.",
			"The certificate is self-signed.");
	}
	if ((flags & EXFLAG_CA) != 0)
		found(c, "ca-as-leaf", "it is a CA certificate and cannot be a router's identity");
	if ((flags & EXFLAG_KUSAGE) != 0) {
		if ((usage & KU_DIGITAL_SIGNATURE) == 0)
			found(c, "key-usage-without-digital-signature",
				"its keyUsage does not include digitalSignature");
		if ((usage & KU_KEY_CERT_SIGN) != 0)
			found(c, "ca-key-usage-in-leaf", "its keyUsage includes keyCertSign");
	}
	if (X509_get_ext_by_NID(c->cert, NID_name_constraints, -1) >= 0)
		found(c, "name-constraints-in-leaf",
			"it has name constraints, which only a CA may");
	if (X509_get_ext_by_NID(c->cert, NID_policy_mappings, -1) >= 0)
		found(c, "policy-mappings-in-leaf", "it has policy mappings, which only a CA may");
	check_leaf_names(c);
}

enum rk_verdict_status pki_profile_check(
	X509 *cert, const struct pki_profile_args *args, struct pki_report *report)
{
	struct check c = {cert, args, report, RK_VERDICT_GOOD};

	/* Fills the caches that the flags below come from; its answer is in EXFLAG_INVALID. */
	(void)X509_check_purpose(cert, -1, 0);
	check_head(&c);
	check_extensions(&c);
	if (args->role == PKI_ROLE_LEAF || args->role == PKI_ROLE_SELF_SIGNED_LEAF) {
		check_leaf(&c);
	} else {
		if (args->role == PKI_ROLE_CRL_SIGNER)
			check_signer(&c);
		else
			check_ca(&c);
		check_issuing(&c);
	}
	check_dates(&c);
	ERR_clear_error();
	return c.status;
}
