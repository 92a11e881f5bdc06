/* SPDX-License-Identifier: BSD-3-Clause */
/* rekeyctl: words of a line, places of the configuration, and its text as commands. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/cli/config_text.h"
#include "control/cli/place.h"
#include "control/cli/words.h"

static struct cli_problem problem;

/* ---- words --------------------------------------------------------------------------------------- */

static void expect_words(const char *line, size_t cnt, const char *const *word)
{
	struct words w;

	assert_int_equal(words_split(line, &w), 0);
	assert_int_equal(w.cnt, cnt);
	for (size_t i = 0; i < cnt; i++)
		assert_string_equal(w.word[i], word[i]);
	words_fini(&w);
}

static void words_are_quoted_as_in_a_shell(void **state)
{
	static const char *const simple[] = {"a", "b", "c"};
	static const char *const quoted[] = {"a b", "c\"d\\n", "e\nf\tg\"\\", "h i", ""};

	(void)state;
	expect_words("", 0, NULL);
	expect_words(" \t \r\n", 0, NULL);
	expect_words(" a\tb  c\r\n", 3, simple);
	expect_words("'a b' 'c\"d\\n' \"e\\nf\\tg\\\"\\\\\" h\\ i ''", 5, quoted);
	expect_words("a\"\"b", 1, (const char *const[]){"ab"});
	expect_words("a\\", 1, (const char *const[]){"a\\"});
}

static void open_quotes_and_floods_are_refused(void **state)
{
	struct words w;
	char *many = malloc(2 * WORDS_MAX + 3);

	(void)state;
	assert_int_equal(words_split("a 'b", &w), -EINVAL);
	assert_int_equal(words_split("\"\\\"", &w), -EINVAL);
	for (size_t i = 0; i < WORDS_MAX + 1; i++)
		memcpy(many + 2 * i, "x ", 3);
	assert_int_equal(words_split(many, &w), -E2BIG);
	many[2 * WORDS_MAX] = '\0';
	assert_int_equal(words_split(many, &w), 0);
	words_fini(&w);
	free(many);
}

static void what_is_quoted_is_read_back(void **state)
{
	static const char *const texts[] = {"", "a", "a b", "\"", "\\", "'", "a\nb\n", "\t", "?",
		"#x", "\\n", "\xc3\xa9 \"\\\\n", "C:\\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *line;
		size_t size;
		FILE *f = open_memstream(&line, &size);

		words_quote(f, texts[i]);
		fclose(f);
		expect_words(line, 1, &texts[i]);
		assert_null(strchr(line, '\n'));
		free(line);
	}
}

/* ---- places -------------------------------------------------------------------------------------- */

static const char schema_text[] =
	"{\"items\":[{\"field\":\"authority\",\"kind\":\"object\",\"help\":\"h\",\"items\":["
	"  {\"field\":\"enhanced\",\"kind\":\"boolean\",\"default\":false},"
	"  {\"field\":\"security\",\"kind\":\"object\",\"items\":["
	"    "
	"{\"field\":\"interval\",\"kind\":\"duration\",\"unit\":\"hours\",\"min\":1,\"max\":720,"
	"     \"default\":24,\"may_be_never\":true},"
	"    {\"field\":\"groups\",\"kind\":\"choice-list\",\"values\":[\"x25519\",\"x448\"]},"
	"    {\"field\":\"count\",\"kind\":\"integer\",\"min\":0,\"max\":9,\"required\":true}]},"
	"  {\"field\":\"trusted\",\"kind\":\"list\",\"key\":\"name\",\"items\":["
	"    {\"field\":\"name\",\"kind\":\"name\"},"
	"    {\"field\":\"content\",\"kind\":\"text-block\"},"
	"    {\"field\":\"comment\",\"kind\":\"text\"},"
	"    {\"field\":\"mode\",\"kind\":\"enum\",\"values\":[\"strict\",\"warn\"]}]}]},"
	"{\"field\":\"router\",\"kind\":\"object\",\"items\":["
	"  {\"field\":\"path\",\"kind\":\"list\",\"items\":["
	"    {\"field\":\"port\",\"kind\":\"device\"},"
	"    {\"field\":\"address\",\"kind\":\"prefix-list\"}]}]}]}";

static json_t *schema;

static int open_schema(void **state)
{
	(void)state;
	schema = json_loads(schema_text, 0, NULL);
	return schema == NULL;
}

static int close_schema(void **state)
{
	(void)state;
	json_decref(schema);
	return 0;
}

