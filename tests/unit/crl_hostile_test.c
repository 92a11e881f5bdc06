/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A web server that means no good, and lists that are not what they should be: each keeps the last
 * good list in force, and the reason is in the alarm, over REST and in what rekeyctl prints.
 */
#include "control/crl/fetch.h"
#include "tests/unit/crl_told.h"
#include "tests/unit/hostile_server.h"

/* A server that takes its time is given up after a second, here. */
int __real_fetch_start(
	struct fetcher *fetcher, const struct fetch_request *request, fetch_cb cb, void *arg);
int __wrap_fetch_start(
	struct fetcher *fetcher, const struct fetch_request *request, fetch_cb cb, void *arg);

int __wrap_fetch_start(
	struct fetcher *fetcher, const struct fetch_request *request, fetch_cb cb, void *arg)
{
	struct fetch_request sooner = *request;

	assert_int_equal(request->stall_sec, 0); /* twenty seconds */
	sooner.stall_sec = 1;
	return __real_fetch_start(fetcher, &sooner, cb, arg);
}

/* The last good list: the leaf. */
static struct test_crl good_list(struct test_crl_entry *leaf, long number)
{
	*leaf = (struct test_crl_entry){.cert = pki.leaf, .reason = 1};
	return (struct test_crl){.issuer = pki.ca,
		.issuer_key = pki.ca_key,
		.number = number,
		.entry = leaf,
		.entry_cnt = 1};
}

static void configure_file(void)
{
	char uri[128];

	snprintf(uri, sizeof(uri), "file://%s", t.list);
	told_configure(uri, NULL);
}

/* ---- servers ---------------------------------------------------------------------------------- */

enum body { BODY_NONE, BODY_WHOLE, BODY_HALF };

static const struct server_row {
	const char *what;
	const char *head; /* NULL: status 200 and the body's length, or off it by so much */
	int length_off;
	enum body body;
	const char *again;
	const char *kind;
	const char *error; /* part of last_error */
	bool is_dripping;
} server_rows[] = {
	{"HTML with status 200",
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Sign in</html>", 0,
		BODY_NONE, NULL, "crl-refused", "crl-unreadable"},
	{"nothing at all", "", 0, BODY_NONE, NULL, "crl-fetch", ""},
	{"no HTTP", "220 smtp.example ESMTP\r\n", 0, BODY_NONE, NULL, "crl-fetch", ""},
	{"truncated", NULL, 0, BODY_HALF, NULL, "crl-fetch", ""},
	{"truncated, no length", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", 0, BODY_HALF, NULL,
		"crl-refused", "crl-unreadable"},
	{"length too small", NULL, -5, BODY_WHOLE, NULL, "crl-refused", "crl-unreadable"},
	{"length too large", NULL, 5, BODY_WHOLE, NULL, "crl-fetch", ""},
	{"length beyond the limit", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", 0,
		BODY_WHOLE, NULL, "crl-fetch", "larger than 1048576"},
	{"endless", "HTTP/1.1 200 OK\r\n\r\n", 0, BODY_WHOLE,
		"endless endless endless endless endless endless endless endless endless ",
		"crl-fetch", "larger than 1048576"},
	{"chunked beyond the limit", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0,
		BODY_NONE, "20\r\n0123456789abcdef0123456789abcdef\r\n", "crl-fetch",
		"larger than 1048576"},
	{"endless headers", "HTTP/1.1 200 OK\r\n", 0, BODY_NONE, "X-Header: 0123456789\r\n",
		"crl-fetch", ""},
	/* gzip is neither asked for nor undone: what arrives is what is counted and looked at */
	{"a gzip bomb", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08 bomb", 0,
		BODY_NONE, NULL, "crl-refused", "crl-unreadable"},
	{"redirect loop", "HTTP/1.1 302 Found\r\nLocation: /again\r\n\r\n", 0, BODY_NONE, NULL,
		"crl-fetch", "redirect"},
	{"redirect to a file", "HTTP/1.1 302 Found\r\nLocation: file:///etc/hostname\r\n\r\n", 0,
		BODY_NONE, NULL, "crl-fetch", "rotocol"},
	{"redirect to another scheme",
		"HTTP/1.1 302 Found\r\nLocation: gopher://127.0.0.1/\r\n\r\n", 0, BODY_NONE, NULL,
		"crl-fetch", "rotocol"},
	{"a slow drip", "HTTP/1.1 200 OK\r\n\r\n", 0, BODY_WHOLE, NULL, "crl-fetch", "too slow",
		true},
	{"not found", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 0, BODY_NONE, NULL,
		"crl-fetch", "404"},
	{"not modified, unasked", "HTTP/1.1 304 Not Modified\r\n\r\n", 0, BODY_NONE, NULL,
		"crl-fetch", "304"},
};

