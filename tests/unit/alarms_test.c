/* SPDX-License-Identifier: BSD-3-Clause */
/* Alarms: what stands, what is kept, what a damaged file or a full disk costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "control/alarm_kinds.h"
#include "control/alarms.h"
#include "control/audit.h"
#include "control/clock_watch.h"
#include "control/helper.h"
#include "control/log.h"
#include "tests/unit/daemon_fixture.h"

static struct daemon_fixture f;

static int set_up(void **state)
{
	(void)state;
	/* Not enabled: no alarm of its own stands. */
	daemon_fixture_open(&f, "{" FIXTURE_ROUTER "}");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	daemon_fixture_close(&f);
	return 0;
}

static const struct alarm_spec spec = {"audit-damaged", "lab/a", ALARM_MAJOR};

/* Only the alarms of this test. */
static json_t *listed(void)
{
	struct answer a;
	json_t *list = json_array(), *alarm;
	size_t i;

	alarms_list(f.d.alarms, false, &a);
	json_array_foreach(json_object_get(a.body, "alarms"), i,
		alarm) if (strncmp(json_string_value(json_object_get(alarm, "source")), "lab/",
				   4) == 0) json_array_append(list, alarm);
	answer_fini(&a);
	return list;
}

static const char *field(const json_t *list, size_t i, const char *name)
{
	return json_string_value(json_object_get(json_array_get(list, i), name));
}

static void test_standing(void **state)
{
	struct alarm_spec other = spec;
	json_t *before, *after;

	(void)state;
	alarm_raise(f.d.alarms, &spec, "cannot be retrieved: %s", "timeout");
	before = listed();
	assert_int_equal(json_array_size(before), 1);
	assert_string_equal(field(before, 0, "severity"), "MAJOR");
	assert_string_equal(field(before, 0, "message"), "cannot be retrieved: timeout");
	assert_memory_equal(field(before, 0, "id"), "node0:", 6);
	/* The same alarm with another text keeps id and time. */
	alarm_raise(f.d.alarms, &spec, "cannot be retrieved: refused");
	other.source = "lab/b";
	alarm_raise(f.d.alarms, &other, "b");
	after = listed();
	assert_int_equal(json_array_size(after), 2);
	assert_string_equal(field(after, 0, "id"), field(before, 0, "id"));
	assert_string_equal(field(after, 0, "time"), field(before, 0, "time"));
	assert_string_equal(field(after, 0, "message"), "cannot be retrieved: refused");
	assert_string_not_equal(field(after, 1, "id"), field(before, 0, "id"));
	alarm_clear(f.d.alarms, "audit-damaged", "lab/c");
	alarm_clear(f.d.alarms, "audit-damaged", "lab/a");
	assert_false(alarm_is_standing(f.d.alarms, "audit-damaged", "lab/a"));
	assert_true(alarm_is_standing(f.d.alarms, "audit-damaged", "lab/b"));
	json_decref(before);
	json_decref(after);
}

