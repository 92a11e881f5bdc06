/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/enrol/est_answer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "pki/x509/pem.h"

#define TYPE "application/pkcs7-mime"

static bool is_certs_only(const PKCS7 *p7)
{
	int cnt;

	if (!PKCS7_type_is_signed(p7) || p7->d.sign == NULL)
		return false;
	cnt = sk_X509_num(p7->d.sign->cert);
	return cnt >= 1 && cnt <= EST_ANSWER_CERT_MAX;
}

PKCS7 *est_answer_decode(const char *content_type, const uint8_t *body, size_t len)
{
	uint8_t *der = malloc(len + 1);
	const unsigned char *next = der;
	PKCS7 *p7 = NULL;
	size_t der_len;

	if (der == NULL || len == 0 || strncasecmp(content_type, TYPE, sizeof(TYPE) - 1) != 0 ||
		pki_base64_decode((const char *)body, len, der, len, &der_len) < 0)
		goto out;
	p7 = d2i_PKCS7(NULL, &next, (long)der_len);
	if (p7 != NULL && (next != der + der_len || !is_certs_only(p7))) {
		PKCS7_free(p7);
		p7 = NULL;
	}
out:
	free(der);
	ERR_clear_error();
	return p7;
}
