/* SPDX-License-Identifier: BSD-3-Clause */
/* Configurations as documents: editing, looking, telling apart, the schema as JSON, versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_schema.h"
#include "control/config_tree.h"

#define BASE                                                                          \
	"{\"version\":2,\"router\":{\"name\":\"east\",\"peer\":[{\"name\":\"west\"}," \
	"{\"name\":\"north\",\"path\":[{\"port\":\"p\"},{\"port\":\"q\"}]}]}}"

static json_t *parse(const char *text)
{
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(json);
	return json;
}

/* Applies operations to BASE; the result is this text. */
static void gives(const char *operations, const char *text)
{
	json_t *base = parse(BASE), *again = parse(BASE), *ops = parse(operations), *out = NULL;
	json_t *wanted = parse(text);
	struct config_report report;
	size_t failed;

	if (config_tree_edit(base, ops, &out, &failed, &report) != 0)
		fail_msg("%s: %s", report.finding[0].path, report.finding[0].text);
	if (!json_equal(out, wanted))
		fail_msg("%s", json_dumps(out, 0));
	assert_true(json_equal(base, again)); /* never in place */
	json_decref(base);
	json_decref(again);
	json_decref(ops);
	json_decref(out);
	json_decref(wanted);
}

static void refuses(const char *operations, size_t index, const char *code, const char *path)
{
	json_t *base = parse(BASE), *ops = parse(operations), *out = NULL;
	struct config_report report;
	size_t failed;

	assert_int_equal(config_tree_edit(base, ops, &out, &failed, &report), -EINVAL);
	assert_null(out);
	assert_int_equal(failed, index);
	assert_string_equal(report.finding[0].code, code);
	assert_string_equal(report.finding[0].path, path);
	json_decref(base);
	json_decref(ops);
}

static void test_set(void **state)
{
	(void)state;
	gives("[]", BASE);
	gives("[{\"op\":\"set\",\"path\":[\"router\",\"name\"],\"value\":\"x\"},"
	      "{\"op\":\"delete\",\"path\":[\"router\",\"peer\"]}]",
		"{\"version\":2,\"router\":{\"name\":\"x\"}}");
	/* What is on the way is made, keys filled in. */
	gives("[{\"op\":\"delete\",\"path\":[\"router\"]},{\"op\":\"set\",\"path\":[\"authority\","
	      "\"trusted-ca-certificate\",\"root\",\"validation-mode\"],\"value\":\"warn\"}]",
		"{\"version\":2,\"authority\":{\"trusted-ca-certificate\":[{\"name\":\"root\","
		"\"validation-mode\":\"warn\"}]}}");
	/* An element without a key goes by its index; the next one is appended. */
	gives("[{\"op\":\"delete\",\"path\":[\"router\",\"peer\",\"west\"]},"
	      "{\"op\":\"set\",\"path\":[\"router\",\"peer\",\"north\",\"path\",\"1\",\"udp-"
	      "port\"],\"value\":7},"
	      "{\"op\":\"create\",\"path\":[\"router\",\"peer\",\"north\",\"path\",\"2\"]}]",
		"{\"version\":2,\"router\":{\"name\":\"east\",\"peer\":[{\"name\":\"north\","
		"\"path\":[{\"port\":\"p\"},{\"port\":\"q\",\"udp-port\":7},{}]}]}}");
	gives("[{\"op\":\"delete\",\"path\":[\"router\",\"peer\",\"north\"]},"
	      "{\"op\":\"set\",\"path\":[\"router\",\"peer\",\"west\"],\"value\":"
	      "{\"roaming\":true}},{\"op\":\"create\",\"path\":[\"router\",\"peer\",\"west\"]}]",
		"{\"version\":2,\"router\":{\"name\":\"east\",\"peer\":[{\"name\":\"west\","
		"\"roaming\":true}]}}");
}

