/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The CRL manager with real lists and a real master list on disk; the publisher, the alarms and
 * the audit log are doubles that remember what they were told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/alarms.h"
#include "control/audit.h"
#include "control/config.h"
#include "control/crl/manager.h"
#include "control/helper.h"
#include "control/publish.h"
#include "control/trust.h"
#include "pki/store/master_list.h"
#include "pki/x509/trust.h"
#include "tests/unit/crl_doubles.h"
#include "tests/unit/test_ca.h"

/* ---- the bench ------------------------------------------------------------------------------- */

struct bench {
	struct daemon d;
	struct config config;
	struct config_crl_source source;
	struct config_crl_endpoint endpoint;
	struct test_pki pki;
	struct evhttp *http;    /* NULL: the list is a file */
	unsigned unchanged_cnt; /* answers of 304 */
	char dir[64];
	char path[128];
	char uri[160];
	struct answer answer;
	bool is_answered;
};

static void open_manager(struct bench *b)
{
	assert_int_equal(helper_pool_new(b->d.base, 1, 16, &b->d.helpers), 0);
	assert_int_equal(crl_manager_open(&b->d, &b->d.crl), 0);
}

static void close_manager(struct bench *b)
{
	helper_pool_free(b->d.helpers);
	crl_manager_close(b->d.crl);
}

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct pki_bundle bundle = {.name = "test", .mode = PKI_MODE_STRICT};
	struct pki_trust_config config = {
		.bundle = &bundle, .bundle_cnt = 1, .generation = 1, .now = time(NULL)};

	memset(&seen, 0, sizeof(seen));
	seen.publish_status = 200;
	test_pki_init(&b->pki, "west");
	bundle.text = b->pki.bundle;
	bundle.len = strlen(b->pki.bundle);
	assert_int_equal(pki_trust_new(&config, NULL, &seen.trust), 0);
	strcpy(b->dir, "/tmp/rekey-crl-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->path, sizeof(b->path), "%s/ca.crl", b->dir);
	snprintf(b->uri, sizeof(b->uri), "file://%s", b->path);
	b->endpoint = (struct config_crl_endpoint){.name = "issuing", .uri = b->uri};
	b->source = (struct config_crl_source){.name = "lab",
		.polling_interval_ns = UINT64_C(3600000000000),
		.backoff_interval_ns = 1,
		.endpoint = &b->endpoint,
		.endpoint_cnt = 1};
	b->config = (struct config){.crl = &b->source, .crl_cnt = 1};
	b->d.config = &b->config;
	b->d.base = event_base_new();
	b->d.state_fd = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	open_manager(b);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const files[] = {"ca.crl", MASTER_LIST_FILE, MASTER_LIST_FILE_PREVIOUS};
	struct bench *b = *state;
	size_t i;

	close_manager(b);
	if (b->http != NULL)
		evhttp_free(b->http);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlinkat(b->d.state_fd, files[i], 0);
	assert_int_equal(rmdir(b->dir), 0); /* nothing else was left behind */
	close(b->d.state_fd);
	event_base_free(b->d.base);
	json_decref(b->answer.body);
	pki_trust_put(seen.trust);
	test_pki_fini(&b->pki);
	free(b);
	return 0;
}

static void put_file(struct bench *b, const void *data, size_t len)
{
	FILE *f = fopen(b->path, "wb");

	assert_int_equal(fwrite(data, 1, len, f), len);
	fclose(f);
}

static void put_crl(struct bench *b, long number, const struct test_crl_entry *entry, unsigned cnt)
{
	struct test_crl crl = {.issuer = b->pki.ca,
		.issuer_key = b->pki.ca_key,
		.number = number,
		.entry = entry,
		.entry_cnt = cnt};
	X509_CRL *made = test_crl_new(&crl);
	size_t len;
	uint8_t *der = test_crl_der(made, &len);

	put_file(b, der, len);
	free(der);
	X509_CRL_free(made);
}

static void keep_answer(void *arg, struct answer *a)
{
	struct bench *b = arg;

	b->answer = *a;
	b->answer.body = json_incref(a->body);
	b->is_answered = true;
}

/* The first source of the answer; borrowed until the next refresh. */
static json_t *refresh(struct bench *b)
{
	json_t *request = json_object();
	int turns = 0;

	json_decref(b->answer.body);
	b->is_answered = false;
	crl_manager_refresh(b->d.crl, request, keep_answer, b);
	json_decref(request);
	while (!b->is_answered && turns++ < 1000)
		event_base_loop(b->d.base, EVLOOP_ONCE);
	assert_true(b->is_answered);
	assert_int_equal(b->answer.status, seen.publish_status);
	return json_array_get(json_object_get(b->answer.body, "sources"), 0);
}

static bool is_revoked(struct bench *b, const X509 *cert)
{
	struct master_list *list = crl_manager_master_list(b->d.crl);
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	unsigned char *issuer = NULL;
	int len = i2d_X509_NAME(X509_get_issuer_name(cert), &issuer);
	struct master_entry entry;
	bool found = master_list_find(list, (struct rk_span){issuer, (size_t)len},
		(struct rk_span){ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial)},
		&entry, NULL);

	OPENSSL_free(issuer);
	return found;
}