/* The place as "a/b/c"; the words that it left. */
static char *found(const struct context *from, const char *line, size_t *left)
{
	static char text[256];
	struct words w;
	struct place p;
	size_t i;
	json_t *segment;

	assert_int_equal(words_split(line, &w), 0);
	text[0] = '\0';
	if (place_find(schema, from, w.word, w.cnt, &p, &problem) < 0) {
		words_fini(&w);
		return NULL;
	}
	json_array_foreach(p.path, i, segment)
	{
		strcat(text, i > 0 ? "/" : "");
		strcat(text, json_string_value(segment));
	}
	if (left != NULL)
		*left = w.cnt - p.used;
	place_fini(&p);
	words_fini(&w);
	return text;
}

static void words_lead_to_a_place(void **state)
{
	size_t left;

	(void)state;
	assert_string_equal(found(NULL, "authority", &left), "authority");
	assert_string_equal(found(NULL, "auth sec int 24", &left), "authority/security/interval");
	assert_int_equal(left, 1);
	assert_string_equal(
		found(NULL, "authority trusted x mode warn", &left), "authority/trusted/x/mode");
	assert_int_equal(left, 1);
	assert_string_equal(
		found(NULL, "router path 0 address a b", &left), "router/path/0/address");
	assert_int_equal(left, 2);
	assert_string_equal(found(NULL, "authority trusted", &left), "authority/trusted");
	assert_null(found(NULL, "nothing", NULL));
	assert_null(found(NULL, "authority trusted x co", NULL));
	assert_non_null(strstr(problem.text, "more than one"));
	assert_null(found(NULL, "authority ''", NULL));
}

static void contexts_are_entered_and_left(void **state)
{
	struct context c;
	struct cli_problem why;
	struct place p;
	char *words[] = {(char[]){"authority"}, (char[]){"trusted"}, (char[]){"x y"}};

	(void)state;
	context_init(&c);
	assert_int_equal(place_find(schema, &c, words, 3, &p, &why), 0);
	assert_true(p.is_element);
	context_set(&c, p.path, p.level, p.depth, "name");
	assert_string_equal(c.label, "trusted[name=x y]");
	assert_string_equal(found(&c, "mode warn", NULL), "authority/trusted/x y/mode");
	assert_int_equal(place_leave(schema, &c, &p), 0);
	context_set(&c, p.path, p.level, p.depth, NULL);
	assert_string_equal(c.label, "authority");
	assert_string_equal(found(&c, "sec", NULL), "authority/security");
	assert_int_equal(place_leave(schema, &c, &p), 0);
	context_set(&c, p.path, p.level, p.depth, NULL);
	assert_int_equal(c.depth, 0);
	assert_string_equal(c.label, "");
	context_fini(&c);
}

static char *value_of(const char *line)
{
	struct words w;
	struct place p;
	json_t *value;
	char *text;

	assert_int_equal(words_split(line, &w), 0);
	assert_int_equal(place_find(schema, NULL, w.word, w.cnt, &p, &problem), 0);
	value = place_value(p.item, w.word + p.used, w.cnt - p.used, &problem);
	text = value != NULL ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	json_decref(value);
	place_fini(&p);
	words_fini(&w);
	return text;
}

static void expect_typed(const char *line, const char *json)
{
	char *text = value_of(line);

	assert_string_equal(text, json);
	free(text);
}

static void values_have_their_type(void **state)
{
	(void)state;
	expect_typed("authority enhanced true", "true");
	expect_typed("authority enhanced yes", "\"yes\""); /* the daemon says what is wrong */
	expect_typed("authority security interval 24", "24");
	expect_typed("authority security interval 5m", "\"5m\"");
	expect_typed("authority security interval never", "\"never\"");
	expect_typed("authority security count -1", "\"-1\"");
	expect_typed("authority security count 99999999999999999999", "\"99999999999999999999\"");
	expect_typed("authority security groups x448 x25519", "[\"x448\",\"x25519\"]");
	expect_typed("authority trusted x comment 12", "\"12\"");
	assert_null(value_of("authority trusted x comment a b"));
	assert_non_null(strstr(problem.text, "one value"));
	assert_null(value_of("authority trusted x mode"));
	assert_non_null(strstr(problem.text, "strict, warn"));
	assert_null(value_of("authority trusted x comment \xff"));
	assert_null(value_of("authority security interval"));
	assert_non_null(strstr(problem.text, "1-720 hours or never, default 24"));
}

/* ---- text that makes it again -------------------------------------------------------------------- */

