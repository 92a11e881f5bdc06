/* SPDX-License-Identifier: BSD-3-Clause */
/* Which certificates are of one kind, so that the same lists speak about them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pki/x509/cert_kind.h"
#include "tests/unit/test_ca.h"

static struct test_pki pki;

static X509 *make(struct test_cert c)
{
	c.key = pki.leaf_key;
	c.issuer = c.issuer != NULL ? c.issuer : pki.ca;
	c.issuer_key = c.issuer == pki.ca ? pki.ca_key : pki.root_key;
	return test_cert_new(&c);
}

static void kinds_are_told_apart(void **state)
{
	X509 *certs[] = {make((struct test_cert){.cn = "a"}),
		make((struct test_cert){.cn = "b", .not_after = 2000000000}),
		make((struct test_cert){.is_ca = true}),
		make((struct test_cert){.issuer = pki.root}),
		make((struct test_cert){.crl_points = "URI:http://a"}),
		make((struct test_cert){.crl_points = "URI:http://b"}),
		make((struct test_cert){.crl_issuer = pki.root})};
	const size_t cnt = sizeof(certs) / sizeof(certs[0]);
	struct pki_kind_set *set;

	(void)state;
	assert_int_equal(pki_kind_set_new(&set), 0);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < cnt; i++)
			assert_int_equal(pki_kind_set_note(set, certs[i]), 0);
		assert_int_equal(pki_kind_set_cnt(set), cnt - 1); /* a and b are of one kind */
	}
	for (size_t i = 1; i < cnt; i++) {
		const struct pki_kind *kind = pki_kind_set_get(set, i - 1);
		uint8_t digest[PKI_KIND_LEN];

		assert_int_equal(pki_kind_digest(certs[i], digest), 0);
		assert_memory_equal(kind->digest, digest, sizeof(digest));
		assert_int_equal(X509_NAME_cmp(kind->issuer, X509_get_issuer_name(certs[i])), 0);
		assert_true(kind->is_ca == (i == 2));
		assert_int_equal(kind->points != NULL, i >= 4);
	}
	pki_kind_set_free(set);
	for (size_t i = 0; i < cnt; i++)
		X509_free(certs[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(kinds_are_told_apart)};
	int ret;

	test_pki_init(&pki, "west");
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	test_pki_fini(&pki);
	return ret;
}