/* The file again, by a server that keeps to its validators. */
static void serve(struct evhttp_request *req, void *arg)
{
	struct bench *b = arg;
	struct evbuffer *body = evbuffer_new();
	int fd = open(b->path, O_RDONLY | O_CLOEXEC);

	if (evhttp_find_header(evhttp_request_get_input_headers(req), "If-None-Match") != NULL) {
		b->unchanged_cnt++;
		evhttp_send_reply(req, 304, "Not Modified", NULL);
	} else {
		assert_true(evbuffer_read(body, fd, 65536) > 0);
		evhttp_add_header(evhttp_request_get_output_headers(req), "ETag", "\"v1\"");
		evhttp_send_reply(req, 200, "OK", body);
	}
	close(fd);
	evbuffer_free(body);
}

static void start_server(struct bench *b)
{
	struct evhttp_bound_socket *bound;
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	b->http = evhttp_new(b->d.base);
	evhttp_set_gencb(b->http, serve, b);
	bound = evhttp_bind_socket_with_handle(b->http, "127.0.0.1", 0);
	assert_non_null(bound);
	assert_int_equal(getsockname(evhttp_bound_socket_get_fd(bound), (void *)&sin, &len), 0);
	snprintf(b->uri, sizeof(b->uri), "http://127.0.0.1:%u/ca.crl", ntohs(sin.sin_port));
	b->source.is_local_address_allowed = true;
}

/* Runs the loop until an alarm of that kind stands; "" = none does. */
static void wait_for_alarm(struct bench *b, const char *kind)
{
	for (int turns = 0; turns < 1000 && strcmp(seen.alarm_kind, kind) != 0; turns++)
		event_base_loop(b->d.base, EVLOOP_ONCE);
	assert_string_equal(seen.alarm_kind, kind);
}

#define text_of(object, key) json_string_value(json_object_get(object, key))

/* ---- tests ----------------------------------------------------------------------------------- */

static void revocation_is_fetched_published_and_kept(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf, .reason = 1};
	json_t *source;

	put_crl(b, 1, NULL, 0);
	crl_manager_discover(b->d.crl);
	source = refresh(b);
	assert_string_equal(text_of(source, "name"), "lab/issuing");
	assert_int_equal(json_integer_value(json_object_get(source, "entries")), 0);
	assert_false(is_revoked(b, b->pki.leaf));

	put_crl(b, 2, &west, 1);
	source = refresh(b);
	assert_int_equal(json_integer_value(json_object_get(source, "entries")), 1);
	assert_null(text_of(source, "last_error"));
	assert_non_null(text_of(source, "next_update"));
	assert_true(is_revoked(b, b->pki.leaf));
	assert_int_equal(seen.marked_cnt, 2);
	assert_int_equal(seen.flushed_cnt, 2);
	assert_int_equal(seen.audit_cnt, 2);
	assert_string_equal(seen.alarm_kind, "");

	close_manager(b); /* as a restart finds it */
	unlink(b->path);
	open_manager(b);
	assert_true(is_revoked(b, b->pki.leaf));
}

static void same_list_is_no_news(void **state)
{
	struct bench *b = *state;

	put_crl(b, 1, NULL, 0);
	crl_manager_discover(b->d.crl);
	refresh(b);
	refresh(b);
	refresh(b);
	assert_int_equal(seen.marked_cnt, 1);
	assert_int_equal(seen.audit_cnt, 1);
}

static void older_number_is_refused(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf};
	json_t *source;

	put_crl(b, 7, &west, 1);
	crl_manager_discover(b->d.crl);
	refresh(b);
	put_crl(b, 6, NULL, 0);
	source = refresh(b);
	assert_non_null(strstr(text_of(source, "last_error"), "rollback"));
	assert_string_equal(seen.alarm_kind, "crl-refused");
	assert_true(is_revoked(b, b->pki.leaf));

	put_crl(b, 8, NULL, 0);
	refresh(b);
	assert_string_equal(seen.alarm_kind, "");
	assert_false(is_revoked(b, b->pki.leaf));
}

static void bad_body_keeps_the_last_good_list(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf};

	put_crl(b, 1, &west, 1);
	crl_manager_discover(b->d.crl);
	refresh(b);
	put_file(b, "<html>hello</html>", 18);
	assert_non_null(text_of(refresh(b), "last_error"));
	assert_string_equal(seen.alarm_kind, "crl-refused");
	put_file(b, "", 0);
	assert_non_null(text_of(refresh(b), "last_error"));
	assert_true(is_revoked(b, b->pki.leaf));
	assert_int_equal(seen.marked_cnt, 1);
}

