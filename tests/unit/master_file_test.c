/* SPDX-License-Identifier: BSD-3-Clause */
/* The master list on disk: what survives, damage, deltas beside full lists. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/unit/master_disk_fixture.h"

/* Deltas have numbers of their own, stand beside the full list, and alone may take something back. */
static void deltas_stand_beside_full_lists(void **state)
{
	struct master_list *list = NULL, *read = NULL;
	enum master_list_origin origin;
	uint8_t number = 12, base = 9;
	struct master_source_info info = info_of("http://b", &number);
	const struct rk_span serial = SPAN("\x01\x02");
	struct master_builder *b = NULL;
	struct master_source *s = NULL;

	(void)state;
	assert_int_equal(master_list_new(&list), 0);
	assert_int_equal(put_in(&list, source_of("http://b", 9, 1, 1)), 0);
	assert_int_equal(master_builder_new(&info, &b), 0);
	assert_int_equal(master_builder_add(b, serial, 1000, RK_REASON_REMOVED), -EINVAL);
	master_builder_free(b);
	base = 13; /* newer than itself */
	info.base_number = (struct rk_span){&base, 1};
	assert_int_equal(master_builder_new(&info, &b), -EINVAL);
	base = 9;
	assert_int_equal(master_builder_new(&info, &b), 0);
	assert_int_equal(master_builder_add(b, serial, 1000, RK_REASON_REMOVED), 0);
	assert_int_equal(master_builder_finish(b, &s), 0);
	assert_int_equal(put_in(&list, s), 0);
	assert_int_equal(master_list_source_cnt(list), 2);
	assert_int_equal(put_in(&list, source_of("http://b", 10, 1, 1)), 0);
	assert_int_equal(master_list_source_cnt(list), 2);
	assert_int_equal(mark_of(list, "").data[0], 10);
	assert_int_equal(master_list_mark(list, &info).data[0], 12);
	assert_int_equal(master_list_save(list, folder.fd, NULL), 0);
	assert_int_equal(master_list_load(folder.fd, &read, &origin), 0);
	assert_lists_equal(list, read);
	assert_int_equal(master_list_mark(read, &info).data[0], 12);
	assert_int_equal(mark_of(read, "").data[0], 10);
	assert_int_equal(master_source_info(master_list_source(read, 1))->base_number.data[0], 9);
	master_list_put(read);
	master_list_put(list);
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
	assert_int_equal(mark_of(read, "").data[0], 9);
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

/* What an indirect CRL says of each issuer's certificates. */
static void groups_survive_the_disk(void **state)
{
	struct master_source *group[] = {member_of("http://b", 1, "", 0),
		member_of("http://b", 1, "issuer 3", 3), member_of("http://b", 1, "issuer two", 2)};
	struct master_list *list = some_list(), *read = NULL;
	const struct master_source_info *info;
	enum master_list_origin origin;

	(void)state;
	assert_int_equal(put_group(&list, group, 3), 0);
	assert_int_equal(master_list_save(list, folder.fd, NULL), 0);
	assert_int_equal(master_list_load(folder.fd, &read, &origin), 0);
	assert_lists_equal(list, read);
	info = master_source_info(master_list_source(read, 4));
	assert_memory_equal(info->subject.data, "issuer two", info->subject.len);
	assert_int_equal(info->idp.len, 5);
	master_list_put(read);
	master_list_put(list);
}

/* As if whoever damaged the file had made its digest right. */
static int parse_with_digest(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len);
	struct master_list *read = NULL;
	int ret;

	assert_non_null(copy);
	memcpy(copy, data, len);
	make_digest_right(copy, len);
	ret = master_list_parse(copy, len, &read);
	assert_true(ret == 0 || read == NULL);
	master_list_put(read);
	free(copy);
	return ret;
}

