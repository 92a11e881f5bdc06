/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PEM (RFC 7468) as people really send it: with line breaks lost on the way (curl -d @file), CRLF,
 * blanks. Lenient in white space, strict in everything else: no headers inside a block, matching
 * labels, exact padding. OpenSSL's reader wants lines. No allocation; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pki/view/bytes.h"

#define PKI_PEM_LABEL_MAX 64

struct pki_pem_block {
	char label[PKI_PEM_LABEL_MAX]; /* "CERTIFICATE" */
	const char *start;             /* first dash of BEGIN */
	const char *end;               /* after the last dash of END */
	const char *body;
	size_t body_len;
};

enum pki_pem_result {
	PKI_PEM_END = 0, /* no further block */
	PKI_PEM_BLOCK = 1,
	PKI_PEM_DAMAGED = 2, /* BEGIN without its END; *text is moved past the BEGIN */
};
/* The next block at or after *text, which is moved past it. */
enum pki_pem_result pki_pem_next(
	const char **text, const char *end, struct pki_pem_block *out) RK_MUST_CHECK;

/* Blank (space, tab, CR, LF, a byte order mark at the start) and nothing else. */
bool pki_text_is_blank(const char *text, size_t len) RK_MUST_CHECK;

/* Strict base64 but for white space. 0; -EBADMSG; -EFBIG when it does not fit into size. */
int pki_base64_decode(
	const char *text, size_t len, uint8_t *out, size_t size, size_t *out_len) RK_MUST_CHECK;
/* The value of a base64 character, also of the URL-safe alphabet; -1 otherwise. */
int pki_base64_value(char c);

/* Length of the PEM of der_len bytes, with the NUL. */
size_t pki_pem_size(const char *label, size_t der_len);
/* Lines of 64, NUL-terminated. size is at least pki_pem_size. No copy is left behind. */
void pki_pem_write(const char *label, const uint8_t *der, size_t der_len, char *out, size_t size);
