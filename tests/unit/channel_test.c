/* SPDX-License-Identifier: BSD-3-Clause */
/* The data plane's end of the channel against a control played by the test. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "dataplane/channel.h"
#include "pki/view/secret.h"

struct fixture {
	char folder[64];
	struct sockaddr_un address;
	int listener;
	int control; /* the accepted end, -1 none */
	int epoll_fd;
	struct channel *channel;
	uint64_t now;
	unsigned connected_cnt;
	unsigned lost_cnt;
	unsigned message_cnt;
	enum rk_channel_type last_type;
	size_t last_fd_cnt;
	bool answers; /* what the message callback returns */
	uint8_t key_hash[RK_DIGEST_LEN];
};

static void on_connected(void *ctx)
{
	((struct fixture *)ctx)->connected_cnt++;
}

static void on_lost(void *ctx)
{
	((struct fixture *)ctx)->lost_cnt++;
}

static bool on_message(void *ctx, const struct rk_message *m, const int *fds, size_t fd_cnt)
{
	struct fixture *f = ctx;

	f->message_cnt++;
	f->last_type = m->type;
	f->last_fd_cnt = fd_cnt;
	while (fd_cnt > 0)
		assert_true(fcntl(fds[--fd_cnt], F_GETFD) >= 0);
	return f->answers;
}

static void on_key(void *ctx, struct rk_private_key *key)
{
	struct fixture *f = ctx;

	memcpy(f->key_hash, key->public_key_hash, RK_DIGEST_LEN);
	rk_secret_free(key, sizeof(*key));
}

static const struct channel_ops ops = {on_connected, on_lost, on_message, on_key};

static void listen_now(struct fixture *f)
{
	f->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(f->listener >= 0);
	unlink(f->address.sun_path);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&f->address, sizeof(f->address)), 0);
	assert_int_equal(listen(f->listener, 4), 0);
}

