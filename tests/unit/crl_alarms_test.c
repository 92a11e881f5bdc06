/* SPDX-License-Identifier: BSD-3-Clause */
/* The alarms of a CRL's source, each by its cause, in a whole daemon: which stand, how they read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/alarms.h"
#include "control/crl/manager.h"
#include "control/metrics.h"
#include "control/time_text.h"
#include "tests/unit/pki_daemon.h"

#define ENTRY_CNT 120

static char path[96]; /* of the list */

static void configure(const char *policy)
{
	char config[1024];

	snprintf(config, sizeof(config),
		"{\"authority\":{\"enhanced-security-key-management\":true,"
		"\"certificate-revocation\":[{\"name\":\"lab\",\"revocation-policy\":\"%s\","
		"\"crl-endpoint\":[{\"name\":\"file\",\"uri\":\"file://%s\"}]}]},%s}",
		policy, path, FIXTURE_ROUTER);
	daemon_fixture_config(&f, config);
	daemon_fixture_reload(&f);
}

static int set_up_list(void **state)
{
	set_up_provisioned(state);
	snprintf(path, sizeof(path), "%s/list.crl", f.root);
	configure("soft");
	return 0;
}

static void write_list(const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, data, len), (ssize_t)len);
	close(fd);
}

/* Serial numbers of nobody. */
static void publish_list(long number, int64_t this_update, int64_t next_update, unsigned cnt)
{
	struct test_crl_entry entry[ENTRY_CNT];
	char serial[ENTRY_CNT][8];
	struct test_crl crl = {.issuer = pki.ca,
		.issuer_key = pki.ca_key,
		.number = number,
		.this_update = this_update,
		.next_update = next_update,
		.entry = entry,
		.entry_cnt = cnt};

	for (unsigned i = 0; i < cnt; i++) {
		snprintf(serial[i], sizeof(serial[i]), "%04X", 0x0100 + i);
		entry[i] = (struct test_crl_entry){.serial_hex = serial[i]};
	}
	test_crl_write(path, &crl);
}

/* Which alarms of the CRL manager stand, "" when none does; the last one's text and severity. */
static const char *standing(char text[256], char severity[16])
{
	static char out[256];
	struct answer a;
	json_t *alarm;
	size_t i;

	out[0] = text[0] = severity[0] = '\0';
	alarms_list(f.d.alarms, true, &a);
	json_array_foreach(json_object_get(a.body, "alarms"), i, alarm)
	{
		const char *kind = json_string_value(json_object_get(alarm, "kind"));

		if (strcmp(json_string_value(json_object_get(alarm, "process")), "crlManager") != 0)
			continue;
		assert_string_equal(
			json_string_value(json_object_get(alarm, "category")), "SYSTEM");
		if (out[0] != '\0')
			strncat(out, " ", sizeof(out) - strlen(out) - 1);
		strncat(out, kind, sizeof(out) - strlen(out) - 1);
		snprintf(text, 256, "%s", json_string_value(json_object_get(alarm, "message")));
		snprintf(severity, 16, "%s", json_string_value(json_object_get(alarm, "severity")));
	}
	answer_fini(&a);
	return out;
}

static void expect(const char *kinds, const char *severity, const char *says)
{
	char text[256], is[16];

	assert_string_equal(standing(text, is), kinds);
	assert_string_equal(is, severity);
	assert_non_null(strstr(text, says));
	if (kinds[0] != '\0')
		assert_non_null(strstr(text, path));
}

/* What is wrong with a list is told by one alarm, which goes when that is not wrong any more. */
static void test_fetched_and_judged(void **state)
{
	const uint64_t *cnt = f.d.metrics->value;
	EVP_PKEY *own = pki.ca_key;
	int64_t now = time(NULL);

	(void)state;
	fixture_refresh(&f);
	expect("crl-fetch", "MAJOR", " cannot be retrieved: ");
	assert_true(cnt[METRIC_CRL_FETCH_FAILURE] > 0 && cnt[METRIC_CRL_FETCH_SUCCESS] == 0);
	write_list("<html>hello</html>", 18);
	fixture_refresh(&f);
	expect("crl-refused", "MAJOR", " cannot be accepted: ");
	assert_true(cnt[METRIC_CRL_FETCH_SUCCESS] > 0 && cnt[METRIC_CRL_INGEST_FAILURE] > 0);
	assert_int_equal(cnt[METRIC_CRL_INGEST_SUCCESS], 0);
	pki.ca_key = test_key_shared(TEST_P256, 7);
	publish_list(4, 0, 0, 0);
	pki.ca_key = own;
	fixture_refresh(&f);
	expect("crl-refused", "MAJOR", "ignature");
	publish_list(5, 0, 0, 0);
	fixture_refresh(&f);
	expect("", "", "");
	assert_true(cnt[METRIC_CRL_INGEST_SUCCESS] > 0);
	publish_list(4, 0, 0, 0);
	fixture_refresh(&f);
	expect("crl-rollback", "MAJOR", " was rolled back: ");
	assert_int_equal(unlink(path), 0);
	fixture_refresh(&f);
	expect("crl-rollback crl-fetch", "MAJOR", " cannot be retrieved: ");
	write_list("<html>hello</html>", 18); /* what is wrong with it now, and not what was */
	fixture_refresh(&f);
	expect("crl-refused", "MAJOR", " cannot be accepted: ");
	publish_list(6, now - 3000, now + 40, 0);
	fixture_refresh(&f);
	expect("crl-ending", "MINOR", " is soon stale: ");
	publish_list(7, now - 3000, now - 40, 0);
	fixture_refresh(&f);
	expect("crl-stale", "MAJOR", " is stale: its next update was due");
	daemon_fixture_restart(&f);
	expect("crl-stale", "MAJOR", " is stale: its next update was due");
	publish_list(8, 0, 0, ENTRY_CNT);
	fixture_refresh(&f);
	expect("", "", "");
	publish_list(9, 0, 0, 1);
	fixture_refresh(&f);
	expect("crl-shrunk", "MAJOR", "it lost 119 of 120 recent entries, ");
	fixture_refresh(&f);
	expect("", "", "");
}

/* Where its age does not matter it is no alarm, from the change of the policy on. */
static void test_age_that_is_ignored(void **state)
{
	int64_t now = time(NULL);
	char due[TIME_TEXT_LEN];

	(void)state;
	time_text(now - 40, due);
	publish_list(7, now - 3000, now - 40, 0);
	fixture_refresh(&f);
	expect("crl-stale", "MAJOR", due);
	configure("off");
	expect("", "", "");
	publish_list(8, now - 3000, now + 40, 0);
	fixture_refresh(&f);
	expect("", "", "");
	configure("hard");
	time_text(now + 40, due);
	expect("crl-ending", "MINOR", due);
}

/* A source that is configured no more takes its alarms along. */
static void test_source_that_goes(void **state)
{
	(void)state;
	fixture_refresh(&f);
	expect("crl-fetch", "MAJOR", " cannot be retrieved: ");
	daemon_fixture_config(&f, FIXTURE_CONFIG);
	daemon_fixture_reload(&f);
	expect("", "", "");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up_list, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_fetched_and_judged),
		T(test_age_that_is_ignored),
		T(test_source_that_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
