/* SPDX-License-Identifier: BSD-3-Clause */
/* Indirect lists of another issuer, which no certificate was known to name until one asks. */
#include "control/revocations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control/revocations_private.h"
#include "tests/unit/revocation_lists.h"
#include "tests/unit/test_ca.h"

static enum pki_revocation_answer ask_about_leaf(struct master_list *list)
{
	const struct revocations_args args = {.list = list}; /* of a kind that nobody has met */
	STACK_OF(X509) *chain = sk_X509_new_null();
	struct revocations_query query = {.now = 1500};
	struct pki_revocation_query asked = {
		.serial = X509_get0_serialNumber(leaf), .chain = chain};
	enum pki_revocation_answer answer;
	struct pki_revoked revoked;
	struct revocations *r;

	assert_int_equal(sk_X509_push(chain, leaf), 1);
	assert_int_equal(revocations_new(&args, &r), 0);
	query.revocations = r;
	answer = revocations_find(&query, &asked, &revoked);
	revocations_put(r);
	sk_X509_free(chain);
	return answer;
}

/* How many the overlay names that makes of the one list the other. */
static size_t count_changes(struct master_list *from, struct master_list *to)
{
	struct revocations *was = revocations_of(from), *is = revocations_of(to);
	struct compile_part compiled = {.fd = -1};
	struct revocations_overlay *made;
	struct rk_refusal why = {""};
	size_t cnt;

	assert_int_equal(
		revocations_compile_overlay(was, is, NULL, secret, &compiled, &made, &why), 0);
	cnt = revocations_overlay_cnt(made);
	compile_part_close(&compiled);
	revocations_overlay_put(made);
	revocations_put(was);
	revocations_put(is);
	return cnt;
}

/* Of another issuer's indirect lists, before anybody knew that a certificate names them. */
static void superseded_delta_has_no_word(void **state)
{
	const uint8_t indirect[] = {0x30, 3, 0x84, 1, 0xff}, base = 5, delta = 6, full = 7;
	struct master_source_info info = {.issuer = {issuer_der[1], (size_t)issuer_len[1]},
		.ca_name = "CA",
		.url = "http://d",
		.scope = "indirect",
		.idp = {indirect, sizeof(indirect)},
		.number = {&delta, 1},
		.base_number = {&base, 1},
		.this_update = 1000,
		.next_update = 2000};
	struct master_source_info foreign = info;
	struct master_list *list, *before;
	uint8_t serial[PKI_SERIAL_MAX];
	int len = pki_serial_bytes(X509_get0_serialNumber(leaf), serial);

	(void)state;
	foreign.subject = (struct rk_span){issuer_der[0], (size_t)issuer_len[0]};
	assert_int_equal(master_list_new(&list), 0);
	put_group(&list, &info, &foreign, (struct rk_span){serial, (size_t)len}, 1);
	assert_int_equal(ask_about_leaf(list), PKI_REVOCATION_REVOKED);
	before = master_list_get(list);
	info.url = "http://f";
	info.number.data = &full;
	info.base_number.len = 0;
	put_group(&list, &info, NULL, (struct rk_span){0}, 0);
	assert_int_equal(ask_about_leaf(list), PKI_REVOCATION_GOOD);
	/* The workers hear of it, though nothing about this issuer came or went. */
	assert_int_equal(count_changes(before, list), 1);
	master_list_put(before);
	master_list_put(list);
}

/* On hold in such a list, and taken back by its delta; nor is a removal a revocation where nothing was held. */
static void hold_is_taken_back_before_anybody_knew(void **state)
{
	const uint8_t indirect[] = {0x30, 3, 0x84, 1, 0xff};
	uint8_t number = 5, base = 5, serial[PKI_SERIAL_MAX];
	struct master_source_info info = {.issuer = {issuer_der[1], (size_t)issuer_len[1]},
		.ca_name = "CA",
		.url = "http://f",
		.scope = "indirect",
		.idp = {indirect, sizeof(indirect)},
		.number = {&number, 1},
		.base_number = {&base, 0},
		.this_update = 1000,
		.next_update = 2000};
	int len = pki_serial_bytes(X509_get0_serialNumber(leaf), serial);
	const struct rk_span own = {serial, (size_t)len};

	(void)state;
	for (int is_held = 0; is_held < 2; is_held++) {
		struct master_source_info foreign = info;
		struct master_list *list;

		foreign.subject = (struct rk_span){issuer_der[0], (size_t)issuer_len[0]};
		assert_int_equal(master_list_new(&list), 0);
		number = 5;
		put_group(&list, &info, &foreign, is_held ? own : (struct rk_span){0},
			RK_REASON_HOLD);
		assert_int_equal(ask_about_leaf(list),
			is_held ? PKI_REVOCATION_REVOKED : PKI_REVOCATION_GOOD);
		foreign.base_number.len = 1;
		foreign.url = "http://d";
		number = 6;
		put_group(&list,
			&(struct master_source_info){.issuer = info.issuer,
				.ca_name = "CA",
				.url = foreign.url,
				.scope = info.scope,
				.idp = info.idp,
				.number = info.number,
				.base_number = foreign.base_number,
				.this_update = 1000,
				.next_update = 2000},
			&foreign, own, RK_REASON_REMOVED);
		assert_int_equal(ask_about_leaf(list), PKI_REVOCATION_GOOD);
		master_list_put(list);
	}
}

/* What is about this issuer's certificates in general, and does not cover this one, is no word on it. */
static void idle_list_speaks_for_what_it_covers(void **state)
{
	/* onlyContainsCACerts, indirectCRL; and of users */
	static const uint8_t idps[2][8] = {
		{0x30, 6, 0x82, 1, 0xff, 0x84, 1, 0xff}, {0x30, 6, 0x81, 1, 0xff, 0x84, 1, 0xff}};
	const uint8_t number = 5;
	uint8_t serial[PKI_SERIAL_MAX];
	int len = pki_serial_bytes(X509_get0_serialNumber(leaf), serial);

	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct master_source_info info = {
			.issuer = {issuer_der[1], (size_t)issuer_len[1]},
			.ca_name = "CA",
			.url = "http://f",
			.scope = i == 0 ? "ca indirect" : "user indirect",
			.idp = {idps[i], sizeof(idps[i])},
			.number = {&number, 1},
			.this_update = 1000,
			.next_update = 2000};
		struct master_source_info foreign = info;
		struct master_list *list;

		foreign.subject = (struct rk_span){issuer_der[0], (size_t)issuer_len[0]};
		assert_int_equal(master_list_new(&list), 0);
		put_group(&list, &info, &foreign, (struct rk_span){serial, (size_t)len}, 1);
		assert_int_equal(ask_about_leaf(list),
			i == 0 ? PKI_REVOCATION_NOT_COVERED : PKI_REVOCATION_REVOKED);
		master_list_put(list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(superseded_delta_has_no_word),
		cmocka_unit_test(hold_is_taken_back_before_anybody_knew),
		cmocka_unit_test(idle_list_speaks_for_what_it_covers),
	};

	make_issuers();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
