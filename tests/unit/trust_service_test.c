/* SPDX-License-Identifier: BSD-3-Clause */
/* Trusted CA certificates as a service: modes, generations, what a restart and a reload find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/alarms.h"
#include "control/config.h"
#include "control/trust.h"
#include "pki/x509/trust.h"
#include "tests/unit/pki_daemon.h"

static void install(json_t *body, int status, const char *code)
{
	uint64_t before = trust_generation(f.d.trust);
	struct call c = {0};

	trust_install(f.d.trust, body, call_answered, &c);
	call_wait(&f, &c, status);
	assert_string_equal(call_error(&c), code);
	assert_int_equal(trust_generation(f.d.trust), before + (status == 200));
	call_fini(&c);
	json_decref(body);
}

static size_t ca_cnt(void)
{
	return pki_trust_ca_cnt(trust_current(f.d.trust));
}

static char *expired_ca(void)
{
	const int64_t now = time(NULL);
	X509 *cert = test_cert_new(&(struct test_cert){.cn = "Old CA",
		.key = test_key_shared(TEST_P256, 5),
		.is_ca = true,
		.not_before = now - 20 * TEST_DAY,
		.not_after = now - TEST_DAY});
	char *pem = test_pem(cert);

	X509_free(cert);
	return pem;
}

static void test_modes(void **state)
{
	char *old = expired_ca();

	(void)state;
	install(json_pack("{s:s}", "name", "a"), 400, "missing-field");
	install(json_pack("{s:s, s:s}", "name", "a/b", "content", pki.bundle), 400, "bad-field");
	install(json_pack("{s:s, s:s, s:s}", "name", "a", "content", pki.bundle, "validation-mode",
			"lax"),
		400, "bad-field");
	install(json_pack("{s:s, s:s}", "name", "a", "content", "no certificate"), 422,
		"bundle-refused");
	install(json_pack("{s:s, s:s}", "name", "a", "content", old), 422, "bundle-refused");
	assert_int_equal(ca_cnt(), 0);
	install(json_pack(
			"{s:s, s:s, s:s}", "name", "a", "content", old, "validation-mode", "warn"),
		200, "");
	/* What was warned of has not passed a strict look. */
	install(json_pack("{s:s, s:s}", "name", "a", "content", old), 422, "bundle-refused");
	assert_int_equal(ca_cnt(), 1);
	/* One that expired since does not keep a good one out. */
	install(json_pack("{s:s, s:s}", "name", "b", "content", pki.bundle), 200, "");
	assert_int_equal(ca_cnt(), 3);
	/* The same name again takes the place of the first. */
	install(json_pack("{s:s, s:s}", "name", "a", "content", pki.bundle), 200, "");
	assert_int_equal(ca_cnt(), 2);
	free(old);
}

static void test_delete_and_list(void **state)
{
	struct call c = {0};
	struct answer a;
	json_t *list;

	(void)state;
	fixture_install_trust(&f, pki.bundle);
	trust_list(f.d.trust, &a);
	list = json_object_get(a.body, "trusted_ca_certificates");
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(
		json_array_size(json_object_get(json_array_get(list, 0), "certificates")), 2);
	answer_fini(&a);
	trust_delete(f.d.trust, "nobody", call_answered, &c);
	call_wait(&f, &c, 404);
	call_fini(&c);
	trust_delete(f.d.trust, "root", call_answered, &c);
	call_wait(&f, &c, 200);
	call_fini(&c);
	assert_int_equal(ca_cnt(), 0);
}

/* One change at a time: the second is told so, the first goes on. */
static void test_two_at_once(void **state)
{
	json_t *body = json_pack("{s:s, s:s}", "name", "a", "content", pki.bundle);
	struct call first = {0}, second = {0};

	(void)state;
	trust_install(f.d.trust, body, call_answered, &first);
	trust_install(f.d.trust, body, call_answered, &second);
	call_wait(&f, &second, 409);
	call_wait(&f, &first, 200);
	call_fini(&first);
	call_fini(&second);
	json_decref(body);
}

/* The daemon ends while a change is under way: it answers, and either all or nothing happened. */
static void test_end_in_between(void **state)
{
	json_t *body = json_pack("{s:s, s:s}", "name", "a", "content", pki.bundle);
	struct call c = {0};

	(void)state;
	trust_install(f.d.trust, body, call_answered, &c);
	daemon_fixture_restart(&f);
	assert_true(c.is_done);
	assert_true(ca_cnt() == 0 || ca_cnt() == 2);
	call_fini(&c);
	json_decref(body);
}

static void test_generation_over_restart(void **state)
{
	uint64_t generation;
	char path[128];
	int fd;

	(void)state;
	fixture_install_trust(&f, pki.bundle);
	generation = trust_generation(f.d.trust);
	daemon_fixture_restart(&f);
	assert_int_equal(trust_generation(f.d.trust), generation);
	assert_int_equal(ca_cnt(), 2);
	/* A crash between the record and the configuration: the generation moves. */
	snprintf(path, sizeof(path), "%s/trust.json", f.dir[1]);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "{\"generation\": %llu, \"digest\": \"x",
		(unsigned long long)generation);
	assert_int_equal(write(fd, path, strlen(path)), (ssize_t)strlen(path));
	close(fd);
	daemon_fixture_restart(&f);
	assert_int_equal(trust_generation(f.d.trust), generation + 1);
}

