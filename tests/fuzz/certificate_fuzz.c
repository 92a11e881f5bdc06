/* SPDX-License-Identifier: BSD-3-Clause */
/* One certificate, as text or DER: what is taken can be shown, written and read back the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "pki/x509/cert.h"
#include "pki/x509/key.h"
#include "pki/x509/trust.h"
#include "pki/x509/validate.h"

#define NOW INT64_C(1795500000) /* the seeds are valid then */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_true)
{
	if (!is_true)
		abort();
}

static void reads_back(X509 *cert)
{
	X509 *again = NULL;
	char *pem = NULL;

	require(pki_cert_to_pem(cert, &pem) == 0);
	require(pki_cert_parse(pem, strlen(pem), NULL, &again) == 0);
	require(X509_cmp(cert, again) == 0);
	X509_free(again);
	free(pem);
}

/* Nothing is trusted, so nothing is good. */
static void is_never_good(X509 *cert)
{
	static const uint8_t key[PKI_INSTALLATION_KEY_LEN];
	const struct pki_trust_config config = {.now = NOW};
	struct pki_validate_args args = {
		.installation_key = key, .now = NOW, .is_ed25519_allowed = true};
	struct pki_report report;
	struct rk_verdict v;

	pki_report_init(&report);
	require(pki_trust_new(&config, NULL, &args.trust) == 0);
	require(pki_validate(&args, cert, &report, &v) == 0);
	require(v.status != RK_VERDICT_GOOD && v.status != RK_VERDICT_UNKNOWN);
	require(report.error_cnt > 0 && rk_verdict_is_sound(&v));
	pki_trust_put(args.trust);
}

static void examine(X509 *cert)
{
	struct pki_cert_info *info = malloc(sizeof(*info));
	struct rk_public_key key;

	require(info != NULL);
	require(pki_cert_info(cert, info) == 0);
	if (pki_public_key(cert, &key) == 0)
		require(key.len > 0 && key.len <= sizeof(key.bytes));
	reads_back(cert);
	is_never_good(cert);
	free(info);
	X509_free(cert);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pki_report report;
	X509 *cert = NULL;

	pki_report_init(&report);
	require(pki_text_find_private_key((const char *)data, size, &report) ==
		(report.error_cnt > 0));
	pki_report_init(&report);
	if (pki_cert_parse((const char *)data, size, &report, &cert) == 0)
		examine(cert);
	else
		require(report.error_cnt > 0);
	cert = NULL;
	pki_report_init(&report);
	if (pki_cert_parse_der(data, size, &report, &cert) == 0)
		examine(cert);
	else
		require(report.error_cnt > 0);
	require(ERR_peek_error() == 0);
	return 0;
}