/* A text that is cut, or no UTF-8, hides no alarm. */
static void test_any_text(void **state)
{
	struct alarm_spec other = spec;
	char text[1024];
	json_t *list;

	(void)state;
	text[0] = 'a';
	for (size_t i = 1; i + 3 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa4", 3);
	alarm_raise(f.d.alarms, &spec, "%s", text);
	other.source = "lab/b";
	alarm_raise(f.d.alarms, &other, "not \xc3 one");
	list = listed();
	assert_int_equal(json_array_size(list), 2);
	assert_int_equal(strlen(field(list, 0, "message")), 511);
	assert_string_equal(field(list, 1, "message"), "not ? one");
	json_decref(list);
}

static void test_kept_over_restart(void **state)
{
	json_t *before, *after;
	int fd;

	(void)state;
	alarm_raise(f.d.alarms, &spec, "stands");
	before = listed();
	daemon_fixture_idle(&f, 20); /* written at the end of the iteration */
	daemon_fixture_restart(&f);
	after = listed();
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	fd = openat(f.d.state_fd, "alarms.json", O_WRONLY | O_TRUNC | O_CLOEXEC);
	daemon_close(&f.d);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(write(fd, "{\"alarms\": [{\"kind\"", 19), 19);
	close(fd);
	log_set_level(RK_LOG_ERROR);
	assert_int_equal(daemon_open(&f.d, &f.options), 0);
	after = listed();
	assert_int_equal(json_array_size(after), 0);
	json_decref(after);
}

static void test_numbers_go_on(void **state)
{
	json_t *before, *after;

	(void)state;
	alarm_raise(f.d.alarms, &spec, "stands");
	before = listed();
	daemon_fixture_restart(&f);
	/* The same condition is found again: it is the same alarm. */
	alarm_raise(f.d.alarms, &spec, "stands");
	after = listed();
	assert_true(json_equal(before, after));
	json_decref(after);
	alarm_clear(f.d.alarms, spec.kind, spec.source);
	daemon_fixture_restart(&f);
	alarm_raise(f.d.alarms, &spec, "stands again");
	after = listed();
	assert_string_not_equal(field(after, 0, "id"), field(before, 0, "id"));
	json_decref(before);
	json_decref(after);
}

#define SHELF(criteria)                                                              \
	"{\"authority\":{\"alarm-shelving\":{\"shelf\":[{\"name\":\"lab\"," criteria \
	"}]}}," FIXTURE_ROUTER "}"

/* How many of the two alarms below are listed under this shelf. */
static size_t listed_under(const char *config)
{
	struct alarm_spec minor = {"clock", "lab/b", ALARM_MINOR};
	json_t *list;
	size_t cnt;

	daemon_fixture_config(&f, config);
	daemon_fixture_reload(&f);
	assert_false(alarm_is_standing(f.d.alarms, "configuration-damaged", "rekey.json"));
	alarm_raise(f.d.alarms, &spec, "refused by 192.0.2.7");
	alarm_raise(f.d.alarms, &minor, "overdue");
	list = listed();
	cnt = json_array_size(list);
	json_decref(list);
	return cnt;
}

static void test_shelves(void **state)
{
	struct answer a;

	(void)state;
	assert_int_equal(listed_under("{" FIXTURE_ROUTER "}"), 2);
	assert_int_equal(listed_under(SHELF("\"severity\":\"major\"")), 1);
	assert_int_equal(listed_under(SHELF("\"message-regex\":\"192[.]0[.]2[.][0-9]+$\"")), 1);
	assert_int_equal(listed_under(SHELF("\"category\":\"system\"")), 0);
	assert_int_equal(listed_under(SHELF("\"category\":\"system\",\"node-name\":\"other\"")), 2);
	assert_int_equal(listed_under(SHELF("\"category\":\"peer\",\"severity\":\"minor\","
					    "\"match-type\":\"any\"")),
		1);
	assert_int_equal(listed_under(SHELF("\"severity\":\"minor\",\"source\":\"lab/a\"")), 2);
	/* It stands all the same, and is there for those who ask. */
	assert_int_equal(listed_under(SHELF("\"source\":\"lab/a\"")), 1);
	assert_true(alarm_is_standing(f.d.alarms, spec.kind, "lab/a"));
	alarms_list(f.d.alarms, true, &a);
	assert_int_equal(json_integer_value(json_object_get(a.body, "shelved")), 1);
	answer_fini(&a);
}

static void test_bad_shelves(void **state)
{
	static const char *const bad[] = {
		SHELF("\"match-type\":\"all\""), SHELF("\"message-regex\":\"(\"")};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		daemon_fixture_config(&f, bad[i]);
		daemon_fixture_reload(&f);
		assert_true(alarm_is_standing(f.d.alarms, "configuration-damaged", "rekey.json"));
	}
}

/* An hour back is an hour back, over a restart too. */
static void test_clock(void **state)
{
	int64_t now = time(NULL);

	(void)state;
	clock_watch_judge(f.d.clock, now + 7200);
	assert_false(alarm_is_standing(f.d.alarms, "clock", "clock"));
	clock_watch_judge(f.d.clock, now + 7000); /* within what clocks may differ */
	assert_false(alarm_is_standing(f.d.alarms, "clock", "clock"));
	daemon_fixture_restart(&f);
	assert_true(alarm_is_standing(f.d.alarms, "clock", "clock"));
	clock_watch_judge(f.d.clock, now + 7201);
	assert_false(alarm_is_standing(f.d.alarms, "clock", "clock"));
}

