/* SPDX-License-Identifier: BSD-3-Clause */
/* Kept certificates of peers: room for all of them, and what a clock that is wrong does to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "control/config.h"
#include "control/verdicts_private.h"
#include "pki/x509/cert.h"
#include "pki/x509/validate.h"
#include "tests/unit/daemon_fixture.h"
#include "tests/unit/moved_clock.h"

#define YEARS INT64_C(31557600)

static struct daemon_fixture f;
static struct test_pki pki;
static uint8_t fingerprint[RK_FINGERPRINT_LEN];
static pthread_t loop_thread;
static unsigned loop_sync_cnt; /* fsyncs that the loop itself waited for */

int fsync(int fd)
{
	loop_sync_cnt += pthread_equal(pthread_self(), loop_thread) != 0;
	return (int)syscall(SYS_fsync, fd);
}

static atomic_uint loop_judged_cnt, judged_cnt; /* certificates */

int __real_pki_validate_der(const struct pki_validate_args *args, const uint8_t *der, size_t len,
	struct pki_report *report, struct rk_verdict *out);
int __wrap_pki_validate_der(const struct pki_validate_args *args, const uint8_t *der, size_t len,
	struct pki_report *report, struct rk_verdict *out);

int __wrap_pki_validate_der(const struct pki_validate_args *args, const uint8_t *der, size_t len,
	struct pki_report *report, struct rk_verdict *out)
{
	judged_cnt++;
	loop_judged_cnt += pthread_equal(pthread_self(), loop_thread) != 0;
	return __real_pki_validate_der(args, der, len, report, out);
}

