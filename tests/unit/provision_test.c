/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys, requests and certificates: every refusal changes nothing; what a crash left is mended. */
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
#include <unistd.h>

#include "control/alarms.h"
#include "control/credential.h"
#include "control/crl/manager.h"
#include "control/provision.h"
#include "tests/unit/pki_daemon.h"

#define KEY_FILE  "custom_ssr_peering.key"
#define CERT_FILE "custom_ssr_peering.pem"

static char *read_file(const char *name)
{
	int fd = openat(f.d.pki_fd, name, O_RDONLY | O_CLOEXEC);
	char *text = calloc(1, 16384);

	if (fd < 0) {
		free(text);
		return NULL;
	}
	assert_true(read(fd, text, 16383) >= 0);
	close(fd);
	return text;
}

static bool has_file(const char *name)
{
	return faccessat(f.d.pki_fd, name, F_OK, 0) == 0;
}

static json_t *ecc(const char *curve)
{
	return json_pack("{s:s, s:s, s:s}", "name", "custom_ssr_peering", "algorithm", "ECC",
		"ecc_curve", curve);
}

static void test_key_bodies(void **state)
{
	static const struct {
		const char *body, *code;
	} wrong[] = {
		{"[]", "bad-body"},
		{"{}", "missing-field"},
		{"{\"name\":1,\"algorithm\":\"RSA\"}", "bad-field"},
		{"{\"name\":\"../x\",\"algorithm\":\"RSA\",\"rsa_key_size\":2048}", "bad-field"},
		{"{\"name\":\"\",\"algorithm\":\"RSA\",\"rsa_key_size\":2048}", "bad-field"},
		{"{\"name\":\"n\",\"algorithm\":\"DSA\"}", "bad-field"},
		{"{\"name\":\"n\",\"algorithm\":\"RSA\"}", "bad-field"},
		{"{\"name\":\"n\",\"algorithm\":\"RSA\",\"rsa_key_size\":1024}", "bad-field"},
		{"{\"name\":\"n\",\"algorithm\":\"RSA\",\"rsa_key_size\":2049}", "bad-field"},
		{"{\"name\":\"n\",\"algorithm\":\"RSA\",\"rsa_key_size\":8192}", "bad-field"},
		{"{\"name\":\"n\",\"algorithm\":\"RSA\",\"rsa_key_size\":\"2048x\"}", "bad-field"},
		{"{\"name\":\"n\",\"algorithm\":\"RSA\",\"rsa_key_size\":2048.0}", "bad-field"},
		{"{\"name\":\"n\",\"algorithm\":\"ECC\"}", "bad-field"},
		{"{\"name\":\"n\",\"algorithm\":\"ECC\",\"ecc_curve\":\"SECP256K1\"}", "bad-field"},
		{"{\"name\":\"n\",\"algorithm\":\"ECC\",\"ecc_curve\":\"SECP256R1\","
		 "\"rsa_key_size\":2048}",
			"bad-field"},
		{"{\"name\":\"n\",\"algorithm\":\"RSA\",\"rsa_key_size\":2048,"
		 "\"ecc_curve\":\"SECP256R1\"}",
			"bad-field"},
		{"{\"name\":\"n\",\"algorithm\":\"RSA\",\"rsaKeySize\":2048}", "unknown-field"},
		{"{\"name\":\"n\",\"algorithm\":\"ECC\",\"ecc_curve\":\"SECP256R1\","
		 "\"replace\":\"yes\"}",
			"bad-field"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		json_t *body = json_loads(wrong[i].body, 0, NULL);
		struct call c = {0};

		provision_create_key(f.d.provision, body, call_answered, &c);
		call_wait(&f, &c, 400);
		assert_string_equal(call_error(&c), wrong[i].code);
		call_fini(&c);
		json_decref(body);
	}
	assert_false(has_file("n.key"));
}

static void test_key_is_made_once(void **state)
{
	struct call c = {0};
	char *first, *again;
	struct stat st;
	json_t *body;

	(void)state;
	/* As the document sends it: the size is a string. */
	body = json_pack("{s:s, s:s, s:s}", "name", "custom_ssr_peering", "algorithm", "RSA",
		"rsa_key_size", "2048");
	fixture_create_key(&f, json_incref(body), 200);
	assert_int_equal(fstatat(f.d.pki_fd, KEY_FILE, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	first = read_file(KEY_FILE);
	fixture_create_key(&f, json_incref(body), 200);
	provision_create_key(f.d.provision, body, call_answered, &c);
	call_wait(&f, &c, 200);
	assert_string_equal(json_string_value(json_object_get(c.body, "status")), "exists");
	call_fini(&c);
	json_decref(body);
	body = ecc("SECP256R");
	provision_create_key(f.d.provision, body, call_answered, &c);
	call_wait(&f, &c, 409);
	assert_string_equal(call_error(&c), "key-exists");
	call_fini(&c);
	json_decref(body);
	again = read_file(KEY_FILE);
	assert_string_equal(first, again);
	assert_non_null(strstr(first, "-----BEGIN PRIVATE KEY-----\n"));
	free(first);
	free(again);
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

static void test_request(void **state)
{
	(void)state;
	request(json_pack("{s:s, s:s}", "name", "custom_ssr_peering", "common_name", "x"), 404,
		"no-key");
	fixture_create_key(&f, ecc("SECP384R1"), 200);
	request(json_pack("{s:s, s:s}", "name", "custom_ssr_peering", "commonName", "x"), 400,
		"unknown-field");
	request(json_pack("{s:s}", "name", "custom_ssr_peering"), 400, "missing-field");
	request(json_pack("{s:s, s:s, s:s}", "name", "custom_ssr_peering", "common_name", "x",
			"country_name", "Germany"),
		400, "bad-field");
	request(json_pack("{s:s, s:s, s:s}", "name", "custom_ssr_peering", "common_name", "x",
			"algorithm", "RSA"),
		400, "bad-field");
	request(json_pack("{s:s, s:s, s:s}", "name", "custom_ssr_peering", "common_name", "x",
			"ecc_curve", "SECP256R1"),
		409, "key-differs");
	request(json_pack("{s:s, s:s, s:i}", "name", "custom_ssr_peering", "common_name", "x",
			"validity_period", 99999),
		400, "bad-field");
	request(json_pack("{s:s, s:s, s:[{s:s, s:s}]}", "name", "custom_ssr_peering", "common_name",
			"x", "subject_alt_names", "type", "nonsense", "value", "v"),
		400, "bad-field");
	assert_false(has_file("custom_ssr_peering.csr"));
	request(json_pack("{s:s, s:s, s:[{s:s, s:s}], s:s, s:i}", "name", "custom_ssr_peering",
			"common_name", "east.peering", "subject_alt_names", "type",
			"urn_ssr_peering", "value", "east.peering", "algorithm", "ECC",
			"validity_period", 90),
		200, "");
	assert_true(has_file("custom_ssr_peering.csr"));
}

/* Refused with this code by this check; nothing on disk. */
static void refuse(const char *pem, int status, const char *code, const char *check)
{
	struct call c = {0};
	const char *which;

	fixture_ingest(&f, pem, &c, status);
	assert_string_equal(call_error(&c), code);
	which = json_string_value(json_object_get(
		json_object_get(json_object_get(c.body, "error"), "detail"), "check"));
	if (check != NULL)
		assert_string_equal(which, check);
	call_fini(&c);
	assert_false(has_file(CERT_FILE));
	assert_null(credential_compiled(f.d.credential));
}

static void refuse_cert(
	const struct test_cert *like, int status, const char *code, const char *check)
{
	X509 *cert = fixture_certify(&f, &pki, KEY_FILE, like);
	char *pem = test_pem(cert);

	refuse(pem, status, code, check);
	free(pem);
	X509_free(cert);
}

static void test_refused_certificates(void **state)
{
	const int64_t now = time(NULL);
	EVP_PKEY *other = test_key_shared(TEST_P256, 7);
	char *key_pem = test_key_pem(other), *leaf = test_pem(pki.leaf), *both;

	(void)state;
	refuse("x", 404, "no-key", NULL);
	fixture_create_key(&f, ecc("SECP256R1"), 200);
	refuse("x", 400, "certificate-unreadable", "validation");
	assert_true(asprintf(&both, "%s%s", leaf, key_pem) > 0);
	refuse(both, 400, "private-key-in-submission", "private-key");
	refuse(leaf, 409, "key-mismatch", "private-key");
	/* No anchor yet. */
	refuse_cert(&(struct test_cert){.cn = "east.peering"}, 422, "certificate-refused",
		"validation");
	fixture_install_trust(&f, pki.bundle);
	refuse_cert(&(struct test_cert){.cn = "east.peering",
			    .not_before = now - 10 * TEST_DAY,
			    .not_after = now - TEST_DAY},
		422, "certificate-refused", "validation");
	refuse_cert(&(struct test_cert){.cn = "east.peering", .not_before = now + TEST_DAY}, 422,
		"certificate-refused", "validation");
	refuse_cert(&(struct test_cert){.cn = "east.peering", .is_ca = true}, 422,
		"certificate-refused", "validation");
	refuse_cert(
		&(struct test_cert){.cn = "east.peering", .issuer = pki.ca, .issuer_key = other},
		422, "certificate-refused", "validation");
	free(both);
	free(key_pem);
	free(leaf);
}

static void test_one_line_is_normalised(void **state)
{
	X509 *cert;
	char *one_line, *whole, *stored;
	struct call c = {0};

	(void)state;
	fixture_create_key(&f, ecc("SECP256R1"), 200);
	fixture_install_trust(&f, pki.bundle);
	cert = fixture_certify(&f, &pki, KEY_FILE, &(struct test_cert){.cn = "somebody.else"});
	one_line = test_pem_one_line(cert);
	whole = test_pem(cert);
	fixture_ingest(&f, one_line, &c, 200);
	assert_int_equal(json_array_size(json_object_get(c.body, "checks")), 3);
	/* Taken, but not under a name that peers would accept. */
	assert_int_equal(json_array_size(json_object_get(c.body, "warnings")), 1);
	assert_true(alarm_is_standing(f.d.alarms, "certificate-name", CREDENTIAL_NAME));
	assert_false(alarm_is_standing(f.d.alarms, "certificate-absent", CREDENTIAL_NAME));
	stored = read_file(CERT_FILE);
	assert_string_equal(stored, whole);
	assert_non_null(credential_compiled(f.d.credential));
	call_fini(&c);
	free(one_line);
	free(whole);
	free(stored);
	X509_free(cert);
}

static void test_put_needs_one(void **state)
{
	json_t *body = json_pack("{s:s, s:s}", "name", "custom_ssr_peering", "certificate", "x");
	struct call c = {0};

	(void)state;
	fixture_create_key(&f, ecc("SECP256R1"), 200);
	provision_ingest(f.d.provision, body, true, call_answered, &c);
	call_wait(&f, &c, 404);
	assert_string_equal(call_error(&c), "no-certificate");
	call_fini(&c);
	json_decref(body);
}

/* With a list that names the certificate, from a file. */
static void test_revoked(void **state)
{
	char config[1024], path[128];
	struct test_crl_entry entry = {.reason = 1};
	struct test_crl crl = {
		.issuer = pki.ca, .issuer_key = pki.ca_key, .entry = &entry, .entry_cnt = 1};
	X509 *cert;
	char *pem;

	(void)state;
	snprintf(path, sizeof(path), "%s/list.crl", f.root);
	snprintf(config, sizeof(config),
		"{\"authority\":{\"enhanced-security-key-management\":true,"
		"\"certificate-revocation\":[{\"name\":\"lab\",\"revocation-policy\":\"hard\","
		"\"crl-endpoint\":[{\"name\":\"file\",\"uri\":\"file://%s\"}]}]},%s}",
		path, FIXTURE_ROUTER);
	daemon_fixture_config(&f, config);
	daemon_fixture_reload(&f);
	fixture_create_key(&f, ecc("SECP256R1"), 200);
	fixture_install_trust(&f, pki.bundle);
	cert = fixture_certify(&f, &pki, KEY_FILE, &(struct test_cert){.cn = "east.peering"});
	pem = test_pem(cert);
	/* Under policy hard nothing is good before the list is there. */
	refuse(pem, 422, "revocation-unknown", "revocation");
	entry.cert = cert;
	test_crl_write(path, &crl);
	fixture_refresh(&f);
	refuse(pem, 422, "certificate-revoked", "revocation");
	free(pem);
	X509_free(cert);
}

static json_t *replacement(void)
{
	json_t *body = ecc("SECP521R1");

	json_object_set_new(body, "replace", json_true());
	return body;
}

static void test_replace(void **state)
{
	char *old_key, *old_cert, *now_key, *next_key;
	struct call c = {0};
	X509 *cert;
	char *pem;

	(void)state;
	fixture_provision(&f, &pki);
	old_key = read_file(KEY_FILE);
	old_cert = read_file(CERT_FILE);
	fixture_create_key(&f, ecc("SECP256R"), 409);
	fixture_create_key(&f, replacement(), 200);
	next_key = read_file(KEY_FILE ".new");
	fixture_create_key(&f, replacement(), 200); /* again: the same one */
	now_key = read_file(KEY_FILE ".new");
	assert_string_equal(now_key, next_key);
	free(now_key);
	now_key = read_file(KEY_FILE);
	assert_string_equal(now_key, old_key);
	free(now_key);
	cert = fixture_certify(
		&f, &pki, KEY_FILE ".new", &(struct test_cert){.cn = "east.peering"});
	pem = test_pem(cert);
	fixture_ingest(&f, pem, &c, 200);
	call_fini(&c);
	now_key = read_file(KEY_FILE);
	assert_string_equal(now_key, next_key);
	assert_false(has_file(KEY_FILE ".new"));
	free(now_key);
	now_key = read_file(CERT_FILE);
	assert_string_equal(now_key, pem);
	assert_string_not_equal(now_key, old_cert);
	free(now_key);
	free(old_key);
	free(old_cert);
	free(next_key);
	free(pem);
	X509_free(cert);
}

static void write_file(const char *name, const char *text)
{
	int fd = openat(f.d.pki_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* F1, F2: a crash before, between and after the two renames, and one that never got that far. */
static void test_crash_recovery(void **state)
{
	char *pem, *text;
	X509 *cert;

	(void)state;
	fixture_provision(&f, &pki);
	for (int renamed = 0; renamed < 2; renamed++) {
		fixture_create_key(&f, replacement(), 200);
		cert = fixture_certify(
			&f, &pki, KEY_FILE ".new", &(struct test_cert){.cn = "east.peering"});
		pem = test_pem(cert);
		write_file(CERT_FILE ".new", pem);
		if (renamed)
			assert_int_equal(
				renameat(f.d.pki_fd, KEY_FILE ".new", f.d.pki_fd, KEY_FILE), 0);
		daemon_fixture_restart(&f);
		assert_false(has_file(KEY_FILE ".new"));
		assert_false(has_file(CERT_FILE ".new"));
		text = read_file(CERT_FILE);
		assert_string_equal(text, pem);
		assert_non_null(credential_compiled(f.d.credential));
		free(text);
		free(pem);
		X509_free(cert);
	}
	text = read_file(CERT_FILE);
	pem = test_pem(pki.leaf); /* somebody else's: it belongs to no key here */
	write_file(CERT_FILE ".new", pem);
	daemon_fixture_restart(&f);
	assert_false(has_file(CERT_FILE ".new"));
	free(pem);
	pem = read_file(CERT_FILE);
	assert_string_equal(pem, text);
	assert_non_null(credential_compiled(f.d.credential));
	free(pem);
	free(text);
}

/* A key that others may read is not used. */
static void test_open_key_is_refused(void **state)
{
	(void)state;
	fixture_provision(&f, &pki);
	assert_int_equal(fchmodat(f.d.pki_fd, KEY_FILE, 0644, 0), 0);
	daemon_fixture_restart(&f);
	assert_null(credential_compiled(f.d.credential));
	assert_true(alarm_is_standing(f.d.alarms, "certificate-absent", CREDENTIAL_NAME));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_key_bodies),
		T(test_key_is_made_once),
		T(test_request),
		T(test_refused_certificates),
		T(test_one_line_is_normalised),
		T(test_put_needs_one),
		T(test_revoked),
		T(test_replace),
		T(test_crash_recovery),
		T(test_open_key_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
