/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whose key signed a list: places and numbers of its own, in memory and on disk; and the files of versions
 * that did not keep it, or that keep what is not known yet.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/master_disk_fixture.h"

static const uint8_t key_one[MASTER_KEY_LEN] = {1}, key_two[MASTER_KEY_LEN] = {2};

static struct rk_span mark_by(const struct master_list *l, const uint8_t *key)
{
	return master_list_mark(l, &(struct master_source_info){.issuer = SPAN("issuer one"),
					   .scope = "",
					   .key = {key, key != NULL ? MASTER_KEY_LEN : 0}});
}

static void expect_mark(const struct master_list *l, const uint8_t *key, uint8_t number)
{
	struct rk_span mark = mark_by(l, key);

	assert_int_equal(mark.len, number != 0);
	if (number != 0)
		assert_int_equal(mark.data[0], number);
}

/* One of that name takes nothing from the other and has numbers of its own. */
static void keys_have_lists_and_numbers_of_their_own(void **state)
{
	struct master_list *list = NULL;

	(void)state;
	assert_int_equal(master_list_new(&list), 0);
	assert_int_equal(put_in(&list, signed_source("u", 50, 0, key_two)), 0);
	assert_int_equal(put_in(&list, signed_source("u", 10, 0, key_one)), 0);
	assert_int_equal(put_in(&list, signed_source("u", 9, 0, key_one)), -ESTALE);
	assert_int_equal(put_in(&list, signed_source("v", 49, 0, key_two)), -ESTALE);
	assert_int_equal(master_list_source_cnt(list), 2);
	expect_mark(list, key_one, 10);
	expect_mark(list, key_two, 50);
	expect_mark(list, NULL, 0);
	assert_int_equal(put_in(&list, signed_source("u", 51, 0, key_two)), 0);
	assert_int_equal(master_list_source_cnt(list), 2);
	/* The one made last is what the place is at; order is by key. */
	assert_int_equal(master_source_info(master_list_source(list, 0))->key.data[0], key_one[0]);
	assert_int_equal(
		master_source_info(master_list_find_source(list, "u"))->key.data[0], key_two[0]);
	master_list_put(list);
}

/* Of files of earlier versions: whoever comes first takes place and mark. */
static void unknown_key_gives_way_to_the_first(void **state)
{
	struct master_list *list = NULL;
	size_t cnt;

	(void)state;
	assert_int_equal(master_list_new(&list), 0);
	assert_int_equal(put_in(&list, signed_source("u", 50, 0, NULL)), 0);
	assert_int_equal(put_in(&list, signed_source("u", 49, 0, key_two)), -ESTALE);
	assert_int_equal(put_in(&list, signed_source("u", 50, 0, key_two)), 0);
	assert_int_equal(master_list_source_cnt(list), 1);
	assert_int_equal(master_source_info(master_list_source(list, 0))->key.len, MASTER_KEY_LEN);
	expect_mark(list, NULL, 0);
	expect_mark(list, key_two, 50);
	assert_int_equal(put_in(&list, signed_source("u", 3, 0, key_one)), 0);
	(void)master_list_find_group(list, master_source_info(master_list_source(list, 1)), &cnt);
	assert_int_equal(cnt, 1);
	assert_int_equal(master_list_source_cnt(list), 2);
	master_list_put(list);
}

static bool is_key_one(const void *ctx, struct rk_span key)
{
	assert_ptr_equal(ctx, key_two);
	return key.data[0] == key_one[0];
}

