/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Certificate signing requests (PKCS#10, RFC 2986), signed by the key they ask a certificate for.
 * Field names are the REST API's. Any thread.
 */
#pragma once

#include <stddef.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "pki/view/bytes.h"
#include "pki/x509/report.h"

#define PKI_ALT_NAME_MAX 16

enum pki_alt_name_type {
	PKI_ALT_URN_SSR_PEERING = 1, /* "urn_ssr_peering": URI:urn:ssr:peering:<value> */
	PKI_ALT_DNS = 2,             /* "dns" */
	PKI_ALT_IP = 3,              /* "ip": IPv4 or IPv6 in text form */
	PKI_ALT_EMAIL = 4,           /* "email" */
	PKI_ALT_URI = 5,             /* "uri" */
};
/* The type's name in the REST API, any case. 0 or -EINVAL. */
int pki_alt_name_type_parse(const char *name, enum pki_alt_name_type *out) RK_MUST_CHECK;

struct pki_alt_name {
	enum pki_alt_name_type type;
	const char *value;
};

/* Borrowed strings in UTF-8; NULL = left out, and so is an empty optional field. */
struct pki_subject {
	const char *country_name; /* two letters */
	const char *state_province_name;
	const char *locality_name;
	const char *organization_name;
	const char *organizational_unit_name;
	const char *common_name; /* required */
	const char *email_address;
	const struct pki_alt_name *alt_name;
	size_t alt_name_cnt; /* <= PKI_ALT_NAME_MAX */
};

/*
 * Checks every field against RFC 5280's upper bounds, characters and forms. 0, or -EINVAL with
 * findings whose subject is the field's name.
 */
int pki_subject_check(const struct pki_subject *subject, struct pki_report *report) RK_MUST_CHECK;
/*
 * Checks as above, then builds and signs:
 * SHA-256 (RSA, P-256), SHA-384 (P-384), SHA-512 (P-521). *out is NUL-terminated PEM, freed with
 * free(). 0; -EINVAL with findings; -EIO, -ENOMEM.
 */
int pki_request_build(const struct pki_subject *subject, EVP_PKEY *key, struct pki_report *report,
	char **out) RK_MUST_CHECK;
/*
 * The request that renews a certificate: its subject and subjectAltName, unchanged (RFC 7030
 * 4.2.2), for key, which may be another one. 0; -EINVAL for a key that is none of ours; -EIO,
 * -ENOMEM.
 */
int pki_request_renew(const X509 *cert, EVP_PKEY *key, char **out) RK_MUST_CHECK;
