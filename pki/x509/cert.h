/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One certificate: from the text a person pasted to an X509 whose encoding has been checked, and
 * what an operator wants to read about it. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "pki/view/bytes.h"
#include "pki/view/verdict.h"
#include "pki/x509/report.h"
#include "pki/x509/revocation_key.h"

#define PKI_CERT_TEXT_MAX 32768 /* of one submission; a certificate is at most RK_CERT_DER_MAX */

/*
 * Any private key, in any of the forms people paste: every PEM label with PRIVATE KEY in it,
 * encrypted ones, PKCS#12 and PKCS#7 (which may carry keys), and DER or bare base64 of PKCS#8,
 * PKCS#1, SEC1 or PKCS#12 anywhere in the text, also on one line. Adds a finding (never the text)
 * and returns true. Run it before anything else looks at a submission.
 */
bool pki_text_find_private_key(
	const char *text, size_t len, struct pki_report *report) RK_MUST_CHECK;

/*
 * Exactly one PEM CERTIFICATE block: with or without line breaks, CRLF, BOM, blanks around. The
 * DER inside is at most RK_CERT_DER_MAX bytes, strict DER and nothing after it. 0 with a reference
 * for the caller (X509_free); -EBADMSG with findings; -ENOMEM.
 */
int pki_cert_parse(
	const char *text, size_t len, struct pki_report *report, X509 **out) RK_MUST_CHECK;
/* The same for DER, e.g. from a peer. */
int pki_cert_parse_der(
	const uint8_t *der, size_t len, struct pki_report *report, X509 **out) RK_MUST_CHECK;
/* Canonical PEM with line breaks, NUL-terminated, freed with free(). 0, -EIO, -ENOMEM. */
int pki_cert_to_pem(const X509 *cert, char **out) RK_MUST_CHECK;
/* The DER as it was signed; freed with OPENSSL_free. 0, -EIO. */
int pki_cert_to_der(const X509 *cert, uint8_t **out, size_t *len) RK_MUST_CHECK;
/* SHA-256 of the DER. 0, -EIO. */
int pki_cert_fingerprint(const X509 *cert, uint8_t out[RK_FINGERPRINT_LEN]) RK_MUST_CHECK;

#define PKI_DN_MAX      512
#define PKI_URL_MAX     512
#define PKI_NAMES_MAX   8
#define PKI_CN_TEXT_MAX (RK_CN_MAX * 2)

/*
 * Of a certificate whose distribution points name no URL of http or https that can be asked: one that they do
 * name, as printable text, and who issues the list that is there. false: they do, or name none at all.
 */
bool pki_cert_unfetched_point(const X509 *cert, char url[PKI_URL_MAX],
	uint8_t issuer_hash[PKI_ISSUER_HASH_LEN]) RK_MUST_CHECK;

/* Everything is NUL-terminated printable UTF-8; what does not fit is cut and never split. */
struct pki_cert_info {
	char subject[PKI_DN_MAX]; /* "CN=...,O=..." (RFC 2253, UTF-8) */
	char issuer[PKI_DN_MAX];
	char serial[64];    /* upper-case hex */
	int64_t not_before; /* seconds since 1970, UTC; INT64_MIN when unreadable */
	int64_t not_after;
	char fingerprint_sha256[RK_FINGERPRINT_LEN * 3]; /* "AB:CD:..." */
	char fingerprint_sha1[20 * 3];
	size_t common_name_cnt; /* in the certificate; at most PKI_NAMES_MAX kept */
	char common_name[PKI_NAMES_MAX][PKI_CN_TEXT_MAX];
	size_t alt_name_cnt; /* "URI:...", "DNS:...", "IP Address:...", "email:..." */
	char alt_name[PKI_NAMES_MAX][PKI_URL_MAX];
	size_t crl_url_cnt; /* http and https URLs of CRL distribution points */
	char crl_url[PKI_NAMES_MAX][PKI_URL_MAX];
	bool is_crl_of_other
		[PKI_NAMES_MAX]; /* of another issuer than the certificate's: cRLIssuer */
	size_t delta_url_cnt;    /* the same of where deltas are (freshestCRL) */
	char delta_url[PKI_NAMES_MAX][PKI_URL_MAX];
	char purpose[256]; /* extended key usage as text, "N/A" without one */
	char key_type[32]; /* "RSA 2048", "ECC SECP256R1", "Ed25519" */
	char signature_algorithm[64];
	bool is_ca;
	bool is_self_signed;
};
/* 0 or -EIO (memory). */
int pki_cert_info(const X509 *cert, struct pki_cert_info *out) RK_MUST_CHECK;