/* Whose key is gone goes with the next list from there; its mark stays. */
static void lists_of_keys_that_went_are_retired(void **state)
{
	const uint8_t key_three[MASTER_KEY_LEN] = {3};
	struct master_list *list = NULL, *next = NULL;
	const struct master_source_info *info;

	(void)state;
	assert_int_equal(master_list_new(&list), 0);
	assert_int_equal(put_in(&list, signed_source("u", 5, 0, key_one)), 0);
	assert_int_equal(put_in(&list, signed_source("u", 6, 0, key_two)), 0);
	assert_int_equal(put_in(&list, signed_source("u", 7, 0, key_three)), 0);
	assert_int_equal(put_in(&list, signed_source("u", 8, 3, key_three)), 0); /* a delta */
	assert_int_equal(put_in(&list, signed_source("v", 9, 0, key_three)), 0);
	info = master_source_info(master_list_source(list, 1));
	assert_memory_equal(info->key.data, key_two, MASTER_KEY_LEN);
	assert_int_equal(master_list_retire(list, info, is_key_one, key_two, &next), 0);
	assert_int_equal(master_list_source_cnt(next), 4);
	expect_mark(next, key_three, 9);
	for (size_t i = 0; i < 4; i++) {
		info = master_source_info(master_list_source(next, i));
		if (info->key.data[0] == key_three[0])
			assert_true(i >= 2);
	}
	master_list_put(list);
	info = master_source_info(master_list_source(next, 0));
	assert_int_equal(master_list_retire(next, info, is_key_one, key_two, &list), 0);
	assert_int_equal(master_list_source_cnt(list), 3); /* two's went as well */
	master_list_put(next);
	/* Nothing left to do: the same list. */
	info = master_source_info(master_list_source(list, 0));
	assert_int_equal(master_list_retire(list, info, is_key_one, key_two, &next), 0);
	assert_ptr_equal(next, list);
	master_list_put(list);
	master_list_put(next);
}

/* 32 octets or none. */
static void keys_are_bounded(void **state)
{
	const uint8_t key[MASTER_KEY_LEN + 1] = {1};
	uint8_t number = 1;
	struct master_source_info info = info_of("u", &number);
	struct master_builder *b = NULL;

	(void)state;
	for (size_t len = 1; len <= sizeof(key); len++) {
		info.key = (struct rk_span){key, len};
		assert_int_equal(
			master_builder_new(&info, &b), len == MASTER_KEY_LEN ? 0 : -EINVAL);
		if (len == MASTER_KEY_LEN)
			master_builder_free(b);
	}
}

/* The signer's key is kept, with the source and with the mark. */
static void keys_come_back(void **state)
{
	struct master_list *list = some_list(), *read = NULL;
	struct master_source_info about = {.issuer = SPAN("issuer one"), .scope = ""};
	enum master_list_origin origin;
	const struct master_source_info *info;

	(void)state;
	assert_int_equal(put_in(&list, signed_source("http://k", 50, 0, key_one)), 0);
	assert_int_equal(put_in(&list, signed_source("http://k", 7, 0, key_two)), 0);
	assert_int_equal(put_in(&list, signed_source("http://k", 9, 5, key_two)), 0);
	assert_int_equal(master_list_save(list, folder.fd, NULL), 0);
	assert_int_equal(master_list_load(folder.fd, &read, &origin), 0);
	assert_lists_equal(list, read);
	info = master_source_info(
		master_list_source(read, master_list_source_cnt(read) - 2)); /* a full list */
	assert_int_equal(info->key.len, MASTER_KEY_LEN);
	assert_memory_equal(info->key.data, key_two, MASTER_KEY_LEN);
	about.key = (struct rk_span){key_one, MASTER_KEY_LEN};
	assert_int_equal(master_list_mark(read, &about).data[0], 50);
	about.key.data = key_two;
	assert_int_equal(master_list_mark(read, &about).data[0], 7);
	about.base_number = SPAN("\x05");
	assert_int_equal(master_list_mark(read, &about).data[0], 9);
	master_list_put(read);
	master_list_put(list);
}

