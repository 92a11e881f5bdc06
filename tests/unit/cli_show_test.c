/* SPDX-License-Identifier: BSD-3-Clause */
/* rekeyctl: what of an answer reaches a terminal, and how it looks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/cli/print.h"
#include "control/cli/show.h"
#include "control/cli/tree.h"

static void terminal_never_sees_controls(void **state)
{
	json_t *o = json_pack("{s:s, s:{s:b}, s:n}", "cn",
		"a\x1b[2J\xc2\x9b"
		"b\x7f\xe2\x80\xae\xe2\x81\xa6\xe2\x82\xac",
		"c", "deep", 1, "none");
	char text[64];

	(void)state;
	print_value(o, "cn", text, sizeof(text));
	assert_string_equal(text, "a?[2J??b???????\xe2\x82\xac");
	print_value(o, "c.deep", text, sizeof(text));
	assert_string_equal(text, "True");
	print_value(o, "none", text, sizeof(text));
	assert_string_equal(text, "N/A");
	print_value(o, "c.missing.more", text, sizeof(text));
	assert_string_equal(text, "N/A");
	json_decref(o);
}

static char *shown(void (*show)(const struct show *, json_t *), const char *json, struct show like)
{
	json_t *answer = json_loads(json, 0, NULL);
	size_t size;
	char *text;

	assert_non_null(answer);
	like.f = open_memstream(&text, &size);
	like.router = "siteA";
	like.node = "node0";
	show(&like, answer);
	fclose(like.f);
	json_decref(answer);
	return text;
}

static void expect(char *text, const char *wanted)
{
	assert_string_equal(text, wanted);
	free(text);
}

static void expect_part(char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("not in it: %s\n%s", part, text);
	free(text);
}

#define ALARMS                                                                             \
	"{\"alarms\":[{\"id\":\"node0:9\",\"time\":\"2026-01-02T03:04:05Z\",\"severity\":" \
	"\"CRITICAL\",\"source\":\"siteB\",\"category\":\"PEER\",\"process\":\"monitor\"," \
	"\"message\":\"Peer siteB certificate is invalid: expired\"}]}"

static void alarms_line_up(void **state)
{
	(void)state;
	expect(shown(show_alarms, ALARMS, (struct show){0}),
		" ID        Time                  Severity   Source   Category   Message\n"
		" node0:9   2026-01-02 03:04:05   CRITICAL   siteB    PEER       "
		"Peer siteB certificate is invalid: expired\n");
	expect(shown(show_alarms, ALARMS, (struct show){.only = "node0:9"}),
		"  Time:      2026-01-02 03:04:05\n"
		"  Severity:  CRITICAL\n"
		"  Source:    siteB\n"
		"  Category:  PEER\n"
		"  Process:   monitor\n"
		"  Message:   Peer siteB certificate is invalid: expired\n");
	expect(shown(show_alarms, "{\"alarms\":[]}", (struct show){0}), "There are no alarms.\n");
}

#define PEER                                                                                 \
	"{\"name\":\"siteB\",\"status\":\"up\",\"security_status\":\"MKEY_EXCH_COMP\","      \
	"\"group\":\"x25519\",\"key_index\":7,\"peer_key_index\":41,\"key_age_ms\":61000,"   \
	"\"paths\":[{\"port\":\"wan0\",\"local\":\"192.0.2.1:1280\",\"remote\":\"192.0.2.9:" \
	"1280\"},"                                                                           \
	"{\"port\":\"wan1\",\"remote\":\"[2001:db8::9]:1280\",\"mtu\":1400}]}"

static void peers_have_a_line_for_each_path(void **state)
{
	(void)state;
	expect(shown(show_peers, "{\"peers\":[" PEER "]}", (struct show){0}),
		" Peer    Node    Network Interface   Destination   Status   Hostname      Path "
		"MTU"
		"   Security Status\n"
		" siteB   node0   wan0                192.0.2.9     up       unavailable   N/A    "
		" "
		"   MKEY_EXCH_COMP\n"
		" siteB   node0   wan1                2001:db8::9   up       unavailable   1400   "
		" "
		"   MKEY_EXCH_COMP\n");
	/* Each path says whether it is up itself. */
	expect(shown(show_peers,
		       "{\"name\":\"siteB\",\"status\":\"up\",\"paths\":[{\"port\":\"wan0\","
		       "\"remote\":\"192.0.2.9:1280\",\"status\":\"down\"}]}",
		       (struct show){0}),
		" Peer    Node    Network Interface   Destination   Status   Hostname      Path "
		"MTU   Security Status\n"
		" siteB   node0   wan0                192.0.2.9     down     unavailable   N/A    "
		"    N/A\n");
	expect(shown(show_peers, "{\"peers\":[]}", (struct show){0}), "No peers are configured.\n");
}

