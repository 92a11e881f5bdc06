/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A web server that means no good, and lists that are not what they should be: each keeps the last
 * good list in force, and the reason is in the alarm and in the list of sources.
 */
#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "tests/unit/crl_fixture.h"

/* ---- the server ------------------------------------------------------------------------------- */

/* What it sends, as it stands; then it closes, or goes on for ever. */
struct script {
	char *bytes;
	size_t len;
	const char *again; /* repeated for ever behind it, or NULL */
};

struct hostile {
	struct bench *bench;
	struct evconnlistener *listener;
	struct script script;
	unsigned port;
};

static void on_written(struct bufferevent *bev, void *arg)
{
	struct hostile *h = arg;

	if (h->script.again == NULL) {
		bufferevent_free(bev);
		return;
	}
	for (int i = 0; i < 256; i++)
		bufferevent_write(bev, h->script.again, strlen(h->script.again));
}

static void on_gone(struct bufferevent *bev, short what, void *arg)
{
	(void)what;
	(void)arg;
	bufferevent_free(bev);
}

static void on_request(struct bufferevent *bev, void *arg)
{
	struct hostile *h = arg;
	struct evbuffer *in = bufferevent_get_input(bev);

	if (evbuffer_search(in, "\r\n\r\n", 4, NULL).pos < 0)
		return;
	evbuffer_drain(in, evbuffer_get_length(in));
	bufferevent_setcb(bev, NULL, on_written, on_gone, h);
	if (h->script.len > 0)
		bufferevent_write(bev, h->script.bytes, h->script.len);
	else
		bufferevent_free(bev);
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd,
	struct sockaddr *address, int len, void *arg)
{
	struct hostile *h = arg;
	struct bufferevent *bev =
		bufferevent_socket_new(h->bench->d.base, fd, BEV_OPT_CLOSE_ON_FREE);

	(void)listener;
	(void)address;
	(void)len;
	bufferevent_setcb(bev, on_request, NULL, on_gone, h);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static void open_hostile(struct hostile *h, struct bench *b)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(sin);

	*h = (struct hostile){.bench = b};
	h->listener = evconnlistener_new_bind(b->d.base, on_connection, h,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 4, (struct sockaddr *)&sin, len);
	assert_non_null(h->listener);
	assert_int_equal(getsockname(evconnlistener_get_fd(h->listener), (void *)&sin, &len), 0);
	h->port = ntohs(sin.sin_port);
}

static void close_hostile(struct hostile *h)
{
	evconnlistener_free(h->listener);
	free(h->script.bytes);
	h->script.bytes = NULL;
}

/* head, and the first sent bytes of body. */
static void set_script(struct hostile *h, const char *head, const uint8_t *body, size_t sent)
{
	size_t head_len = strlen(head);

	free(h->script.bytes);
	h->script.bytes = malloc(head_len + sent);
	memcpy(h->script.bytes, head, head_len);
	memcpy(h->script.bytes + head_len, body, sent);
	h->script.len = head_len + sent;
}

/* ---- servers ---------------------------------------------------------------------------------- */

static uint8_t *make_crl(struct bench *b, long number, size_t *len)
{
	X509_CRL *made = test_crl_new(&(struct test_crl){
		.issuer = b->pki.ca, .issuer_key = b->pki.ca_key, .number = number});
	uint8_t *der = test_crl_der(made, len);

	X509_CRL_free(made);
	return der;
}

enum body { BODY_NONE, BODY_WHOLE, BODY_HALF };

static const struct server_row {
	const char *what;
	const char *head; /* NULL: status 200 and the body's length, or off it by so much */
	int length_off;
	enum body body;
	const char *again;
	const char *kind;
	const char *error; /* part of last_error */
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
	{"not found", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 0, BODY_NONE, NULL,
		"crl-fetch", "404"},
	{"not modified, unasked", "HTTP/1.1 304 Not Modified\r\n\r\n", 0, BODY_NONE, NULL,
		"crl-fetch", "304"},
};

static void expect_kept(struct bench *b, const char *what, const char *kind, const char *error)
{
	json_t *source = refresh(b);
	const char *text = text_of(source, "last_error");

	if (text == NULL || strstr(text, error) == NULL)
		fail_msg("%s: last_error is %s", what, text != NULL ? text : "none");
	if (strcmp(seen.alarm_kind, kind) != 0)
		fail_msg("%s: the alarm is %s", what, seen.alarm_kind);
	if (strstr(seen.alarm_text, text) == NULL)
		fail_msg("%s: the alarm says %s", what, seen.alarm_text);
	if (!is_revoked(b, b->pki.leaf))
		fail_msg("%s: the last good list is gone", what);
	assert_int_equal(json_integer_value(json_object_get(source, "entries")), 1);
}

