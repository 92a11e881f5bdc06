/* SPDX-License-Identifier: BSD-3-Clause */
/* A body goes to a disk that is slow, stands still or fails: the loop never waits for it, and the server does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/crl/fetch.h"
#include "control/crl/spool.h"
#include "control/crl/spooler.h"
#include "tests/unit/hostile_server.h"

#define BODY_LEN (SPOOLER_BYTES * 12 + 4711)
#define WRITES   13

static struct {
	pthread_t loop;
	atomic_uint by_loop, by_other; /* calls that may wait for a disk */
	atomic_uint write_cnt, close_cnt;
	unsigned fail_at; /* that write fails, counted from 1; 0 = none */
	int fail_with;
	bool is_failing_on; /* and all after it */
	unsigned slow_us;
	atomic_bool is_still; /* until still is posted */
	sem_t still;
} disk;

static bool is_on_disk(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static void note(void)
{
	atomic_fetch_add(
		pthread_equal(pthread_self(), disk.loop) ? &disk.by_loop : &disk.by_other, 1);
}

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
int __real_close(int fd);
int __wrap_close(int fd);
int __real_spool_open(int dir_fd);
int __wrap_spool_open(int dir_fd);

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
	unsigned n;

	if (!is_on_disk(fd))
		return __real_write(fd, data, len);
	note();
	n = atomic_fetch_add(&disk.write_cnt, 1) + 1;
	if (disk.is_still)
		while (sem_wait(&disk.still) < 0)
			;
	usleep(disk.slow_us);
	if (n == disk.fail_at || (disk.is_failing_on && disk.fail_at > 0 && n > disk.fail_at)) {
		errno = disk.fail_with;
		return -1;
	}
	return __real_write(fd, data, len > 100000 ? 100000 : len); /* short ones, too */
}

int __wrap_close(int fd)
{
	if (is_on_disk(fd)) {
		atomic_fetch_add(&disk.close_cnt, 1);
		note();
	}
	return __real_close(fd);
}

int __wrap_spool_open(int dir_fd)
{
	note();
	return __real_spool_open(dir_fd);
}

struct stand {
	struct event_base *base;
	struct hostile_server server;
	struct fetcher *fetcher;
	int dir_fd;
	struct fetch_result result;
	bool is_done;
	bool is_unwanted; /* the result's file is left to it */
};

static uint8_t octet(size_t at)
{
	return (uint8_t)(at * 31 + at / 65521);
}

/* A good answer of so many octets. */
static void serve(struct hostile_server *h, size_t len)
{
	char head[96];
	int n = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", len);

	free(h->bytes);
	h->len = (size_t)n + len;
	h->bytes = malloc(h->len);
	memcpy(h->bytes, head, (size_t)n);
	for (size_t i = 0; i < len; i++)
		h->bytes[(size_t)n + i] = (char)octet(i);
}

static void serve_endless(struct hostile_server *h)
{
	static const char head[] = "HTTP/1.1 200 OK\r\n\r\n";

	free(h->bytes);
	h->bytes = strdup(head);
	h->len = strlen(head);
	h->again = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
}

static int set_up(void **state)
{
	struct stand *s = calloc(1, sizeof(*s));

	memset(&disk, 0, sizeof(disk));
	disk.loop = pthread_self();
	sem_init(&disk.still, 0, 0);
	s->base = event_base_new();
	s->dir_fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	hostile_open(&s->server, s->base);
	assert_int_equal(fetcher_new(s->base, &s->fetcher), 0);
	s->result.fd = -1;
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stand *s = *state;

	fetcher_free(s->fetcher);
	hostile_close(&s->server);
	event_base_free(s->base);
	if (s->result.fd >= 0)
		__real_close(s->result.fd);
	__real_close(s->dir_fd);
	sem_destroy(&disk.still);
	free(s);
	return 0;
}

static void keep(void *arg, struct fetch_result *result)
{
	struct stand *s = arg;

	assert_false(s->is_done);
	s->result = *result;
	if (s->is_unwanted)
		s->result.fd = -1;
	else
		result->fd = -1;
	s->is_done = true;
}

static void start(struct stand *s, size_t size_max)
{
	char url[64];
	const struct fetch_request r = {
		.url = url, .dir_fd = s->dir_fd, .size_max = size_max, .is_local_allowed = true};

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", s->server.port);
	assert_int_equal(fetch_start(s->fetcher, &r, keep, s), 0);
}