static void hostile_servers_change_nothing(void **state)
{
	struct test_crl_entry leaf;
	struct test_crl like = good_list(&leaf, 1);
	struct hostile_server h;
	char uri[64], head[256];
	X509_CRL *list = test_crl_new(&like);
	size_t len;
	uint8_t *der = test_crl_der(list, &len);

	(void)state;
	hostile_open(&h, f.d.base);
	snprintf(uri, sizeof(uri), "http://127.0.0.1:%u/ca.crl", h.port);
	hostile_say(&h, "HTTP/1.1 200 OK\r\nETag: \"1\"\r\n\r\n", der, len);
	told_configure(uri, NULL);
	fixture_refresh(&f);
	assert_true(told_is_revoked());
	free(der);
	X509_CRL_free(list);
	like.number = 9;
	like.entry_cnt = 0; /* it would take the revocation back */
	list = test_crl_new(&like);
	der = test_crl_der(list, &len);
	for (size_t i = 0; i < sizeof(server_rows) / sizeof(server_rows[0]); i++) {
		const struct server_row *row = &server_rows[i];
		const size_t sent[] = {0, len, len / 2};

		if (row->head == NULL)
			snprintf(head, sizeof(head),
				"HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
				len + (size_t)row->length_off);
		else
			snprintf(head, sizeof(head), "%s", row->head);
		hostile_say(&h, head, der, sent[row->body]);
		h.again = row->again;
		h.is_dripping = row->is_dripping;
		told_expect(row->what, (struct told_words){"lab/issuing", row->kind, row->error});
	}
	free(der);
	X509_CRL_free(list);
	hostile_close(&h);
}

/* ---- lists ------------------------------------------------------------------------------------ */

static const struct test_crl_entry twice[] = {{.serial_hex = "05"}, {.serial_hex = "05"}};
static const struct test_crl_entry negative[] = {{.serial_hex = "-05"}};
static const struct test_crl_entry long_serial[] = {
	{.serial_hex = "0102030405060708090A0B0C0D0E0F101112131415"}};
static struct test_crl_entry foreign[] = {{.serial_hex = "05"}};
static const struct test_crl_entry bad_reason[] = {{.serial_hex = "05", .reason = 8}};

static const struct list_row {
	const char *what;
	struct test_crl crl; /* by our CA unless the row says otherwise */
	bool is_by_another;  /* in the CA's name */
	const char *error;
} list_rows[] = {
	{"bad signature", {.number = 9}, true, "crl-bad-signature"},
	{"older number", {.number = 4}, false, "crl-rollback"},
	{"future date", {.number = 9, .this_update = 86400}, false, "crl-not-yet-valid"},
	{"delta used as base", {.number = 9, .delta_base = "5"}, false, "crl-delta-not-supported"},
	{"unknown critical extension", {.number = 9, .unknown_critical = "1.2.3.4"}, false,
		"crl-unknown-critical-extension"},
	{"duplicate serials", {.number = 9, .entry = twice, .entry_cnt = 2}, false,
		"crl-duplicate-serial"},
	{"negative serial", {.number = 9, .entry = negative, .entry_cnt = 1}, false,
		"crl-bad-serial"},
	{"21-byte serial", {.number = 9, .entry = long_serial, .entry_cnt = 1}, false,
		"crl-bad-serial"},
	{"removal in a full list", {.number = 9, .entry = bad_reason, .entry_cnt = 1}, false,
		"crl-bad-reason"},
	{"another issuer's entry", {.number = 9, .entry = foreign, .entry_cnt = 1}, false,
		"crl-indirect-not-supported"},
	{"attribute certificates only", {.number = 9, .idp = "critical,onlyAA:TRUE"}, false,
		"crl-attribute-certificates"},
	{"no reasons", {.number = 9, .idp = "critical,DER:30:03:83:01:00"}, false, "crl-bad-scope"},
	{"only users and only CAs", {.number = 9, .idp = "critical,onlyuser:TRUE,onlyCA:TRUE"},
		false, "crl-bad-scope"},
	{"scope not critical", {.number = 9, .idp = "indirectCRL:TRUE"}, false, "crl-bad-scope"},
	{"version 1", {.number = -1, .is_v1 = true, .is_aki_absent = true}, false,
		"crl-not-version-2"},
	{"no number", {.number = -1}, false, "crl-without-number"},
	{"no nextUpdate", {.number = 9, .next_update = -1}, false, "crl-without-next-update"},
	{"no key identifier", {.number = 9, .is_aki_absent = true}, false,
		"crl-without-authority-key-identifier"},
};

