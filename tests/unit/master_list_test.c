/* SPDX-License-Identifier: BSD-3-Clause */
/* The master list: sources shared between generations, marks, the file and its damage. */
#include "pki/store/master_list.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <openssl/evp.h>
#include <cmocka.h>

#include "pki/view/file.h"
#include "tests/unit/folder_fixture.h"

#define SPAN(text) ((struct rk_span){(const uint8_t *)(text), sizeof(text) - 1})

static struct folder folder;

static int setup(void **state)
{
	(void)state;
	folder_init(&folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	folder_fini(&folder);
	return 0;
}

static struct master_source_info info_of(const char *url, uint8_t *number)
{
	return (struct master_source_info){
		.issuer = SPAN("issuer one"),
		.ca_name = "CN=one",
		.url = url,
		.scope = "",
		.number = {number, 1},
		.this_update = 1000,
		.next_update = 2000,
		.fetched_at = 1500,
	};
}

/* A CRL of the given number with entry_cnt serials of two bytes, beginning at first. */
static struct master_source *source_of(
	const char *url, uint8_t number, uint16_t first, uint16_t entry_cnt)
{
	struct master_source_info info = info_of(url, &number);
	struct master_builder *b = NULL;
	struct master_source *s = NULL;

	assert_int_equal(master_builder_new(&info, &b), 0);
	for (uint16_t i = 0; i < entry_cnt; i++) {
		uint16_t n = (uint16_t)(first + entry_cnt - 1 - i);
		uint8_t serial[2] = {(uint8_t)(n >> 8), (uint8_t)n};

		assert_int_equal(master_builder_add(b, (struct rk_span){serial, 2}, 1000 + n,
					 RK_REASON_KEY_COMPROMISE),
			0);
	}
	assert_int_equal(master_builder_finish(b, &s), 0);
	return s;
}

/* list becomes the new list; the old reference is given back. */
static int put_in(struct master_list **list, struct master_source *s)
{
	struct master_list *next = NULL;
	int ret = master_list_replace(*list, s, &next);

	master_source_put(s);
	if (ret == 0) {
		master_list_put(*list);
		*list = next;
	}
	return ret;
}

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
static void source_agrees_with_a_plain_array(void **state)
{
	enum { CNT = 5000 };
	static uint8_t serial[CNT][MASTER_SERIAL_MAX];
	static uint8_t len[CNT];
	uint8_t number = 1;
	struct master_source_info info = info_of("u", &number);
	struct master_builder *b = NULL;
	struct master_source *s = NULL;
	struct master_entry e, last = {0};

	(void)state;
	srandom(7);
	assert_int_equal(master_builder_new(&info, &b), 0);
	for (size_t i = 0; i < CNT; i++) {
		len[i] = (uint8_t)(1 + i * MASTER_SERIAL_MAX / CNT);
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
	mark = master_list_mark(list, SPAN("issuer one"), "");
	assert_true(mark.len == 1 && mark.data[0] == 200);
	assert_int_equal(master_list_mark(list, SPAN("issuer one"), "x").len, 0);
	/* Another scope has numbers of its own; no number at all is lower than any. */
	info.scope = "partition 1";
	assert_int_equal(master_builder_new(&info, &b), 0);
	assert_int_equal(master_builder_finish(b, &s), 0);
	assert_int_equal(put_in(&list, s), 0);
	info.number.len = 0;
	assert_int_equal(master_builder_new(&info, &b), 0);
	assert_int_equal(master_builder_finish(b, &s), 0);
	assert_int_equal(put_in(&list, s), -ESTALE);
	assert_int_equal(master_list_mark(list, SPAN("issuer one"), "partition 1").len, 1);
	master_list_put(list);
}

/* ---- on disk -------------------------------------------------------------------------------- */

static void assert_lists_equal(const struct master_list *a, const struct master_list *b)
{
	assert_int_equal(master_list_generation(a), master_list_generation(b));
	assert_int_equal(master_list_source_cnt(a), master_list_source_cnt(b));
	for (size_t i = 0; i < master_list_source_cnt(a); i++) {
		const struct master_source *x = master_list_source(a, i);
		const struct master_source *y = master_list_source(b, i);
		struct master_entry e, f;

		assert_string_equal(master_source_info(x)->url, master_source_info(y)->url);
		assert_string_equal(master_source_info(x)->scope, master_source_info(y)->scope);
		assert_int_equal(
			master_source_info(x)->fetched_at, master_source_info(y)->fetched_at);
		assert_int_equal(
			master_source_info(x)->next_update, master_source_info(y)->next_update);
		assert_int_equal(master_source_entry_cnt(x), master_source_entry_cnt(y));
		for (size_t n = 0; n < master_source_entry_cnt(x); n++) {
			master_source_entry(x, n, &e);
			master_source_entry(y, n, &f);
			assert_memory_equal(&e, &f, sizeof(e));
		}
	}
}

static struct master_list *some_list(void)
{
	struct master_list *list = NULL;

	assert_int_equal(master_list_new(&list), 0);
	assert_int_equal(put_in(&list, source_of("http://b", 9, 100, 50)), 0);
	assert_int_equal(put_in(&list, source_of("http://a", 9, 300, 10)), 0);
	assert_int_equal(put_in(&list, source_of("http://empty", 9, 0, 0)), 0);
	return list;
}

/* M1 */
static void list_survives_the_disk(void **state)
{
	struct master_list *list = some_list(), *read = NULL;
	enum master_list_origin origin;
	bool is_written = false;
	struct stat first, second;

	(void)state;
	assert_int_equal(master_list_load(folder.fd, &read, &origin), 0);
	assert_int_equal(origin, MASTER_LIST_NONE);
	assert_int_equal(master_list_source_cnt(read), 0);
	master_list_put(read);
	assert_int_equal(master_list_save(list, folder.fd, &is_written), 0);
	assert_true(is_written);
	assert_int_equal(fstatat(folder.fd, MASTER_LIST_FILE, &first, 0), 0);
	assert_int_equal(first.st_mode & 07777, 0600);
	assert_int_equal(master_list_load(folder.fd, &read, &origin), 0);
	assert_int_equal(origin, MASTER_LIST_CURRENT);
	assert_lists_equal(list, read);
	assert_int_equal(master_list_mark(read, SPAN("issuer one"), "").data[0], 9);
	/* Same content, same bytes, not written again. */
	assert_int_equal(master_list_save(read, folder.fd, &is_written), 0);
	assert_false(is_written);
	assert_int_equal(fstatat(folder.fd, MASTER_LIST_FILE, &second, 0), 0);
	assert_int_equal(first.st_ino, second.st_ino);
	assert_int_equal(folder_scan(&folder, 0), 1);
	assert_int_equal(put_in(&read, source_of("http://a", 10, 300, 11)), 0);
	assert_int_equal(master_list_save(read, folder.fd, &is_written), 0);
	assert_true(is_written);
	assert_int_equal(folder_scan(&folder, 0), 2);
	master_list_put(read);
	master_list_put(list);
}

static void damage(const char *name, size_t at)
{
	int fd = openat(folder.fd, name, O_RDWR);
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
	close(fd);
}

/* M2 */
static void damaged_file_gives_way_to_the_previous(void **state)
{
	struct master_list *list = some_list(), *newer = master_list_get(list), *read = NULL;
	enum master_list_origin origin;

	(void)state;
	assert_int_equal(master_list_save(list, folder.fd, NULL), 0);
	assert_int_equal(put_in(&newer, source_of("http://a", 10, 300, 11)), 0);
	assert_int_equal(master_list_save(newer, folder.fd, NULL), 0);
	damage(MASTER_LIST_FILE, 200);
	assert_int_equal(master_list_load(folder.fd, &read, &origin), 0);
	assert_int_equal(origin, MASTER_LIST_PREVIOUS);
	assert_lists_equal(list, read);
	/* Saving over a damaged file does not push out the good one before it. */
	assert_int_equal(master_list_save(newer, folder.fd, NULL), 0);
	damage(MASTER_LIST_FILE, 30);
	master_list_put(read);
	assert_int_equal(master_list_load(folder.fd, &read, &origin), 0);
	assert_int_equal(origin, MASTER_LIST_PREVIOUS);
	assert_lists_equal(list, read);
	master_list_put(read);
	/* Missing, as after a crash between two steps: the same. */
	assert_int_equal(rk_file_remove(folder.fd, MASTER_LIST_FILE), 0);
	assert_int_equal(master_list_load(folder.fd, &read, &origin), 0);
	assert_int_equal(origin, MASTER_LIST_PREVIOUS);
	master_list_put(read);
	damage(MASTER_LIST_FILE_PREVIOUS, 0);
	read = NULL;
	assert_int_equal(master_list_load(folder.fd, &read, &origin), -EBADMSG);
	assert_null(read);
	master_list_put(newer);
	master_list_put(list);
}

/* As if whoever damaged the file had made its digest right. */
static int parse_with_digest(const uint8_t *data, size_t len)
{
	enum { AT = 48, DIGEST = 32 };
	uint8_t *copy = malloc(len);
	struct master_list *read = NULL;
	int ret;

	assert_non_null(copy);
	memcpy(copy, data, len);
	memset(copy + AT, 0, DIGEST);
	assert_int_equal(EVP_Digest(copy, len, copy + AT, NULL, EVP_sha256(), NULL), 1);
	ret = master_list_parse(copy, len, &read);
	assert_true(ret == 0 || read == NULL);
	master_list_put(read);
	free(copy);
	return ret;
}

/* M2: structure is checked too: no byte spoiled under a right digest may crash or overrun. */
static void structure_is_checked_under_a_right_digest(void **state)
{
	struct master_list *list = NULL, *read = NULL;
	uint8_t *data = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(master_list_new(&list), 0);
	assert_int_equal(put_in(&list, source_of("http://b", 9, 100, 3)), 0);
	assert_int_equal(put_in(&list, source_of("http://c", 9, 200, 2)), 0);
	assert_int_equal(master_list_save(list, folder.fd, NULL), 0);
	assert_int_equal(rk_file_read(folder.fd, MASTER_LIST_FILE, 1 << 20, &data, &len), 0);
	assert_int_equal(parse_with_digest(data, len), 0);
	for (size_t i = 0; i < len * 8; i++) {
		data[i / 8] ^= (uint8_t)(1 << i % 8);
		/* Magic, sizes and counts; what follows may as well be another list. */
		if (parse_with_digest(data, len) == 0 && (i / 8 < 8 || (i / 8 >= 16 && i / 8 < 48)))
			fail_msg("taken: bit %zu", i);
		assert_int_equal(master_list_parse(data, len, &read), -EBADMSG);
		data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t cut = 80; cut < len; cut++)
		assert_int_equal(parse_with_digest(data, cut), -EBADMSG);
	for (size_t cut = 0; cut < 80; cut++)
		assert_int_equal(master_list_parse(data, cut, &read), -EBADMSG);
	data = reallocarray(data, len + 1, 1);
	data[len] = 0;
	assert_int_equal(parse_with_digest(data, len + 1), -EBADMSG);
	free(data);
	master_list_put(list);
}

/* M4: a full disk: the list on disk stays what it was. */
static void failed_save_leaves_the_old_list(void **state)
{
	struct master_list *list = some_list(), *bigger = master_list_get(list), *read = NULL;
	const struct rlimit limit = {4096, 4096};
	enum master_list_origin origin;
	int status = -1;
	pid_t child;

	(void)state;
	assert_int_equal(master_list_save(list, folder.fd, NULL), 0);
	assert_int_equal(put_in(&bigger, source_of("http://a", 10, 300, 5000)), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGXFSZ, SIG_IGN);
		if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
			_exit(3);
		_exit(master_list_save(bigger, folder.fd, NULL) == -EFBIG ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(master_list_load(folder.fd, &read, &origin), 0);
	assert_int_equal(origin, MASTER_LIST_CURRENT);
	assert_lists_equal(list, read);
	master_list_put(read);
	master_list_put(bigger);
	master_list_put(list);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_sorted_and_found),
		cmocka_unit_test(bad_input_is_refused),
		cmocka_unit_test(source_agrees_with_a_plain_array),
		cmocka_unit_test(lists_share_and_do_not_change),
		cmocka_unit_test(older_numbers_are_refused),
		IN_FOLDER(list_survives_the_disk),
		IN_FOLDER(damaged_file_gives_way_to_the_previous),
		IN_FOLDER(structure_is_checked_under_a_right_digest),
		IN_FOLDER(failed_save_leaves_the_old_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
