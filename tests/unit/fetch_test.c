/* SPDX-License-Identifier: BSD-3-Clause */
/* The fetcher against a server that means no good, both in one event loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>

#include "control/crl/fetch.h"

struct bench {
	struct event_base *base;
	struct evhttp *http;
	unsigned port;
	struct fetcher *fetcher;
	struct fetch_result result;
	char body[64];
	bool is_done;
};

static void send_chunks(struct evhttp_request *req)
{
	struct evbuffer *chunk = evbuffer_new();
	int i;

	evhttp_send_reply_start(req, 200, "OK");
	for (i = 0; i < 64; i++) {
		evbuffer_add_printf(chunk, "%01000d", i);
		evhttp_send_reply_chunk(req, chunk);
	}
	evhttp_send_reply_end(req);
	evbuffer_free(chunk);
}

static void redirect(struct evhttp_request *req, const char *to)
{
	evhttp_add_header(evhttp_request_get_output_headers(req), "Location", to);
	evhttp_send_reply(req, 302, "Found", NULL);
}

static void answer(struct evhttp_request *req, void *arg)
{
	const char *path = evhttp_request_get_uri(req);
	struct evkeyvalq *in = evhttp_request_get_input_headers(req);
	struct evkeyvalq *out = evhttp_request_get_output_headers(req);
	struct evbuffer *body = evbuffer_new();

	(void)arg;
	if (strcmp(path, "/endless") == 0) {
		send_chunks(req);
	} else if (strcmp(path, "/loop") == 0) {
		redirect(req, "/loop");
	} else if (strcmp(path, "/to-file") == 0) {
		redirect(req, "file:///etc/hostname");
	} else if (strcmp(path, "/to-ok") == 0) {
		redirect(req, "/ok");
	} else if (strcmp(path, "/missing") == 0) {
		evbuffer_add_printf(body, "<html>no</html>");
		evhttp_send_reply(req, 404, "Not Found", body);
	} else if (strcmp(path, "/unasked-304") == 0 ||
		   evhttp_find_header(in, "If-None-Match") != NULL) {
		evhttp_send_reply(req, 304, "Not Modified", NULL);
	} else {
		evhttp_add_header(out, "ETag", "\"v1\"");
		evhttp_add_header(out, "Last-Modified", "Mon, 02 Jan 2026 03:04:05 GMT");
		evbuffer_add_printf(body, "hello");
		evhttp_send_reply(req, 200, "OK", body);
	}
	evbuffer_free(body);
}

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct evhttp_bound_socket *bound;
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	b->base = event_base_new();
	b->http = evhttp_new(b->base);
	bound = evhttp_bind_socket_with_handle(b->http, "127.0.0.1", 0);
	assert_non_null(bound);
	assert_int_equal(getsockname(evhttp_bound_socket_get_fd(bound), (void *)&sin, &len), 0);
	b->port = ntohs(sin.sin_port);
	evhttp_set_gencb(b->http, answer, NULL);
	assert_int_equal(fetcher_new(b->base, &b->fetcher), 0);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;

	fetcher_free(b->fetcher);
	evhttp_free(b->http);
	event_base_free(b->base);
	free(b);
	return 0;
}

static void keep_result(void *arg, struct fetch_result *result)
{
	struct bench *b = arg;

	b->result = *result;
	snprintf(b->body, sizeof(b->body), "%.*s", (int)(result->len < 60 ? result->len : 60),
		result->body != NULL ? (const char *)result->body : "");
	b->result.body = NULL;
	b->is_done = true;
	event_base_loopbreak(b->base);
}

static const struct fetch_result *fetch(struct bench *b, const char *path, struct fetch_request r)
{
	const struct timeval limit = {.tv_sec = 10};
	char url[256];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", b->port, path);
	r.url = url;
	if (r.size_max == 0)
		r.size_max = 4096;
	b->is_done = false;
	assert_int_equal(fetch_start(b->fetcher, &r, keep_result, b), 0);
	event_base_loopexit(b->base, &limit);
	while (!b->is_done && !event_base_got_exit(b->base))
		event_base_loop(b->base, EVLOOP_ONCE);
	assert_true(b->is_done);
	return &b->result;
}

#define LOCAL ((struct fetch_request){.is_local_allowed = true})

static void body_and_validators_come_back(void **state)
{
	const struct fetch_result *r = fetch(*state, "/ok", LOCAL);

	assert_int_equal(r->error, 0);
	assert_int_equal(r->http_status, 200);
	assert_string_equal(((struct bench *)*state)->body, "hello");
	assert_string_equal(r->etag, "\"v1\"");
	assert_string_equal(r->last_modified, "Mon, 02 Jan 2026 03:04:05 GMT");
}

static void unchanged_is_said(void **state)
{
	const struct fetch_result *r = fetch(
		*state, "/ok", (struct fetch_request){.is_local_allowed = true, .etag = "\"v1\""});

	assert_int_equal(r->error, 0);
	assert_true(r->is_not_modified);
	assert_int_equal(r->len, 0);
}

/* Who asks for the list itself is not put off with "you have it". */
static void unchanged_is_no_answer_to_a_plain_request(void **state)
{
	const struct fetch_result *r = fetch(*state, "/unasked-304", LOCAL);

	assert_int_equal(r->error, -EIO);
	assert_false(r->is_not_modified);
	assert_non_null(strstr(r->text, "304"));
}

