/* SPDX-License-Identifier: BSD-3-Clause */
/* The master list in memory: sources shared between generations, numbers that only rise. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/master_fixture.h"

static bool is_revoked(const struct master_list *l, uint16_t n)
{
	const uint8_t serial[2] = {(uint8_t)(n >> 8), (uint8_t)n};
	struct master_entry e;

	return master_list_find(l, SPAN("issuer one"), (struct rk_span){serial, 2}, &e, NULL);
}

static void entries_are_sorted_and_found(void **state)
{
	uint8_t number = 1;
	struct master_source_info info = info_of("u", &number);
	const char serials[][33] = {
		"\x05", "longer", "\x01\x02", "\x05", "\x7f", "abcdefghijklmnopqrstuvwxyz012345"};
	struct master_builder *b = NULL;
	struct master_source *s = NULL;
	struct master_entry e;

	(void)state;
	assert_int_equal(master_builder_new(&info, &b), 0);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(
			master_builder_add(b,
				(struct rk_span){(const uint8_t *)serials[i], strlen(serials[i])},
				(int64_t)(50 - i), i == 3 ? 1 : 4),
			0);
	assert_int_equal(master_builder_finish(b, &s), 0);
	assert_int_equal(master_source_entry_cnt(s), 5);
	master_source_entry(s, 0, &e);
	assert_int_equal(e.serial_len, 1);
	assert_int_equal(e.serial[0], 5);
	assert_int_equal(e.reason, 1); /* of the repeated serial, the lowest */
	assert_int_equal(e.revoked_at, 47);
	master_source_entry(s, 4, &e);
	assert_int_equal(e.serial_len, 32);
	assert_true(master_source_find(s, SPAN("longer"), &e));
	assert_int_equal(e.revoked_at, 49);
	assert_false(master_source_find(s, SPAN("longes"), &e));
	assert_false(master_source_find(s, SPAN(""), &e));
	assert_false(master_source_find(s, SPAN("\x01"), &e));
	assert_false(master_source_find(s, SPAN("abcdefghijklmnopqrstuvwxyz0123456"), &e));
	assert_string_equal(master_source_info(s)->ca_name, "CN=one");
	master_source_put(s);
}

/* Says so when it is asked once more than left. */
static bool is_enough(void *left)
{
	size_t *n = left;

	return (*n)-- == 0;
}

static void assert_keys(struct master_source *s, size_t wanted)
{
	struct master_keys *keys = master_source_take_keys(s);
	size_t cnt = 0;

	if (keys != NULL)
		(void)master_keys_entries(keys, &cnt);
	assert_int_equal(cnt, wanted);
	assert_null(master_source_take_keys(s)); /* once */
	master_keys_free(keys);
}

/* As many as there is time for; and none of entries of which one came twice. */
static void keys_are_of_the_first_entries(void **state)
{
	enum { CNT = 300 };
	const struct {
		size_t chunks;
		size_t keyed;
		bool is_repeated;
	} turns[] = {
		{0, 0, false}, {1, PKI_CRL_VISIT_MAX, false}, {100, CNT, false}, {100, 0, true}};
	static const uint8_t secret[PKI_INSTALLATION_KEY_LEN], hash[PKI_ISSUER_HASH_LEN];
	struct pki_crl_entry entry[CNT];
	uint8_t serial[CNT][2], number = 1;
	struct master_source_info info = info_of("u", &number);

	(void)state;
	for (size_t i = 0; i < CNT; i++) {
		serial[i][0] = (uint8_t)(1 + i / 256);
		serial[i][1] = (uint8_t)i;
		entry[i] = (struct pki_crl_entry){.serial = serial[i], .serial_len = 2};
	}
	for (size_t turn = 0; turn < sizeof(turns) / sizeof(turns[0]); turn++) {
		size_t left = turns[turn].chunks;
		struct master_builder *b = NULL;
		struct master_source *s = NULL;
		struct master_keys *keys = NULL;

		assert_int_equal(master_builder_new(&info, &b), 0);
		assert_int_equal(master_keys_new(secret, hash, &keys), 0);
		master_builder_expect(b, 10 * PKI_CRL_ENTRY_MIN);
		master_builder_key(b, keys);
		for (size_t i = 0; i < CNT; i += 100)
			assert_int_equal(master_builder_add_entries(b, entry + i, 100), 0);
		if (turns[turn].is_repeated)
			assert_int_equal(master_builder_add_entries(b, entry, 1), 0);
		assert_int_equal(master_builder_finish(b, &s), 0);
		master_source_make_keys(s, is_enough, &left);
		left = SIZE_MAX;
		master_source_make_keys(s, is_enough, &left); /* once */
		assert_int_equal(left, SIZE_MAX);
		assert_keys(s, turns[turn].keyed);
		master_source_put(s);
	}
}