static void test_refused(void **state)
{
	(void)state;
	refuses("[{\"op\":\"set\",\"path\":[\"router\",\"nme\"],\"value\":1}]", 0, "unknown-field",
		"router.nme");
	refuses("[{\"op\":\"create\",\"path\":[\"authority\"]},{\"op\":\"set\",\"path\":["
		"\"router\","
		"\"name\"],\"value\":1}]",
		1, "bad-value", "router.name");
	refuses("[{\"op\":\"set\",\"path\":[\"router\",\"name\",\"x\"],\"value\":1}]", 0,
		"bad-path", "router.name");
	refuses("[{\"op\":\"delete\",\"path\":[\"router\",\"node\"]}]", 0, "no-such-item",
		"router.node");
	refuses("[{\"op\":\"delete\",\"path\":[\"router\",\"peer\",\"south\"]}]", 0, "no-such-item",
		"router.peer[south]");
	refuses("[{\"op\":\"create\",\"path\":[\"router\",\"peer\",\"a b\"]}]", 0, "bad-value",
		"router.peer[a b].name");
	refuses("[{\"op\":\"create\",\"path\":[\"router\",\"peer\"]}]", 0, "bad-path",
		"router.peer");
	refuses("[{\"op\":\"set\",\"path\":[\"router\",\"peer\",\"north\",\"path\",\"9\",\"port\"],"
		"\"value\":\"p\"}]",
		0, "bad-path", "router.peer[north].path[9]");
	refuses("[{\"op\":\"set\",\"path\":[\"router\",\"peer\",\"west\"],\"value\":{\"name\":"
		"\"other\"}}]",
		0, "bad-value", "router.peer[west]");
	refuses("[{\"op\":\"move\",\"path\":[\"router\"]}]", 0, "bad-operation", "");
	refuses("[{\"op\":\"delete\",\"path\":[\"router\"],\"value\":1}]", 0, "bad-operation", "");
	refuses("[{\"op\":\"set\",\"path\":[\"router\"]}]", 0, "bad-operation", "");
	refuses("[{\"op\":\"delete\",\"path\":[\"router\"],\"x\":1}]", 0, "bad-operation", "");
	refuses("[{\"op\":\"delete\",\"path\":[]}]", 0, "bad-path", "");
	refuses("[{\"op\":\"delete\",\"path\":[1]}]", 0, "bad-path", "");
	refuses("[{\"op\":\"delete\",\"path\":\"router\"}]", 0, "bad-path", "");
	refuses("[1]", 0, "bad-operation", "");
	refuses("[{\"op\":\"delete\",\"path\":[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\","
		"\"a\",\"a\",\"a\",\"a\",\"a\"]}]",
		0, "bad-path", "");
}

static void test_find(void **state)
{
	const char *const path[] = {"router", "peer", "north", "path", "1", "port"};
	const char *const none[] = {"router", "peer", "south", "path"};
	json_t *base = parse(BASE);

	(void)state;
	assert_ptr_equal(config_tree_find(base, NULL, 0), base);
	assert_string_equal(json_string_value(config_tree_find(base, path, 6)), "q");
	assert_int_equal(json_array_size(config_tree_find(base, path, 2)), 2);
	assert_null(config_tree_find(base, none, 3));
	assert_null(config_tree_find(base, none, 4));
	assert_null(config_tree_find(base, none + 2, 1));
	json_decref(base);
}

/* Any difference, as operations, leads from one to the other. */
static void test_diff(void **state)
{
	static const char *const texts[] = {BASE, "{}",
		"{\"version\":2,\"authority\":{\"security-key-management\":{\"groups\":"
		"[\"x25519\"]}},\"router\":{\"name\":\"e\",\"peer\":[{\"name\":\"new\"},"
		"{\"name\":\"north\",\"path\":[{\"port\":\"q\"}],\"roaming\":false}]}}",
		"{\"router\":{\"node\":\"n\"}}"};

	(void)state;
	for (size_t i = 0; i < 16; i++) {
		json_t *from = parse(texts[i / 4]), *to = parse(texts[i % 4]), *out = NULL;
		json_t *changes = config_tree_diff(from, to), *change, *left;
		struct config_report report;
		size_t k, failed;

		assert_int_equal(json_array_size(changes) == 0, i / 4 == i % 4);
		json_array_foreach(changes, k, change)
		{
			if (strcmp(json_string_value(json_object_get(change, "op")), "set") == 0)
				json_object_set(change, "value", json_object_get(change, "new"));
			json_object_del(change, "old");
			json_object_del(change, "new");
		}
		assert_int_equal(config_tree_edit(from, changes, &out, &failed, &report), 0);
		left = config_tree_diff(out, to);
		if (json_array_size(left) != 0)
			fail_msg("%zu: %s", i, json_dumps(left, 0));
		json_decref(left);
		json_decref(out);
		json_decref(changes);
		json_decref(from);
		json_decref(to);
	}
}

