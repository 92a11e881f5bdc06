/* SPDX-License-Identifier: BSD-3-Clause */
/* The fetcher against a server that means no good, both in one event loop. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <fcntl.h>

#include "control/address.h"
#include "control/crl/fetch.h"
#include "control/crl/spool.h"

struct bench {
	struct event_base *base;
	struct evhttp *http;
	unsigned port;
	struct fetcher *fetcher;
	int dir_fd;
	struct fetch_result result;
	char body[64];
	bool is_done;
};

static struct evhttp_request *dripping; /* begun, never ended */

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

/* With a body, which is not that of the answer. */
static void redirect(struct evhttp_request *req, const char *to)
{
	struct evbuffer *body = evbuffer_new();

	evbuffer_add_printf(body, "<html>Over there</html>");
	evhttp_add_header(evhttp_request_get_output_headers(req), "Location", to);
	evhttp_send_reply(req, 302, "Found", body);
	evbuffer_free(body);
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
	} else if (strcmp(path, "/drip") == 0) {
		evbuffer_add_printf(body, ".");
		evhttp_send_reply_start(req, 200, "OK");
		evhttp_send_reply_chunk(req, body); /* and nothing more */
		dripping = req;
	} else if (strcmp(path, "/loop") == 0) {
		redirect(req, "/loop");
	} else if (strcmp(path, "/to-file") == 0) {
		redirect(req, "file:///etc/hostname");
	} else if (strcmp(path, "/to-ok") == 0) {
		redirect(req, "/ok");
	} else if (strcmp(path, "/to-to-ok") == 0) {
		redirect(req, "/to-ok");
	} else if (strcmp(path, "/to-to-to-ok") == 0) {
		redirect(req, "/to-to-ok");
	} else if (strcmp(path, "/to-to-to-to-ok") == 0) {
		redirect(req, "/to-to-to-ok");
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
	b->dir_fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
	close(b->dir_fd);
	free(b);
	return 0;
}

static void keep_result(void *arg, struct fetch_result *result)
{
	struct bench *b = arg;

	b->result = *result;
	memset(b->body, 0, sizeof(b->body));
	if (result->fd >= 0)
		assert_true(pread(result->fd, b->body, sizeof(b->body) - 1, 0) >= 0);
	b->result.fd = -1;
	b->is_done = true;
	event_base_loopbreak(b->base);
}

static const struct fetch_result *fetch(struct bench *b, const char *path, struct fetch_request r)
{
	const struct timeval limit = {.tv_sec = 10};
	char url[256];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", b->port, path);
	r.url = url;
	r.dir_fd = b->dir_fd;
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

static void slow_drip_is_ended(void **state)
{
	const struct fetch_result *r = fetch(
		*state, "/drip", (struct fetch_request){.is_local_allowed = true, .stall_sec = 1});

	assert_int_equal(r->error, -ETIMEDOUT);
	assert_non_null(strstr(r->text, "too slow"));
	evhttp_send_reply_end(dripping);
}

static void running_ones_end_with_the_fetcher(void **state)
{
	struct bench *b = *state;
	char url[64];
	struct fetch_request r = {.url = url, .size_max = 10, .is_local_allowed = true};

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/ok", b->port);
	r.dir_fd = b->dir_fd;
	b->is_done = false;
	assert_int_equal(fetch_start(b->fetcher, &r, keep_result, b), 0);
	fetcher_free(b->fetcher);
	assert_true(b->is_done);
	assert_int_equal(b->result.error, -ECANCELED);
	assert_int_equal(fetcher_new(b->base, &b->fetcher), 0);
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
	assert_int_equal(fetch(*state, "/to-to-to-to-ok", LOCAL)->error, -ELOOP);
	assert_int_equal(fetch(*state, "/to-to-to-ok", LOCAL)->error, 0);
	assert_string_equal(((struct bench *)*state)->body, "hello");
	assert_int_equal(((struct bench *)*state)->result.len, 5);
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
	struct fetch_request r = {.size_max = 10, .is_local_allowed = true};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		r.url = urls[i];
		assert_int_equal(fetch_start(b->fetcher, &r, keep_result, b), -EINVAL);
	}
	/* Another machine's file. */
	r.url = "file://example.com/etc/hostname";
	r.is_file_allowed = true;
	assert_int_equal(fetch_start(b->fetcher, &r, keep_result, b), -EINVAL);
}

static const struct fetch_result *fetch_file(struct bench *b, const char *url, size_t size_max)
{
	struct fetch_request r = {.url = url, .size_max = size_max, .is_file_allowed = true};

	b->is_done = false;
	assert_int_equal(fetch_start(b->fetcher, &r, keep_result, b), 0);
	while (!b->is_done)
		event_base_loop(b->base, EVLOOP_ONCE);
	return &b->result;
}

/* As large as may be, and with a name that a URL has to encode. */
static void files_are_read_where_allowed(void **state)
{
	struct bench *b = *state;
	char path[] = "/tmp/rekey fetch-XXXXXX", url[64];
	int fd = mkstemp(path);

	assert_int_equal(write(fd, "from disk", 9), 9);
	close(fd);
	snprintf(url, sizeof(url), "file:///tmp/rekey%%20fetch%s", strrchr(path, '-'));
	assert_int_equal(fetch_file(b, url, 9)->error, 0);
	assert_true(b->result.is_foreign);
	assert_int_equal(b->result.len, 9);
	assert_string_equal(b->body, "from disk");
	assert_int_equal(fetch_file(b, url, 8)->error, -EFBIG);
	unlink(path);
}

