/* SPDX-License-Identifier: BSD-3-Clause */
/* A disk may take long to sync: whatever is changed at run time, the loop is not who waits for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "control/audit_private.h"
#include "control/clock_watch.h"
#include "control/config.h"
#include "control/config_history.h"
#include "control/configuration.h"
#include "control/provision.h"
#include "control/rest/users.h"
#include "control/trust.h"
#include "tests/unit/daemon_fixture.h"

static struct daemon_fixture f;
static struct test_pki pki;
static pthread_t loop_thread;
static bool is_counting;
static unsigned loop_sync_cnt;
static atomic_uint other_sync_cnt;

static void count(void)
{
	if (!is_counting)
		return;
	if (pthread_equal(pthread_self(), loop_thread))
		loop_sync_cnt++;
	else
		other_sync_cnt++;
}

/* In place of libc's, for all that is linked here. */
int fsync(int fd)
{
	count();
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	count();
	return (int)syscall(SYS_fdatasync, fd);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	count();
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

int unlinkat(int dir, const char *name, int flags)
{
	count();
	return (int)syscall(SYS_unlinkat, dir, name, flags);
}

/* The call before was answered, and its record written: all by others. */
static void is_by_others(const char *what)
{
	if (loop_sync_cnt > 0)
		fail_msg("%s: the loop waited for the disk %u times", what, loop_sync_cnt);
	if (other_sync_cnt == 0)
		fail_msg("%s: nobody synced anything", what);
	other_sync_cnt = 0;
}

static void answered(struct call *c, const char *what)
{
	call_wait(&f, c, 200);
	call_fini(c);
	daemon_fixture_idle(&f, 20);
	is_by_others(what);
}

static int set_up(void **state)
{
	(void)state;
	loop_thread = pthread_self();
	is_counting = false;
	daemon_fixture_open(&f, NULL);
	test_pki_init(&pki, "west.peering");
	daemon_fixture_idle(&f, 50);
	loop_sync_cnt = other_sync_cnt = 0;
	is_counting = true;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	is_counting = false;
	test_pki_fini(&pki);
	daemon_fixture_close(&f);
	return 0;
}

static void ask_key(json_t *body, const char *what)
{
	struct call c = {0};

	provision_create_key(f.d.provision, body, call_answered, &c);
	answered(&c, what);
	json_decref(body);
}

static void ask_request(const char *name)
{
	json_t *body = json_pack("{s:s, s:s}", "name", name, "common_name", "east.peering");
	struct call c = {0};

	provision_request(f.d.provision, body, call_answered, &c);
	answered(&c, "a request");
	json_decref(body);
}

static void ingest(const char *key_file, bool is_put, const char *what)
{
	const struct test_cert like = {.cn = "east.peering"};
	X509 *cert = fixture_certify(&f, &pki, key_file, &like);
	char *pem = test_pem(cert);
	json_t *body = json_pack("{s:s, s:s}", "name", "custom_ssr_peering", "certificate", pem);
	struct call c = {0};

	provision_ingest(f.d.provision, body, is_put, call_answered, &c);
	answered(&c, what);
	json_decref(body);
	free(pem);
	X509_free(cert);
}

static void of_keys_and_certificates(void **state)
{
	struct call c = {0};

	(void)state;
	fixture_install_trust(&f, pki.bundle);
	is_by_others("trust");
	ask_key(json_pack("{s:s, s:s, s:s}", "name", "custom_ssr_peering", "algorithm", "ECC",
			"ecc_curve", "SECP256R1"),
		"a key");
	ask_request("custom_ssr_peering");
	ingest("custom_ssr_peering.key", false, "a certificate");
	ask_key(json_pack("{s:s, s:s, s:s, s:b}", "name", "custom_ssr_peering", "algorithm", "ECC",
			"ecc_curve", "SECP384R1", "replace", 1),
		"a key beside it");
	ingest("custom_ssr_peering.key.new", true, "a new certificate");
	provision_renew_request(f.d.provision, "custom_ssr_peering", call_answered, &c);
	call_wait(&f, &c, 500); /* no new key */
	call_fini(&c);
	provision_delete_certificate(f.d.provision, "custom_ssr_peering", call_answered, &c);
	answered(&c, "a certificate that goes");
	provision_delete_request(f.d.provision, "custom_ssr_peering", call_answered, &c);
	answered(&c, "a request that goes");
	provision_delete_key(f.d.provision, "custom_ssr_peering", call_answered, &c);
	answered(&c, "a key that goes");
	trust_delete(f.d.trust, "root", call_answered, &c);
	answered(&c, "trust that goes");
}

static char *log_in(const char *name, const char *password)
{
	json_t *body = json_pack("{s:s, s:s}", "username", name, "password", password);
	struct call c = {0};
	char *token;

	users_login(f.d.users, body, "192.0.2.1", call_answered, &c);
	call_wait(&f, &c, 200);
	token = strdup(json_string_value(json_object_get(c.body, "token")));
	call_fini(&c);
	json_decref(body);
	return token;
}

static void of_users(void **state)
{
	json_t *body = json_pack(
		"{s:s, s:s, s:s}", "name", "eve", "role", "viewer", "password", "correct horse");
	struct user_identity who;
	struct call c = {0};
	const char *why;
	char *token;

	(void)state;
	users_create(f.d.users, body, call_answered, &c);
	answered(&c, "a user");
	json_decref(body);
	token = log_in("eve", "correct horse");
	assert_int_equal(users_authenticate(f.d.users, token, strlen(token), &who, &why), 0);
	users_logout(f.d.users, &who, call_answered, &c);
	answered(&c, "a logout");
	users_end_tokens(f.d.users, "eve", call_answered, &c);
	answered(&c, "tokens that end");
	users_rotate_key(f.d.users, call_answered, &c);
	answered(&c, "a new key for tokens");
	users_rotate_key(f.d.users, call_answered, &c);
	answered(&c, "another one");
	users_delete(f.d.users, "eve", call_answered, &c);
	answered(&c, "a user that goes");
	free(token);
}

static void of_the_configuration(void **state)
{
	json_t *body = json_pack("{s:[{s:s, s:[s,s], s:s}]}", "operations", "op", "set", "path",
		"router", "node", "value", "node1");
	struct call c = {0};

	(void)state;
	configuration_edit(f.d.configuration, body, "test", call_answered, &c);
	answered(&c, "an edit");
	json_decref(body);
	body = json_pack("{s:i}", "confirm_timeout_sec", 600);
	configuration_commit(f.d.configuration, body, call_answered, &c);
	answered(&c, "a commit");
	json_decref(body);
	configuration_confirm(f.d.configuration, call_answered, &c);
	answered(&c, "a confirmation");
	body = json_pack("{s:i}", "number", 1);
	configuration_rollback(f.d.configuration, body, call_answered, &c);
	answered(&c, "a rollback");
	json_decref(body);
}

static void edit_file(const char *node)
{
	char text[512];

	snprintf(text, sizeof(text),
		"{" FIXTURE_AUTHORITY ",\"router\":{\"name\":\"east\",\"node\":\"%s\","
		"\"peering-common-name\":\"east.peering\"}}",
		node);
	daemon_fixture_config(&f, text);
	daemon_fixture_reload(&f);
	assert_string_equal(f.d.config->node, node);
	daemon_fixture_idle(&f, 20);
	is_by_others("an edited file");
}

static bool has_document(unsigned number)
{
	char name[32];

	snprintf(name, sizeof(name), "config/%u.json", number);
	return faccessat(f.d.state_fd, name, F_OK, 0) == 0;
}

/* Each is an entry of the history, and takes the place of the oldest in the end. */
static void of_edited_files(void **state)
{
	char node[16];

	(void)state;
	assert_true(has_document(1));
	for (unsigned i = 1; i <= CONFIG_HISTORY_MAX; i++) {
		snprintf(node, sizeof(node), "node%u", i);
		edit_file(node);
	}
	assert_false(has_document(1));
	assert_true(has_document(2));
}

/* A new file is begun when the present one is long. */
static void of_the_audit_log(void **state)
{
	struct call c = {0};

	(void)state;
	f.d.audit->size = AUDIT_FILE_LIMIT + 1;
	audit_write(f.d.audit, "system.next", "Next.", NULL);
	daemon_fixture_idle(&f, 50);
	is_by_others("another file of the audit log");
	assert_int_equal(faccessat(f.d.state_fd, AUDIT_FILE ".1", F_OK, 0), 0);
	audit_verify(f.d.audit, call_answered, &c);
	call_wait(&f, &c, 200);
	assert_true(json_is_true(json_object_get(c.body, "is_intact")));
	assert_int_equal(json_integer_value(json_object_get(c.body, "files")), 2);
	call_fini(&c);
}

/* The clock's latest time is kept once an hour. */
static void of_the_clock(void **state)
{
	(void)state;
	clock_watch_judge(f.d.clock, time(NULL) + 7200);
	daemon_fixture_idle(&f, 100);
	is_by_others("the clock");
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(of_keys_and_certificates),
		T(of_users),
		T(of_the_configuration),
		T(of_edited_files),
		T(of_the_audit_log),
		T(of_the_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