/* What the daemon would do with the path and the value (NULL: create). */
static void apply(json_t *root, const struct place *p, json_t *value)
{
	json_t *at = root, *next;
	size_t i, cnt = json_array_size(p->path);
	const json_t *items = json_object_get(schema, "items"), *item = NULL;

	for (i = 0; i < cnt; i++) {
		const char *segment = json_string_value(json_array_get(p->path, i));
		size_t n;
		json_t *one;

		item = NULL;
		json_array_foreach(items, n, one)
		{
			if (strcmp(place_text(one, "field"), segment) == 0)
				item = one;
		}
		assert_non_null(item);
		items = json_object_get(item, "items");
		if (i + 1 == cnt && items == NULL) {
			assert_int_equal(json_object_set(at, segment, value), 0);
			return;
		}
		next = json_object_get(at, segment);
		if (next == NULL) {
			next = strcmp(place_kind(item), "list") == 0 ? json_array() : json_object();
			json_object_set_new(at, segment, next);
		}
		at = next;
		if (strcmp(place_kind(item), "list") != 0 || ++i == cnt)
			continue;
		segment = json_string_value(json_array_get(p->path, i));
		next = place_text(item, "key")[0] == '\0'
			       ? json_array_get(at, strtoul(segment, NULL, 10))
			       : NULL;
		json_array_foreach(at, n, one)
		{
			const char *name =
				json_string_value(json_object_get(one, place_text(item, "key")));

			if (name != NULL && strcmp(name, segment) == 0)
				next = one;
		}
		if (next == NULL) {
			next = json_object();
			if (place_text(item, "key")[0] != '\0')
				json_object_set_new(
					next, place_text(item, "key"), json_string(segment));
			json_array_append_new(at, next);
		}
		at = next;
	}
}

/* Runs one line of the text where the shell would stand. */
static void run_line(struct context *c, json_t *root, const char *line)
{
	struct words w;
	struct place p;
	bool is_absolute;
	json_t *value;

	assert_int_equal(words_split(line, &w), 0);
	assert_true(w.cnt > 0);
	is_absolute = strcmp(w.word[0], "configure") == 0;
	if (strcmp(w.word[0], "exit") == 0) {
		assert_int_equal(place_leave(schema, c, &p), 0);
		context_set(c, p.path, p.level, p.depth, NULL);
		words_fini(&w);
		return;
	}
	assert_int_equal(place_find(schema, is_absolute ? NULL : c, w.word + is_absolute,
				 w.cnt - is_absolute, &p, &problem),
		0);
	value = p.is_leaf ? place_value(p.item, w.word + is_absolute + p.used,
				    w.cnt - is_absolute - p.used, &problem)
			  : NULL;
	apply(root, &p, value);
	json_decref(value);
	if (p.is_leaf)
		place_fini(&p);
	else
		context_set(c, p.path, p.level, p.depth, NULL);
	words_fini(&w);
}

static void printed_configuration_makes_itself_again(void **state)
{
	static const char configuration[] =
		"{\"authority\":{\"enhanced\":true,\"security\":{\"interval\":\"5m\",\"groups\":"
		"[\"x448\",\"x25519\"],\"count\":3},\"trusted\":[{\"name\":\"a b\",\"content\":"
		"\"-----BEGIN\\nx+/=\\n\\n\\\"q\\\" \\\\n\\n\",\"mode\":\"warn\"},{\"name\":\"c\","
		"\"comment\":\"# no comment? \\u00e9\"}]},\"router\":{\"path\":[{\"port\":\"p0\","
		"\"address\":[\"192.0.2.1/24\",\"2001:db8::1/64\"]},{\"port\":\"0000:01:00.0\"}]}}";
	json_t *wanted = json_loads(configuration, 0, NULL), *made = json_object();
	struct place root = {0};
	struct context c;
	char *text, *line, *save = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_non_null(wanted);
	config_text_print(f, schema, &root, wanted);
	fclose(f);
	context_init(&c);
	for (line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
		run_line(&c, made, line);
	assert_int_equal(c.depth, 0);
	assert_true(json_equal(wanted, made));
	context_fini(&c);
	json_decref(wanted);
	json_decref(made);
	free(text);
}

static void changes_show_both_sides(void **state)
{
	json_t *changes = json_loads("[{\"op\":\"set\",\"path\":[\"a\",\"b c\"],\"old\":1,\"new\":"
				     "\"x\\u001b[2J\"},{\"op\":\"delete\",\"path\":[\"d\"],\"old\":"
				     "{\"e\":true},\"new\":null}]",
		0, NULL);
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	config_text_changes(f, changes);
	fclose(f);
	assert_string_equal(text, "- a \"b c\" 1\n+ a \"b c\" \"x?[2J\"\n- d {\"e\":true}\n");
	free(text);
	json_decref(changes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_quoted_as_in_a_shell),
		cmocka_unit_test(open_quotes_and_floods_are_refused),
		cmocka_unit_test(what_is_quoted_is_read_back),
		cmocka_unit_test(words_lead_to_a_place),
		cmocka_unit_test(contexts_are_entered_and_left),
		cmocka_unit_test(values_have_their_type),
		cmocka_unit_test(printed_configuration_makes_itself_again),
		cmocka_unit_test(changes_show_both_sides),
	};

	return cmocka_run_group_tests(tests, open_schema, close_schema);
}