/* Without a place to write, an alarm says so; with one again, everything is written. */
static void test_no_space(void **state)
{
	struct rlimit none = {0, RLIM_INFINITY}, old;
	json_t *events;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	audit_flush(f.d.audit);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	audit_write(f.d.audit, "system.waits", "Waits.", NULL);
	alarm_raise(f.d.alarms, &spec, "stands");
	audit_flush(f.d.audit);
	daemon_fixture_idle(&f, 20);
	assert_true(alarm_is_standing(f.d.alarms, "audit-write", "audit.jsonl"));
	assert_true(alarm_is_standing(f.d.alarms, "alarm-save", "alarms.json"));
	assert_false(audit_is_full(f.d.audit));
	for (int i = 0; i < 2000; i++)
		audit_write(f.d.audit, "system.waits", "Waits, too, and takes some room.", NULL);
	assert_true(audit_is_full(f.d.audit));
	for (int i = 0; i < 2000; i++)
		audit_write(f.d.audit, "system.lost", "Some of these are lost.", NULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	audit_flush(f.d.audit);
	assert_false(audit_is_full(f.d.audit));
	assert_false(alarm_is_standing(f.d.alarms, "audit-write", "audit.jsonl"));
	daemon_fixture_restart(&f);
	assert_true(alarm_is_standing(f.d.alarms, spec.kind, spec.source));
	assert_false(alarm_is_standing(f.d.alarms, "alarm-save", "alarms.json"));
	events = audit_tail(f.d.audit, 20);
	for (size_t i = 0; i < json_array_size(events); i++)
		if (strcmp(field(events, i, "type"), "audit.lost") == 0) {
			json_decref(events);
			return;
		}
	fail_msg("what was lost was not told");
}

/* A network that is down leaves room for what is wrong here. */
static void test_peers_leave_room(void **state)
{
	static const struct alarm_spec here = {"publication-refused", "dataplane", ALARM_CRITICAL};
	size_t cnt[ALARM_CRITICAL + 1], told = 0;
	int log = dup(STDERR_FILENO), fd = memfd_create("log", MFD_CLOEXEC);
	char name[32], *text, *at;
	off_t len;

	(void)state;
	dup2(fd, STDERR_FILENO);
	for (int i = 0; i < 10100; i++) {
		struct alarm_spec down = {"peer-unreachable", name, ALARM_CRITICAL};

		snprintf(name, sizeof(name), "p%d", i);
		alarm_raise(f.d.alarms, &down, "Peer %s is not reachable", name);
	}
	dup2(log, STDERR_FILENO);
	close(log);
	alarms_count(f.d.alarms, cnt);
	assert_true(cnt[ALARM_CRITICAL] >= 5000 && cnt[ALARM_CRITICAL] <= 10000);
	alarm_raise(f.d.alarms, &here, "It was refused.");
	assert_true(alarm_is_standing(f.d.alarms, here.kind, here.source));
	len = lseek(fd, 0, SEEK_END);
	text = calloc(1, (size_t)len + 1);
	assert_non_null(text);
	assert_int_equal(pread(fd, text, (size_t)len, 0), len);
	for (at = text; (at = strstr(at, "no room")) != NULL; at++)
		told++;
	assert_int_equal(told, 1); /* not once a peer, each minute */
	free(text);
	close(fd);
}

/* How many lines tell of an alarm; each has its kind's identity in the journal. */
static unsigned check_identities(int fd)
{
	char text[65536], *line, *rest = text;
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);
	unsigned told = 0;

	assert_true(len > 0);
	text[len] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL) {
		json_t *said = json_loads(line, 0, NULL);
		const char *name = json_string_value(json_object_get(said, "REKEY_ALARM"));

		if (name != NULL) {
			assert_string_equal(json_string_value(json_object_get(said, "MESSAGE_ID")),
				alarm_kind_find(name)->message_id);
			told++;
		}
		json_decref(said);
	}
	return told;
}

static void raise_every_kind(void)
{
	for (const struct alarm_kind *k = alarm_kinds; k->name != NULL; k++)
		alarm_raise(f.d.alarms, &(struct alarm_spec){k->name, "lab/a", ALARM_MINOR},
			"it is %s", k->name);
}