static void hostile_servers_change_nothing(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf, .reason = 1};
	char file_uri[160], head[256];
	struct hostile h;
	size_t len;
	uint8_t *der = make_crl(b, 9, &len);

	/* The good one first, from the URL that turns bad: the file's name is not in the master list. */
	open_hostile(&h, b);
	strcpy(file_uri, b->uri);
	snprintf(b->uri, sizeof(b->uri), "http://127.0.0.1:%u/ca.crl", h.port);
	b->source.is_local_address_allowed = true;
	put_crl(b, 1, &west, 1);
	{
		FILE *f = fopen(b->path, "rb");
		uint8_t good[4096];
		size_t good_len = fread(good, 1, sizeof(good), f);

		fclose(f);
		set_script(&h, "HTTP/1.1 200 OK\r\nETag: \"1\"\r\n\r\n", good, good_len);
	}
	crl_manager_discover(b->d.crl);
	assert_null(text_of(refresh(b), "last_error"));
	for (size_t i = 0; i < sizeof(server_rows) / sizeof(server_rows[0]); i++) {
		const struct server_row *row = &server_rows[i];
		const size_t sent[] = {0, len, len / 2};

		if (row->head == NULL)
			snprintf(head, sizeof(head),
				"HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
				len + (size_t)row->length_off);
		else
			snprintf(head, sizeof(head), "%s", row->head);
		set_script(&h, head, der, sent[row->body]);
		h.script.again = row->again;
		expect_kept(b, row->what, row->kind, row->error);
	}
	free(der);
	close_hostile(&h);
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
	bool is_by_root;     /* in the CA's name */
	const char *error;
} list_rows[] = {
	{"bad signature", {.number = 9}, true, "crl-"},
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
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf, .reason = 1};

	put_crl(b, 5, &west, 1);
	crl_manager_discover(b->d.crl);
	assert_null(text_of(refresh(b), "last_error"));
	for (size_t i = 0; i < sizeof(list_rows) / sizeof(list_rows[0]); i++) {
		struct test_crl crl = list_rows[i].crl;

		foreign[0].issuer = b->pki.ca;
		crl.issuer = b->pki.ca;
		crl.issuer_key = list_rows[i].is_by_root ? b->pki.leaf_key : b->pki.ca_key;
		if (crl.this_update != 0)
			crl.this_update += time(NULL);
		if (crl.this_update != 0)
			crl.next_update = crl.this_update + 86400;
		put_crl_at(b->path, &crl);
		expect_kept(b, list_rows[i].what,
			strcmp(list_rows[i].error, "crl-rollback") == 0 ? "crl-rollback"
									: "crl-refused",
			list_rows[i].error);
	}
}

/* Refused for its issuer, which no CA of ours has. */
static void stranger_is_named(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf, .reason = 1};
	EVP_PKEY *key = test_key_shared(TEST_P256, 4);
	X509 *stranger =
		test_cert_new(&(struct test_cert){.cn = "stranger", .key = key, .is_ca = true});

	put_crl(b, 5, &west, 1);
	crl_manager_discover(b->d.crl);
	refresh(b);
	put_crl_at(b->path, &(struct test_crl){.issuer = stranger, .issuer_key = key, .number = 9});
	expect_kept(b, "wrong issuer", "crl-refused", "crl-issuer-unknown");
	X509_free(stranger);
}

/* Taken, since what it revokes is revoked; said to be stale; an empty one takes everything back. */
static void expired_and_empty_lists_are_taken(void **state)
{
	struct bench *b = *state;
	const struct test_crl_entry west = {.cert = b->pki.leaf, .reason = 1};

	put_crl_at(b->path, &(struct test_crl){.issuer = b->pki.ca,
				    .issuer_key = b->pki.ca_key,
				    .number = 5,
				    .this_update = time(NULL) - 7200,
				    .next_update = time(NULL) - 3600,
				    .entry = &west,
				    .entry_cnt = 1});
	crl_manager_discover(b->d.crl);
	refresh(b);
	assert_true(is_revoked(b, b->pki.leaf));
	assert_string_equal(seen.alarm_kind, "crl-stale");
	put_crl(b, 6, NULL, 0);
	refresh(b);
	assert_false(is_revoked(b, b->pki.leaf));
	assert_string_equal(seen.alarm_kind, "");
}

#define WITH_BENCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BENCH(hostile_servers_change_nothing),
		WITH_BENCH(bad_lists_change_nothing),
		WITH_BENCH(stranger_is_named),
		WITH_BENCH(expired_and_empty_lists_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
