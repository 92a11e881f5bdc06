/* SPDX-License-Identifier: BSD-3-Clause */
/* Entries taken apart many at once: what the reader of one at a time gives, and no entry beyond a bad one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pki/x509/crl.h"
#include "tests/unit/test_ca.h"

enum { ENTRIES = 150 }; /* two turns and a part of one */

struct seen {
	struct pki_crl_entry entry[ENTRIES];
	size_t cnt;
};

static int see(void *ctx, const struct pki_crl_entry *e)
{
	struct seen *seen = ctx;

	assert_true(seen->cnt < ENTRIES);
	seen->entry[seen->cnt++] = *e;
	return 0;
}

static int see_many(void *ctx, const struct pki_crl_entry *e, size_t cnt)
{
	assert_in_range(cnt, 1, PKI_CRL_VISIT_MAX);
	for (size_t i = 0; i < cnt; i++)
		assert_int_equal(see(ctx, &e[i]), 0);
	return 0;
}

static void assert_same(const struct seen *a, const struct seen *b)
{
	assert_int_equal(a->cnt, b->cnt);
	for (size_t i = 0; i < a->cnt; i++) {
		const struct pki_crl_entry *x = &a->entry[i], *y = &b->entry[i];

		assert_true(x->serial == y->serial && x->serial_len == y->serial_len);
		assert_true(x->date == y->date && x->reason == y->reason);
		assert_true(x->issuer.data == y->issuer.data && x->issuer.len == y->issuer.len);
	}
}

/* true: the entries can be read to their end. */
static bool compare_readers(const uint8_t *der, size_t len)
{
	static struct seen many, each;
	struct pki_report report;
	struct pki_crl *crl = NULL;
	int ret;

	pki_report_init(&report);
	if (pki_crl_open(der, len, PKI_CRL_TAKE_ALL, &report, &crl) < 0)
		return false;
	many.cnt = each.cnt = 0;
	ret = pki_crl_read_entries(crl, &report, see_many, &many);
	assert_int_equal(pki_crl_walk(crl, see, &each), 0);
	assert_same(&many, &each);
	assert_int_equal(many.cnt, pki_crl_info(crl)->entry_cnt);
	assert_true(ret == 0 || (ret == -EBADMSG && report.error_cnt > 0));
	pki_crl_free(crl);
	return ret == 0;
}

/* Serial numbers of any length, reasons on some; of an indirect list others' in the middle of turns. */
static uint8_t *make(bool is_indirect, size_t *len)
{
	static char serial[ENTRIES][41];
	static struct test_crl_entry entry[ENTRIES];
	struct test_pki pki;
	X509_CRL *crl;
	uint8_t *der;

	test_pki_init(&pki, "peer");
	for (unsigned i = 0; i < ENTRIES; i++) {
		unsigned octets = i % 3 == 0 ? 1 + i % 19 : 16, at;

		at = (unsigned)snprintf(serial[i], sizeof(serial[i]), "%02X", 1 + i % 0x7f);
		for (unsigned n = 1; n < octets; n++)
			at += (unsigned)snprintf(
				serial[i] + at, 3, "%02X", (i * 31 + n * 7) & 0xff);
		entry[i] = (struct test_crl_entry){
			.serial_hex = serial[i], .reason = i % 4 == 0 ? 1 + (int)i % 5 : 0};
		if (is_indirect && i % 60 == 20)
			entry[i].issuer = i % 120 == 20 ? pki.ca : pki.leaf;
	}
	crl = test_crl_new(&(struct test_crl){.issuer = pki.ca,
		.issuer_key = pki.ca_key,
		.idp = is_indirect ? "critical,indirectCRL:TRUE" : NULL,
		.entry = entry,
		.entry_cnt = ENTRIES});
	der = test_crl_der(crl, len);
	X509_CRL_free(crl);
	test_pki_fini(&pki);
	return der;
}

static void spoil_each_octet(bool is_indirect)
{
	static const uint8_t flips[] = {0x01, 0x02, 0x08, 0x10, 0x40, 0x80, 0xff};
	size_t len, good = 0, bad = 0;
	uint8_t *der = make(is_indirect, &len);

	assert_true(compare_readers(der, len));
	for (size_t i = 0; i < len; i++) {
		uint8_t flip = flips[i % sizeof(flips)];

		der[i] ^= flip;
		if (compare_readers(der, len))
			good++;
		else
			bad++;
		der[i] ^= flip;
	}
	assert_true(good > len / 8 && bad > len / 8);
	free(der);
}

static void whatever_is_spoiled_both_readers_say_the_same(void **state)
{
	(void)state;
	spoil_each_octet(false);
	spoil_each_octet(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_is_spoiled_both_readers_say_the_same),
	};

	return cmocka_run_group_tests_name("crl_walk", tests, NULL, NULL);
}