/* M2: structure is checked too: no byte spoiled under a right digest may crash or overrun. */
static void structure_is_checked_under_a_right_digest(void **state)
{
	struct master_source *group[] = {
		member_of("http://c", 1, "", 1), member_of("http://c", 1, "issuer 3", 3)};
	struct master_list *list = NULL, *read = NULL;
	uint8_t *data = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(master_list_new(&list), 0);
	assert_int_equal(put_in(&list, source_of("http://b", 9, 100, 3)), 0);
	assert_int_equal(put_group(&list, group, 2), 0);
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

/* With the text at that place, of so many octets, as long as can be; its length stands before it. */
static uint8_t *stretch_text(const uint8_t *data, size_t *len, size_t at, size_t was, size_t is)
{
	uint8_t *out = malloc(*len - was + is);
	size_t size = *len - was + is, descriptions = ((size_t)data[38] << 8 | data[39]) - was + is;

	assert_non_null(out);
	memcpy(out, data, at);
	memset(out + at, 'n', is);
	memcpy(out + at + is, data + at + was, *len - at - was);
	out[at - 2] = (uint8_t)(is >> 8);
	out[at - 1] = (uint8_t)is;
	out[22] = (uint8_t)(size >> 8);
	out[23] = (uint8_t)size;
	out[38] = (uint8_t)(descriptions >> 8);
	out[39] = (uint8_t)descriptions;
	*len = size;
	return out;
}

/* M2: texts are bounded and end where they end; no source stands there twice. */
static void descriptions_are_checked_under_a_right_digest(void **state)
{
	enum { NAME_AT = 80 + 2 + 10 + 2, NAME_LEN = 6 };
	struct master_list *list = NULL;
	uint8_t *data = NULL, *c;
	size_t len = 0;

	(void)state;
	assert_int_equal(master_list_new(&list), 0);
	assert_int_equal(put_in(&list, source_of("http://b", 9, 100, 1)), 0);
	assert_int_equal(put_in(&list, source_of("http://c", 9, 100, 1)), 0);
	assert_int_equal(master_list_save(list, folder.fd, NULL), 0);
	assert_int_equal(rk_file_read(folder.fd, MASTER_LIST_FILE, 1 << 20, &data, &len), 0);
	for (size_t i = 0; i < 3; i++) {
		const size_t name[] = {MASTER_TEXT_MAX, MASTER_TEXT_MAX + 1, 30000};
		size_t size = len;
		uint8_t *stretched = stretch_text(data, &size, NAME_AT, NAME_LEN, name[i]);

		assert_int_equal(parse_with_digest(stretched, size), i == 0 ? 0 : -EBADMSG);
		free(stretched);
	}
	c = memmem(data, len, "http://c", 8);
	assert_non_null(c);
	c[7] = 'b';
	assert_int_equal(parse_with_digest(data, len), -EBADMSG);
	c[7] = 'c';
	assert_int_equal(parse_with_digest(data, len), 0);
	data[NAME_AT + 2] = 0;
	assert_int_equal(parse_with_digest(data, len), -EBADMSG);
	free(data);
	master_list_put(list);
}

/* M2: a mark is a number, of one kind, and stands there once. */
static void marks_are_checked_under_a_right_digest(void **state)
{
	struct master_list *list = NULL;
	uint8_t *data = NULL, *stretched;
	size_t len = 0, end, size;

	(void)state;
	assert_int_equal(master_list_new(&list), 0);
	for (uint8_t i = 1; i <= 2; i++) {
		struct master_source_info info = info_of(i == 1 ? "http://b" : "http://c", &i);
		struct master_builder *b = NULL;
		struct master_source *s = NULL;

		info.scope = i == 1 ? "s1" : "s2";
		assert_int_equal(master_builder_new(&info, &b), 0);
		assert_int_equal(master_builder_finish(b, &s), 0);
		assert_int_equal(put_in(&list, s), 0);
	}
	assert_int_equal(master_list_save(list, folder.fd, NULL), 0);
	assert_int_equal(rk_file_read(folder.fd, MASTER_LIST_FILE, 1 << 20, &data, &len), 0);
	/* The last mark ends: length of the scope, scope, length of the number, number, of the key, kind. */
	end = 80 + ((size_t)data[38] << 8 | data[39]);
	assert_memory_equal(data + end - 10, "\0\2s2\0\1\2\0\0\0", 10);
	size = len;
	stretched = stretch_text(data, &size, end - 4, 1, 0);
	assert_int_equal(parse_with_digest(stretched, size), -EBADMSG);
	free(stretched);
	for (size_t key_len = MASTER_KEY_LEN - 1; key_len <= MASTER_KEY_LEN + 1; key_len++) {
		size = len;
		stretched = stretch_text(data, &size, end - 1, 0, key_len);
		assert_int_equal(parse_with_digest(stretched, size),
			key_len == MASTER_KEY_LEN ? 0 : -EBADMSG);
		free(stretched);
	}
	data[end - 1] = 2;
	assert_int_equal(parse_with_digest(data, len), -EBADMSG);
	data[end - 1] = 0;
	assert_int_equal(parse_with_digest(data, len), 0);
	data[end - 7] = '1';
	assert_int_equal(parse_with_digest(data, len), -EBADMSG);
	free(data);
	master_list_put(list);
}

/* M2: what a CRL says of others' certificates stands behind what it says of its own issuer's. */
static void groups_are_checked_under_a_right_digest(void **state)
{
	struct master_source *group[] = {
		member_of("http://c", 1, "", 1), member_of("http://c", 1, "issuer 3", 3)};
	struct master_list *list = NULL;
	uint8_t *data = NULL, *url;
	size_t len = 0;

	(void)state;
	assert_int_equal(master_list_new(&list), 0);
	assert_int_equal(put_group(&list, group, 2), 0);
	assert_int_equal(master_list_save(list, folder.fd, NULL), 0);
	assert_int_equal(rk_file_read(folder.fd, MASTER_LIST_FILE, 1 << 20, &data, &len), 0);
	url = memmem(data, len, "http://c", 8);
	assert_non_null(url);
	url = memmem(url + 8, len - (size_t)(url + 8 - data), "http://c", 8);
	assert_non_null(url);
	url[7] = 'd';
	assert_int_equal(parse_with_digest(data, len), -EBADMSG);
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
	const struct CMUnitTest tests[] = {
		IN_FOLDER(deltas_stand_beside_full_lists),
		IN_FOLDER(list_survives_the_disk),
		IN_FOLDER(damaged_file_gives_way_to_the_previous),
		IN_FOLDER(groups_survive_the_disk),
		IN_FOLDER(structure_is_checked_under_a_right_digest),
		IN_FOLDER(descriptions_are_checked_under_a_right_digest),
		IN_FOLDER(marks_are_checked_under_a_right_digest),
		IN_FOLDER(groups_are_checked_under_a_right_digest),
		IN_FOLDER(failed_save_leaves_the_old_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
