/* SPDX-License-Identifier: BSD-3-Clause */
/* Enrolment by EST: first, waiting, renewed by itself, refused; the old pair stands meanwhile. */
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
#include "control/config.h"
#include "control/credential.h"
#include "control/enrol/enrol.h"
#include "control/provision_private.h"
#include "pki/x509/name.h"
#include "tests/unit/enrol_fixture.h"

static struct enrol_fixture f;

static int set_up(void **state)
{
	const char *argv[] = {"python3", getenv("REKEY_EST_SERVER"), NULL, NULL};

	(void)state;
	enrol_fixture_open(&f);
	argv[2] = f.ca_dir;
	if (f.server == 0)
		enrol_fixture_serve(&f, argv, "");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	enrol_fixture_close(&f);
	return 0;
}

static int end(void **state)
{
	(void)state;
	enrol_fixture_end(&f);
	return 0;
}

static void use_label(const char *label, const char *more)
{
	char members[512];

	snprintf(members, sizeof(members),
		"\"url\":\"https://127.0.0.1:%u/.well-known/est/%s\"%s%s", f.port, label,
		more[0] != '\0' ? "," : "", more);
	enrol_fixture_profile(&f, members);
}

static bool has_file(const char *name)
{
	return faccessat(f.daemon.d.pki_fd, name, F_OK, 0) == 0;
}

