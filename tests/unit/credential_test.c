/* SPDX-License-Identifier: BSD-3-Clause */
/* Credentials under any name: deleted, shown, chosen for peering; every finding told at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/alarms.h"
#include "control/audit.h"
#include "control/credential.h"
#include "control/crl/manager.h"
#include "control/provision.h"
#include "pki/x509/key.h"
#include "tests/unit/pki_daemon.h"

#define KEY_FILE  "custom_ssr_peering.key"
#define CERT_FILE "custom_ssr_peering.pem"

static bool has_file(const char *name)
{
	return faccessat(f.d.pki_fd, name, F_OK, 0) == 0;
}

static json_t *ecc(const char *curve)
{
	return json_pack("{s:s, s:s, s:s}", "name", "custom_ssr_peering", "algorithm", "ECC",
		"ecc_curve", curve);
}

static void request(json_t *body, int status, const char *code)
{
	struct call c = {0};

	provision_request(f.d.provision, body, call_answered, &c);
	call_wait(&f, &c, status);
	assert_string_equal(call_error(&c), code);
	if (status == 200)
		assert_non_null(strstr(json_string_value(json_object_get(c.body, "csr")),
			"-----BEGIN CERTIFICATE REQUEST-----\n"));
	call_fini(&c);
	json_decref(body);
}

static json_t *replacement(void)
{
	json_t *body = ecc("SECP521R1");

	json_object_set_new(body, "replace", json_true());
	return body;
}

static void delete_with(void (*call)(struct provision *, const char *, answer_cb, void *),
	const char *name, int status, const char *code)
{
	struct call c = {0};

	call(f.d.provision, name, call_answered, &c);
	call_wait(&f, &c, status);
	assert_string_equal(call_error(&c), code);
	call_fini(&c);
}

/* What stands in the audit, as text; until the next call. */
static const char *audited(void)
{
	static char text[65536];
	json_t *events = audit_tail(f.d.audit, 100);
	char *printed = json_dumps(events, JSON_COMPACT);

	snprintf(text, sizeof(text), "%s", printed);
	free(printed);
	json_decref(events);
	return text;
}

static void test_delete(void **state)
{
	const char *name = "custom_ssr_peering";

	(void)state;
	delete_with(provision_delete_key, "../x", 400, "bad-field");
	delete_with(provision_delete_key, name, 404, "no-key");
	delete_with(provision_delete_request, name, 404, "no-request");
	delete_with(provision_delete_certificate, name, 404, "no-certificate");
	fixture_provision(&f, &pki);
	request(json_pack("{s:s, s:s}", "name", name, "common_name", "east.peering"), 200, "");
	/* The key of a certificate stays; a replacement goes alone. */
	delete_with(provision_delete_key, name, 409, "certificate-exists");
	fixture_create_key(&f, replacement(), 200);
	delete_with(provision_delete_key, name, 200, "");
	assert_false(has_file(KEY_FILE ".new"));
	assert_false(has_file("custom_ssr_peering.csr"));
	assert_true(has_file(KEY_FILE));
	assert_non_null(credential_compiled(f.d.credential));
	delete_with(provision_delete_certificate, name, 200, "");
	assert_false(has_file(CERT_FILE));
	assert_null(credential_compiled(f.d.credential));
	assert_true(alarm_is_standing(f.d.alarms, "certificate-absent", name));
	request(json_pack("{s:s, s:s}", "name", name, "common_name", "east.peering"), 200, "");
	delete_with(provision_delete_request, name, 200, "");
	delete_with(provision_delete_key, name, 200, "");
	assert_false(has_file(KEY_FILE));
}

/* What a key's file held is not left on the disk when the key goes. */
static void test_deleted_key_is_overwritten(void **state)
{
	char bytes[64] = {1}, zeros[64] = {0};
	int fd;

	(void)state;
	fixture_create_key(&f, ecc("SECP256R1"), 200);
	fd = openat(f.d.pki_fd, KEY_FILE, O_RDONLY | O_CLOEXEC);
	delete_with(provision_delete_key, "custom_ssr_peering", 200, "");
	assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), (ssize_t)sizeof(bytes));
	assert_memory_equal(bytes, zeros, sizeof(bytes));
	close(fd);
}

static void write_file(const char *name, const char *text, size_t len)
{
	int fd = openat(f.d.pki_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, len), (ssize_t)len);
	close(fd);
}

