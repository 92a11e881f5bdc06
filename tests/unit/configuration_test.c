/* SPDX-License-Identifier: BSD-3-Clause */
/* Candidate, commit, history, rollback, confirmation. */
#include "tests/unit/configuration_fixture.h"

#include <stdio.h>
#include <sys/stat.h>

static void test_commit(void **state)
{
	struct call c = {0};
	uint64_t first, second;
	char *text;

	(void)state;
	assert_false(candidate_is_changed());
	commit(json_object(), &c, 409);
	assert_string_equal(call_error(&c), "nothing-to-commit");
	call_fini(&c);
	edit(set_mtu(1400), 200);
	assert_true(candidate_is_changed());
	assert_int_equal(diff_cnt(), 1);
	assert_int_equal(f.d.config->port[0].mtu, 1500);
	first = commit_mtu(1400);
	assert_false(candidate_is_changed());
	second = commit_mtu(1300);
	assert_int_equal(second, first + 1);
	text = read_text(f.d.config_fd, CONFIG_FILE);
	assert_non_null(strstr(text, "\"mtu\": 1300"));
	free(text);
	daemon_fixture_restart(&f);
	assert_int_equal(f.d.config->port[0].mtu, 1300);
	assert_int_equal(commit_mtu(1299), second + 1);
}

static void replace_candidate(json_t *whole, int status)
{
	struct call c = {0};

	configuration_replace(f.d.configuration, whole, "tester", call_answered, &c);
	call_wait(&f, &c, status);
	call_fini(&c);
	json_decref(whole);
}

/* Editing back what was edited is no change; discarding is none either. */
static void test_candidate(void **state)
{
	struct answer a;

	(void)state;
	edit(set_mtu(1400), 200);
	edit(json_pack("[{s:s, s:[s,s,s,s]}]", "op", "delete", "path", "router", "port",
		     "net_ring0", "mtu"),
		200);
	assert_false(candidate_is_changed());
	edit(set_mtu(1400), 200);
	configuration_discard(f.d.configuration, &a);
	answer_fini(&a);
	assert_false(candidate_is_changed());
	edit(set_mtu(99999), 422);
	edit(json_pack("[{s:s, s:[s]}]", "op", "delete", "path", "authority-x"), 422);
	edit(json_pack("[{s:s, s:[s,s]}]", "op", "delete", "path", "authority", "alarm-shelving"),
		404);
	assert_false(candidate_is_changed());
	replace_candidate(json_pack("{s:i}", "nonsense", 1), 422);
	/* Incomplete is fine until the commit. */
	replace_candidate(json_pack("{s:{}}", "router"), 200);
	assert_true(candidate_is_changed());
}

/* A helper works on the candidate: in order, and on what is there when it is done. */
static void test_edits_aside(void **state)
{
	const struct configuration_item harden = {.name = "x",
		.audit_type = "config.committed",
		.audit_text = "Put a configuration in force",
		.operations = json_pack("[{s:s, s:[s,s,s], s:s}]", "op", "set", "path", "authority",
			"security-key-management", "invalid-certificate-behavior", "value",
			"fail-hard")};
	struct call c[3] = {0}, item = {0};
	json_t *request[3];
	struct answer a;

	(void)state;
	edit(set_mtu(1300), 200);
	for (int i = 0; i < 3; i++) {
		request[i] = json_pack("{s:o}", "operations", set_mtu(1301 + i));
		configuration_edit(f.d.configuration, request[i], "tester", call_answered, &c[i]);
		assert_int_equal(c[i].status, 0);
	}
	/* Both replace what the edits were begun on. */
	configuration_commit_item(f.d.configuration, &harden, call_answered, &item);
	configuration_discard(f.d.configuration, &a);
	answer_fini(&a);
	assert_false(candidate_is_changed());
	call_wait(&f, &item, 200);
	call_fini(&item);
	for (int i = 0; i < 3; i++) {
		call_wait(&f, &c[i], 200);
		call_fini(&c[i]);
		json_decref(request[i]);
	}
	assert_int_equal(diff_cnt(), 1); /* what was committed is in the candidate, too */
	commit(json_object(), &item, 200);
	call_fini(&item);
	assert_int_equal(f.d.config->port[0].mtu, 1303);
	assert_int_equal(f.d.config->invalid_certificate_behavior, RK_FAIL_HARD);
}

