/* SPDX-License-Identifier: BSD-3-Clause */
/* The master list as text and as JSON, from the file alone. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(both_formats_say_the_same)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