static void stranger_cannot_revoke(void **state)
{
	struct bench *b = *state;
	EVP_PKEY *key = test_key_new(TEST_P256), *own = b->pki.ca_key;
	const struct test_crl_entry west = {.cert = b->pki.leaf};

	b->pki.ca_key = key;
	put_crl(b, 1, &west, 1);
	b->pki.ca_key = own;
	crl_manager_discover(b->d.crl);
	assert_non_null(text_of(refresh(b), "last_error"));
	assert_false(is_revoked(b, b->pki.leaf));
	EVP_PKEY_free(key);
}

/* Its answer is the operator's proof that every worker has the list. */
static void refresh_fails_when_the_workers_did_not_follow(void **state)
{
	struct bench *b = *state;

	put_crl(b, 1, NULL, 0);
	crl_manager_discover(b->d.crl);
	seen.publish_status = 503;
	refresh(b); /* looks at the status */
}

static void missing_list_is_an_alarm_until_it_is_there(void **state)
{
	struct bench *b = *state;
	json_t *source;

	crl_manager_discover(b->d.crl);
	source = refresh(b);
	assert_string_equal(seen.alarm_kind, "crl-fetch");
	assert_true(json_integer_value(json_object_get(source, "failures")) >= 1);
	put_crl(b, 1, NULL, 0);
	source = refresh(b);
	assert_string_equal(seen.alarm_kind, "");
	assert_int_equal(json_integer_value(json_object_get(source, "failures")), 0);
}

/* Configured before its CA is installed: the list must be asked for anew, not for a change of it. */
static void list_refused_for_want_of_a_ca_is_taken_later(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf};
	struct pki_trust *trust = seen.trust;

	start_server(b);
	put_crl(b, 1, &west, 1);
	seen.trust = NULL;
	crl_manager_discover(b->d.crl);
	wait_for_alarm(b, "crl-refused");
	seen.trust = trust;
	crl_manager_discover(b->d.crl);
	wait_for_alarm(b, "");
	assert_true(is_revoked(b, b->pki.leaf));
	assert_int_equal(b->unchanged_cnt, 0);
}

/* A rollback stays refused while it is served: it is never "not modified". */
static void refused_list_is_not_taken_for_unchanged(void **state)
{
	struct bench *b = *state;

	start_server(b);
	put_crl(b, 7, NULL, 0);
	crl_manager_discover(b->d.crl);
	refresh(b);
	put_crl(b, 6, NULL, 0);
	refresh(b);
	seen.alarm_kind[0] = '\0';
	crl_manager_discover(b->d.crl); /* failed ones are due at once */
	wait_for_alarm(b, "crl-refused");
	assert_int_equal(b->unchanged_cnt, 0);
}

static void certificates_may_not_lead_to_loopback(void **state)
{
	struct bench *b = *state;
	EVP_PKEY *key = test_key_shared(TEST_P256, 5);
	X509 *cert = test_cert_new(&(struct test_cert){.cn = "pointer",
		.key = key,
		.issuer = b->pki.ca,
		.issuer_key = b->pki.ca_key,
		.crl_points = "URI:http://127.0.0.1:9/ca.crl"});

	b->config.crl_cnt = 0;
	crl_manager_discover(b->d.crl);
	crl_manager_note_certificate(b->d.crl, cert);
	assert_non_null(strstr(text_of(refresh(b), "last_error"), "loopback"));
	X509_free(cert);
}

/* Under ASan: nothing of a fetch under way is left behind. */
static void stopping_ends_a_running_fetch(void **state)
{
	struct bench *b = *state;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(sin);

	assert_int_equal(bind(fd, (void *)&sin, len) | listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (void *)&sin, &len), 0);
	snprintf(b->uri, sizeof(b->uri), "http://127.0.0.1:%u/silent.crl", ntohs(sin.sin_port));
	b->source.is_local_address_allowed = true;
	crl_manager_discover(b->d.crl);
	event_base_loop(b->d.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	close_manager(b);
	open_manager(b);
	close(fd);
}

static void unknown_field_is_refused(void **state)
{
	struct bench *b = *state;
	json_t *request = json_pack("{s:b}", "force", 1);

	crl_manager_refresh(b->d.crl, request, keep_answer, b);
	json_decref(request);
	assert_true(b->is_answered);
	assert_int_equal(b->answer.status, 400);
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BENCH(revocation_is_fetched_published_and_kept),
		WITH_BENCH(same_list_is_no_news),
		WITH_BENCH(older_number_is_refused),
		WITH_BENCH(bad_body_keeps_the_last_good_list),
		WITH_BENCH(stranger_cannot_revoke),
		WITH_BENCH(refresh_fails_when_the_workers_did_not_follow),
		WITH_BENCH(missing_list_is_an_alarm_until_it_is_there),
		WITH_BENCH(list_refused_for_want_of_a_ca_is_taken_later),
		WITH_BENCH(refused_list_is_not_taken_for_unchanged),
		WITH_BENCH(certificates_may_not_lead_to_loopback),
		WITH_BENCH(stopping_ends_a_running_fetch),
		WITH_BENCH(unknown_field_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