static void turn_for(struct stand *s, unsigned ms)
{
	const struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_base_loopexit(s->base, &tv);
	do
		event_base_loop(s->base, EVLOOP_ONCE);
	while (!s->is_done && !event_base_got_exit(s->base));
}

static const struct fetch_result *fetch(struct stand *s)
{
	start(s, (size_t)64 << 20);
	turn_for(s, 20000);
	assert_true(s->is_done);
	return &s->result;
}

static void is_whole(const struct fetch_result *r, size_t len)
{
	uint8_t *data = malloc(len + 1);

	assert_int_equal(r->error, 0);
	assert_int_equal(r->len, len);
	assert_int_equal(pread(r->fd, data, len + 1, 0), len);
	for (size_t i = 0; i < len; i++)
		if (data[i] != octet(i))
			fail_msg("octet %zu", i);
	free(data);
}

static void slow_disk_is_waited_for_by_others(void **state)
{
	struct stand *s = *state;

	disk.slow_us = 5000;
	serve(&s->server, BODY_LEN);
	is_whole(fetch(s), BODY_LEN);
	assert_int_equal(disk.by_loop, 0);
	assert_true(disk.by_other > WRITES); /* one that opens it */
}

static void lengths_around_a_buffer(void **state)
{
	static const size_t lens[] = {0, 1, SPOOLER_BYTES - 1, SPOOLER_BYTES, SPOOLER_BYTES + 1,
		2 * SPOOLER_BYTES, 2 * SPOOLER_BYTES + 1};
	struct stand *s = *state;

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		s->is_done = false;
		serve(&s->server, lens[i]);
		fetch(s);
		if (lens[i] > 0)
			is_whole(&s->result, lens[i]);
		assert_int_equal(s->result.error, 0);
		assert_int_equal(s->result.fd >= 0, lens[i] > 0);
		if (s->result.fd >= 0)
			__real_close(s->result.fd);
		s->result.fd = -1;
	}
	assert_int_equal(disk.by_loop, 0);
}

/* Not in memory without an end: it is the server that waits. */
static void disk_that_stands_still(void **state)
{
	struct stand *s = *state;

	disk.is_still = true;
	serve_endless(&s->server);
	start(s, (size_t)16 << 20);
	while (atomic_load(&disk.write_cnt) == 0)
		event_base_loop(s->base, EVLOOP_ONCE);
	turn_for(s, 500);
	assert_false(s->is_done);
	assert_int_equal(disk.write_cnt, 1);
	disk.is_still = false;
	sem_post(&disk.still);
	turn_for(s, 20000);
	assert_true(s->is_done);
	assert_int_equal(s->result.error, -EFBIG);
	assert_non_null(strstr(s->result.text, "larger than 16777216 bytes"));
	assert_int_equal(s->result.fd, -1);
	assert_int_equal(disk.by_loop, 0);
}