static void keep_file(const uint8_t name[RK_FINGERPRINT_LEN], const void *data, size_t len)
{
	char path[256];
	FILE *file;
	int at = snprintf(path, sizeof(path), "%s/verdicts/", f.dir[1]);

	for (size_t i = 0; i < RK_FINGERPRINT_LEN; i++)
		at += snprintf(path + at, sizeof(path) - (size_t)at, "%02x", name[i]);
	snprintf(path + at, sizeof(path) - (size_t)at, ".der");
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* As confirmed once: its file lies in the folder. */
static void keep_certificate(void)
{
	uint8_t *der;
	size_t len;

	assert_int_equal(pki_cert_to_der(pki.leaf, &der, &len), 0);
	assert_int_equal(pki_cert_fingerprint(pki.leaf, fingerprint), 0);
	keep_file(fingerprint, der, len);
	OPENSSL_free(der);
}

static int set_up(void **state)
{
	(void)state;
	clock_shift = 0;
	daemon_fixture_open(&f, NULL);
	test_pki_init(&pki, "west.peering");
	fixture_install_trust(&f, pki.bundle);
	keep_certificate();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	clock_shift = 0;
	test_pki_fini(&pki);
	daemon_fixture_close(&f);
	return 0;
}

static int status(void)
{
	const struct rk_verdict *v = verdicts_find(f.d.verdicts, fingerprint);

	return v != NULL ? (int)v->status : -1;
}

static bool is_good(void *arg)
{
	(void)arg;
	return status() == RK_VERDICT_GOOD;
}

/* Many files, most of them of no use: threads judge them, a batch at a time, and the good one counts. */
static void many_are_judged_aside(void **state)
{
	uint8_t name[RK_FINGERPRINT_LEN] = {0}, *der;
	size_t len;

	(void)state;
	assert_int_equal(pki_cert_to_der(pki.leaf, &der, &len), 0);
	for (int i = 1; i <= 300; i++) {
		name[0] = (uint8_t)i;
		name[1] = (uint8_t)(i >> 8);
		keep_file(name, der, i % 3 == 0 ? len - 1 : len); /* damaged, or the same again */
	}
	OPENSSL_free(der);
	loop_thread = pthread_self();
	judged_cnt = loop_judged_cnt = 0;
	daemon_fixture_restart(&f);
	assert_int_equal(status(), RK_VERDICT_GOOD);
	assert_int_equal(judged_cnt, 301);
	assert_int_equal(loop_judged_cnt, 0);
}

/* A start before the network's time is there. */
static void early_clock_is_forgotten(void **state)
{
	(void)state;
	clock_shift = -20 * YEARS;
	daemon_fixture_restart(&f);
	assert_int_equal(status(), RK_VERDICT_NOT_YET_VALID);
	verdicts_judge_dates(f.d.verdicts, false);
	daemon_fixture_idle(&f, 200);
	assert_int_equal(status(), RK_VERDICT_NOT_YET_VALID);
	clock_shift = 0;
	verdicts_judge_dates(f.d.verdicts, false);
	daemon_fixture_run(&f, is_good, NULL);
}

/* What has expired is looked at again when the clock was set. */
static void late_clock_is_forgotten(void **state)
{
	(void)state;
	clock_shift = 20 * YEARS;
	daemon_fixture_restart(&f);
	assert_int_equal(status(), RK_VERDICT_EXPIRED);
	clock_shift = 0;
	verdicts_judge_dates(f.d.verdicts, false);
	daemon_fixture_idle(&f, 200);
	assert_int_equal(status(), RK_VERDICT_EXPIRED);
	verdicts_judge_dates(f.d.verdicts, true);
	daemon_fixture_run(&f, is_good, NULL);
}

static void add_as(unsigned n, bool is_confirmed)
{
	uint8_t der[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
	struct rk_verdict v = {.status = RK_VERDICT_GOOD};

	memcpy(v.fingerprint, der, sizeof(der));
	assert_non_null(verdicts_add_record(
		f.d.verdicts, (struct rk_span){der, sizeof(der)}, &v, is_confirmed));
}

static void add(unsigned n)
{
	add_as(n, true);
}

static bool has(unsigned n)
{
	uint8_t of[RK_FINGERPRINT_LEN] = {
		(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};

	return verdicts_find(f.d.verdicts, of) != NULL;
}

/* The bound is above what all peers together have; only then the oldest gives way. */
static void every_peer_has_room(void **state)
{
	unsigned max = VERDICTS_CONFIRMED_MAX + (unsigned)f.d.config->peer_cnt;

	(void)state;
	assert_true(f.d.config->peer_cnt > 0);
	for (unsigned n = 1; n <= max; n++)
		add(n);
	assert_true(has(1) && has(max));
	add(max + 1);
	assert_false(has(1));
	assert_true(has(2) && has(max + 1));
}

#define FIRST_CONTACTS 200

static bool has_file(void *arg)
{
	const unsigned *n = arg;
	char path[256];

	snprintf(path, sizeof(path), "%s/verdicts/%08x%056x.der", f.dir[1], *n, 0);
	return access(path, F_OK) == 0;
}

static bool has_no_file(void *arg)
{
	return !has_file(arg);
}

/* Many first contacts: the loop waits for no disk, and all are on it in the end. */
static void files_are_written_aside(void **state)
{
	unsigned first = 1, last = FIRST_CONTACTS;

	(void)state;
	loop_thread = pthread_self();
	for (unsigned n = 1; n <= FIRST_CONTACTS; n++)
		add_as(n, false);
	loop_sync_cnt = 0;
	for (unsigned n = 1; n <= FIRST_CONTACTS; n++) {
		const uint8_t of[RK_FINGERPRINT_LEN] = {0, 0, (uint8_t)(n >> 8), (uint8_t)n};

		verdicts_confirm(f.d.verdicts, of);
	}
	daemon_fixture_run(&f, has_file, &last);
	assert_int_equal(loop_sync_cnt, 0);
	assert_true(has_file(&first));
	/* Written and gone again in that order, whatever is still under way. */
	add_as(FIRST_CONTACTS + 1, false);
	verdicts_confirm(
		f.d.verdicts, (const uint8_t[RK_FINGERPRINT_LEN]){0, 0, 0, FIRST_CONTACTS + 1});
	last++;
	verdicts_drop_file(f.d.verdicts,
		verdicts_find_record(f.d.verdicts,
			(const uint8_t[RK_FINGERPRINT_LEN]){0, 0, 0, FIRST_CONTACTS + 1}));
	daemon_fixture_run(&f, has_no_file, &last);
	daemon_fixture_idle(&f, 50);
	assert_false(has_file(&last));
	/* What waits when the daemon ends is written before it has. */
	add_as(FIRST_CONTACTS + 2, false);
	verdicts_confirm(
		f.d.verdicts, (const uint8_t[RK_FINGERPRINT_LEN]){0, 0, 0, FIRST_CONTACTS + 2});
	last++;
	daemon_fixture_restart(&f);
	assert_true(has_file(&last));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_peer_has_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(files_are_written_aside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_are_judged_aside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(early_clock_is_forgotten, set_up, tear_down),
		cmocka_unit_test_setup_teardown(late_clock_is_forgotten, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
