/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one certificate must be by itself to be taken in a role, whatever chain it stands in.
 * Checks that OpenSSL leaves out or does later and less clearly (codes in brackets):
 *
 *   every role   version 3 [not-version-3] · serial positive, at most 20 octets [bad-serial] ·
 *                inner = outer signature algorithm [signature-algorithms-differ] · algorithm and
 *                key (algorithm.h) · issuer not empty [empty-issuer] · validity in the RFC's form
 *                [bad-validity], now inside [expired, not-yet-valid] · no extension twice
 *                [duplicate-extension] · extensions readable and whole [bad-extension] and, when
 *                critical, acted on [unknown-critical-extension] (both: extension.h), and not
 *                critical where the RFC says so
 *                [extension-must-not-be-critical] · keyUsage not empty [bad-extension] · names
 *                of subjectAltName written soundly [bad-alt-name]
 *   CA, anchor   basicConstraints with CA:TRUE [not-a-ca], critical
 *                [basic-constraints-not-critical]; keyUsage with keyCertSign
 *                [key-usage-without-certificate-signing]; name and policy constraints critical
 *                [constraints-not-critical], name constraints written soundly
 *                [bad-name-constraints]; subject not empty [empty-subject]; not self-issued: an
 *                authority key identifier [no-authority-key-identifier]
 *   anchor       self-signature [bad-self-signature]
 *   self-signed  as a leaf, but that it is self-signed; self-signature [bad-self-signature]
 *   leaf
 *   CRL signer   keyUsage with cRLSign [crl-signer-without-crl-sign]; constraints and subject as
 *                a CA
 *   leaf         no CA [ca-as-leaf]; subject is not issuer [self-signed]; keyUsage, if there, with
 *                digitalSignature [key-usage-without-digital-signature] and without keyCertSign
 *                [ca-key-usage-in-leaf]; no name constraints [name-constraints-in-leaf], no
 *                policy mappings [policy-mappings-in-leaf]; names that a verdict can carry [too-many-uris, uri-too-long]
 *
 * Any thread; an X509 may be shared.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "pki/view/verdict.h"
#include "pki/x509/report.h"

enum pki_role {
	PKI_ROLE_LEAF,
	PKI_ROLE_SELF_SIGNED_LEAF, /* one that is trusted by itself */
	PKI_ROLE_CA,
	PKI_ROLE_ANCHOR,
	PKI_ROLE_CRL_SIGNER, /* of indirect lists or with a key of its own; need not be a CA */
};

struct pki_profile_args {
	enum pki_role role;
	enum pki_severity severity; /* of what is found */
	int64_t now;
	bool is_ed25519_allowed;
	bool is_self_signature_known; /* an anchor of a trust: it was verified when that was made */
};

/*
 * Reports everything that is wrong; returns the status of the gravest: NOT_ALLOWED or UNTRUSTED
 * (self-signed leaf) before EXPIRED and NOT_YET_VALID, GOOD when nothing is.
 */
enum rk_verdict_status pki_profile_check(X509 *cert, const struct pki_profile_args *args,
	struct pki_report *report) __attribute__((warn_unused_result));