/* A list of one and one more than are kept: what is there stays as it is. */
static void sources_are_bounded(void **state)
{
	struct master_list *list = NULL, *next = NULL;
	char url[16];

	(void)state;
	assert_int_equal(master_list_new(&list), 0);
	for (unsigned i = 0; i <= MASTER_SOURCE_MAX; i++) {
		struct master_source_info info = info_of(url, NULL);
		struct master_builder *b = NULL;
		struct master_source *s = NULL;
		int ret;

		snprintf(url, sizeof(url), "http://%u", i);
		info.number.len = 0;
		assert_int_equal(master_builder_new(&info, &b), 0);
		assert_int_equal(master_builder_finish(b, &s), 0);
		ret = master_list_replace(list, s, &next);
		master_source_put(s);
		assert_int_equal(ret, i < MASTER_SOURCE_MAX ? 0 : -E2BIG);
		if (ret == 0) {
			master_list_put(list);
			list = next;
		}
	}
	assert_int_equal(master_list_source_cnt(list), MASTER_SOURCE_MAX);
	master_list_put(list);
}

static void bad_input_is_refused(void **state)
{
	uint8_t number = 1, serial[33] = {1}, zeros[2] = {0, 1}, many[33] = {1};
	struct master_source_info good = info_of("u", &number), bad;
	struct master_builder *b = NULL;

	(void)state;
#define REFUSED(change)                                                  \
	do {                                                             \
		bad = good;                                              \
		bad.change;                                              \
		assert_int_equal(master_builder_new(&bad, &b), -EINVAL); \
		assert_null(b);                                          \
	} while (0)
	REFUSED(issuer.len = 0);
	REFUSED(issuer.len = MASTER_ISSUER_MAX + 1);
	REFUSED(url = "");
	REFUSED(url = NULL);
	REFUSED(scope = NULL);
	REFUSED(ca_name = NULL);
	REFUSED(this_update = -1);
	REFUSED(next_update = INT64_MAX);
	REFUSED(number = ((struct rk_span){zeros, 2}));
	REFUSED(number = ((struct rk_span){many, 33}));
	assert_int_equal(master_builder_new(&good, &b), 0);
	assert_int_equal(master_builder_add(b, (struct rk_span){serial, 0}, 1, 0), -EINVAL);
	assert_int_equal(master_builder_add(b, (struct rk_span){serial, 33}, 1, 0), -EINVAL);
	assert_int_equal(master_builder_add(b, (struct rk_span){serial, 1}, -1, 0), -EINVAL);
	assert_int_equal(master_builder_add(b, (struct rk_span){serial, 1}, 1, 7), -EINVAL);
	assert_int_equal(
		master_builder_add(b, (struct rk_span){serial, 1}, 1, RK_REASON_REMOVED), -EINVAL);
	assert_int_equal(master_builder_add(b, (struct rk_span){serial, 1}, 1, 11), -EINVAL);
	master_builder_free(b);
	master_builder_free(NULL);
}

/* Random serials of random lengths, so that the records are widened on the way. */
static void compare_with_a_plain_array(size_t longest)
{
	enum { CNT = 5000 };
	static uint8_t serial[CNT][MASTER_SERIAL_MAX];
	static uint8_t len[CNT];
	uint8_t number = 1;
	struct master_source_info info = info_of("u", &number);
	struct master_builder *b = NULL;
	struct master_source *s = NULL;
	struct master_entry e, last = {0};

	srandom(7);
	assert_int_equal(master_builder_new(&info, &b), 0);
	for (size_t i = 0; i < CNT; i++) {
		len[i] = (uint8_t)(1 + i * longest / CNT);
		for (size_t n = 0; n < len[i]; n++)
			serial[i][n] = (uint8_t)random();
		assert_int_equal(
			master_builder_add(b, (struct rk_span){serial[i], len[i]}, (int64_t)i, 3),
			0);
	}
	assert_int_equal(master_builder_finish(b, &s), 0);
	for (size_t i = 0; i < CNT; i++) {
		assert_true(master_source_find(s, (struct rk_span){serial[i], len[i]}, &e));
		assert_memory_equal(e.serial, serial[i], len[i]);
		assert_true(e.revoked_at == (int64_t)i || len[i] < 3); /* short ones repeat */
		serial[i][0] ^= 0xff;
		if (len[i] > 4)
			assert_false(
				master_source_find(s, (struct rk_span){serial[i], len[i]}, &e));
	}
	for (size_t i = 0; i < master_source_entry_cnt(s); i++) {
		master_source_entry(s, i, &e);
		assert_true(e.serial_len > last.serial_len ||
			    memcmp(e.serial, last.serial, e.serial_len) > 0);
		last = e;
	}
	master_source_put(s);
}