/* Whoever brings the vendor's items is told what there is in their place. */
static void test_foreign(void **state)
{
	static const struct {
		const char *operation, *word;
	} cases[] = {
		{"{\"op\":\"set\",\"path\":[\"authority\",\"security-key-management\",\"ml-kem\"],"
		 "\"value\":{\"ml-kem-key-size\":768}}",
			"groups"},
		{"{\"op\":\"set\",\"path\":[\"router\",\"peer\",\"west\","
		 "\"key-exchange-algorithm-override\"],\"value\":1}",
			"groups"},
		{"{\"op\":\"set\",\"path\":[\"router\",\"peer\",\"west\"],\"value\":"
		 "{\"ml-kem-keygen-priority\":10}}",
			"generator"},
		{"{\"op\":\"set\",\"path\":[\"authority\",\"client-certificate\",\"c\","
		 "\"content\"],\"value\":\"x\"}",
			"private key"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *base = parse(BASE), *ops = json_pack("[o]", parse(cases[i].operation));
		struct config_report report;
		json_t *out = NULL;
		size_t failed;

		assert_int_equal(config_tree_edit(base, ops, &out, &failed, &report), -EINVAL);
		assert_string_equal(report.finding[0].code, "unknown-field");
		assert_non_null(strstr(report.finding[0].text, cases[i].word));
		json_decref(base);
		json_decref(ops);
	}
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Something that is done to one of so many peers, and may fail when done again. */
static json_t *random_operation(uint32_t *seed, unsigned peer_cnt)
{
	char name[32], other[32];

	snprintf(name, sizeof(name), "p%u", next_random(seed) % peer_cnt);
	snprintf(other, sizeof(other), "p%u", next_random(seed) % peer_cnt + peer_cnt);
	switch (next_random(seed) % 6) {
	case 0:
		return json_pack(
			"{s:s, s:[s,s,s]}", "op", "delete", "path", "router", "peer", name);
	case 1:
		return json_pack("{s:s, s:[s,s,s], s:{s:s}}", "op", "set", "path", "router", "peer",
			name, "value", "peering-common-name", other);
	case 2:
		return json_pack("{s:s, s:[s,s,s,s], s:s}", "op", "set", "path", "router", "peer",
			name, "name", "value", other);
	case 3:
		return json_pack("{s:s, s:[s,s,s,s,s,s], s:i}", "op", "set", "path", "router",
			"peer", name, "path", "0", "udp-port", "value",
			(int)(next_random(seed) % 9000 + 1));
	case 4:
		return json_pack(
			"{s:s, s:[s,s,s]}", "op", "create", "path", "router", "peer", other);
	default:
		return json_pack("{s:s, s:[s,s,s,s], s:b}", "op", "set", "path", "router", "peer",
			name, "roaming", "value", (int)(next_random(seed) & 1));
	}
}

static json_t *many_peers(unsigned cnt)
{
	json_t *peers = json_array();

	for (unsigned i = 0; i < cnt; i++) {
		char name[32];

		snprintf(name, sizeof(name), "p%u", i);
		json_array_append_new(peers, json_pack("{s:s}", "name", name));
	}
	return json_pack("{s:i, s:{s:o}}", "version", 2, "router", "peer", peers);
}

/* All operations of a call together do what each of them does alone, on a document that is kept. */
static void test_together_and_alone(void **state)
{
	uint32_t seed = 7;

	(void)state;
	for (int round = 0; round < 20; round++) {
		json_t *base = many_peers(150), *again = json_deep_copy(base), *out = NULL;
		json_t *alone = json_incref(base), *operations = json_array();
		struct config_report report;
		size_t failed;

		for (int i = 0; i < 400; i++) {
			json_t *operation = random_operation(&seed, 150), *next = NULL;
			json_t *one = json_pack("[o]", operation);

			if (config_tree_edit(alone, one, &next, &failed, &report) == 0) {
				json_array_append(operations, operation);
				json_decref(alone);
				alone = next;
			}
			json_decref(one);
		}
		assert_true(json_array_size(operations) > 200);
		assert_int_equal(config_tree_edit(base, operations, &out, &failed, &report), 0);
		assert_true(json_equal(out, alone));
		assert_true(json_equal(base, again));
		json_decref(out);
		json_decref(alone);
		json_decref(operations);
		json_decref(base);
		json_decref(again);
	}
}

static void check_items(const json_t *items)
{
	const json_t *item;
	size_t i;

	assert_true(json_array_size(items) > 0);
	json_array_foreach(items, i, item)
	{
		const char *kind = json_string_value(json_object_get(item, "kind"));

		assert_non_null(json_string_value(json_object_get(item, "field")));
		assert_true(strlen(json_string_value(json_object_get(item, "help"))) > 0);
		assert_true(json_is_boolean(json_object_get(item, "required")));
		if (strcmp(kind, "object") == 0 || strcmp(kind, "list") == 0)
			check_items(json_object_get(item, "items"));
		if (strcmp(kind, "duration") == 0)
			assert_true(json_is_string(json_object_get(item, "unit")));
		if (strcmp(kind, "enum") == 0)
			assert_true(json_array_size(json_object_get(item, "values")) > 1);
	}
}

static void test_schema(void **state)
{
	json_t *schema = config_schema_json();

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(schema, "version")), CONFIG_VERSION);
	check_items(json_object_get(schema, "items"));
	json_decref(schema);
}