/* By its length, by chunks, by the connection's end: in pieces that fit no buffer. */
static void however_its_end_is_told(void **state)
{
	struct stand *s = *state;
	char *chunked = malloc(BODY_LEN + BODY_LEN / 1000 + 200), *next = chunked;
	size_t at = 0;

	next += sprintf(next, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (size_t len = 1; at < BODY_LEN; len = len * 3 + 7) {
		size_t piece = len < BODY_LEN - at ? len : BODY_LEN - at;

		next += sprintf(next, "%zx\r\n", piece);
		while (piece-- > 0)
			*next++ = (char)octet(at++);
		next += sprintf(next, "\r\n");
	}
	next += sprintf(next, "0\r\n\r\n");
	free(s->server.bytes);
	s->server.bytes = chunked;
	s->server.len = (size_t)(next - chunked);
	is_whole(fetch(s), BODY_LEN);
	__real_close(s->result.fd);
	s->result.fd = -1;
	s->is_done = false;
	serve(&s->server, BODY_LEN);
	memcpy(strstr(s->server.bytes, "Content"), "Unknown", 7);
	is_whole(fetch(s), BODY_LEN);
	assert_int_equal(disk.by_loop, 0);
}

/* A large one that nobody wants is closed by others, too. */
static void body_that_is_not_taken(void **state)
{
	struct stand *s = *state;

	s->is_unwanted = true;
	serve(&s->server, BODY_LEN);
	assert_int_equal(fetch(s)->error, 0);
	while (atomic_load(&disk.close_cnt) == 0)
		usleep(1000);
	assert_int_equal(disk.by_loop, 0);
}

/* Its room is given up for memory, in the middle as at the end. */
static void full_disk_loses_nothing(void **state)
{
	struct stand *s = *state;

	serve(&s->server, BODY_LEN);
	for (unsigned at = 1; at <= 30; at += 7) {
		s->is_done = false;
		atomic_store(&disk.write_cnt, 0);
		disk.fail_at = at;
		disk.fail_with = ENOSPC;
		is_whole(fetch(s), BODY_LEN);
		__real_close(s->result.fd);
		s->result.fd = -1;
	}
	assert_int_equal(disk.by_loop, 0);
}

/* Whether the server is waiting, is done, or has more to say: it is said, and there is no body. */
static void write_that_fails_is_told(void **state)
{
	struct stand *s = *state;
	unsigned cnt;

	serve(&s->server, BODY_LEN);
	disk.slow_us = 2000;
	is_whole(fetch(s), BODY_LEN);
	__real_close(s->result.fd);
	cnt = atomic_load(&disk.write_cnt);
	disk.is_failing_on = true;
	disk.fail_with = EFBIG;
	for (disk.fail_at = 1; disk.fail_at <= cnt;
		disk.fail_at += disk.fail_at + 1 < cnt ? 3 : 1) {
		s->is_done = false;
		atomic_store(&disk.write_cnt, 0);
		fetch(s);
		assert_int_equal(s->result.error, -EFBIG);
		assert_string_equal(s->result.text, "the body cannot be kept: File too large");
		assert_int_equal(s->result.fd, -1);
	}
	assert_int_equal(disk.by_loop, 0);
}

static void end_comes_first(void **state)
{
	struct stand *s = *state;

	disk.slow_us = 20000;
	serve(&s->server, BODY_LEN);
	start(s, (size_t)64 << 20);
	while (atomic_load(&disk.write_cnt) < 2)
		event_base_loop(s->base, EVLOOP_ONCE);
	fetcher_free(s->fetcher);
	s->fetcher = NULL;
	assert_true(s->is_done);
	assert_int_equal(s->result.error, -ECANCELED);
	assert_int_equal(s->result.fd, -1);
}

/* ---- restarted ---------------------------------------------------------------------------------- */

static void nothing(void *arg)
{
	(void)arg;
}

static void what_came_before_a_redirect_does_not_count(void **state)
{
	static const uint8_t much[16384] = {1};
	struct stand *s = *state;
	struct helper_pool *pool = NULL;
	char text[16] = "";

	assert_int_equal(helper_pool_new(s->base, 1, 8, &pool), 0);
	for (unsigned cnt = 0; cnt <= 34; cnt += 17) {
		for (int is_more = 0; is_more < 2; is_more++) {
			struct spooler *p = spooler_new(pool, s->dir_fd, nothing, NULL);
			int fd;

			for (unsigned i = 0; i < cnt; i++)
				while (spooler_take(p, much, sizeof(much)) == -EAGAIN)
					event_base_loop(s->base, EVLOOP_ONCE);
			spooler_restart(p);
			while (spooler_is_busy(p))
				event_base_loop(s->base, EVLOOP_ONCE);
			if (is_more)
				assert_int_equal(spooler_take(p, "new", 3), 0);
			spooler_finish(p);
			while (spooler_is_busy(p))
				event_base_loop(s->base, EVLOOP_ONCE);
			assert_int_equal(spooler_error(p), 0);
			fd = spooler_take_file(p);
			assert_int_equal(fd >= 0, is_more);
			if (is_more) {
				assert_int_equal(pread(fd, text, sizeof(text), 0), 3);
				assert_string_equal(text, "new");
				__real_close(fd);
			}
			spooler_free(p);
		}
	}
	helper_pool_free(pool);
}

static void too_much_at_once(void **state)
{
	static const uint8_t much[SPOOLER_BYTES + 1];
	struct stand *s = *state;
	struct spooler *p = spooler_new(NULL, s->dir_fd, nothing, NULL);

	assert_int_equal(spooler_take(p, much, sizeof(much)), -EMSGSIZE);
	assert_int_equal(spooler_take(p, much, sizeof(much) - 1), 0);
	spooler_free(p);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(slow_disk_is_waited_for_by_others),
		T(lengths_around_a_buffer),
		T(however_its_end_is_told),
		T(body_that_is_not_taken),
		T(disk_that_stands_still),
		T(full_disk_loses_nothing),
		T(write_that_fails_is_told),
		T(end_comes_first),
		T(what_came_before_a_redirect_does_not_count),
		T(too_much_at_once),
	};
	int ret;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return ret;
}