static void open_channel(struct fixture *f, uid_t uid)
{
	assert_int_equal(channel_new(f->epoll_fd, f->folder, uid, &ops, f, &f->channel), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->folder, "/tmp/rekey-channel-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	f->address.sun_family = AF_UNIX;
	snprintf(f->address.sun_path, sizeof(f->address.sun_path), "%s/%s", f->folder,
		RK_CHANNEL_SOCKET);
	f->listener = -1;
	f->control = -1;
	f->now = 1000000000;
	f->answers = true;
	f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	channel_free(f->channel);
	if (f->listener >= 0)
		close(f->listener);
	if (f->control >= 0)
		close(f->control);
	close(f->epoll_fd);
	unlink(f->address.sun_path);
	rmdir(f->folder);
	free(f);
	return 0;
}

static void run_after(struct fixture *f, uint64_t ms)
{
	f->now += ms * 1000000;
	channel_run(f->channel, f->now);
}

static void connect_both(struct fixture *f)
{
	listen_now(f);
	open_channel(f, geteuid());
	run_after(f, 0);
	assert_true(channel_is_connected(f->channel));
	f->control = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(f->control >= 0);
}

static void say(struct fixture *f, const struct rk_message *m, const int *fds, size_t fd_cnt)
{
	uint8_t buf[RK_CHANNEL_MSG_MAX];
	size_t len = rk_message_build(m, buf, sizeof(buf));

	assert_true(len > 0);
	assert_int_equal(rk_channel_send(f->control, buf, len, fds, fd_cnt), 0);
}

static void test_reconnects(void **state)
{
	struct fixture *f = *state;

	open_channel(f, geteuid());
	run_after(f, 0);
	assert_false(channel_is_connected(f->channel));
	assert_true(channel_deadline_ns(f->channel) <= f->now + CHANNEL_RETRY_NS);
	listen_now(f);
	run_after(f, 10); /* not before its time */
	assert_false(channel_is_connected(f->channel));
	run_after(f, 200);
	assert_int_equal(f->connected_cnt, 1);
	f->control = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
	close(f->control);
	f->control = -1;
	run_after(f, 1);
	assert_int_equal(f->lost_cnt, 1);
	run_after(f, 200);
	assert_int_equal(f->connected_cnt, 2);
}

static void test_wrong_user(void **state)
{
	struct fixture *f = *state;

	listen_now(f);
	open_channel(f, geteuid() + 1);
	run_after(f, 0);
	run_after(f, 200);
	assert_int_equal(f->connected_cnt, 0);
	assert_false(channel_is_connected(f->channel));
}

static void test_messages(void **state)
{
	struct rk_message m = {.type = RK_MSG_STATUS};
	struct fixture *f = *state;
	int fd;

	connect_both(f);
	say(f, &m, NULL, 0);
	m.type = RK_MSG_VIEW;
	m.view.generation.counter = 1;
	m.view.part[0] = (struct rk_part_ref){.is_present = 1, .has_fd = 1, .size = 64};
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	say(f, &m, &fd, 1);
	close(fd);
	run_after(f, 1);
	assert_int_equal(f->message_cnt, 2);
	assert_int_equal(f->last_type, RK_MSG_VIEW);
	assert_int_equal(f->last_fd_cnt, 1);
	assert_int_equal(f->lost_cnt, 0);
	f->answers = false; /* the owner says: not for us */
	m.type = RK_MSG_STATUS;
	say(f, &m, NULL, 0);
	run_after(f, 1);
	assert_int_equal(f->lost_cnt, 1);
}

static void test_malformed(void **state)
{
	struct fixture *f = *state;

	connect_both(f);
	assert_int_equal(send(f->control, "\0\1\2\3nonsense", 12, 0), 12);
	run_after(f, 1);
	assert_int_equal(f->message_cnt, 0);
	assert_int_equal(f->lost_cnt, 1);
	assert_false(channel_is_connected(f->channel));
}

static void test_key(void **state)
{
	struct fixture *f = *state;
	struct rk_private_key key = {.type = RK_KEY_P256, .number_cnt = 2};
	uint8_t buf[RK_CHANNEL_MSG_MAX];
	size_t len;

	memset(key.public_key_hash, 7, sizeof(key.public_key_hash));
	key.len[RK_NUM_PUBLIC] = 65;
	key.len[RK_NUM_SECRET] = 32;
	memset(key.number[RK_NUM_PUBLIC], 4, 65);
	memset(key.number[RK_NUM_SECRET], 9, 32);
	len = rk_private_key_build(&key, buf, sizeof(buf));
	assert_true(len > 0);
	connect_both(f);
	assert_int_equal(rk_channel_send(f->control, buf, len, NULL, 0), 0);
	run_after(f, 1);
	assert_int_equal(f->lost_cnt, 0);
	assert_memory_equal(f->key_hash, key.public_key_hash, RK_DIGEST_LEN);
}

/* A control that does not read: bounded, and then the connection goes. */
static void test_backlog(void **state)
{
	const struct rk_message m = {.type = RK_MSG_COUNTERS, .counters.cnt = RK_COUNTERS_PER_MSG};
	struct fixture *f = *state;
	uint8_t buf[RK_CHANNEL_MSG_MAX];
	int fds[RK_PART_CNT];
	size_t fd_cnt;
	unsigned sent = 0;
	unsigned got = 0;

	connect_both(f);
	while (channel_has_room(f->channel)) {
		channel_send(f->channel, &m);
		sent++;
	}
	assert_true(channel_is_connected(f->channel));
	for (;;) { /* what was queued arrives once control reads */
		while (rk_channel_receive(f->control, buf, sizeof(buf), fds, &fd_cnt) > 0)
			got++;
		if (got == sent)
			break;
		run_after(f, 1);
	}
	assert_true(channel_has_room(f->channel));
	for (sent = 0; sent < 100000 && channel_is_connected(f->channel); sent++)
		channel_send(f->channel, &m);
	assert_int_equal(f->lost_cnt, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reconnects, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_user, setup, teardown),
		cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_backlog, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