static void security_is_a_block_for_each_path(void **state)
{
	char *text = shown(show_peers, PEER, (struct show){.view = "security"});

	(void)state;
	assert_non_null(strstr(text, "==============\n Peer: siteB\n==============\n"
				     "  Peer:               siteB\n"
				     "  Node:               node0\n"
				     "  Network Interface:  wan0\n"
				     "  Destination:        192.0.2.9\n"
				     "  Status:             up\n"
				     "  Hostname:           unavailable\n"
				     "  Path Mtu:           N/A\n"
				     "  Security Status:    MKEY_EXCH_COMP\n"
				     "  Salt:               N/A\n"
				     "  Peer Salt:          N/A\n"
				     "  Key Index:          7\n"
				     "  Peer Ki:            41\n"
				     "  Cert Rec:           True\n"));
	assert_non_null(strstr(text, "  Key Age:            0 hrs 1 min 1 sec\n"));
	expect_part(text, "  Network Interface:  wan1\n");
	expect_part(shown(show_peers, "{\"name\":\"a\",\"group\":null}",
			    (struct show){.view = "security"}),
		"  Cert Rec:           False\n");
	expect_part(shown(show_peers, "{\"peers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}",
			    (struct show){.view = "detail"}),
		" Peer: b\n");
}

static void key_status_is_the_vendors(void **state)
{
	(void)state;
	expect_part(shown(show_key_status,
			    "{\"metadata_rekey_index\":12,\"metadata_last_rekey_ms\":3723000,"
			    "\"metadata_key_manager_state\":\"Active Leader\"}",
			    (struct show){0}),
		"  Metadata Rekey Index:        12\n"
		"  Metadata Last Rekey:         1 hrs 2 min 3 sec\n"
		"  Metadata Next Rekey:         N/A\n"
		"  Metadata Key Manager State:  Active Leader\n"
		"  Peers:                       N/A\n");
	expect_part(shown(show_key_status, "{}", (struct show){0}), " node0.siteA\n");
}

static void events_say_who_and_from_where(void **state)
{
	static const char event[] =
		"{\"events\":[{\"time\":\"t\",\"type\":\"x\",\"user\":\"admin\",\"address\":"
		"\"192.0.2.7\",\"description\":\"d\",\"detail\":{\"name\":\"n\",\"deep\":{\"a\":1}}"
		"}]}";

	(void)state;
	expect(shown(show_events, event, (struct show){0}),
		" Time   Type   Who     From        Description\n"
		" t      x      admin   192.0.2.7   d\n");
	expect_part(shown(show_events, event, (struct show){.view = "detail"}),
		"    deep:\n      a:                       1\n");
}

static void findings_are_numbered_wherever_they_are(void **state)
{
	static const char *const wraps[] = {
		"[{\"path\":\"a.b\",\"message\":\"m\"},{\"subject\":\"s\",\"text\":\"t\","
		"\"advice\":\"do.\"},\"bare\"]",
		"{\"errors\":[{\"path\":\"a.b\",\"message\":\"m\"}],\"warnings\":[{\"subject\":"
		"\"s\","
		"\"text\":\"t\",\"advice\":\"do.\"},\"bare\"]}",
		"{\"checks\":[{\"check\":\"x\",\"findings\":[{\"path\":\"a.b\",\"message\":\"m\"}]}"
		","
		"{\"findings\":[{\"subject\":\"s\",\"text\":\"t\",\"advice\":\"do.\"},\"bare\"]}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wraps) / sizeof(wraps[0]); i++) {
		json_t *v = json_loads(wraps[i], 0, NULL);
		size_t size;
		char *text;
		FILE *f = open_memstream(&text, &size);

		print_findings(f, v);
		fclose(f);
		expect(text, "  1. a.b: m\n  2. s: t do.\n  3. bare\n");
		json_decref(v);
	}
}

static void empty_and_odd_answers_do_not_crash(void **state)
{
	static const char *const answers[] = {"{}", "[]", "{\"alarms\":[1,null]}",
		"{\"sources\":{}}", "{\"paths\":[[]], \"peers\":[{}]}",
		"{\"peers\":[null,7,{\"paths\":[null]}]}",
		"{\"events\":[1,{\"detail\":[1]}],\"users\":[[]],\"entries\":[1]}",
		"{\"certificates\":[null,{\"certificate\":7}],\"trusted_ca_certificates\":[1,{}]}",
		"{\"enrolments\":[1,{}],\"checks\":[1,{\"findings\":[[]]}],\"x\":{\"y\":[{}]}}",
		"{\"local_certificate\":{\"pem\":7},\"peer_certificate\":{\"pem\":\"x\"}}"};
	static const char *const views[] = {NULL, "security", "certificate", "detail", "summary"};
	size_t i, n, v;

	(void)state;
	for (i = 0; i < cli_commands.cnt; i++) {
		for (n = 0; n < sizeof(answers) / sizeof(answers[0]); n++) {
			for (v = 0; cli_commands.command[i].show != NULL && v < 5; v++)
				free(shown(cli_commands.command[i].show, answers[n],
					(struct show){.view = views[v]}));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(terminal_never_sees_controls),
		cmocka_unit_test(alarms_line_up),
		cmocka_unit_test(peers_have_a_line_for_each_path),
		cmocka_unit_test(security_is_a_block_for_each_path),
		cmocka_unit_test(key_status_is_the_vendors),
		cmocka_unit_test(events_say_who_and_from_where),
		cmocka_unit_test(findings_are_numbered_wherever_they_are),
		cmocka_unit_test(empty_and_odd_answers_do_not_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
