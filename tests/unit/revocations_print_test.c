/* SPDX-License-Identifier: BSD-3-Clause */
/* The master list as text and as JSON, from the file alone. */
#include "control/revocations_export.h"
#include "control/revocations_print.h"

#include <errno.h>
#include <jansson.h>

#include "tests/unit/folder_fixture.h"
#include "tests/unit/master_fixture.h"

static char *print(const struct folder *folder, const char *format, int expected)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	assert_int_equal(revocations_print(folder->path, format, to), expected);
	fclose(to);
	return text;
}

static void both_formats_say_the_same(void **state)
{
	struct master_list *list = NULL;
	struct folder folder;
	json_t *whole, *first;
	char *text;

	(void)state;
	folder_init(&folder);
	text = print(&folder, "text", 0); /* none yet */
	assert_string_equal(text, "");
	free(text);
	assert_int_equal(master_list_new(&list), 0);
	assert_int_equal(put_in(&list, source_of("http://a\"b", 9, 0x0100, 3)), 0);
	assert_int_equal(master_list_save(list, folder.fd, NULL), 0);
	text = print(&folder, "text", 0);
	assert_int_equal(strncmp(text, "CN=one\t0100\t", 12), 0);
	assert_non_null(strstr(text, "\tkeyCompromise\thttp://a\"b\nCN=one\t0101\t"));
	free(text);
	text = print(&folder, "json", 0);
	whole = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_int_equal(json_integer_value(json_object_get(whole, "generation")), 1);
	assert_int_equal(json_array_size(json_object_get(whole, "entries")), 3);
	first = json_array_get(json_object_get(whole, "entries"), 0);
	assert_string_equal(json_string_value(json_object_get(first, "source")), "http://a\"b");
	assert_string_equal(json_string_value(json_object_get(first, "serial")), "0100");
	json_decref(whole);
	free(text);
	free(print(&folder, "xml", -EINVAL));
	master_list_put(list);
	folder_fini(&folder);
}

/* A full disk, told at once or with the last octets: half a list is none. */
static void list_that_is_not_written_is_an_error(void **state)
{
	static const int mode[] = {_IONBF, _IOFBF};
	struct master_list *list = NULL;
	struct folder folder;

	(void)state;
	folder_init(&folder);
	assert_int_equal(master_list_new(&list), 0);
	assert_int_equal(put_in(&list, source_of("http://a", 9, 0x0100, 1)), 0);
	assert_int_equal(master_list_save(list, folder.fd, NULL), 0);
	for (size_t i = 0; i < 2; i++) {
		FILE *full = fopen("/dev/full", "w");

		assert_non_null(full);
		assert_int_equal(setvbuf(full, NULL, mode[i], 4096), 0);
		assert_true(revocations_print(folder.path, "text", full) < 0);
		fclose(full);
	}
	master_list_put(list);
	folder_fini(&folder);
}

/* As openssl x509 -serial and our own certificates' answers say it: half of all begin with such an octet. */
static void serials_are_printed_as_others_print_them(void **state)
{
	struct master_list *list = NULL;
	struct folder folder;
	char *text;

	(void)state;
	folder_init(&folder);
	assert_int_equal(master_list_new(&list), 0);
	assert_int_equal(put_in(&list, source_of("http://a", 9, 0x0080, 1)), 0);
	assert_int_equal(master_list_save(list, folder.fd, NULL), 0);
	text = print(&folder, "text", 0);
	assert_int_equal(strncmp(text, "CN=one\t80\t", 10), 0);
	free(text);
	master_list_put(list);
	folder_fini(&folder);
}

/* Of an indirect list's entries the issuer is the certificates'. */
static struct master_list *large_list(void)
{
	static const char two[] = "\x30\x0e\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x0c\x03two";
	struct master_source *group[] = {
		member_of("http://i", 1, "", 1), member_of("http://i", 1, two, 2)};
	struct master_list *list = NULL;

	assert_int_equal(master_list_new(&list), 0);
	assert_int_equal(put_in(&list, source_of("http://a", 9, 0x0100, 5000)), 0);
	assert_int_equal(put_in(&list, source_of("http://empty", 9, 0, 0)), 0);
	assert_int_equal(put_group(&list, group, 2), 0);
	return list;
}

static void pieces_are_bounded_and_whole(void **state)
{
	struct master_list *list = large_list();
	char *piece = malloc(REVOCATIONS_PIECE_MIN), *text = NULL;
	unsigned pieces = 0, lines = 0;
	struct revocations_export *x;
	size_t len = 0;
	json_t *whole;
	ssize_t n;

	(void)state;
	for (int format = REVOCATIONS_JSON; format <= REVOCATIONS_TEXT; format++) {
		FILE *to = open_memstream(&text, &len);

		assert_int_equal(
			revocations_export_new(list, (enum revocations_format)format, NULL, &x), 0);
		assert_int_equal(revocations_export_next(x, piece, 100), -EINVAL);
		while ((n = revocations_export_next(x, piece, REVOCATIONS_PIECE_MIN)) > 0) {
			assert_true(n <= REVOCATIONS_PIECE_MIN);
			assert_int_equal(fwrite(piece, 1, (size_t)n, to), n);
			pieces++;
		}
		assert_int_equal(n, 0);
		assert_int_equal(revocations_export_next(x, piece, REVOCATIONS_PIECE_MIN), 0);
		revocations_export_free(x);
		fclose(to);
		if (format == REVOCATIONS_JSON) {
			whole = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
			assert_int_equal(json_array_size(json_object_get(whole, "entries")), 5002);
			json_decref(whole);
		}
		for (const char *at = text; format == REVOCATIONS_TEXT && *at != '\0'; at++)
			lines += *at == '\n';
		assert_non_null(strstr(text, format == REVOCATIONS_JSON
						     ? "{\"issuer\":\"CN=two\",\"serial\":\"02\""
						     : "\nCN=two\t02\t"));
		free(text);
	}
	assert_int_equal(lines, 5002);
	assert_true(pieces > 20);
	free(piece);
	master_list_put(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(list_that_is_not_written_is_an_error),
		cmocka_unit_test(both_formats_say_the_same),
		cmocka_unit_test(serials_are_printed_as_others_print_them),
		cmocka_unit_test(pieces_are_bounded_and_whole)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
