/* SPDX-License-Identifier: BSD-3-Clause */
/* The listener follows the configuration and the files of its certificate, without a restart. */
#include "tests/unit/configuration_fixture.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>

#include "control/alarms.h"
#include "control/rest/rest.h"

#define CONFIG                                                         \
	"{\"version\":2,\"router\":{\"name\":\"east\",\"node\":\"n\"," \
	"\"peering-common-name\":\"east.peering\",\"rest-api\":{\"listen\":[\"127.0.0.1:0\"]}}}"

/* One TLS client in a thread of its own, while the daemon's loop runs here. */
struct visit {
	const char *address;
	unsigned port;
	X509 *cert; /* the client's, NULL */
	EVP_PKEY *key;
	bool is_ended;
	bool is_connected;
	bool is_answered; /* a whole request */
	char peer[256];   /* subject and serial of the server's certificate */
};

static void describe(const SSL *ssl, char *out, size_t size)
{
	X509 *cert = SSL_get1_peer_certificate(ssl);
	BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *text = BN_bn2hex(serial);

	snprintf(out, size, "%s", text);
	OPENSSL_free(text);
	BN_free(serial);
	X509_free(cert);
}

static void *go(void *arg)
{
	static const char request[] = "GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n";
	struct visit *v = arg;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)v->port)};
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(ctx);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char answer[64] = "";

	if (v->cert != NULL) {
		SSL_use_certificate(ssl, v->cert);
		SSL_use_PrivateKey(ssl, v->key);
	}
	inet_pton(AF_INET, v->address, &to.sin_addr);
	v->is_connected = connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
	SSL_set_fd(ssl, fd);
	if (v->is_connected && SSL_connect(ssl) == 1) {
		describe(ssl, v->peer, sizeof(v->peer));
		v->is_answered = SSL_write(ssl, request, sizeof(request) - 1) > 0 &&
				 SSL_read(ssl, answer, sizeof(answer) - 1) > 0 &&
				 strncmp(answer, "HTTP/1.1 200", 12) == 0;
	}
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
	__atomic_store_n(&v->is_ended, true, __ATOMIC_RELEASE);
	return NULL;
}

static bool has_ended(void *arg)
{
	return __atomic_load_n(&((struct visit *)arg)->is_ended, __ATOMIC_ACQUIRE);
}

static struct visit visit(const char *address, unsigned port, X509 *cert, EVP_PKEY *key)
{
	struct visit v = {.address = address, .port = port, .cert = cert, .key = key};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, go, &v), 0);
	daemon_fixture_run(&f, has_ended, &v);
	pthread_join(thread, NULL);
	return v;
}

static int open_listening(void **state)
{
	set_up(state);
	daemon_close(&f.d);
	f.options.listen[0] = NULL;
	f.options.listen_cnt = 0;
	daemon_fixture_config(&f, CONFIG);
	return daemon_open(&f.d, &f.options);
}

static void commit_item(const char *item, json_t *value, int status)
{
	struct call c = {0};

	edit(json_pack("[{s:s, s:[s,s,s], s:o}]", "op", "set", "path", "router", "rest-api", item,
		     "value", value),
		200);
	commit(json_object(), &c, status);
	call_fini(&c);
}

static void test_addresses(void **state)
{
	unsigned first = rest_port(f.d.rest, 0), second;

	(void)state;
	assert_true(first > 0);
	assert_true(visit("127.0.0.1", first, NULL, NULL).is_answered);
	commit_item("listen", json_pack("[s,s]", "127.0.0.1:0", "127.0.0.2:0"), 200);
	second = rest_port(f.d.rest, 1);
	assert_int_equal(rest_port(f.d.rest, 0), first);
	assert_true(visit("127.0.0.1", first, NULL, NULL).is_answered);
	assert_true(visit("127.0.0.2", second, NULL, NULL).is_answered);
	/* One that cannot be bound leaves all as it was, and an alarm. */
	commit_item("listen", json_pack("[s,s]", "127.0.0.3:0", "192.0.2.77:1"), 200);
	assert_true(alarm_is_standing(f.d.alarms, "rest-listener", "addresses"));
	assert_true(visit("127.0.0.1", first, NULL, NULL).is_answered);
	assert_true(visit("127.0.0.2", second, NULL, NULL).is_answered);
	commit_item("listen", json_pack("[s]", "127.0.0.2:0"), 200);
	assert_false(alarm_is_standing(f.d.alarms, "rest-listener", "addresses"));
	assert_int_equal(rest_port(f.d.rest, 0), second);
	assert_true(visit("127.0.0.2", second, NULL, NULL).is_answered);
	assert_false(visit("127.0.0.1", first, NULL, NULL).is_connected);
	edit(json_pack("[{s:s, s:[s,s,s], s:[s]}]", "op", "set", "path", "router", "rest-api",
		     "listen", "value", "localhost:1"),
		422);
}

