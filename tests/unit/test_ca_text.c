/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/test_ca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>

/* What a memory BIO holds, as a string of the caller's; frees the BIO. */
static char *take_text(BIO *bio)
{
	char *data = NULL, *text;
	long len = BIO_get_mem_data(bio, &data);

	must(len >= 0);
	text = malloc((size_t)len + 1);
	must(text != NULL);
	memcpy(text, data, (size_t)len);
	text[len] = '\0';
	BIO_free(bio);
	return text;
}

char *test_pem(const X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());

	must(bio != NULL && PEM_write_bio_X509(bio, cert) == 1);
	return take_text(bio);
}

char *test_pem_one_line(const X509 *cert)
{
	char *text = test_pem(cert);
	char *to = text, *from;

	for (from = text; *from != '\0'; from++) {
		if (*from != '\n')
			*to++ = *from;
	}
	*to = '\0';
	return text;
}

char *test_crl_pem(X509_CRL *crl)
{
	BIO *bio = BIO_new(BIO_s_mem());

	must(bio != NULL && PEM_write_bio_X509_CRL(bio, crl) == 1);
	return take_text(bio);
}

char *test_key_pem(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	must(bio != NULL &&
		PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
	return take_text(bio);
}

static uint8_t *take_der(unsigned char *der, int der_len, size_t *len)
{
	uint8_t *copy;

	must(der_len > 0);
	copy = malloc((size_t)der_len);
	must(copy != NULL);
	memcpy(copy, der, (size_t)der_len);
	OPENSSL_free(der);
	*len = (size_t)der_len;
	return copy;
}

uint8_t *test_der(const X509 *cert, size_t *len)
{
	unsigned char *der = NULL;
	int der_len = i2d_X509(cert, &der);

	return take_der(der, der_len, len);
}

uint8_t *test_crl_der(X509_CRL *crl, size_t *len)
{
	unsigned char *der = NULL;
	int der_len = i2d_X509_CRL(crl, &der);

	return take_der(der, der_len, len);
}

void test_crl_write(const char *path, const struct test_crl *c)
{
	X509_CRL *crl = test_crl_new(c);
	FILE *f = fopen(path, "wb");

	must(f != NULL && i2d_X509_CRL_fp(f, crl) == 1 && fclose(f) == 0);
	X509_CRL_free(crl);
}