static void reload(const char *warning)
{
	struct call c = {0};
	const char *text;

	provision_reload(f.d.provision, call_answered, &c);
	call_wait(&f, &c, 200);
	text = json_string_value(json_array_get(json_object_get(c.body, "warnings"), 0));
	if (warning == NULL)
		assert_null(text);
	else
		assert_non_null(strstr(text, warning));
	call_fini(&c);
}

/* Files that cannot be taken cost nothing: the pair that was read stays in force. */
static void test_last_good_stays(void **state)
{
	static const char *const files[] = {CERT_FILE, KEY_FILE};
	const char *name = "custom_ssr_peering";
	struct pki_secret_text other = {0};
	uint8_t hash[RK_DIGEST_LEN];
	char kept[16384];

	(void)state;
	fixture_provision(&f, &pki);
	memcpy(hash, credential_compiled(f.d.credential)->public_key_hash, sizeof(hash));
	for (size_t i = 0; i < 2; i++) {
		int fd = openat(f.d.pki_fd, files[i], O_RDONLY | O_CLOEXEC);
		ssize_t len = read(fd, kept, sizeof(kept));

		close(fd);
		assert_true(len > 0);
		write_file(files[i], kept, (size_t)len / 2);
		reload("stays");
		assert_memory_equal(
			credential_compiled(f.d.credential)->public_key_hash, hash, sizeof(hash));
		assert_true(alarm_is_standing(f.d.alarms, "certificate-not-read", name));
		assert_false(alarm_is_standing(f.d.alarms, "certificate-absent", name));
		write_file(files[i], kept, (size_t)len);
		reload(NULL);
		assert_false(alarm_is_standing(f.d.alarms, "certificate-not-read", name));
	}
	/* Another key, and none. */
	assert_int_equal(pki_key_to_pem(test_key_shared(TEST_P256, 6), &other), 0);
	write_file(KEY_FILE, other.data, other.len);
	pki_secret_text_free(&other);
	reload("stays");
	assert_int_equal(unlinkat(f.d.pki_fd, KEY_FILE, 0), 0);
	reload("stays");
	assert_non_null(credential_compiled(f.d.credential));
	/* Who takes the certificate away means it. */
	assert_int_equal(unlinkat(f.d.pki_fd, CERT_FILE, 0), 0);
	reload("no usable");
	assert_null(credential_compiled(f.d.credential));
	assert_false(alarm_is_standing(f.d.alarms, "certificate-not-read", name));
	assert_true(alarm_is_standing(f.d.alarms, "certificate-absent", name));
}

/* Of an alarm of ours, "" when it does not stand. */
static const char *severity(const char *kind)
{
	static char out[16];
	struct answer a;
	json_t *alarm;
	size_t i;

	out[0] = '\0';
	alarms_list(f.d.alarms, true, &a);
	json_array_foreach(json_object_get(a.body, "alarms"), i, alarm)
	{
		if (strcmp(json_string_value(json_object_get(alarm, "kind")), kind) == 0)
			snprintf(out, sizeof(out), "%s",
				json_string_value(json_object_get(alarm, "severity")));
	}
	answer_fini(&a);
	return out;
}

/* Each threshold of a certificate's end, from either side. */
static void test_thresholds_of_expiry(void **state)
{
	static const struct {
		int64_t left; /* seconds */
		const char *expiring, *expired;
	} cases[] = {
		{30 * TEST_DAY + 600, "", ""},
		{30 * TEST_DAY - 600, "MINOR", ""},
		{7 * TEST_DAY + 600, "MINOR", ""},
		{7 * TEST_DAY - 600, "MAJOR", ""},
		{600, "MAJOR", ""},
		{-600, "", "CRITICAL"},
		{60 * TEST_DAY, "", ""},
	};

	(void)state;
	fixture_provision(&f, &pki);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		X509 *cert = fixture_certify(&f, &pki, KEY_FILE,
			&(struct test_cert){.cn = "east.peering",
				.not_before = time(NULL) - 30 * TEST_DAY,
				.not_after = time(NULL) + cases[i].left});
		char *pem = test_pem(cert);

		write_file(CERT_FILE, pem, strlen(pem));
		reload(NULL);
		assert_string_equal(severity("certificate-expiring"), cases[i].expiring);
		assert_string_equal(severity("certificate-expired"), cases[i].expired);
		free(pem);
		X509_free(cert);
	}
}

