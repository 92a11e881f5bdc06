/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an EST server answers. Whatever is taken has as many certificates as promised, and each of
 * them survives what enrolment does with it: printed, compared, and read again by our own parser,
 * which may refuse it and must not fall.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "control/enrol/est_answer.h"
#include "pki/x509/cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(X509 *cert)
{
	struct pki_cert_info info;
	X509 *again = NULL;
	char *pem = NULL;

	if (pki_cert_info(cert, &info) < 0 || pki_cert_to_pem(cert, &pem) < 0)
		return;
	if (pki_cert_parse(pem, strlen(pem), NULL, &again) == 0 && X509_cmp(again, cert) != 0)
		abort();
	X509_free(again);
	free(pem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	PKCS7 *p7;

	if (est_answer_decode("text/html", data, size) != NULL)
		abort();
	p7 = est_answer_decode("application/pkcs7-mime; smime-type=certs-only", data, size);
	if (p7 == NULL)
		return 0;
	if (sk_X509_num(p7->d.sign->cert) < 1 ||
		sk_X509_num(p7->d.sign->cert) > EST_ANSWER_CERT_MAX)
		abort();
	for (int i = 0; i < sk_X509_num(p7->d.sign->cert); i++)
		use(sk_X509_value(p7->d.sign->cert, i));
	PKCS7_free(p7);
	ERR_clear_error();
	return 0;
}
