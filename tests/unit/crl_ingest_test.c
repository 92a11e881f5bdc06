/* SPDX-License-Identifier: BSD-3-Clause */
/* What a verified list may do to the master list, and what not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <errno.h>

#include "control/crl/ingest.h"
#include "tests/unit/test_ca.h"

#define URL "http://crl.example/ca.crl"

static struct test_pki pki;
static struct pki_trust *trust;
static struct master_list *list;

static int set_up(void **state)
{
	struct pki_bundle bundle = {.name = "test", .mode = PKI_MODE_STRICT};
	struct pki_trust_config config = {
		.bundle = &bundle, .bundle_cnt = 1, .generation = 1, .now = time(NULL)};

	(void)state;
	test_pki_init(&pki, "west");
	bundle.text = pki.bundle;
	bundle.len = strlen(pki.bundle);
	assert_int_equal(pki_trust_new(&config, NULL, &trust), 0);
	assert_int_equal(master_list_new(&list), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	master_list_put(list);
	pki_trust_put(trust);
	test_pki_fini(&pki);
	return 0;
}

/* As a fetch from URL would; the entries it says came and went. */
static void take(const struct test_crl *crl, size_t added, size_t removed)
{
	X509_CRL *made = test_crl_new(crl);
	struct master_list *changed;
	struct crl_ingest *in;
	size_t len;
	uint8_t *der = test_crl_der(made, &len);

	in = crl_ingest_new(der, len, URL, time(NULL), trust, list);
	assert_non_null(in);
	crl_ingest_work(in);
	assert_int_equal(in->error, 0);
	assert_int_equal(in->added_cnt, added);
	assert_int_equal(in->removed_cnt, removed);
	assert_int_equal(master_list_replace(list, in->source, &changed), 0);
	master_list_put(list);
	list = changed;
	crl_ingest_free(in);
	X509_CRL_free(made);
}

static bool is_revoked(const X509 *cert)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	unsigned char *issuer = NULL;
	int len = i2d_X509_NAME(X509_get_issuer_name(cert), &issuer);
	uint8_t bytes[PKI_SERIAL_MAX];
	int serial_len = pki_serial_bytes(serial, bytes);
	struct master_entry entry;
	bool found = master_list_find(list, (struct rk_span){issuer, (size_t)len},
		(struct rk_span){bytes, (size_t)serial_len}, &entry, NULL);

	OPENSSL_free(issuer);
	return found;
}

static void next_list_takes_the_place(void **state)
{
	const struct test_crl_entry west = {.cert = pki.leaf};
	struct test_crl crl = {
		.issuer = pki.ca, .issuer_key = pki.ca_key, .entry = &west, .entry_cnt = 1};

	(void)state;
	take(&crl, 1, 0);
	assert_true(is_revoked(pki.leaf));
	crl.number = 2;
	crl.entry_cnt = 0;
	take(&crl, 0, 1);
	assert_false(is_revoked(pki.leaf));
	assert_int_equal(master_list_source_cnt(list), 1);
}

/* Fetched over plain HTTP, so anybody on the way may answer with any list a CA of ours signed. */
static void another_list_at_the_url_takes_nothing_back(void **state)
{
	const struct test_crl_entry west = {.cert = pki.leaf};
	struct test_crl crl = {
		.issuer = pki.ca, .issuer_key = pki.ca_key, .entry = &west, .entry_cnt = 1};

	(void)state;
	take(&crl, 1, 0);
	take(&(struct test_crl){.issuer = pki.root, .issuer_key = pki.root_key, .number = 9}, 0, 0);
	assert_true(is_revoked(pki.leaf));
	take(&(struct test_crl){.issuer = pki.ca,
		     .issuer_key = pki.ca_key,
		     .number = 9,
		     .idp = "critical,onlyCA:TRUE"},
		0, 0);
	assert_true(is_revoked(pki.leaf));
	assert_int_equal(master_list_source_cnt(list), 3);
	/* and the right one still finds its place */
	crl.number = 2;
	crl.entry_cnt = 0;
	take(&crl, 0, 1);
	assert_false(is_revoked(pki.leaf));
	assert_int_equal(master_list_source_cnt(list), 3);
}

/* It could not be told from the full list, and would take that one's place. */
static void partition_without_a_uri_is_refused(void **state)
{
	X509_CRL *made = test_crl_new(&(struct test_crl){.issuer = pki.ca,
		.issuer_key = pki.ca_key,
		.idp = "critical,fullname:RID:1.2.3.4"});
	size_t len;
	uint8_t *der = test_crl_der(made, &len);
	struct crl_ingest *in = crl_ingest_new(der, len, URL, time(NULL), trust, list);

	(void)state;
	assert_non_null(in);
	crl_ingest_work(in);
	assert_int_equal(in->error, -EBADMSG);
	assert_true(pki_report_has(&in->report, "crl-partition-unnamed"));
	assert_null(in->source);
	crl_ingest_free(in);
	X509_CRL_free(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(next_list_takes_the_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			another_list_at_the_url_takes_nothing_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			partition_without_a_uri_is_refused, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
