/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/json_body.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *text, size_t len, json_t **out, struct json_body_error *error)
{
	/* A copy of exactly len bytes: a read past the end is the sanitizer's to find. */
	char *copy = malloc(len > 0 ? len : 1);
	int ret;

	assert_non_null(copy);
	memcpy(copy, text, len);
	*out = NULL;
	memset(error, 0, sizeof(*error));
	ret = json_body_parse(copy, len, out, error);
	free(copy);
	return ret;
}

static json_t *accepted(const char *text)
{
	struct json_body_error error;
	json_t *json;

	assert_int_equal(parse(text, strlen(text), &json, &error), 0);
	assert_non_null(json);
	return json;
}

static void refused_at(const char *text, size_t line, size_t column)
{
	struct json_body_error error;
	json_t *json;

	assert_int_equal(parse(text, strlen(text), &json, &error), -EINVAL);
	assert_null(json);
	assert_true(error.text[0] != '\0');
	if (line != 0) {
		assert_int_equal(error.line, line);
		assert_int_equal(error.column, column);
	}
}

static void accepts_raw_breaks_in_strings(void **state)
{
	json_t *json = accepted("{\r\n \"certificate\": \"-----BEGIN\nMII\r\nQ==\n\"\n}\n");

	(void)state;
	assert_string_equal(json_string_value(json_object_get(json, "certificate")),
		"-----BEGIN\nMII\r\nQ==\n");
	json_decref(json);
	json = accepted("[\"\\\\\n\", \"a\\\"\n\", \"\\\\\\\"\r\"]");
	assert_string_equal(json_string_value(json_array_get(json, 0)), "\\\n");
	assert_string_equal(json_string_value(json_array_get(json, 1)), "a\"\n");
	assert_string_equal(json_string_value(json_array_get(json, 2)), "\\\"\r");
	json_decref(json);
}

static void keeps_a_break_after_a_backslash_refused(void **state)
{
	(void)state;
	refused_at("[\"a\\\nb\"]", 0, 0);
	refused_at("[\"a\\\rb\"]", 0, 0);
}

static void refuses_other_control_characters(void **state)
{
	(void)state;
	refused_at("[\"a\tb\"]", 0, 0);
	refused_at("[\"a\x01\"]", 0, 0);
	refused_at("[\"a\x1f\"]", 0, 0);
}

static void refuses_what_two_readers_could_read_in_two_ways(void **state)
{
	(void)state;
	refused_at("{\"a\":1,\"a\":2}", 0, 0);
	refused_at("{\"a\":{\"b\":1,\"b\":1}}", 0, 0);
	refused_at("{\"a\":\"\\u0000\"}", 0, 0);
	refused_at("{\"a\\u0000\":1}", 0, 0);
	refused_at("{\"a\":1} {}", 0, 0);
	refused_at("\"text\"", 0, 0);
	refused_at("12", 0, 0);
	refused_at("", 0, 0);
	refused_at("[\"\xc0\xaf\"]", 0, 0);
	refused_at("[\"\xed\xa0\x80\"]", 0, 0);
	refused_at("\xef\xbb\xbf{}", 0, 0);
}

static void refuses_nul_bytes(void **state)
{
	static const char outside[] = "{\"a\":1}\0";
	static const char inside[] = "{\"a\":\"b\0c\"}";
	struct json_body_error error;
	json_t *json;

	(void)state;
	assert_int_equal(parse(outside, sizeof(outside) - 1, &json, &error), -EINVAL);
	assert_int_equal(parse(inside, sizeof(inside) - 1, &json, &error), -EINVAL);
}

static void says_where_in_what_was_sent(void **state)
{
	(void)state;
	refused_at("{\"a\": ?}", 1, 8);
	/* Two raw breaks inside a string became four bytes for the parser; not for the user. */
	refused_at("{\"a\": \"x\r\ny\",\n \"b\": ?}", 3, 8);
}

static void bounds_depth_and_size(void **state)
{
	char text[2 * (JSON_BODY_DEPTH_MAX + 1) + 1];
	struct json_body_error error;
	json_t *json = NULL;
	char *big;

	(void)state;
	memset(text, '[', JSON_BODY_DEPTH_MAX);
	memset(text + JSON_BODY_DEPTH_MAX, ']', JSON_BODY_DEPTH_MAX);
	assert_int_equal(parse(text, (size_t)2 * JSON_BODY_DEPTH_MAX, &json, &error), 0);
	json_decref(json);
	memset(text, '[', JSON_BODY_DEPTH_MAX + 1);
	memset(text + JSON_BODY_DEPTH_MAX + 1, ']', JSON_BODY_DEPTH_MAX + 1);
	assert_int_equal(parse(text, sizeof(text) - 1, &json, &error), -EINVAL);
	assert_int_equal(error.column, JSON_BODY_DEPTH_MAX + 1);
	/* Brackets inside a string nest nothing. */
	json = accepted("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"]");
	json_decref(json);

	big = malloc(JSON_BODY_SIZE_MAX + 1);
	assert_non_null(big);
	memset(big, ' ', JSON_BODY_SIZE_MAX + 1);
	big[0] = '[';
	big[JSON_BODY_SIZE_MAX - 1] = ']';
	json = NULL;
	assert_int_equal(json_body_parse(big, JSON_BODY_SIZE_MAX, &json, &error), 0);
	json_decref(json);
	assert_int_equal(json_body_parse(big, JSON_BODY_SIZE_MAX + 1, &json, &error), -E2BIG);
	free(big);
}

static void escapes_only_breaks_in_strings(void **state)
{
	static const char in[] = "{\n\"a\r\n\": \"\\\n\"}";
	static const char expected[] = "{\n\"a\\r\\n\": \"\\\n\"}";
	char out[2 * sizeof(in)];
	size_t len = json_body_escape(in, sizeof(in) - 1, out);

	(void)state;
	assert_int_equal(len, sizeof(expected) - 1);
	assert_memory_equal(out, expected, len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_raw_breaks_in_strings),
		cmocka_unit_test(keeps_a_break_after_a_backslash_refused),
		cmocka_unit_test(refuses_other_control_characters),
		cmocka_unit_test(refuses_what_two_readers_could_read_in_two_ways),
		cmocka_unit_test(refuses_nul_bytes),
		cmocka_unit_test(says_where_in_what_was_sent),
		cmocka_unit_test(bounds_depth_and_size),
		cmocka_unit_test(escapes_only_breaks_in_strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
