/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes of our own certificate with time, and the alarms that say so: one at a time, each once. */
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
#include "control/audit.h"
#include "control/credential.h"
#include "control/crl/manager.h"
#include "control/provision_private.h"
#include "tests/unit/pki_daemon.h"

#define NAME "custom_ssr_peering"

/* As a clock that goes on, or somebody who copies files, would have it: past the checks of ingest. */
static void put_in_force(const struct test_cert *like)
{
	X509 *cert = fixture_certify(&f, &pki, NAME ".key", like);
	char *pem = test_pem(cert);
	int fd = openat(f.d.pki_fd, NAME ".pem", O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_int_equal(write(fd, pem, strlen(pem)), (ssize_t)strlen(pem));
	close(fd);
	free(pem);
	X509_free(cert);
	assert_int_equal(credential_reload(f.d.credential), 0);
}

/* A field of the one alarm about our certificate; "" when there is none. */
static const char *own_alarm(const char *field)
{
	static char out[512];
	struct answer a;
	json_t *alarm;
	size_t i, cnt = 0;

	out[0] = '\0';
	alarms_list(f.d.alarms, true, &a);
	json_array_foreach(json_object_get(a.body, "alarms"), i, alarm)
	{
		if (strcmp(json_string_value(json_object_get(alarm, "source")), NAME) != 0)
			continue;
		cnt++;
		snprintf(out, sizeof(out), "%s", json_string_value(json_object_get(alarm, field)));
	}
	answer_fini(&a);
	assert_true(cnt <= 1);
	return out;
}

static size_t record_cnt(const char *type)
{
	json_t *events = audit_tail(f.d.audit, 1000), *event;
	size_t i, cnt = 0;

	json_array_foreach(events, i, event) cnt +=
		strcmp(json_string_value(json_object_get(event, "type")), type) == 0 &&
		strcmp(json_string_value(
			       json_object_get(json_object_get(event, "detail"), "source")),
			NAME) == 0;
	json_decref(events);
	return cnt;
}

static void test_thresholds(void **state)
{
	const int64_t hour = 3600;
	const struct {
		int64_t left;
		const char *kind, *severity, *says;
	} rows[] = {
		{30 * TEST_DAY + hour, "", "", ""},
		{30 * TEST_DAY - hour, "certificate-expiring", "MINOR", "expires within a month"},
		{7 * TEST_DAY + hour, "certificate-expiring", "MINOR", "expires within a month"},
		{7 * TEST_DAY - hour, "certificate-expiring", "MAJOR", "expires within a week"},
		{hour, "certificate-expiring", "MAJOR", "expires within a week"},
		{-hour, "certificate-expired", "CRITICAL", "is invalid: expired - "},
		{90 * TEST_DAY, "", "", ""},
	};
	int64_t now = time(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put_in_force(&(struct test_cert){.cn = "east.peering",
			.not_before = now - 100 * TEST_DAY,
			.not_after = now + rows[i].left});
		assert_string_equal(own_alarm("kind"), rows[i].kind);
		assert_string_equal(own_alarm("severity"), rows[i].severity);
		assert_non_null(strstr(own_alarm("message"), rows[i].says));
		if (rows[i].kind[0] != '\0') {
			assert_string_equal(own_alarm("category"), "SYSTEM");
			assert_string_equal(own_alarm("process"), "securityKeyManager");
		}
	}
	assert_int_equal(record_cnt("alarm.changed"), 1);
}

static void test_never_twice(void **state)
{
	char id[64], time_of[64];
	size_t raised;

	(void)state;
	put_in_force(
		&(struct test_cert){.cn = "east.peering", .not_after = time(NULL) + 3 * TEST_DAY});
	strcpy(id, own_alarm("id"));
	strcpy(time_of, own_alarm("time"));
	assert_memory_equal(id, "node0:", 6);
	raised = record_cnt("alarm.raised");
	for (int i = 0; i < 3; i++)
		credential_judge(f.d.credential);
	daemon_fixture_restart(&f);
	credential_judge(f.d.credential);
	assert_string_equal(own_alarm("kind"), "certificate-expiring");
	assert_string_equal(own_alarm("id"), id);
	assert_string_equal(own_alarm("time"), time_of);
	assert_int_equal(record_cnt("alarm.raised"), raised);
	put_in_force(&(struct test_cert){.cn = "east.peering"});
	assert_string_equal(own_alarm("kind"), "");
	daemon_fixture_restart(&f);
	assert_string_equal(own_alarm("kind"), "");
}

/* A CA that is not trusted here, a use that is not ours, another name. */
static void test_otherwise_invalid(void **state)
{
	EVP_PKEY *key = test_key_new(TEST_P256), *own_key = pki.ca_key;
	X509 *own = pki.ca,
	     *foreign =
		     test_cert_new(&(struct test_cert){.cn = "foreign", .key = key, .is_ca = true});

	(void)state;
	pki.ca = foreign;
	pki.ca_key = key;
	put_in_force(&(struct test_cert){.cn = "east.peering"});
	pki.ca = own;
	pki.ca_key = own_key;
	assert_string_equal(own_alarm("kind"), "certificate-invalid");
	assert_string_equal(own_alarm("severity"), "CRITICAL");
	assert_non_null(strstr(own_alarm("message"), "is invalid: untrusted - "));
	put_in_force(&(struct test_cert){.cn = "another.peering"});
	assert_string_equal(own_alarm("kind"), "certificate-name");
	assert_string_equal(own_alarm("severity"), "MAJOR");
	put_in_force(&(struct test_cert){.cn = "east.peering"});
	assert_string_equal(own_alarm("kind"), "");
	X509_free(foreign);
	EVP_PKEY_free(key);
}

/* A list from a file, made by the CA, that names this certificate or none. */
static void publish_list(const char *path, const X509 *revoked, long number)
{
	struct test_crl_entry entry = {.cert = revoked, .reason = 1};
	struct test_crl crl = {.issuer = pki.ca,
		.issuer_key = pki.ca_key,
		.number = number,
		.entry = &entry,
		.entry_cnt = revoked != NULL};

	test_crl_write(path, &crl);
	fixture_refresh(&f);
}

/* Found in a list; over when a certificate is there that the list does not name. */
static void test_revoked(void **state)
{
	static const char begins[] = "Certificate " NAME " is invalid: revoked - ";
	char config[1024], path[128];
	X509 *cert = NULL;
	size_t raised = record_cnt("alarm.raised");

	(void)state;
	snprintf(path, sizeof(path), "%s/list.crl", f.root);
	snprintf(config, sizeof(config),
		"{\"authority\":{\"enhanced-security-key-management\":true,"
		"\"certificate-revocation\":[{\"name\":\"lab\",\"crl-endpoint\":"
		"[{\"name\":\"file\",\"uri\":\"file://%s\"}]}]},%s}",
		path, FIXTURE_ROUTER);
	daemon_fixture_config(&f, config);
	daemon_fixture_reload(&f);
	assert_int_equal(provision_read_certificate(f.d.pki_fd, NAME, &cert), 0);
	publish_list(path, NULL, 1);
	assert_string_equal(own_alarm("kind"), "");
	publish_list(path, cert, 2);
	assert_string_equal(own_alarm("kind"), "certificate-revoked");
	assert_string_equal(own_alarm("severity"), "CRITICAL");
	assert_memory_equal(own_alarm("message"), begins, sizeof(begins) - 1);
	daemon_fixture_restart(&f);
	assert_string_equal(own_alarm("kind"), "certificate-revoked");
	put_in_force(&(struct test_cert){.cn = "east.peering"});
	assert_string_equal(own_alarm("kind"), "");
	assert_int_equal(record_cnt("alarm.raised"), raised + 1);
	X509_free(cert);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up_provisioned, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_thresholds),
		T(test_never_twice),
		T(test_otherwise_invalid),
		T(test_revoked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