static json_t *shown_candidate(void)
{
	struct answer a;

	configuration_show_candidate(f.d.configuration, "", &a);
	assert_int_equal(a.status, 200);
	return a.body;
}

/* What is edited is there after a restart, with who edited it, and goes with commit and discard. */
static void test_candidate_survives(void **state)
{
	json_t *before, *after;
	struct answer a;

	(void)state;
	edit(set_mtu(1400), 200);
	edit(json_pack("[{s:s, s:[s,s,s]}]", "op", "delete", "path", "router", "peer", "west"),
		200);
	before = shown_candidate();
	daemon_fixture_restart(&f);
	after = shown_candidate();
	json_object_set_new(before, "is_saved", json_true());
	if (!json_equal(before, after))
		fail_msg("%s", json_dumps(after, 0));
	json_decref(before);
	json_decref(after);
	assert_int_equal(diff_cnt(), 2);
	/* The file was edited meanwhile: both count. */
	daemon_fixture_config(&f,
		"{" FIXTURE_AUTHORITY ",\"router\":{\"name\":\"east\",\"node\":\"n\","
		"\"peering-common-name\":\"east.peering\",\"port\":[{\"name\":\"net_ring0\","
		"\"address\":[\"192.0.2.1/24\"]}],\"peer\":[{\"name\":\"west\","
		"\"peering-common-name\":\"w\",\"path\":[{\"port\":\"net_ring0\","
		"\"address\":\"192.0.2.2\"}]}]}}");
	daemon_fixture_restart(&f);
	assert_int_equal(diff_cnt(), 2);
	assert_int_equal(commit_mtu(1399) > 0, true);
	assert_int_equal(f.d.config->peer_cnt, 0);
	assert_string_equal(f.d.config->node, "n");
	daemon_fixture_restart(&f);
	assert_false(candidate_is_changed());
	edit(set_mtu(1401), 200);
	configuration_discard(f.d.configuration, &a);
	answer_fini(&a);
	daemon_fixture_restart(&f);
	assert_false(candidate_is_changed());
	assert_int_equal(faccessat(f.d.state_fd, "candidate.json", F_OK, 0), -1);
}

/* One that cannot be taken is set aside, and nobody is kept from editing. */
static void test_damaged_candidate(void **state)
{
	static const char *const texts[] = {"", "{\"version\":1", "{\"version\":2}", "[]",
		("{\"version\":1,\"is_stranded\":false,\"edited_by\":[],\"operations\":[{\"op\":"
		 "\"delete\",\"path\":[\"router\",\"peer\",\"nobody\"]}]}"),
		"{\"version\":1,\"is_stranded\":false,\"edited_by\":[],\"operations\":[{}]}"};

	(void)state;
	log_set_level(RK_LOG_ERROR);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char path[96], *kept;
		FILE *out;

		snprintf(path, sizeof(path), "%s/candidate.json", f.dir[1]);
		out = fopen(path, "w");
		assert_non_null(out);
		fputs(texts[i], out);
		fclose(out);
		daemon_fixture_restart(&f);
		assert_false(candidate_is_changed());
		assert_int_equal(faccessat(f.d.state_fd, "candidate.json", F_OK, 0), -1);
		kept = read_text(f.d.state_fd, "candidate.damaged");
		assert_string_equal(kept, texts[i]);
		free(kept);
	}
	edit(set_mtu(1400), 200);
	daemon_fixture_restart(&f);
	assert_true(candidate_is_changed());
}

