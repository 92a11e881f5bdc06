/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "pki/x509/cert.h"
#include "pki/x509/key.h"
#include "pki/x509/trust.h"
#include "pki/x509/validate.h"
#include "tests/pair/pair.h"

static const uint8_t installation_key[PKI_INSTALLATION_KEY_LEN] = {1, 2, 3};

/* One CA for the process, never freed before exit. */
static struct test_pki *the_pki(struct pki_trust **trust)
{
	static struct test_pki pki;
	static struct pki_trust *pki_trust;

	if (pki_trust == NULL) {
		struct pki_bundle bundle = {.name = "pair", .mode = PKI_MODE_STRICT};
		struct pki_trust_config config = {
			.bundle = &bundle, .bundle_cnt = 1, .generation = 1, .now = PAIR_WALL};

		test_pki_init(&pki, "unused");
		bundle.text = pki.bundle;
		bundle.len = strlen(pki.bundle);
		bundle.mode = PKI_MODE_WARN; /* its dates are today's, not the fake clock's */
		must(pki_trust_new(&config, NULL, &pki_trust) == 0);
	}
	*trust = pki_trust;
	return &pki;
}

static void judge(struct pair_identity *id, struct pki_trust *trust)
{
	struct pki_validate_args args = {
		.trust = trust,
		.installation_key = installation_key,
		.now = (int64_t)time(NULL),
	};
	struct pki_report report;
	size_t i;

	pki_report_init(&report);
	must(pki_validate(&args, id->cert, &report, &id->verdict) == 0);
	must(id->verdict.status == RK_VERDICT_GOOD);
	/* The CA's dates are real ones; the engines live around PAIR_WALL. */
	for (i = 1; i < id->verdict.chain_cnt; i++) {
		id->verdict.chain[i].not_before = PAIR_WALL - 100 * TEST_DAY;
		id->verdict.chain[i].not_after = PAIR_WALL + 1000 * TEST_DAY;
	}
}

/* Shifts the leaf's dates from now to the fake clock. */
static void shift_dates(struct pair_identity *id)
{
	int64_t shift = PAIR_WALL - (int64_t)time(NULL);

	id->verdict.chain[0].not_before += shift;
	id->verdict.chain[0].not_after += shift;
	id->verdict.not_before = id->verdict.chain[0].not_before;
	id->verdict.not_after = id->verdict.chain[0].not_after;
}

struct pair_identity *pair_identity_new(
	const char *name, enum test_key kind, const struct test_cert *c)
{
	struct pair_identity *id = calloc(1, sizeof(*id));
	struct test_cert cert = c != NULL ? *c : (struct test_cert){0};
	struct pki_trust *trust;
	struct test_pki *pki = the_pki(&trust);

	must(id != NULL && strlen(name) <= RK_CN_MAX);
	strcpy(id->name, name);
	id->key = test_key_new(kind);
	cert.cn = name;
	cert.key = id->key;
	cert.issuer = pki->ca;
	cert.issuer_key = pki->ca_key;
	id->cert = test_cert_new(&cert);
	id->der = test_der(id->cert, &id->der_len);
	judge(id, trust);
	shift_dates(id);
	return id;
}

void pair_identity_free(struct pair_identity *id)
{
	if (id == NULL)
		return;
	EVP_PKEY_free(id->key);
	X509_free(id->cert);
	free(id->der);
	free(id);
}
