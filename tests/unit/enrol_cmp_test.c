/* SPDX-License-Identifier: BSD-3-Clause */
/* Enrolment by CMP against openssl's own server, in every scenario that it offers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/config.h"
#include "control/credential.h"
#include "control/enrol/enrol.h"
#include "control/provision.h"
#include "control/provision_files.h"
#include "tests/unit/enrol_fixture.h"

#define ARGS_MAX 40

static struct enrol_fixture f;

/* Protection by secret, and by certificate. */
#define SECRET "-srv_ref", "router", "-srv_secret", "pass:correct horse"
#define SIGNED                                                                        \
	"-srv_cert", "%tls.pem", "-srv_key", "%tls.key", "-srv_trusted", "%root.pem", \
		"-srv_untrusted", "%ca.pem"

static int set_up(void **state)
{
	(void)state;
	enrol_fixture_open(&f);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	enrol_fixture_stop(&f);
	enrol_fixture_close(&f);
	return 0;
}

static int end(void **state)
{
	(void)state;
	enrol_fixture_end(&f);
	return 0;
}

/* openssl cmp with these options; "%NAME" is a file of the CA's folder. */
static void serve(const char *const *options)
{
	const char *argv[ARGS_MAX] = {"openssl", "cmp", "-config", "", "-port", "0"};
	char path[ARGS_MAX][160];
	size_t n = 6;

	for (; *options != NULL; options++, n++) {
		assert_true(n < ARGS_MAX - 1);
		argv[n] = *options;
		if (**options != '%')
			continue;
		snprintf(path[n], sizeof(path[n]), "%s/%s", f.ca_dir, *options + 1);
		argv[n] = path[n];
	}
	argv[n] = NULL;
	enrol_fixture_serve(&f, argv, "ACCEPT ");
}

#define SERVE(...) serve((const char *const[]){__VA_ARGS__, NULL})

static void use_profile(const char *scheme, unsigned port, const char *more)
{
	char members[512];

	snprintf(members, sizeof(members),
		"\"protocol\":\"cmp\",\"url\":\"%s://127.0.0.1:%u/pkix/\",\"renewal\":false%s%s",
		scheme, port, more[0] != '\0' ? "," : "", more);
	enrol_fixture_profile(&f, members);
}

#define BY_SECRET "\"username\":\"router\",\"secret-file\":\"cmp.secret\""