/* Whatever is wrong: all of it is said, by path, and nothing happened. */
static void test_refused_commit(void **state)
{
	struct call c = {0};
	json_t *errors, *first;

	(void)state;
	edit(json_pack("[{s:s, s:[s,s,s,s], s:s}, {s:s, s:[s,s]}]", "op", "set", "path", "router",
		     "peer", "west", "peering-common-name", "value", "east.peering", "op", "delete",
		     "path", "router", "port"),
		200);
	configuration_validate(f.d.configuration, call_answered, &c);
	call_wait(&f, &c, 200);
	assert_true(json_is_false(json_object_get(c.body, "is_valid")));
	assert_int_equal(json_array_size(json_object_get(c.body, "errors")), 2);
	call_fini(&c);
	c = (struct call){0};
	commit(json_object(), &c, 422);
	assert_string_equal(call_error(&c), "configuration-refused");
	errors = json_object_get(
		json_object_get(json_object_get(c.body, "error"), "detail"), "errors");
	first = json_array_get(errors, 0);
	assert_string_equal(json_string_value(json_object_get(first, "path")),
		"router.peer[west].peering-common-name");
	call_fini(&c);
	assert_int_equal(f.d.config->port_cnt, 1);
	daemon_fixture_restart(&f);
	assert_int_equal(f.d.config->port_cnt, 1);
}

static void roll_back(uint64_t number, int status)
{
	json_t *request = json_pack("{s:I}", "number", (json_int_t)number);
	struct call c = {0};

	configuration_rollback(f.d.configuration, request, call_answered, &c);
	call_wait(&f, &c, status);
	call_fini(&c);
	json_decref(request);
}

static void test_rollback(void **state)
{
	uint64_t first = commit_mtu(1400);

	(void)state;
	commit_mtu(1300);
	roll_back(first, 200);
	assert_int_equal(f.d.config->port[0].mtu, 1400);
	roll_back(first + 100, 404);
	roll_back(0, 400);
	daemon_fixture_restart(&f);
	assert_int_equal(f.d.config->port[0].mtu, 1400);
	roll_back(first - 1, 200); /* the file that was there at first */
	assert_int_equal(f.d.config->port[0].mtu, 1500);
}

static void test_history(void **state)
{
	struct call c = {0};
	struct answer a;
	json_t *entries, *entry;
	char number[32];

	(void)state;
	edit(set_mtu(1400), 200);
	commit(json_pack("{s:s}", "comment", "smaller \xc3\xa4"), &c, 200);
	call_fini(&c);
	configuration_history(f.d.configuration, &a);
	entries = json_object_get(a.body, "entries");
	assert_int_equal(json_array_size(entries), 2);
	entry = json_array_get(entries, 0);
	assert_string_equal(
		json_string_value(json_object_get(entry, "comment")), "smaller \xc3\xa4");
	assert_string_equal(json_string_value(json_object_get(entry, "origin")), "commit");
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(entries, 1), "origin")), "file");
	snprintf(number, sizeof(number), "%lld",
		(long long)json_integer_value(json_object_get(entry, "number")));
	answer_fini(&a);
	c = (struct call){0};
	configuration_show_entry(f.d.configuration, number, call_answered, &c);
	call_wait(&f, &c, 200);
	assert_true(json_is_object(json_object_get(c.body, "configuration")));
	call_fini(&c);
	c = (struct call){0};
	configuration_show_entry(f.d.configuration, "1x", call_answered, &c);
	call_wait(&f, &c, 404);
	call_fini(&c);
	c = (struct call){0};
	configuration_diff(f.d.configuration, "to=2&from=1", call_answered, &c);
	call_wait(&f, &c, 200);
	/* The MTU, and the users, of whom the file said nothing. */
	assert_int_equal(json_array_size(json_object_get(c.body, "changes")), 2);
	call_fini(&c);
}

/* Bounded: the oldest entries go, with their documents. */
static void test_history_is_bounded(void **state)
{
	uint64_t first = commit_mtu(1281);
	struct answer a;
	char name[64];

	(void)state;
	for (int i = 0; i < 55; i++)
		commit_mtu(1282 + i);
	configuration_history(f.d.configuration, &a);
	assert_int_equal(json_array_size(json_object_get(a.body, "entries")), 50);
	answer_fini(&a);
	roll_back(first, 404);
	snprintf(name, sizeof(name), "config/%llu.json", (unsigned long long)first);
	assert_int_equal(faccessat(f.d.state_fd, name, F_OK, 0), -1);
	daemon_fixture_restart(&f);
	assert_int_equal(f.d.config->port[0].mtu, 1336);
}

static bool is_back(void *arg)
{
	(void)arg;
	return f.d.config->port[0].mtu == 1500;
}

