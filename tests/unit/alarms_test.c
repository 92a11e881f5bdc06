/* SPDX-License-Identifier: BSD-3-Clause */
/* Alarms and the audit log: what stands, what is kept, what a damaged file costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "control/alarms.h"
#include "control/audit.h"
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

static const struct alarm_spec spec = {"crl-fetch", "SYSTEM", "lab/a", "crlManager", ALARM_MAJOR};

/* Only the alarms of this test. */
static json_t *listed(void)
{
	struct answer a;
	json_t *list = json_array(), *alarm;
	size_t i;

	alarms_list(f.d.alarms, &a);
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
	alarm_clear(f.d.alarms, "crl-fetch", "lab/c");
	alarm_clear(f.d.alarms, "crl-fetch", "lab/a");
	assert_false(alarm_is_standing(f.d.alarms, "crl-fetch", "lab/a"));
	assert_true(alarm_is_standing(f.d.alarms, "crl-fetch", "lab/b"));
	json_decref(before);
	json_decref(after);
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
	log_set_level(LOG_LEVEL_ERROR);
	assert_int_equal(daemon_open(&f.d, &f.options), 0);
	after = listed();
	assert_int_equal(json_array_size(after), 0);
	json_decref(after);
}

static void test_audit(void **state)
{
	const struct audit_actor actor = {"anna", "192.0.2.7", "req-1"};
	json_t *events, *event;
	int fd;

	(void)state;
	audit_write(f.d.audit, "system.first", "First.", NULL);
	audit_set_actor(f.d.audit, &actor);
	audit_write(f.d.audit, "system.second", "Second.", json_pack("{s:i}", "n", 2));
	audit_set_actor(f.d.audit, NULL);
	/* A crash cut a line: the next one stands on its own. */
	fd = openat(f.d.state_fd, "audit.jsonl", O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, "{\"type\":\"cut", 12), 12);
	close(fd);
	daemon_fixture_restart(&f);
	audit_write(f.d.audit, "system.third", "Third.", NULL);
	events = audit_tail(f.d.audit, 2);
	assert_int_equal(json_array_size(events), 2);
	assert_string_equal(field(events, 0, "type"), "system.third");
	assert_string_equal(field(events, 0, "user"), "system");
	event = json_array_get(events, 1);
	assert_string_equal(field(events, 1, "type"), "system.second");
	assert_string_equal(field(events, 1, "user"), "anna");
	assert_string_equal(field(events, 1, "request_id"), "req-1");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(event, "detail"), "n")), 2);
	json_decref(events);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_standing),
		T(test_kept_over_restart),
		T(test_audit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