/* So many that two threads sort them: all over, behind a common beginning, and all the same. */
static void many_are_sorted_by_two(void **state)
{
	enum { CNT = 250000, LEN = 16 };
	uint8_t number = 1;
	struct master_source_info info = info_of("u", &number);

	(void)state;
	srandom(11);
	for (size_t common = 0; common <= LEN; common += LEN / 2) {
		struct master_entry e, last = {0};
		struct master_builder *b = NULL;
		struct master_source *s = NULL;
		uint8_t serial[LEN] = {1};
		uint64_t sum = 0;

		assert_int_equal(master_builder_new(&info, &b), 0);
		for (size_t i = 0; i < CNT; i++) {
			for (size_t n = common; n < LEN; n++)
				serial[n] = (uint8_t)(random() >> 3);
			assert_int_equal(
				master_builder_add(b, (struct rk_span){serial, LEN}, (int64_t)i, 3),
				0);
		}
		assert_int_equal(master_builder_repeated(b), common < LEN ? 0 : CNT - 1);
		assert_int_equal(master_builder_finish(b, &s), 0);
		for (size_t i = 0; i < master_source_entry_cnt(s); i++) {
			master_source_entry(s, i, &e);
			assert_true(memcmp(e.serial, last.serial, LEN) > 0);
			sum += (uint64_t)e.revoked_at;
			last = e;
		}
		assert_int_equal(sum, common < LEN ? (uint64_t)CNT * (CNT - 1) / 2 : 0);
		master_source_put(s);
	}
}

/* Records of several sizes: those of 16 and 20 bytes are copied in another way. */
static void source_agrees_with_a_plain_array(void **state)
{
	static const size_t longest[] = {6, 7, 8, 9, 16, 19, 20};

	(void)state;
	for (size_t i = 0; i < sizeof(longest) / sizeof(longest[0]); i++)
		compare_with_a_plain_array(longest[i]);
}

static void lists_share_and_do_not_change(void **state)
{
	struct master_list *list = NULL, *old, *same = NULL;
	struct master_entry e;
	const struct master_source *from = NULL;

	(void)state;
	assert_int_equal(master_list_new(&list), 0);
	assert_int_equal(put_in(&list, source_of("http://b", 1, 100, 50)), 0);
	old = master_list_get(list);
	assert_int_equal(put_in(&list, source_of("http://a", 1, 300, 10)), 0);
	assert_int_equal(put_in(&list, source_of("http://b", 2, 110, 50)), 0);
	assert_int_equal(master_list_generation(list), 3);
	assert_int_equal(master_list_source_cnt(list), 2);
	assert_int_equal(master_list_entry_cnt(list), 60);
	assert_string_equal(master_source_info(master_list_source(list, 0))->url, "http://a");
	assert_true(is_revoked(list, 155) && is_revoked(list, 300) && !is_revoked(list, 105));
	assert_true(is_revoked(old, 105) && !is_revoked(old, 155) && !is_revoked(old, 300));
	assert_true(master_list_find(list, SPAN("issuer one"), SPAN("\x01\x2c"), &e, &from));
	assert_string_equal(master_source_info(from)->url, "http://a");
	assert_int_equal(e.revoked_at, 1300);
	assert_false(master_list_find(list, SPAN("issuer two"), SPAN("\x01\x2c"), &e, NULL));
	/* The same again is the same list. */
	old = (master_list_put(old), list);
	assert_int_equal(put_in(&list, source_of("http://b", 2, 110, 50)), 0);
	assert_ptr_equal(list, old);
	assert_int_equal(master_list_remove(list, "http://c", &same), 0);
	assert_ptr_equal(same, list);
	master_list_put(same);
	assert_int_equal(master_list_remove(list, "http://a", &same), 0);
	assert_false(is_revoked(same, 300));
	assert_null(master_list_find_source(same, "http://a"));
	assert_non_null(master_list_find_source(same, "http://b"));
	master_list_put(same);
	master_list_put(list);
	master_list_put(NULL);
}