static void bad_lists_change_nothing(void **state)
{
	struct test_crl_entry leaf;
	const struct test_crl good = good_list(&leaf, 5);
	struct told_words words = {.source = "lab/issuing"};

	(void)state;
	test_crl_write(t.list, &good);
	configure_file();
	fixture_refresh(&f);
	foreign[0].issuer = pki.ca;
	for (size_t i = 0; i < sizeof(list_rows) / sizeof(list_rows[0]); i++) {
		struct test_crl crl = list_rows[i].crl;

		crl.issuer = pki.ca;
		crl.issuer_key = list_rows[i].is_by_another ? pki.leaf_key : pki.ca_key;
		if (crl.this_update != 0) {
			crl.this_update += time(NULL);
			crl.next_update = crl.this_update + 86400;
		}
		test_crl_write(t.list, &crl);
		words.reason = list_rows[i].error;
		words.kind =
			strcmp(words.reason, "crl-rollback") == 0 ? "crl-rollback" : "crl-refused";
		told_expect(list_rows[i].what, words);
	}
}

/* Refused for its issuer, which no CA of ours has. */
static void stranger_is_named(void **state)
{
	struct test_crl_entry leaf;
	const struct test_crl good = good_list(&leaf, 5);
	EVP_PKEY *key = test_key_shared(TEST_P256, 4);
	X509 *stranger =
		test_cert_new(&(struct test_cert){.cn = "stranger", .key = key, .is_ca = true});

	(void)state;
	test_crl_write(t.list, &good);
	configure_file();
	fixture_refresh(&f);
	test_crl_write(
		t.list, &(struct test_crl){.issuer = stranger, .issuer_key = key, .number = 9});
	told_expect("wrong issuer",
		(struct told_words){"lab/issuing", "crl-refused", "crl-issuer-unknown"});
	X509_free(stranger);
}

/* The delta's own line says it; what the full list revokes is revoked. */
static void delta_without_base_is_told(void **state)
{
	struct test_crl_entry leaf;
	const struct test_crl good = good_list(&leaf, 5);
	char uri[128], delta[128], path[96];

	(void)state;
	snprintf(path, sizeof(path), "%s/delta.crl", f.root);
	snprintf(uri, sizeof(uri), "file://%s", t.list);
	snprintf(delta, sizeof(delta), "file://%s", path);
	test_crl_write(t.list, &good);
	test_crl_write(path, &(struct test_crl){.issuer = pki.ca,
				     .issuer_key = pki.ca_key,
				     .number = 9,
				     .delta_base = "8"});
	told_configure(uri, delta);
	fixture_refresh(&f);
	told_expect("delta without base",
		(struct told_words){"lab/issuing/delta", "crl-refused", "crl-delta-without-base"});
	/* And a full list where deltas belong. */
	test_crl_write(path, &good);
	told_expect("full list for a delta",
		(struct told_words){"lab/issuing/delta", "crl-refused", "crl-not-a-delta"});
}

/* Taken, since what it revokes is revoked; said to be stale; an empty one takes everything back. */
static void expired_and_empty_lists_are_taken(void **state)
{
	struct test_crl_entry entry[2];
	struct test_crl like = good_list(entry, 5);

	(void)state;
	entry[1] =
		(struct test_crl_entry){.serial_hex = "7F020304050607080910111213141516171819FF"};
	like.entry_cnt = 2;
	like.this_update = time(NULL) - 7200;
	like.next_update = time(NULL) - 3600;
	test_crl_write(t.list, &like);
	configure_file();
	fixture_refresh(&f);
	assert_true(told_is_revoked());
	told_ask(false);
	assert_non_null(strstr(t.text, "is stale: its next update was due"));
	assert_non_null(strstr(t.text, "Revoked certificates in force: 2"));
	like = (struct test_crl){.issuer = pki.ca, .issuer_key = pki.ca_key, .number = 6};
	test_crl_write(t.list, &like);
	fixture_refresh(&f);
	assert_false(told_is_revoked());
	told_ask(false);
	assert_null(strstr(t.text, "stale"));
	assert_non_null(strstr(t.text, "Revoked certificates in force: 0"));
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up_told, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(hostile_servers_change_nothing),
		T(bad_lists_change_nothing),
		T(stranger_is_named),
		T(delta_without_base_is_told),
		T(expired_and_empty_lists_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