/* Every kind there is: told once, whatever is raised again, with an identity of its own. */
static void test_every_kind(void **state)
{
	int old = dup(STDERR_FILENO), fd = memfd_create("log", MFD_CLOEXEC);
	size_t kind_cnt = 0;
	json_t *before, *after;

	(void)state;
	log_set_level(RK_LOG_INFO);
	log_open(RK_LOG_JSON);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	raise_every_kind();
	for (const struct alarm_kind *k = alarm_kinds; k->name != NULL; k++, kind_cnt++) {
		assert_int_equal(strlen(k->message_id), 32);
		for (const struct alarm_kind *other = alarm_kinds; other != k; other++)
			assert_string_not_equal(other->message_id, k->message_id);
	}
	assert_true(dup2(old, STDERR_FILENO) >= 0);
	close(old);
	log_open(RK_LOG_TEXT);
	assert_int_equal(check_identities(fd), kind_cnt);
	close(fd);
	before = listed();
	assert_int_equal(json_array_size(before), kind_cnt);
	raise_every_kind();
	after = listed();
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	for (const struct alarm_kind *k = alarm_kinds; k->name != NULL; k++)
		alarm_clear(f.d.alarms, k->name, "lab/a");
	after = listed();
	assert_int_equal(json_array_size(after), 0);
	json_decref(after);
}

/* How many are on the shelf, and whether this one is. */
static size_t shelved_under(const char *config, const char *kind, bool *is_shelved)
{
	struct answer a;
	json_t *alarm;
	size_t i, cnt;

	daemon_fixture_config(&f, config);
	daemon_fixture_reload(&f);
	raise_every_kind(); /* a list or a peer named lab/a is configured no more */
	*is_shelved = false;
	alarms_list(f.d.alarms, true, &a);
	json_array_foreach(json_object_get(a.body, "alarms"), i, alarm) *is_shelved |=
		strcmp(json_string_value(json_object_get(alarm, "kind")), kind) == 0 &&
		json_is_true(json_object_get(alarm, "shelved"));
	cnt = (size_t)json_integer_value(json_object_get(a.body, "shelved"));
	answer_fini(&a);
	return cnt;
}

static size_t category_cnt(const char *category)
{
	size_t cnt = 0;

	for (const struct alarm_kind *k = alarm_kinds; k->name != NULL; k++)
		cnt += strcmp(k->category, category) == 0;
	return cnt;
}

/* By its text each kind alone; by its category with those of the same; by a severity all or none. */
static void test_every_kind_is_shelved(void **state)
{
	bool is_shelved;
	char config[1024];

	(void)state;
	for (const struct alarm_kind *k = alarm_kinds; k->name != NULL; k++) {
		snprintf(
			config, sizeof(config), SHELF("\"message-regex\":\"^it is %s$\""), k->name);
		assert_int_equal(shelved_under(config, k->name, &is_shelved), 1);
		assert_true(is_shelved);
		snprintf(config, sizeof(config),
			SHELF("\"category\":\"%s\",\"severity\":\"minor\""), k->category);
		for (char *c = strstr(config, "category") + 11; *c != '"'; c++)
			*c = (char)tolower(*c);
		assert_int_equal(
			shelved_under(config, k->name, &is_shelved), category_cnt(k->category));
		assert_true(is_shelved);
	}
	assert_int_equal(shelved_under(SHELF("\"severity\":\"major\""), "clock", &is_shelved), 0);
	assert_false(is_shelved);
}

/* Over a restart each kind's alarm is the same one, on its shelf or off it. */
static void test_every_kind_is_kept(void **state)
{
	json_t *before, *after;
	struct answer a;

	(void)state;
	daemon_fixture_config(&f, SHELF("\"category\":\"peer\""));
	daemon_fixture_reload(&f);
	raise_every_kind();
	daemon_fixture_idle(&f, 50);
	helper_pool_drain(f.d.disk); /* as the daemon does before it closes them */
	alarms_list(f.d.alarms, true, &a);
	before = json_incref(a.body);
	answer_fini(&a);
	/* The daemon itself stays away: it would clear what it finds in order. */
	alarms_close(f.d.alarms);
	assert_int_equal(alarms_open(&f.d, &f.d.alarms), 0);
	alarms_list(f.d.alarms, true, &a);
	after = json_incref(a.body);
	answer_fini(&a);
	assert_int_equal(
		json_integer_value(json_object_get(before, "shelved")), category_cnt("PEER"));
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_every_kind),
		T(test_every_kind_is_shelved),
		T(test_every_kind_is_kept),
		T(test_standing),
		T(test_any_text),
		T(test_kept_over_restart),
		T(test_numbers_go_on),
		T(test_shelves),
		T(test_bad_shelves),
		T(test_clock),
		T(test_no_space),
		T(test_peers_leave_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
