/* SPDX-License-Identifier: BSD-3-Clause */
/* The certificates in an EST server's answer. Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <openssl/pkcs7.h>

#include "pki/view/bytes.h"

#define EST_ANSWER_CERT_MAX 32

/*
 * A certs-only PKCS#7 of one to EST_ANSWER_CERT_MAX certificates, in base64 with line breaks or
 * without (RFC 8951 3.2) and nothing behind it; freed with PKCS7_free. NULL: it is none, or no
 * memory. body may be NULL when len is 0.
 */
PKCS7 *est_answer_decode(const char *content_type, const uint8_t *body, size_t len) RK_MUST_CHECK;