/* What a later version says of who is revoked is not passed over for what an earlier one said. */
static void later_file_is_not_passed_over(void **state)
{
	struct master_list *list = some_list(), *read = NULL;
	enum master_list_origin origin;
	uint8_t *data = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(master_list_save(list, folder.fd, NULL), 0);
	assert_int_equal(put_in(&list, source_of("http://b", 99, 100, 1)), 0);
	assert_int_equal(master_list_save(list, folder.fd, NULL), 0);
	assert_int_equal(rk_file_read(folder.fd, MASTER_LIST_FILE, 1 << 20, &data, &len), 0);
	data[7]++;
	assert_int_equal(rk_file_replace(folder.fd, MASTER_LIST_FILE, 0600, data, len), 0);
	/* It is damage while the digest is another. */
	assert_int_equal(master_list_load(folder.fd, &read, &origin), 0);
	assert_int_equal(origin, MASTER_LIST_PREVIOUS);
	master_list_put(read);
	make_digest_right(data, len);
	assert_int_equal(rk_file_replace(folder.fd, MASTER_LIST_FILE, 0600, data, len), 0);
	read = NULL;
	assert_int_equal(master_list_load(folder.fd, &read, &origin), -EPROTONOSUPPORT);
	assert_null(read);
	free(data);
	master_list_put(list);
}

/* Out of a file with one source and descriptions of less than 256 octets. */
static void take_out(uint8_t *data, size_t *len, size_t at, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		assert_int_equal(data[at + i], 0);
	memmove(data + at, data + at + cnt, *len - at - cnt);
	*len -= cnt;
	data[16 + 7] = (uint8_t)(data[16 + 7] - cnt); /* size, then length of the descriptions */
	data[32 + 7] = (uint8_t)(data[32 + 7] - cnt);
}

/* The file of a version that knew no keys, or no scopes either: of one source, with its mark. */
static void make_older(uint8_t *data, size_t *len, uint8_t version, size_t scope_len)
{
	const size_t scope_end = 80 + 2 + 10 + 2 + 6 + 2 + 8 + 2 + scope_len;
	const size_t key_at = scope_end + 2 + 2 + 3 + 2;

	data[7] = version;
	take_out(data, len, key_at, 2);
	take_out(data, len, key_at + 4 * 8 + 1 + 2 + 10 + 2 + scope_len + 3, 2);
	if (version == 2)
		take_out(data, len, scope_end, 4);
	make_digest_right(data, *len);
}

static void older_files_are_read(void **state)
{
	const char *const scopes[] = {"", "http://b/part"};

	(void)state;
	for (size_t n = 0; n < 4; n++) {
		const size_t i = n / 2;
		const uint8_t version = (uint8_t)(2 + n % 2);
		uint8_t number = 9, *data = NULL;
		struct master_source_info info = info_of("http://b", &number);
		struct master_list *list = NULL, *read = NULL;
		struct master_builder *b = NULL;
		struct master_source *s = NULL;
		size_t len = 0;

		info.scope = scopes[i];
		assert_int_equal(master_list_new(&list), 0);
		assert_int_equal(master_builder_new(&info, &b), 0);
		assert_int_equal(master_builder_add(b, SPAN("\x07"), 1000, 1), 0);
		assert_int_equal(master_builder_finish(b, &s), 0);
		assert_int_equal(put_in(&list, s), 0);
		assert_int_equal(master_list_save(list, folder.fd, NULL), 0);
		assert_int_equal(
			rk_file_read(folder.fd, MASTER_LIST_FILE, 1 << 20, &data, &len), 0);
		make_older(data, &len, version, strlen(scopes[i]));
		assert_int_equal(master_list_parse(data, len, &read), 0);
		assert_lists_equal(list, read);
		assert_int_equal(mark_of(read, scopes[i]).data[0], 9);
		/* What a part is about was not kept: nothing that it could vouch for. */
		assert_int_equal(master_source_info(master_list_source(read, 0))->idp.len,
			i == 0 || version > 2 ? 0 : 2);
		free(data);
		master_list_put(read);
		master_list_put(list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_have_lists_and_numbers_of_their_own),
		cmocka_unit_test(unknown_key_gives_way_to_the_first),
		cmocka_unit_test(lists_of_keys_that_went_are_retired),
		cmocka_unit_test(keys_are_bounded),
		IN_FOLDER(keys_come_back),
		IN_FOLDER(later_file_is_not_passed_over),
		IN_FOLDER(older_files_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
