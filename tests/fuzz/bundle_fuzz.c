/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bundle of CA certificates, and path building in it: each block is also judged as a leaf under
 * the trust that the whole text makes, with every block as an untrusted intermediate.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "pki/x509/cert.h"
#include "pki/x509/pem.h"
#include "pki/x509/trust.h"
#include "pki/x509/validate.h"

#define NOW      INT64_C(1795500000) /* the seeds are valid then */
#define LEAF_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_true)
{
	if (!is_true)
		abort();
}

static struct pki_trust *build(const char *text, size_t size, enum pki_validation_mode mode)
{
	const struct pki_bundle bundle = {"fuzz", text, size, mode};
	const struct pki_trust_config config = {&bundle, 1, 1, NOW, true};
	struct pki_trust *trust = NULL;
	struct pki_report report;
	int ret;

	pki_report_init(&report);
	ret = pki_trust_new(&config, &report, &trust);
	require((ret == 0) == (report.error_cnt == 0) && (ret == 0) == (trust != NULL));
	return trust;
}

static STACK_OF(X509) * read_blocks(const char *text, size_t size)
{
	STACK_OF(X509) *all = sk_X509_new_null();
	const char *next = text;
	struct pki_pem_block block;
	enum pki_pem_result result;

	require(all != NULL);
	while ((result = pki_pem_next(&next, text + size, &block)) != PKI_PEM_END &&
		sk_X509_num(all) < LEAF_MAX) {
		X509 *cert = NULL;

		if (result == PKI_PEM_BLOCK &&
			pki_cert_parse(
				block.start, (size_t)(block.end - block.start), NULL, &cert) == 0)
			require(sk_X509_push(all, cert) > 0);
	}
	return all;
}

static void judge_all(struct pki_trust *trust, STACK_OF(X509) * certs)
{
	static const uint8_t key[PKI_INSTALLATION_KEY_LEN];
	const struct pki_validate_args args = {.trust = trust,
		.installation_key = key,
		.now = NOW,
		.is_ed25519_allowed = true,
		.untrusted = certs};
	struct pki_report report;
	struct rk_verdict v;
	int i;

	for (i = 0; i < sk_X509_num(certs); i++) {
		pki_report_init(&report);
		require(pki_validate(&args, sk_X509_value(certs, i), &report, &v) == 0);
		require((v.status == RK_VERDICT_GOOD) == (report.error_cnt == 0));
		require(rk_verdict_is_sound(&v));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct pki_trust *strict = build(text, size, PKI_MODE_STRICT);
	struct pki_trust *warned = build(text, size, PKI_MODE_WARN);
	STACK_OF(X509) *certs = read_blocks(text, size);

	require(strict == NULL || warned != NULL); /* WARN never refuses what STRICT takes */
	if (warned != NULL)
		judge_all(warned, certs);
	sk_X509_pop_free(certs, X509_free);
	pki_trust_put(strict);
	pki_trust_put(warned);
	require(ERR_peek_error() == 0);
	return 0;
}