#define ROUTER "\"router\":{\"name\":\"a\",\"node\":\"b\",\"peering-common-name\":\"c\"}"

/* A file of an older version loads; one of a later version is refused with the reason. */
static void test_versions(void **state)
{
	static const char old[] =
		"{\"authority\":{\"access-management\":{\"token-expiration\":7}}," ROUTER "}";
	static const char mixed[] = "{\"version\":2,\"authority\":{\"access-management\":{\"token-"
				    "expiration\":7}}," ROUTER "}";
	static const char later[] = "{\"version\":3," ROUTER "}";
	struct config_report report;
	struct config *c = NULL;

	(void)state;
	assert_int_equal(config_parse(old, strlen(old), &c, &report), 0);
	assert_int_equal(c->token_expiration_sec, 420);
	assert_int_equal(json_integer_value(json_object_get(c->json, "version")), 2);
	config_free(c);
	c = NULL;
	assert_int_equal(config_parse(mixed, strlen(mixed), &c, &report), -EINVAL);
	assert_string_equal(report.finding[0].code, "unknown-field");
	assert_int_equal(config_parse(later, strlen(later), &c, &report), -EINVAL);
	assert_string_equal(report.finding[0].code, "newer-version");
	assert_null(c);
}

/* All that is wrong is told at once, each with its path; a flood stays bounded. */
static void test_every_error(void **state)
{
	static const char text[] =
		"{\"x\":1,\n\"router\":{\"name\":\"a b\",\n\"peering-common-name\":7,\n"
		"\"port\":[{\"name\":\"p\",\"mtu\":1}]}}";
	char flood[8192] = "{\"router\":{\"port\":[1";
	struct config_report report;
	struct config *c = NULL;

	(void)state;
	assert_int_equal(config_parse(text, strlen(text), &c, &report), -EINVAL);
	assert_int_equal(report.error_cnt, 6);
	assert_string_equal(report.finding[0].path, "x");
	assert_int_equal(report.finding[1].line, 2);
	assert_string_equal(report.finding[2].path, "router.peering-common-name");
	assert_string_equal(report.finding[3].path, "router.port[0].mtu");
	assert_string_equal(report.finding[4].code, "missing-field");
	for (int i = 0; i < 1000; i++)
		strcat(flood, ",1");
	strcat(flood, "]}}");
	assert_int_equal(config_parse(flood, strlen(flood), &c, &report), -EINVAL);
	assert_int_equal(report.cnt, CONFIG_REPORT_MAX);
	assert_true(report.error_cnt > 1000);
}

/* Quoted text is cut between characters, not inside them: every finding can be told as JSON. */
static void test_cut_text(void **state)
{
	struct config_report report;
	struct config *c = NULL;
	char text[1024], name[400];

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		memset(name, 'x', shift);
		name[shift] = '\0';
		while (strlen(name) < 300)
			strcat(name, "\xe2\x82\xac");
		snprintf(text, sizeof(text),
			"{\"%s\":1,\"router\":{\"rest-api\":{\"request-timeout\":\"%s\"}}}", name,
			name);
		assert_int_equal(config_parse(text, strlen(text), &c, &report), -EINVAL);
		for (size_t i = 0; i < report.cnt; i++) {
			json_t *told = json_pack("{s:s, s:s}", "path", report.finding[i].path,
				"message", report.finding[i].text);

			assert_non_null(told);
			json_decref(told);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_together_and_alone),
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_every_error),
		cmocka_unit_test(test_cut_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
