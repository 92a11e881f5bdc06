/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists as octets, made, read and verified: for tests about one list. */
#pragma once

#include <openssl/err.h>

#include "pki/x509/crl.h"
#include "tests/unit/validate_fixture.h"

#define CRL_LIMIT (1024 * 1024)

/* A list of the test's issuing CA, with whatever is wrong in c, as DER. */
static inline uint8_t *crl_make(struct fixture *f, struct test_crl c, size_t *len)
{
	X509_CRL *crl;
	uint8_t *der;

	if (c.issuer == NULL) {
		c.issuer = f->pki.ca;
		c.issuer_key = f->pki.ca_key;
	}
	crl = test_crl_new(&c);
	der = test_crl_der(crl, len);
	X509_CRL_free(crl);
	ERR_clear_error();
	return der;
}

static inline int crl_parse(struct fixture *f, const uint8_t *der, size_t len, struct pki_crl **out)
{
	pki_report_init(&f->report);
	*out = NULL;
	return pki_crl_parse(der, len, CRL_LIMIT, &f->report, out);
}

static inline struct pki_crl *crl_parse_good(struct fixture *f, struct test_crl c)
{
	struct pki_crl *crl;
	size_t len;
	uint8_t *der = crl_make(f, c, &len);

	if (crl_parse(f, der, len, &crl) != 0)
		print_message("refused: %s\n", pki_report_first(&f->report)->code);
	assert_non_null(crl);
	free(der);
	return crl;
}

static inline int crl_verify(
	struct fixture *f, const struct pki_crl *crl, const struct pki_ca **signer)
{
	const struct pki_crl_verify_args args = {.trust = f->trust, .now = time(NULL)};

	return pki_crl_verify(crl, &args, &f->report, signer);
}
