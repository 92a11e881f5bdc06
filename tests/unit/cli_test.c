/* SPDX-License-Identifier: BSD-3-Clause */
/* rekeyctl: which command the words name, and what reaches a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/cli/commands.h"
#include "control/cli/print.h"
#include "control/cli/show.h"

#define WORDS(...) \
	((char *const[]){__VA_ARGS__}), (int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *))

static const char *found(char *const words[], int cnt, int *used)
{
	const struct cli_command *c = command_find(cnt, words, used);

	return c != NULL ? c->words : NULL;
}

static void longest_command_wins(void **state)
{
	int used;

	(void)state;
	assert_string_equal(found(WORDS("show", "peers"), &used), "show peers");
	assert_int_equal(used, 2);
	assert_string_equal(
		found(WORDS("show", "peers", "security", "west"), &used), "show peers security");
	assert_int_equal(used, 3);
	assert_null(found(WORDS("show"), &used));
	assert_null(found(WORDS("show", "peer"), &used));
	assert_null(found(WORDS("show peers"), &used));
}

static void every_command_is_found_by_its_own_words(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < command_cnt(); i++) {
		char words[64], *argv[8], *save = NULL;
		int argc = 0, used;

		strcpy(words, command_at(i)->words);
		for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
			argv[argc++] = w;
		assert_ptr_equal(command_find(argc, argv, &used), command_at(i));
	}
}

static void rotate_all_names_no_peer(void **state)
{
	int used;
	const struct cli_command *c =
		command_find(3, (char *const[]){"rotate", "security", "peer-key"}, &used);
	json_t *all = c->build("all"), *one = c->build("west");

	(void)state;
	assert_int_equal(json_object_size(all), 0);
	assert_string_equal(json_string_value(json_object_get(one, "peer")), "west");
	json_decref(all);
	json_decref(one);
}

static void terminal_never_sees_controls(void **state)
{
	json_t *o = json_pack("{s:s, s:{s:b}, s:n}", "cn",
		"a\x1b[2J\xc2\x9b"
		"b\x7f",
		"c", "deep", 1, "none");
	char text[64];

	(void)state;
	print_value(o, "cn", text, sizeof(text));
	assert_string_equal(text, "a?[2J??b?");
	print_value(o, "c.deep", text, sizeof(text));
	assert_string_equal(text, "True");
	print_value(o, "none", text, sizeof(text));
	assert_string_equal(text, "N/A");
	print_value(o, "c.missing.more", text, sizeof(text));
	assert_string_equal(text, "N/A");
	json_decref(o);
}

static char *shown(void (*show)(FILE *, const json_t *), const char *json)
{
	json_t *answer = json_loads(json, 0, NULL);
	size_t size;
	char *text;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(answer);
	show(f, answer);
	fclose(f);
	json_decref(answer);
	return text;
}

static void alarms_line_up(void **state)
{
	char *text = shown(show_alarms,
		"{\"alarms\":[{\"id\":\"node0:9\",\"time\":\"2026-01-02T03:04:05Z\","
		"\"severity\":\"CRITICAL\",\"source\":\"siteB\",\"category\":\"PEER\","
		"\"message\":\"Peer siteB certificate is invalid: expired\"}]}");

	(void)state;
	assert_string_equal(text,
		" ID        Time                   Severity   Source   Category   Message\n"
		" node0:9   2026-01-02T03:04:05Z   CRITICAL   siteB    PEER       "
		"Peer siteB certificate is invalid: expired\n");
	free(text);
}

static void security_of_one_peer_or_all(void **state)
{
	char *one = shown(show_peers_security, "{\"name\":\"a\",\"rekey_count\":7}");
	char *all = shown(show_peers_security, "{\"peers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}");

	(void)state;
	assert_non_null(strstr(one, " Peer: a\n"));
	assert_non_null(strstr(all, " Peer: a\n"));
	assert_non_null(strstr(all, " Peer: b\n"));
	free(one);
	free(all);
}

static void events_say_who_and_from_where(void **state)
{
	char *text =
		shown(show_events, "{\"events\":[{\"time\":\"t\",\"type\":\"x\",\"user\":\"admin\","
				   "\"address\":\"192.0.2.7\",\"description\":\"d\"}]}");

	(void)state;
	assert_non_null(strstr(text, "admin"));
	assert_non_null(strstr(text, "192.0.2.7"));
	free(text);
}

static void empty_and_odd_answers_do_not_crash(void **state)
{
	void (*const shows[])(FILE *, const json_t *) = {show_peers, show_peers_security,
		show_alarms, show_events, show_stats, show_revocation, show_trusted_ca,
		show_publication, show_rotated};
	static const char *const answers[] = {"{}", "[]", "{\"alarms\":[1,null]}",
		"{\"sources\":{}}", "{\"paths\":[[]], \"peers\":[{}]}"};
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(shows) / sizeof(shows[0]); i++) {
		for (n = 0; n < sizeof(answers) / sizeof(answers[0]); n++)
			free(shown(shows[i], answers[n]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(longest_command_wins),
		cmocka_unit_test(every_command_is_found_by_its_own_words),
		cmocka_unit_test(rotate_all_names_no_peer),
		cmocka_unit_test(terminal_never_sees_controls),
		cmocka_unit_test(alarms_line_up),
		cmocka_unit_test(security_of_one_peer_or_all),
		cmocka_unit_test(events_say_who_and_from_where),
		cmocka_unit_test(empty_and_odd_answers_do_not_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