/* The record of the generation cannot be written: what is answered is what a restart finds. */
static void test_failed_change(void **state)
{
	uint64_t generation;

	(void)state;
	fixture_install_trust(&f, pki.bundle);
	generation = trust_generation(f.d.trust);
	assert_int_equal(renameat(f.d.state_fd, "trust.json", f.d.state_fd, "kept"), 0);
	assert_int_equal(mkdirat(f.d.state_fd, "trust.json", 0700), 0);
	install(json_pack("{s:s, s:s}", "name", "b", "content", pki.bundle), 500, "not-written");
	assert_int_equal(unlinkat(f.d.state_fd, "trust.json", AT_REMOVEDIR), 0);
	assert_int_equal(renameat(f.d.state_fd, "kept", f.d.state_fd, "trust.json"), 0);
	daemon_fixture_restart(&f);
	assert_int_equal(trust_generation(f.d.trust), generation);
	assert_int_equal(ca_cnt(), 2);
	/* The configuration cannot be written: the next change is a new one. */
	assert_int_equal(renameat(f.d.config_fd, "rekey.json", f.d.config_fd, "kept"), 0);
	assert_int_equal(mkdirat(f.d.config_fd, "rekey.json", 0700), 0);
	install(json_pack("{s:s, s:s}", "name", "b", "content", pki.bundle), 500, "not-written");
	assert_int_equal(ca_cnt(), 2);
	assert_int_equal(unlinkat(f.d.config_fd, "rekey.json", AT_REMOVEDIR), 0);
	assert_int_equal(renameat(f.d.config_fd, "kept", f.d.config_fd, "rekey.json"), 0);
	fixture_install_trust(&f, pki.bundle);
	assert_true(trust_generation(f.d.trust) >= generation);
}

/* What is done is done: 200, and how far the workers are stands beside it. */
static void test_change_that_is_refused(void **state)
{
	json_t *body = json_pack("{s:s, s:s}", "name", "a", "content", pki.bundle);
	struct rk_message msg = {.type = RK_MSG_REFUSED};
	struct fake_dataplane p;
	struct call c = {0};
	json_t *publication;

	(void)state;
	fake_connect(&f, &p);
	fake_hello(&p, (struct rk_generation){0});
	fake_apply(&f, &p);
	fake_receive(&f, &p, RK_MSG_STATUS);
	trust_install(f.d.trust, body, call_answered, &c);
	msg.generation.generation = fake_receive(&f, &p, RK_MSG_VIEW).view.generation;
	snprintf(msg.generation.reason, sizeof(msg.generation.reason), "no memory");
	fake_send(&p, &msg);
	call_wait(&f, &c, 200);
	assert_string_equal(json_string_value(json_object_get(c.body, "name")), "a");
	publication = json_object_get(c.body, "publication");
	assert_string_equal(
		json_string_value(json_object_get(publication, "data_plane")), "refused");
	assert_string_equal(
		json_string_value(json_object_get(publication, "code")), "publication-refused");
	assert_non_null(
		strstr(json_string_value(json_object_get(publication, "message")), "no memory"));
	call_fini(&c);
	fake_close(&p);
	json_decref(body);
}

/* A damaged configuration at reload changes nothing and stands as an alarm until it is good. */
static void test_reload(void **state)
{
	const struct config *before = f.d.config;

	(void)state;
	daemon_fixture_config(&f, "{\"router\": {\"name\": \"x\"}}");
	daemon_fixture_reload(&f);
	daemon_fixture_idle(&f, 200);
	assert_ptr_equal(f.d.config, before);
	assert_true(alarm_is_standing(f.d.alarms, "configuration-damaged", CONFIG_FILE));
	daemon_fixture_restart(&f); /* the last good one */
	assert_string_equal(f.d.config->router, "east");
	assert_true(alarm_is_standing(f.d.alarms, "configuration-damaged", CONFIG_FILE));
	daemon_fixture_config(&f, FIXTURE_CONFIG);
	daemon_fixture_reload(&f);
	daemon_fixture_idle(&f, 300);
	assert_false(alarm_is_standing(f.d.alarms, "configuration-damaged", CONFIG_FILE));
}

/* What may sign is part of what is trusted. */
static void test_reload_rebuilds(void **state)
{
	uint64_t generation;

	(void)state;
	fixture_install_trust(&f, pki.bundle);
	generation = trust_generation(f.d.trust);
	daemon_fixture_config(&f, "{\"authority\":{\"security-key-management\":{\"allow-ed25519\":"
				  "true}}," FIXTURE_ROUTER "}");
	daemon_fixture_reload(&f);
	daemon_fixture_idle(&f, 200);
	assert_int_equal(trust_generation(f.d.trust), generation + 1);
	assert_int_equal(ca_cnt(), 2);
	daemon_fixture_restart(&f);
	assert_int_equal(trust_generation(f.d.trust), generation + 1);
}

/* Two daemons never share a state folder. */
static void test_lock(void **state)
{
	struct daemon second;

	(void)state;
	assert_int_equal(daemon_open(&second, &f.options), -EWOULDBLOCK);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_modes),
		T(test_delete_and_list),
		T(test_two_at_once),
		T(test_end_in_between),
		T(test_generation_over_restart),
		T(test_failed_change),
		T(test_change_that_is_refused),
		T(test_reload),
		T(test_reload_rebuilds),
		T(test_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