/* What is no file, or too large a one, is said at once and never read, nor waited for. */
static void other_things_than_files_are_refused(void **state)
{
	static const struct {
		const char *url;
		int error;
	} rows[] = {
		{"file:///dev/zero", -EINVAL},
		{"file:///tmp", -EINVAL},
		{"file:///tmp/rekey-fetch.pipe", -EINVAL},
		{"file:///does/not/exist", -ENOENT},
		{"file:///proc/self/exe", -EFBIG},
	};
	struct bench *b = *state;

	unlink("/tmp/rekey-fetch.pipe");
	assert_int_equal(mkfifo("/tmp/rekey-fetch.pipe", 0600), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(fetch_file(b, rows[i].url, 100)->error, rows[i].error);
		assert_true(b->result.text[0] != '\0');
	}
	unlink("/tmp/rekey-fetch.pipe");
}

static void full_disk_is_said(void **state)
{
	struct rlimit old, tight = {.rlim_cur = 16384, .rlim_max = RLIM_INFINITY};
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	const struct fetch_result *r;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	r = fetch(*state, "/endless",
		(struct fetch_request){.is_local_allowed = true, .size_max = 1 << 20});
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, handler);
	assert_int_equal(r->error, -EFBIG);
	assert_non_null(strstr(r->text, "cannot be kept"));
}

static void local_addresses_are_known(void **state)
{
	static const char *const local[] = {"127.0.0.1", "127.8.9.1", "0.0.0.0", "169.254.169.254",
		"224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "ff02::1",
		"::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "::ffff:169.254.1.1",
		"64:ff9b:1::a9fe:a9fe", "64:ff9b:1:2::127.0.0.1", "fd00:ec2::254"};
	static const char *const others[] = {"10.0.0.1", "192.0.2.1", "2001:db8::1", "fd00::1",
		"64:ff9b::c000:201", "64:ff9b:1::c000:201", "fd00:ec3::254"};
	const size_t local_cnt = sizeof(local) / sizeof(local[0]);

	(void)state;
	for (size_t i = 0; i < local_cnt + sizeof(others) / sizeof(others[0]); i++) {
		const char *text = i < local_cnt ? local[i] : others[i - local_cnt];
		struct sockaddr_storage ss = {.ss_family = strchr(text, ':') ? AF_INET6 : AF_INET};
		void *to = ss.ss_family == AF_INET
				   ? (void *)&((struct sockaddr_in *)&ss)->sin_addr
				   : (void *)&((struct sockaddr_in6 *)&ss)->sin6_addr;

		assert_int_equal(inet_pton(ss.ss_family, text, to), 1);
		if (address_is_local(ss.ss_family, (struct sockaddr *)&ss) != (i < local_cnt))
			fail_msg("%s", text);
	}
	assert_true(address_is_local(AF_UNIX, &(struct sockaddr){.sa_family = AF_UNIX}));
}
/* A disk without room: what comes lies in memory, all of it. */
static void full_disk_keeps_nothing_out(void **state)
{
	char text[8] = "";
	int fd = open("/dev/full", O_RDWR | O_CLOEXEC),
	    nowhere = open("/proc/self", O_DIRECTORY | O_RDONLY);

	(void)state;
	assert_int_equal(spool_write(&fd, "abc", 3), 0);
	assert_int_equal(spool_write(&fd, "def", 3), 0);
	assert_int_equal(pread(fd, text, sizeof(text), 0), 6);
	assert_string_equal(text, "abcdef");
	assert_int_equal(spool_copy(nowhere, &fd, 4), 0);
	assert_int_equal(pread(fd, text, sizeof(text), 0), 4);
	assert_int_equal(spool_copy(nowhere, &fd, 5), -EBADMSG);
	assert_int_equal(pread(fd, text, sizeof(text), 0), 4);
	close(fd);
	close(nowhere);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_disk_keeps_nothing_out),
		cmocka_unit_test(body_and_validators_come_back),
		cmocka_unit_test(unchanged_is_said),
		cmocka_unit_test(unchanged_is_no_answer_to_a_plain_request),
		cmocka_unit_test(size_is_capped_while_chunks_arrive),
		cmocka_unit_test(slow_drip_is_ended),
		cmocka_unit_test(running_ones_end_with_the_fetcher),
		cmocka_unit_test(redirects_are_bounded),
		cmocka_unit_test(redirect_cannot_leave_http),
		cmocka_unit_test(status_other_than_200_is_an_error),
		cmocka_unit_test(loopback_is_refused_unless_allowed),
		cmocka_unit_test(other_schemes_are_refused),
		cmocka_unit_test(files_are_read_where_allowed),
		cmocka_unit_test(other_things_than_files_are_refused),
		cmocka_unit_test(full_disk_is_said),
		cmocka_unit_test(local_addresses_are_known),
	};
	int ret;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	ret = cmocka_run_group_tests(tests, set_up, tear_down);
	curl_global_cleanup();
	return ret;
}