static void commit_unconfirmed(int mtu)
{
	struct call c = {0};

	edit(set_mtu(mtu), 200);
	commit(json_pack("{s:i}", "confirm_timeout_sec", 10), &c, 200);
	assert_true(json_is_string(json_object_get(c.body, "confirm_by")));
	call_fini(&c);
	assert_int_equal(f.d.config->port[0].mtu, mtu);
}

static void confirm(int status)
{
	struct call c = {0};

	configuration_confirm(f.d.configuration, call_answered, &c);
	call_wait(&f, &c, status);
	call_fini(&c);
}

/* The deadline as a later clock would find it. */
static void age_deadline(void)
{
	char *text = read_text(f.d.state_fd, "config/index.json"), *at;
	int fd = openat(f.d.state_fd, "config/index.json", O_WRONLY | O_CLOEXEC);

	at = strstr(text, "\"deadline\": ");
	assert_non_null(at);
	memset(at + 12, '1', 2);
	at[12] = '0' + 1;
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	free(text);
}

static void test_confirmed(void **state)
{
	struct call c = {0};

	(void)state;
	confirm(409);
	commit_unconfirmed(1400);
	edit(set_mtu(1300), 200);
	commit(json_object(), &c, 409);
	assert_string_equal(call_error(&c), "unconfirmed");
	call_fini(&c);
	confirm(200);
	confirm(409);
	daemon_fixture_restart(&f);
	assert_int_equal(f.d.config->port[0].mtu, 1400);
	confirm(409);
}

/* Nobody confirms: a restart within the time waits on, one after it goes back. */
static void test_unconfirmed_over_restart(void **state)
{
	char *text;

	(void)state;
	commit_unconfirmed(1400);
	daemon_fixture_restart(&f);
	assert_int_equal(f.d.config->port[0].mtu, 1400);
	age_deadline();
	daemon_fixture_restart(&f);
	assert_true(is_back(NULL));
	text = read_text(f.d.config_fd, CONFIG_FILE);
	assert_null(strstr(text, "1400"));
	free(text);
	confirm(409);
}

/* Folders where the next documents would be written: no commit succeeds. */
static void block_history(uint64_t from, uint64_t to, bool is_blocked)
{
	char name[48];

	for (uint64_t i = from; i <= to; i++) {
		snprintf(name, sizeof(name), "config/%llu.json", (unsigned long long)i);
		if (is_blocked)
			assert_int_equal(mkdirat(f.d.state_fd, name, 0700), 0);
		else
			unlinkat(f.d.state_fd, name, AT_REMOVEDIR);
	}
}

/* What cannot be rolled back now is tried again in a while, and not all the time. */
static void test_unconfirmed_and_not_written(void **state)
{
	(void)state;
	commit_unconfirmed(1400);
	age_deadline();
	block_history(3, 40, true);
	daemon_fixture_restart(&f);
	daemon_fixture_idle(&f, 500);
	assert_int_equal(f.d.config->port[0].mtu, 1400);
	block_history(3, 40, false);
	daemon_fixture_restart(&f);
	assert_true(is_back(NULL));
}

static size_t history_cnt(void)
{
	struct answer a;
	size_t cnt;

	configuration_history(f.d.configuration, &a);
	cnt = json_array_size(json_object_get(a.body, "entries"));
	answer_fini(&a);
	return cnt;
}

/* A reload of the same file is no change: no entry, and nothing counts as confirmed. */
static void test_reload_of_the_same(void **state)
{
	size_t cnt;

	(void)state;
	commit_unconfirmed(1400);
	cnt = history_cnt();
	daemon_fixture_reload(&f);
	daemon_fixture_idle(&f, 100);
	assert_int_equal(history_cnt(), cnt);
	confirm(200);
	daemon_fixture_config(&f, FIXTURE_CONFIG);
	daemon_fixture_reload(&f);
	daemon_fixture_idle(&f, 100);
	assert_int_equal(history_cnt(), cnt + 1);
	assert_true(is_back(NULL));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_commit),
		T(test_candidate),
		T(test_edits_aside),
		T(test_candidate_survives),
		T(test_damaged_candidate),
		T(test_refused_commit),
		T(test_rollback),
		T(test_history),
		T(test_history_is_bounded),
		T(test_confirmed),
		T(test_unconfirmed_over_restart),
		T(test_unconfirmed_and_not_written),
		T(test_reload_of_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