/* Any name will do, and the configuration says which one peering uses. */
static void test_another_name(void **state)
{
	char config[1024];
	json_t *body = ecc("SECP256R1"), *list;
	struct call c = {0};
	struct answer a;
	X509 *cert;
	char *pem;

	(void)state;
	fixture_install_trust(&f, pki.bundle);
	json_object_set_new(body, "name", json_string("site.2026_a-1"));
	fixture_create_key(&f, body, 200);
	cert = fixture_certify(
		&f, &pki, "site.2026_a-1.key", &(struct test_cert){.cn = "east.peering"});
	pem = test_pem(cert);
	body = json_pack("{s:s, s:s}", "name", "site.2026_a-1", "certificate", pem);
	provision_ingest(f.d.provision, body, false, call_answered, &c);
	call_wait(&f, &c, 200);
	call_fini(&c);
	json_decref(body);
	assert_true(has_file("site.2026_a-1.pem"));
	assert_non_null(strstr(audited(), "\"system.ingest_certificate\""));
	assert_null(strstr(audited(), "\"system.update_certificate\""));
	body = json_pack("{s:s, s:s}", "name", "site.2026_a-1", "certificate", pem);
	provision_ingest(f.d.provision, body, true, call_answered, &c);
	call_wait(&f, &c, 200);
	call_fini(&c);
	json_decref(body);
	assert_non_null(strstr(audited(), "\"system.update_certificate\""));
	assert_null(credential_compiled(f.d.credential));
	assert_true(alarm_is_standing(f.d.alarms, "certificate-absent", "custom_ssr_peering"));
	snprintf(config, sizeof(config),
		"{\"authority\":{\"enhanced-security-key-management\":true,"
		"\"client-certificate\":[{\"name\":\"ours\",\"file\":\"site.2026_a-1\"}]},%s}",
		FIXTURE_ROUTER);
	daemon_fixture_config(&f, config);
	daemon_fixture_reload(&f);
	assert_non_null(credential_compiled(f.d.credential));
	assert_false(alarm_is_standing(f.d.alarms, "certificate-absent", "custom_ssr_peering"));
	provision_list(f.d.provision, &a);
	list = json_object_get(a.body, "certificates");
	assert_int_equal(json_array_size(list), 1);
	assert_true(json_is_true(json_object_get(json_array_get(list, 0), "is_for_peering")));
	answer_fini(&a);
	provision_show(f.d.provision, "site.2026_a-1", &a);
	assert_int_equal(a.status, 200);
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(a.body, "certificate"), "status")),
		"good");
	answer_fini(&a);
	provision_show(f.d.provision, "other", &a);
	assert_int_equal(a.status, 404);
	answer_fini(&a);
	free(pem);
	X509_free(cert);
}

/* A certificate for another key that is also expired: both are told at once. */
static void test_every_finding_is_told(void **state)
{
	const int64_t now = time(NULL);
	EVP_PKEY *other = test_key_shared(TEST_P256, 7);
	X509 *cert = test_cert_new(&(struct test_cert){.cn = "east.peering",
		.key = other,
		.issuer = pki.ca,
		.issuer_key = pki.ca_key,
		.not_before = now - 10 * TEST_DAY,
		.not_after = now - TEST_DAY});
	char *pem = test_pem(cert);
	struct call c = {0};
	json_t *checks;

	(void)state;
	fixture_install_trust(&f, pki.bundle);
	fixture_create_key(&f, ecc("SECP256R1"), 200);
	fixture_ingest(&f, pem, &c, 409);
	checks = json_object_get(
		json_object_get(json_object_get(c.body, "error"), "detail"), "checks");
	for (size_t i = 0; i < 2; i++) {
		const json_t *check = json_array_get(checks, i);

		assert_string_equal(json_string_value(json_object_get(check, "result")), "failed");
		assert_true(json_array_size(json_object_get(check, "findings")) > 0);
	}
	assert_string_equal(json_string_value(json_object_get(json_array_get(checks, 2), "result")),
		"not-reached");
	call_fini(&c);
	free(pem);
	X509_free(cert);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_delete),
		T(test_deleted_key_is_overwritten),
		T(test_last_good_stays),
		T(test_thresholds_of_expiry),
		T(test_another_name),
		T(test_every_finding_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
