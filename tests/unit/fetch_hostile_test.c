/* SPDX-License-Identifier: BSD-3-Clause */
/* The fetcher against name servers and encodings that are to keep the loop busy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "control/crl/fetch.h"
#include "tests/unit/hostile_server.h"

struct stand {
	struct event_base *base;
	struct hostile_server server;
	struct fetcher *fetcher;
	int dir_fd;
	struct fetch_result result;
	char body[16];
	bool is_done;
};

/* ---- a name server of our own ------------------------------------------------------------------- */

static struct {
	sem_t answer; /* what is asked waits for it */
	atomic_uint asked_cnt, left_cnt;
} names;

/* In place of libc's, for libcurl. */
__attribute__((visibility("default"))) int getaddrinfo(
	const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	(void)name;
	(void)service;
	(void)hints;
	*out = NULL;
	atomic_fetch_add(&names.asked_cnt, 1);
	while (sem_wait(&names.answer) < 0)
		;
	atomic_fetch_add(&names.left_cnt, 1);
	return EAI_AGAIN;
}

/* ---- */

static int set_up(void **state)
{
	struct stand *s = calloc(1, sizeof(*s));

	sem_init(&names.answer, 0, 0);
	atomic_store(&names.asked_cnt, 0);
	atomic_store(&names.left_cnt, 0);
	s->base = event_base_new();
	s->dir_fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	hostile_open(&s->server, s->base);
	assert_int_equal(fetcher_new(s->base, &s->fetcher), 0);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stand *s = *state;

	fetcher_free(s->fetcher);
	hostile_close(&s->server);
	event_base_free(s->base);
	close(s->dir_fd);
	free(s);
	return 0;
}

static void keep(void *arg, struct fetch_result *result)
{
	struct stand *s = arg;

	s->result = *result;
	memset(s->body, 0, sizeof(s->body));
	if (result->fd >= 0)
		assert_true(pread(result->fd, s->body, sizeof(s->body) - 1, 0) >= 0);
	s->is_done = true;
}

static void start(struct stand *s, const char *url)
{
	const struct fetch_request r = {
		.url = url, .dir_fd = s->dir_fd, .size_max = 4096, .is_local_allowed = true};

	s->is_done = false;
	assert_int_equal(fetch_start(s->fetcher, &r, keep, s), 0);
}

/* Who gives a fetch up does not wait for the thread that asks the name server. */
static void silent_name_server_holds_nobody(void **state)
{
	struct stand *s = *state;

	start(s, "http://lists.example/");
	while (atomic_load(&names.asked_cnt) == 0)
		event_base_loop(s->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	alarm(20); /* else it waits for ever */
	fetcher_free(s->fetcher);
	alarm(0);
	s->fetcher = NULL;
	assert_true(s->is_done);
	assert_int_equal(s->result.error, -ECANCELED);
	assert_int_equal(atomic_load(&names.left_cnt), 0);
	sem_post(&names.answer);
	while (atomic_load(&names.left_cnt) == 0)
		usleep(1000);
}

/* What is small on the wire is not what we take. */
static const char hello_gzip[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9"
				 "\x07\x00\x86\xa6\x10\x36\x05\x00\x00\x00";

static const struct fetch_result *fetch_encoded(struct stand *s, const char *encoding)
{
	char head[160], url[64];

	snprintf(
		head, sizeof(head), "HTTP/1.1 200 OK\r\n%s\r\nConnection: close\r\n\r\n", encoding);
	hostile_say(&s->server, head, (const uint8_t *)hello_gzip, sizeof(hello_gzip) - 1);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", s->server.port);
	start(s, url);
	while (!s->is_done)
		event_base_loop(s->base, EVLOOP_ONCE);
	return &s->result;
}

static void encodings_of_the_transfer_are_refused(void **state)
{
	static const char *const heads[] = {"Transfer-Encoding: gzip", "transfer-encoding:GZIP",
		"Transfer-Encoding: gzip, gzip", "Transfer-Encoding: gzip, chunked",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip",
		"Transfer-Encoding: x-gzip", "Transfer-Encoding: deflate", "Transfer-Encoding: br",
		"Transfer-Encoding: ", "Transfer-Encoding: identity, gzip"};
	const struct fetch_result *r;

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		r = fetch_encoded(*state, heads[i]);
		if (r->error != -EPROTO)
			fail_msg("%s: %d %s", heads[i], r->error, r->text);
		assert_string_equal(r->text, "the body has an encoding that was not asked for");
		assert_int_equal(r->fd, -1);
	}
}

static void encoding_of_the_content_is_left_alone(void **state)
{
	struct stand *s = *state;
	const struct fetch_result *r = fetch_encoded(s, "Content-Encoding: gzip");

	assert_int_equal(r->error, 0);
	assert_int_equal(r->len, sizeof(hello_gzip) - 1);
	assert_memory_equal(s->body, hello_gzip, sizeof(s->body) - 1);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(silent_name_server_holds_nobody),
		T(encodings_of_the_transfer_are_refused),
		T(encoding_of_the_content_is_left_alone),
	};
	int ret;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return ret;
}