static void size_is_capped_while_chunks_arrive(void **state)
{
	const struct fetch_result *r = fetch(*state, "/endless", LOCAL);

	assert_int_equal(r->error, -EFBIG);
	assert_non_null(strstr(r->text, "4096"));
}

static void redirects_are_bounded(void **state)
{
	assert_int_equal(fetch(*state, "/loop", LOCAL)->error, -ELOOP);
	assert_int_equal(fetch(*state, "/to-ok", LOCAL)->error, 0);
}

static void redirect_cannot_leave_http(void **state)
{
	const struct fetch_result *r = fetch(*state, "/to-file",
		(struct fetch_request){.is_local_allowed = true, .is_file_allowed = true});

	assert_int_not_equal(r->error, 0);
	assert_string_equal(((struct bench *)*state)->body, "");
}

static void status_other_than_200_is_an_error(void **state)
{
	const struct fetch_result *r = fetch(*state, "/missing", LOCAL);

	assert_int_equal(r->error, -EIO);
	assert_int_equal(r->http_status, 404);
}

static void loopback_is_refused_unless_allowed(void **state)
{
	const struct fetch_result *r = fetch(*state, "/ok", (struct fetch_request){0});

	assert_int_equal(r->error, -EPERM);
	assert_int_equal(r->http_status, 0);
}

static void other_schemes_are_refused(void **state)
{
	static const char *const urls[] = {"ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "x",
		"file:///etc/hostname", "http:/x", ""};
	struct bench *b = *state;
	size_t i;

	for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct fetch_request r = {.url = urls[i], .size_max = 10, .is_local_allowed = true};

		assert_int_equal(fetch_start(b->fetcher, &r, keep_result, b), -EINVAL);
	}
}

static void files_are_read_where_allowed(void **state)
{
	struct bench *b = *state;
	char path[] = "/tmp/rekey-fetch-XXXXXX", url[64];
	int fd = mkstemp(path);
	struct fetch_request r = {.url = url, .size_max = 100, .is_file_allowed = true};

	assert_int_equal(write(fd, "from disk", 9), 9);
	close(fd);
	snprintf(url, sizeof(url), "file://%s", path);
	b->is_done = false;
	assert_int_equal(fetch_start(b->fetcher, &r, keep_result, b), 0);
	while (!b->is_done)
		event_base_loop(b->base, EVLOOP_ONCE);
	unlink(path);
	assert_int_equal(b->result.error, 0);
	assert_string_equal(b->body, "from disk");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(body_and_validators_come_back),
		cmocka_unit_test(unchanged_is_said),
		cmocka_unit_test(unchanged_is_no_answer_to_a_plain_request),
		cmocka_unit_test(size_is_capped_while_chunks_arrive),
		cmocka_unit_test(redirects_are_bounded),
		cmocka_unit_test(redirect_cannot_leave_http),
		cmocka_unit_test(status_other_than_200_is_an_error),
		cmocka_unit_test(loopback_is_refused_unless_allowed),
		cmocka_unit_test(other_schemes_are_refused),
		cmocka_unit_test(files_are_read_where_allowed),
	};
	int ret;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	ret = cmocka_run_group_tests(tests, set_up, tear_down);
	curl_global_cleanup();
	return ret;
}