static void write_secret(const char *text, mode_t mode)
{
	int fd = openat(
		f.daemon.d.pki_fd, "est.secret", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* 60 days of the server's 90, less up to a twentieth of them: how many seconds of jitter. */
static int64_t renewal_jitter(void)
{
	const char *text = json_string_value(enrol_fixture_get(&f, "next_try"));
	X509 *cert = NULL;
	struct tm tm = {0};
	int64_t begin, jitter;

	assert_non_null(text);
	assert_non_null(strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm));
	assert_int_equal(
		provision_read_certificate(f.daemon.d.pki_fd, "custom_ssr_peering", &cert), 0);
	assert_true(pki_asn1_time(X509_get0_notBefore(cert), &begin));
	X509_free(cert);
	jitter = begin + 60 * TEST_DAY - timegm(&tm);
	assert_true(jitter >= 0 && jitter <= 90 * TEST_DAY / 20);
	return jitter;
}

static void test_first_enrolment(void **state)
{
	static const char *const labels[] = {"plain", "wrapped"};
	int64_t jitter[2];

	(void)state;
	enrol_fixture_start(&f, json_object(), 404, "no-ca-profile");
	for (size_t i = 0; i < 2; i++) {
		use_label(labels[i], "");
		enrol_fixture_start(&f,
			json_pack("{s:[{s:s, s:s}], s:s}", "subject_alt_names", "type",
				"urn_ssr_peering", "value", "east.peering", "organization_name",
				"Lab"),
			202, "");
		enrol_fixture_wait(&f, "done", NULL);
		assert_non_null(credential_compiled(f.daemon.d.credential));
		assert_false(has_file("custom_ssr_peering.key.new"));
		assert_true(json_is_null(enrol_fixture_get(&f, "error")));
		assert_int_equal(
			json_array_size(enrol_fixture_get(&f, "offered_ca_certificates")), 2);
		jitter[i] = renewal_jitter();
	}
	assert_true(jitter[0] != jitter[1]); /* once in four hundred thousand it is not */
	/* 60 of 90 days from now, less at most a twentieth: in the answer, and after a restart. */
	assert_true(json_is_string(enrol_fixture_get(&f, "next_try")));
	/* A call that is refused changes nothing, and does not cost the renewal. */
	enrol_fixture_start(&f, json_pack("{s:s}", "country_name", "Germany"), 400, "bad-field");
	assert_string_equal(json_string_value(enrol_fixture_get(&f, "state")), "done");
	assert_true(json_is_string(enrol_fixture_get(&f, "next_try")));
	enrol_fixture_start(&f, json_object(), 202, "");
	enrol_fixture_wait(&f, "done", NULL);
	daemon_fixture_restart(&f.daemon);
	assert_string_equal(json_string_value(enrol_fixture_get(&f, "state")), "done");
	assert_true(json_is_string(enrol_fixture_get(&f, "next_try")));
	assert_true(json_is_string(enrol_fixture_get(&f, "last_success")));
}

static void test_url_without_path(void **state)
{
	char members[128];

	(void)state;
	snprintf(members, sizeof(members), "\"url\":\"https://127.0.0.1:%u/\"", f.port);
	enrol_fixture_profile(&f, members);
	enrol_fixture_start(&f, json_object(), 202, "");
	enrol_fixture_wait(&f, "done", NULL);
}

static void test_waiting(void **state)
{
	(void)state;
	use_label("wait", "");
	enrol_fixture_start(&f, json_object(), 202, "");
	enrol_fixture_wait(&f, "waiting-for-ca", "not decided");
	enrol_fixture_start(&f, json_object(), 409, "busy");
	/* A restart asks for the same request again. */
	daemon_fixture_restart(&f.daemon);
	assert_string_equal(json_string_value(enrol_fixture_get(&f, "state")), "waiting-for-ca");
	enrol_fixture_wait(&f, "done", NULL);
	assert_non_null(credential_compiled(f.daemon.d.credential));
}

static bool is_postponed(void *arg)
{
	const char *error = json_string_value(enrol_fixture_get(&f, "error"));

	(void)arg;
	return error != NULL && strstr(error, "another key") != NULL;
}

/* What the CA has signed is not lost when somebody else is at the files; nor is it a failure. */
static void test_busy_when_it_arrives(void **state)
{
	(void)state;
	use_label("wait-once", "");
	enrol_fixture_start(&f, json_object(), 202, "");
	enrol_fixture_wait(&f, "waiting-for-ca", "not decided");
	f.daemon.d.provision->is_busy = true;
	for (int i = 0; i < 3 && !is_postponed(NULL); i++)
		daemon_fixture_idle(&f.daemon, 1500);
	assert_true(is_postponed(NULL));
	assert_int_equal(json_integer_value(enrol_fixture_get(&f, "failures")), 0);
	enrol_fixture_stop(&f); /* it is not asked again */
	f.daemon.d.provision->is_busy = false;
	enrol_fixture_wait(&f, "done", NULL);
}

static void test_password(void **state)
{
	const char *const profile = "\"username\":\"router\",\"secret-file\":\"est.secret\"";

	(void)state;
	use_label("password", profile);
	enrol_fixture_start(&f, json_object(), 409, "not-ready"); /* no such file */
	write_secret("correct horse\n", 0644);
	enrol_fixture_start(&f, json_object(), 409, "not-ready"); /* others may read it */
	assert_null(enrol_fixture_get(&f, "state"));              /* nothing was begun */
	write_secret("wrong", 0600);
	enrol_fixture_start(&f, json_object(), 202, "");
	enrol_fixture_wait(&f, "failed", "credentials");
	write_secret("correct horse\n", 0600);
	enrol_fixture_start(&f, json_object(), 202, "");
	enrol_fixture_wait(&f, "done", NULL);
}

static void test_client_certificate(void **state)
{
	json_t *key = json_pack(
		"{s:s, s:s, s:s}", "name", "maker", "algorithm", "ECC", "ecc_curve", "SECP256R1");
	X509 *cert;
	char *pem, path[128];
	FILE *out;

	(void)state;
	use_label("certificate", "");
	enrol_fixture_start(&f, json_object(), 202, "");
	enrol_fixture_wait(&f, "failed", "credentials");
	fixture_create_key(&f.daemon, key, 200);
	cert = fixture_certify(
		&f.daemon, &f.pki, "maker.key", &(struct test_cert){.cn = "device 4711"});
	pem = test_pem(cert);
	snprintf(path, sizeof(path), "%s/maker.pem", f.daemon.dir[3]);
	out = fopen(path, "w");
	assert_true(fputs(pem, out) >= 0);
	fclose(out);
	use_label("certificate", "\"client-credential\":\"maker\"");
	enrol_fixture_start(&f, json_object(), 202, "");
	enrol_fixture_wait(&f, "done", NULL);
	free(pem);
	X509_free(cert);
}

/* Whatever is wrong with the answer: nothing changes, and the reason is said. */
static void test_bad_answers(void **state)
{
	static const struct {
		const char *label, *error;
	} cases[] = {
		{"another", "another key"},
		{"foreign", "unable to get local issuer"},
		{"empty", "no certs-only"},
		{"html", "no certs-only"},
		{"damaged", "no certs-only"},
		{"cut", "no certs-only"},
		{"trailing", "no certs-only"},
		{"huge", "larger than"},
		{"refuse", "no such router [31m"}, /* the escape is gone */
		{"latin", "K?ln"},                 /* no UTF-8 */
		{"elsewhere", "HTTP status 302"},
		{"broken", "HTTP status 503"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		use_label(cases[i].label, "");
		enrol_fixture_start(&f, json_object(), 202, "");
		enrol_fixture_wait(&f, "failed", cases[i].error);
		assert_false(has_file("custom_ssr_peering.pem"));
	}
	/* A failure that may pass is tried again by itself, and can be forgotten. */
	assert_true(json_is_string(enrol_fixture_get(&f, "next_try")));
	{
		struct answer a;

		enrol_delete(f.daemon.d.enrol, "custom_ssr_peering", &a);
		assert_int_equal(a.status, 200);
		answer_fini(&a);
		enrol_show(f.daemon.d.enrol, "custom_ssr_peering", &a);
		assert_int_equal(a.status, 404);
		answer_fini(&a);
	}
}

/* The server's certificate must lead to what is trusted here, and be for its name. */
static void test_server_is_checked(void **state)
{
	char members[256];

	(void)state;
	snprintf(members, sizeof(members),
		"\"url\":\"https://127.0.0.2:%u/\",\"tls-ca-file\":\"tls-ca.pem\"", f.port);
	enrol_fixture_profile(&f, members);
	enrol_fixture_start(&f, json_object(), 409, "not-ready");
	/* Damaged behind the right CA: the file is not taken. */
	snprintf(members, sizeof(members), "(cat %s/root.pem; head -3 %s/ca.pem) >%s/tls-ca.pem",
		f.ca_dir, f.ca_dir, f.daemon.dir[3]);
	assert_int_equal(system(members), 0);
	use_label("plain", "\"tls-ca-file\":\"tls-ca.pem\"");
	enrol_fixture_start(&f, json_object(), 409, "not-ready");
	snprintf(members, sizeof(members), "cp %s/foreign.pem %s/tls-ca.pem", f.ca_dir,
		f.daemon.dir[3]);
	assert_int_equal(system(members), 0);
	use_label("plain", "\"tls-ca-file\":\"tls-ca.pem\"");
	enrol_fixture_start(&f, json_object(), 202, "");
	enrol_fixture_wait(&f, "failed", "certificate");
	/* The right CA, but the server is called otherwise. */
	snprintf(members, sizeof(members), "cp %s/root.pem %s/tls-ca.pem", f.ca_dir,
		f.daemon.dir[3]);
	assert_int_equal(system(members), 0);
	use_label("plain", "\"tls-ca-file\":\"tls-ca.pem\"");
	enrol_fixture_start(&f, json_object(), 202, "");
	enrol_fixture_wait(&f, "done", NULL);
}

static bool is_alarm_standing(void *arg)
{
	(void)arg;
	return alarm_is_standing(f.daemon.d.alarms, "enrolment-failing", "custom_ssr_peering");
}

/*
 * A certificate whose two thirds are over is renewed by itself, with a new key; while the CA says
 * no, the old pair stands, and the third failure raises the alarm, which success clears.
 */
static void test_renewal(void **state)
{
	const int64_t now = time(NULL);
	char *old_pem, *new_pem;
	X509 *cert;
	char *pem;
	struct call c = {0};

	(void)state;
	use_label("plain", "");
	enrol_fixture_start(&f, json_object(), 202, "");
	enrol_fixture_wait(&f, "done", NULL);
	/* Somebody ingests another one by hand, most of whose life is over. */
	cert = fixture_certify(&f.daemon, &f.pki, "custom_ssr_peering.key",
		&(struct test_cert){.cn = "east.peering",
			.not_before = now - 80 * TEST_DAY,
			.not_after = now + 20 * TEST_DAY});
	pem = old_pem = test_pem(cert);
	fixture_ingest(&f.daemon, pem, &c, 200);
	call_fini(&c);
	use_label("refuse", "\"renewal\":false");
	for (int i = 0; i < 3; i++) {
		assert_false(is_alarm_standing(NULL));
		enrol_fixture_start(&f,
			json_pack("{s:s, s:s}", "action", "renew", "ca_profile",
				f.daemon.d.config->ca_profile[0].url),
			202, "");
		enrol_fixture_wait(&f, "failed", "no such router");
		assert_true(has_file("custom_ssr_peering.pem"));
		assert_non_null(credential_compiled(f.daemon.d.credential));
	}
	daemon_fixture_run(&f.daemon, is_alarm_standing, NULL);
	use_label("plain", "");
	enrol_fixture_start(&f,
		json_pack("{s:s, s:s}", "action", "renew", "ca_profile",
			f.daemon.d.config->ca_profile[0].url),
		202, "");
	enrol_fixture_wait(&f, "done", NULL);
	assert_false(is_alarm_standing(NULL));
	assert_false(has_file("custom_ssr_peering.key.new"));
	new_pem = calloc(1, 16384);
	{
		int fd = openat(f.daemon.d.pki_fd, "custom_ssr_peering.pem", O_RDONLY | O_CLOEXEC);

		assert_true(read(fd, new_pem, 16383) > 0);
		close(fd);
	}
	assert_string_not_equal(new_pem, old_pem);
	/* By itself: the plan of a certificate that is due begins at once. */
	fixture_create_key(&f.daemon,
		json_pack("{s:s, s:s, s:s, s:b}", "name", "custom_ssr_peering", "algorithm", "ECC",
			"ecc_curve", "SECP256R1", "replace", 1),
		200);
	X509_free(cert);
	cert = fixture_certify(&f.daemon, &f.pki, "custom_ssr_peering.key.new",
		&(struct test_cert){.cn = "east.peering",
			.not_before = now - 80 * TEST_DAY,
			.not_after = now + 20 * TEST_DAY});
	pem = test_pem(cert);
	fixture_ingest(&f.daemon, pem, &c, 200);
	call_fini(&c);
	daemon_fixture_reload(&f.daemon);
	enrol_fixture_wait(&f, "requesting", NULL);
	enrol_fixture_wait(&f, "done", NULL);
	assert_string_equal(json_string_value(enrol_fixture_get(&f, "action")), "renew");
	free(pem);
	free(old_pem);
	free(new_pem);
	X509_free(cert);
}

/* Of the one alarm there is; "" without one. */
static const char *severity(void)
{
	static char out[16];
	struct answer a;
	json_t *alarm;
	size_t i;

	out[0] = '\0';
	alarms_list(f.daemon.d.alarms, true, &a);
	json_array_foreach(json_object_get(a.body, "alarms"), i, alarm)
	{
		if (strcmp(json_string_value(json_object_get(alarm, "kind")),
			    "enrolment-failing") == 0)
			snprintf(out, sizeof(out), "%s",
				json_string_value(json_object_get(alarm, "severity")));
	}
	answer_fini(&a);
	return out;
}

/* Somebody installs a certificate with so much time left; then the CA refuses another renewal. */
static void refuse_with(int64_t left)
{
	X509 *cert = fixture_certify(&f.daemon, &f.pki, "custom_ssr_peering.key",
		&(struct test_cert){.cn = "east.peering",
			.not_before = time(NULL) - 80 * TEST_DAY,
			.not_after = time(NULL) + left});
	char *pem = test_pem(cert);
	struct call c = {0};

	fixture_ingest(&f.daemon, pem, &c, 200);
	call_fini(&c);
	enrol_fixture_start(&f,
		json_pack("{s:s, s:s}", "action", "renew", "ca_profile",
			f.daemon.d.config->ca_profile[0].url),
		202, "");
	enrol_fixture_wait(&f, "failed", "no such router");
	free(pem);
	X509_free(cert);
}

/* A renewal that fails is nothing to wake up for, until a week is left. */
static void test_alarm_grows(void **state)
{
	struct answer a;

	(void)state;
	use_label("plain", "");
	enrol_fixture_start(&f, json_object(), 202, "");
	enrol_fixture_wait(&f, "done", NULL);
	use_label("refuse", "\"renewal\":false");
	for (int i = 0; i < 3; i++)
		refuse_with(7 * TEST_DAY + 3600);
	assert_string_equal(severity(), "MINOR");
	refuse_with(7 * TEST_DAY - 3600);
	assert_string_equal(severity(), "MAJOR");
	daemon_fixture_restart(&f.daemon);
	assert_string_equal(severity(), "MAJOR");
	enrol_delete(f.daemon.d.enrol, "custom_ssr_peering", &a);
	assert_int_equal(a.status, 200);
	answer_fini(&a);
	assert_string_equal(severity(), "");
}

/* A CA that gives out what is due already is not asked again at once. */
static void test_old_certificate(void **state)
{
	(void)state;
	use_label("old", "");
	enrol_fixture_start(&f, json_object(), 202, "");
	enrol_fixture_wait(&f, "done", NULL);
	daemon_fixture_idle(&f.daemon, 1500);
	assert_string_equal(json_string_value(enrol_fixture_get(&f, "state")), "done");
	assert_string_equal(json_string_value(enrol_fixture_get(&f, "action")), "enrol");
	assert_true(json_is_string(enrol_fixture_get(&f, "next_try")));
}

static void test_revocation_is_not_est(void **state)
{
	(void)state;
	use_label("plain", "");
	enrol_fixture_start(&f, json_pack("{s:s}", "action", "revoke"), 404, "no-certificate");
	enrol_fixture_start(&f, json_object(), 202, "");
	enrol_fixture_wait(&f, "done", NULL);
	enrol_fixture_start(&f, json_pack("{s:s}", "action", "revoke"), 409, "not-ready");
	enrol_fixture_start(&f, json_pack("{s:s}", "action", "dance"), 400, "bad-field");
	enrol_fixture_start(&f, json_pack("{s:s}", "name", "../x"), 400, "bad-field");
	enrol_fixture_start(&f, json_pack("{s:s}", "what", "x"), 400, "unknown-field");
	enrol_fixture_start(&f, json_pack("{s:s}", "country_name", "Germany"), 400, "bad-field");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_first_enrolment),
		T(test_url_without_path),
		T(test_waiting),
		T(test_busy_when_it_arrives),
		T(test_password),
		T(test_client_certificate),
		T(test_bad_answers),
		T(test_server_is_checked),
		T(test_renewal),
		T(test_alarm_grows),
		T(test_old_certificate),
		T(test_revocation_is_not_est),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
