/* SPDX-License-Identifier: BSD-3-Clause */
/* Names and times of certificates as text and numbers. Any thread; leaves no OpenSSL errors. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "pki/view/bytes.h"

/* RFC 2253 with UTF-8, control characters escaped; cut to size. Empty when unreadable. */
void pki_name_text(const X509_NAME *name, char *out, size_t size);
/* One string of a name as UTF-8; anything unprintable becomes '?'. */
void pki_string_text(const ASN1_STRING *s, char *out, size_t size);
void pki_bytes_text(const char *bytes, size_t len, char *out, size_t size);
/* An http or https URL of printable ASCII without blanks that fits; otherwise false. */
bool pki_http_url(const GENERAL_NAME *name, char *out, size_t size) RK_MUST_CHECK;
/* The rules of pki_der_time. */
bool pki_asn1_time(const ASN1_TIME *t, int64_t *out) RK_MUST_CHECK;