static void write_pki(const char *name, const char *text)
{
	int fd = openat(f.daemon.d.pki_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* The certificate that the server will return: openssl's has one, whatever is asked. */
static X509 *prepare_certificate(const char *key_file, struct test_cert like)
{
	X509 *cert;

	like.cn = "east.peering";
	cert = fixture_certify(&f.daemon, &f.pki, key_file, &like);
	enrol_fixture_write_cert(&f, "new.pem", cert);
	return cert;
}

static void make_key(const char *name, bool is_replacement)
{
	fixture_create_key(&f.daemon,
		json_pack("{s:s, s:s, s:s, s:b}", "name", name, "algorithm", "ECC", "ecc_curve",
			"SECP256R1", "replace", is_replacement),
		200);
}

static void begin_first(void)
{
	make_key("custom_ssr_peering", false);
	X509_free(prepare_certificate("custom_ssr_peering.key", (struct test_cert){0}));
	write_pki("cmp.secret", "correct horse\n");
}

static void enrol(void)
{
	use_profile("http", f.port, BY_SECRET);
	enrol_fixture_start(&f, json_object(), 202, "");
}

static bool has_certificate(void)
{
	return faccessat(f.daemon.d.pki_fd, "custom_ssr_peering.pem", F_OK, 0) == 0;
}

static void test_by_secret(void **state)
{
	(void)state;
	begin_first();
	SERVE(SECRET, "-rsp_cert", "%new.pem", "-rsp_capubs", "%root.pem", "-rsp_extracerts",
		"%ca.pem");
	enrol();
	enrol_fixture_wait(&f, "done", NULL);
	assert_non_null(credential_compiled(f.daemon.d.credential));
	assert_int_equal(json_array_size(enrol_fixture_get(&f, "offered_ca_certificates")), 2);
}

/* The server's own word that no confirmation is needed does not spare us the check. */
static void test_implicit_confirmation(void **state)
{
	EVP_PKEY *key = test_key_shared(TEST_P384, 1);
	X509 *foreign, *cert;

	(void)state;
	begin_first();
	SERVE(SECRET, "-rsp_cert", "%new.pem", "-grant_implicitconf");
	enrol();
	enrol_fixture_wait(&f, "done", NULL);
	/* The same from a CA that is not trusted. */
	make_key("custom_ssr_peering", true);
	foreign = test_cert_new(&(struct test_cert){.cn = "foreign", .key = key, .is_ca = true});
	cert = prepare_certificate("custom_ssr_peering.key.new",
		(struct test_cert){.issuer = foreign, .issuer_key = key});
	SERVE(SECRET, "-rsp_cert", "%new.pem", "-grant_implicitconf");
	enrol();
	enrol_fixture_wait(&f, "failed", "is refused");
	X509_free(foreign);
	X509_free(cert);
}

static void test_polling(void **state)
{
	(void)state;
	begin_first();
	SERVE(SECRET, "-rsp_cert", "%new.pem", "-poll_count", "2", "-check_after", "1");
	enrol();
	enrol_fixture_wait(&f, "waiting-for-ca", "not decided");
	enrol_fixture_wait(&f, "done", NULL);
}

static void test_by_certificate(void **state)
{
	X509 *maker;
	char *pem;

	(void)state;
	begin_first();
	make_key("maker", false);
	maker = fixture_certify(
		&f.daemon, &f.pki, "maker.key", &(struct test_cert){.cn = "device 4711"});
	pem = test_pem(maker);
	write_pki("maker.pem", pem);
	SERVE(SIGNED, "-rsp_cert", "%new.pem");
	/* Signed by somebody else of the same CA than it is for. */
	use_profile("http", f.port,
		"\"client-credential\":\"maker\",\"recipient\":\"/O=rekey test/CN=issuing\"");
	enrol_fixture_start(&f, json_object(), 202, "");
	enrol_fixture_wait(&f, "failed", "the CA's answer is refused: ");
	use_profile("http", f.port,
		"\"client-credential\":\"maker\",\"recipient\":\"/O=rekey test/CN=localhost\"");
	enrol_fixture_start(&f, json_object(), 202, "");
	enrol_fixture_wait(&f, "done", NULL);
	free(pem);
	X509_free(maker);
}

/* Of the certificate that stands: openssl's server knows one number, and expects it back. */
static char *read_serial(void)
{
	X509 *cert = NULL;
	BIGNUM *number;
	char *hex;

	assert_int_equal(
		provision_read_certificate(f.daemon.d.pki_fd, "custom_ssr_peering", &cert), 0);
	number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	hex = BN_bn2hex(number);
	BN_free(number);
	X509_free(cert);
	return hex;
}

/* A key update with a new key, protected by the old one; then the new one is revoked. */
static void test_update_and_revocation(void **state)
{
	X509 *cert;
	char *serial;

	(void)state;
	fixture_provision(&f.daemon, &f.pki);
	serial = read_serial();
	make_key("custom_ssr_peering", true);
	cert = prepare_certificate(
		"custom_ssr_peering.key.new", (struct test_cert){.serial_hex = serial});
	SERVE(SIGNED, "-rsp_cert", "%new.pem");
	use_profile("http", f.port, "");
	enrol_fixture_start(&f, json_pack("{s:s}", "action", "renew"), 202, "");
	enrol_fixture_wait(&f, "done", NULL);
	assert_int_equal(faccessat(f.daemon.d.pki_fd, "custom_ssr_peering.key.new", F_OK, 0), -1);
	enrol_fixture_start(&f, json_pack("{s:s, s:i}", "action", "revoke", "revocation_reason", 7),
		400, "bad-field");
	enrol_fixture_start(
		&f, json_pack("{s:s, s:i}", "action", "revoke", "revocation_reason", 1), 202, "");
	enrol_fixture_wait(&f, "done", NULL);
	assert_true(json_is_null(enrol_fixture_get(&f, "next_try")));
	OPENSSL_free(serial);
	X509_free(cert);
}

static void test_tls(void **state)
{
	char port[16];
	const char *argv[] = {"python3", getenv("REKEY_TLS_FRONT"), f.ca_dir, port, NULL};
	struct enrol_fixture front;

	(void)state;
	begin_first();
	SERVE(SECRET, "-rsp_cert", "%new.pem");
	snprintf(port, sizeof(port), "%u", f.port);
	front = f;
	front.server = 0;
	enrol_fixture_serve(&front, argv, "");
	use_profile("https", front.port, BY_SECRET);
	enrol_fixture_start(&f, json_object(), 202, "");
	enrol_fixture_wait(&f, "done", NULL);
	/* TLS where there is none: no fall back. */
	use_profile("https", f.port, BY_SECRET);
	enrol_fixture_start(&f,
		json_pack("{s:s}", "ca_profile", f.daemon.d.config->ca_profile[0].url), 202, "");
	enrol_fixture_wait(&f, "failed", NULL);
	enrol_fixture_stop(&front);
}

/* Nothing changes, and the reason is said. */
static void expect_failure(const char *error)
{
	enrol();
	enrol_fixture_wait(&f, "failed", error);
	assert_false(has_certificate());
}

static void test_refusals(void **state)
{
	(void)state;
	begin_first();
	SERVE(SECRET, "-rsp_cert", "%new.pem", "-pkistatus", "2", "-failure", "9", "-statusstring",
		"no such router");
	expect_failure("no such router");
	SERVE(SECRET, "-rsp_cert", "%new.pem", "-send_error");
	expect_failure("error processing message");
	SERVE(SECRET, "-rsp_cert", "%new.pem", "-send_unprotected");
	expect_failure("missing protection");
	SERVE(SECRET, "-rsp_cert", "%new.pem", "-send_error", "-send_unprot_err");
	expect_failure("missing protection");
	SERVE("-srv_ref", "router", "-srv_secret", "pass:another", "-rsp_cert", "%new.pem");
	expect_failure("wrong pbm value");
	/* A server that signs when we hold a secret is not the one that we know. */
	SERVE("-srv_cert", "%foreign.pem", "-srv_key", "%foreign.key", "-rsp_cert", "%new.pem",
		"-accept_unprotected", "-srv_trusted", "%root.pem");
	expect_failure("no suitable sender cert");
	SERVE(SECRET);
	expect_failure("certificate not found");
	enrol_fixture_stop(&f);
	expect_failure("connect");
}

static void test_other_statuses(void **state)
{
	static const char *const status[] = {"0", "1", "3", "4", "5", "6"};

	(void)state;
	begin_first();
	for (size_t i = 0; i < sizeof(status) / sizeof(status[0]); i++) {
		SERVE(SECRET, "-rsp_cert", "%new.pem", "-pkistatus", status[i]);
		enrol();
		/* accepted, with modifications, to be revoked some day: taken; all else is not. */
		if (status[i][0] == '3' || status[i][0] == '6')
			enrol_fixture_wait(&f, "failed", NULL);
		else
			enrol_fixture_wait(&f, "done", NULL);
		if (has_certificate()) {
			struct call c = {0};

			provision_delete_certificate(
				f.daemon.d.provision, "custom_ssr_peering", call_answered, &c);
			call_wait(&f.daemon, &c, 200);
			call_fini(&c);
		}
	}
}

static void test_certificate_for_another_key(void **state)
{
	EVP_PKEY *other = test_key_shared(TEST_P256, 7);
	X509 *cert;

	(void)state;
	begin_first();
	cert = test_cert_new(&(struct test_cert){.cn = "east.peering",
		.key = other,
		.issuer = f.pki.ca,
		.issuer_key = f.pki.ca_key});
	enrol_fixture_write_cert(&f, "new.pem", cert);
	SERVE(SECRET, "-rsp_cert", "%new.pem");
	expect_failure("for another key");
	X509_free(cert);
}

static void test_certificate_that_is_bad(void **state)
{
	const int64_t now = time(NULL);
	X509 *cert;

	(void)state;
	begin_first();
	cert = prepare_certificate("custom_ssr_peering.key",
		(struct test_cert){.not_before = now - 9 * TEST_DAY, .not_after = now - TEST_DAY});
	SERVE(SECRET, "-rsp_cert", "%new.pem");
	expect_failure("expired");
	X509_free(cert);
	cert = prepare_certificate("custom_ssr_peering.key", (struct test_cert){.is_ca = true});
	SERVE(SECRET, "-rsp_cert", "%new.pem");
	expect_failure("is refused");
	X509_free(cert);
}

static void test_nothing_to_protect_with(void **state)
{
	(void)state;
	begin_first();
	use_profile("http", 1, "");
	enrol_fixture_start(&f, json_object(), 202, "");
	enrol_fixture_wait(&f, "failed", "shared secret");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_by_secret),
		T(test_implicit_confirmation),
		T(test_polling),
		T(test_by_certificate),
		T(test_update_and_revocation),
		T(test_tls),
		T(test_refusals),
		T(test_other_statuses),
		T(test_certificate_for_another_key),
		T(test_certificate_that_is_bad),
		T(test_nothing_to_protect_with),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