/* New files, a reload: new connections see the new certificate. Bad files: the old one goes on. */
static void test_certificate(void **state)
{
	unsigned port = rest_port(f.d.rest, 0);
	struct visit before = visit("127.0.0.1", port, NULL, NULL), after;
	char *pem = test_pem(pki.leaf), *key = test_key_pem(pki.leaf_key);
	int fd;

	(void)state;
	assert_true(before.is_answered);
	fd = openat(f.d.state_fd, "web.pem", O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(write(fd, pem, strlen(pem)), (ssize_t)strlen(pem));
	close(fd);
	daemon_fixture_reload(&f); /* the key is another's */
	assert_true(alarm_is_standing(f.d.alarms, "rest-listener", "certificate"));
	after = visit("127.0.0.1", port, NULL, NULL);
	assert_string_equal(after.peer, before.peer);
	fd = openat(f.d.state_fd, "web.key", O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(write(fd, key, strlen(key)), (ssize_t)strlen(key));
	close(fd);
	daemon_fixture_reload(&f);
	assert_false(alarm_is_standing(f.d.alarms, "rest-listener", "certificate"));
	after = visit("127.0.0.1", port, NULL, NULL);
	assert_true(after.is_answered);
	assert_string_not_equal(after.peer, before.peer);
	free(pem);
	free(key);
}

static void test_client_certificates(void **state)
{
	X509 *good = test_cert_new(&(struct test_cert){.cn = "client",
		.key = test_key_shared(TEST_P256, 6),
		.issuer = pki.ca,
		.issuer_key = pki.ca_key});
	X509 *bad = test_cert_new(
		&(struct test_cert){.cn = "client", .key = test_key_shared(TEST_P256, 6)});
	static const char cut[] = "-----BEGIN CERTIFICATE-----\nMIIB\n";
	EVP_PKEY *key = test_key_shared(TEST_P256, 6);
	unsigned port = rest_port(f.d.rest, 0);
	int fd;

	(void)state;
	/* Without a CA nobody could come in. */
	commit_item("client-certificate-required", json_true(), 422);
	commit_item("client-ca", json_string("absent"), 422);
	/* Damaged behind the first CA: not half of it is taken, but nothing. */
	fd = openat(f.d.pki_fd, "clients.pem", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, pki.bundle, strlen(pki.bundle)), (ssize_t)strlen(pki.bundle));
	assert_int_equal(write(fd, cut, strlen(cut)), (ssize_t)strlen(cut));
	commit_item("client-ca", json_string("clients"), 422);
	assert_true(visit("127.0.0.1", port, NULL, NULL).is_answered);
	assert_int_equal(ftruncate(fd, (off_t)strlen(pki.bundle)), 0);
	close(fd);
	commit_item("client-ca", json_string("clients"), 200);
	assert_false(visit("127.0.0.1", port, NULL, NULL).is_answered);
	assert_false(visit("127.0.0.1", port, bad, key).is_answered);
	assert_true(visit("127.0.0.1", port, good, key).is_answered);
	/* Optional: without is fine, with a wrong one is not. */
	commit_item("client-certificate-required", json_false(), 200);
	assert_true(visit("127.0.0.1", port, NULL, NULL).is_answered);
	assert_false(visit("127.0.0.1", port, bad, key).is_answered);
	X509_free(good);
	X509_free(bad);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_listening, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_addresses),
		T(test_certificate),
		T(test_client_certificates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