/* M3 */
static void older_numbers_are_refused(void **state)
{
	struct master_list *list = NULL, *next = NULL;
	uint8_t number = 9;
	struct master_source_info info = info_of("http://c", &number);
	struct master_builder *b = NULL;
	struct master_source *s = NULL;
	struct rk_span mark;

	(void)state;
	assert_int_equal(master_list_new(&list), 0);
	assert_int_equal(put_in(&list, source_of("http://b", 9, 1, 1)), 0);
	assert_int_equal(put_in(&list, source_of("http://b", 8, 1, 2)), -ESTALE);
	assert_int_equal(put_in(&list, source_of("http://other", 8, 1, 2)), -ESTALE);
	assert_int_equal(put_in(&list, source_of("http://b", 9, 1, 2)), 0);
	assert_int_equal(put_in(&list, source_of("http://b", 200, 1, 2)), 0);
	assert_int_equal(master_list_remove(list, "http://b", &next), 0);
	master_list_put(list);
	list = next;
	assert_int_equal(put_in(&list, source_of("http://b", 199, 1, 2)), -ESTALE);
	mark = mark_of(list, "");
	assert_true(mark.len == 1 && mark.data[0] == 200);
	assert_int_equal(mark_of(list, "x").len, 0);
	/* Another scope has numbers of its own; no number at all is lower than any. */
	info.scope = "partition 1";
	assert_int_equal(master_builder_new(&info, &b), 0);
	assert_int_equal(master_builder_finish(b, &s), 0);
	assert_int_equal(put_in(&list, s), 0);
	info.number.len = 0;
	assert_int_equal(master_builder_new(&info, &b), 0);
	assert_int_equal(master_builder_finish(b, &s), 0);
	assert_int_equal(put_in(&list, s), -ESTALE);
	assert_int_equal(mark_of(list, "partition 1").len, 1);
	master_list_put(list);
}

static bool is_named(const struct master_list *l, const char *issuer, uint8_t serial)
{
	struct master_entry e;

	return master_list_find(l, (struct rk_span){(const uint8_t *)issuer, strlen(issuer)},
		(struct rk_span){&serial, 1}, &e, NULL);
}

/* An indirect CRL comes and goes whole, and beside the others at its URL. */
static void groups_are_replaced_whole(void **state)
{
	struct master_source *first[] = {member_of("http://b", 1, "", 1),
		member_of("http://b", 1, "issuer 3", 3), member_of("http://b", 1, "issuer two", 2)};
	struct master_source *second[] = {
		member_of("http://b", 2, "", 0), member_of("http://b", 2, "issuer two", 9)};
	struct master_source *again[] = {
		member_of("http://b", 2, "", 0), member_of("http://b", 2, "issuer two", 9)};
	struct master_source *older[] = {member_of("http://b", 1, "", 0)};
	struct master_list *list = NULL, *before;
	size_t cnt;

	(void)state;
	assert_int_equal(master_list_new(&list), 0);
	assert_int_equal(put_in(&list, source_of("http://b", 5, 0x0107, 1)), 0);
	assert_true(master_source_order(first[0], first[1]) < 0);
	assert_int_equal(put_group(&list, first, 3), 0);
	assert_int_equal(master_list_source_cnt(list), 4);
	assert_true(is_named(list, "issuer one", 1) && is_named(list, "issuer two", 2) &&
		    is_named(list, "issuer 3", 3));
	assert_false(is_named(list, "issuer two", 1) || is_named(list, "issuer one", 2));
	assert_int_equal(put_group(&list, second, 2), 0);
	assert_int_equal(master_list_source_cnt(list), 3);
	assert_false(is_named(list, "issuer 3", 3) || is_named(list, "issuer two", 2));
	assert_true(is_named(list, "issuer two", 9));
	before = list;
	assert_int_equal(put_group(&list, again, 2), 0);
	assert_ptr_equal(list, before);
	assert_int_equal(put_group(&list, older, 1), -ESTALE);
	assert_int_equal(mark_of(list, "indirect").data[0], 2);
	assert_int_equal(mark_of(list, "").data[0], 5);
	assert_int_equal(
		master_list_find_group(list, master_source_info(master_list_source(list, 2)), &cnt),
		1);
	assert_int_equal(cnt, 2);
	master_list_put(list);
}

/* Of a serial shorter than what is compared at once, too: what stands behind it in the record tells nothing. */
static void short_serial_twice_is_noticed(void **state)
{
	uint8_t number = 1;
	struct master_source_info info = info_of("u", &number);
	struct master_builder *b = NULL;
	struct master_source *s = NULL;
	struct master_entry e;

	(void)state;
	assert_int_equal(master_builder_new(&info, &b), 0);
	assert_int_equal(master_builder_add(b, SPAN("\x05"), 1000, 1), 0);
	assert_int_equal(master_builder_add(b, SPAN("\x05"), 1000, 4), 0);
	assert_int_equal(master_builder_repeated(b), 1);
	assert_int_equal(master_builder_finish(b, &s), 0);
	master_source_entry(s, 0, &e);
	assert_int_equal(e.reason, 1);
	master_source_put(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_serial_twice_is_noticed),
		cmocka_unit_test(entries_are_sorted_and_found),
		cmocka_unit_test(bad_input_is_refused),
		cmocka_unit_test(keys_are_of_the_first_entries),
		cmocka_unit_test(sources_are_bounded),
		cmocka_unit_test(source_agrees_with_a_plain_array),
		cmocka_unit_test(many_are_sorted_by_two),
		cmocka_unit_test(lists_share_and_do_not_change),
		cmocka_unit_test(older_numbers_are_refused),
		cmocka_unit_test(groups_are_replaced_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
