/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/channel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dataplane/log.h"
#include "pki/view/secret.h"

#define RECEIVE_MAX 64 /* messages a turn: nobody keeps main from its other work */

struct datagram {
	size_t len;
	uint8_t *data;
};

struct channel {
	int epoll_fd;
	int sock; /* -1: not connected */
	uid_t control_uid;
	bool is_refusal_told;
	uint64_t retry_ns;
	const struct channel_ops *ops;
	void *ctx;
	struct sockaddr_un address;
	unsigned first;
	unsigned cnt;
	struct datagram queue[CHANNEL_QUEUE_MAX];
	uint8_t *in; /* locked: a KEY passes through it */
	uint8_t out[RK_CHANNEL_MSG_MAX];
};

int channel_new(int epoll_fd, const char *run_dir, uid_t control_uid, const struct channel_ops *ops,
	void *ctx, struct channel **out)
{
	struct channel *c = calloc(1, sizeof(*c));
	int len;

	if (c == NULL)
		return -ENOMEM;
	*c = (struct channel){.epoll_fd = epoll_fd,
		.sock = -1,
		.control_uid = control_uid,
		.ops = ops,
		.ctx = ctx,
		.address.sun_family = AF_UNIX};
	len = snprintf(c->address.sun_path, sizeof(c->address.sun_path), "%s/%s", run_dir,
		RK_CHANNEL_SOCKET);
	if (len < 0 || (size_t)len >= sizeof(c->address.sun_path)) {
		free(c);
		return -ENAMETOOLONG;
	}
	c->in = rk_secret_new(RK_CHANNEL_MSG_MAX);
	if (c->in == NULL) {
		free(c);
		return -ENOMEM;
	}
	*out = c;
	return 0;
}

static void empty_queue(struct channel *c)
{
	while (c->cnt > 0) {
		free(c->queue[c->first].data);
		c->first = (c->first + 1) % CHANNEL_QUEUE_MAX;
		c->cnt--;
	}
}

static void drop(struct channel *c, const char *why)
{
	if (c->sock < 0)
		return;
	log_warning("control: %s", why);
	close(c->sock); /* epoll forgets it too */
	c->sock = -1;
	empty_queue(c);
	c->ops->lost(c->ctx);
}

void channel_free(struct channel *c)
{
	if (c == NULL)
		return;
	if (c->sock >= 0)
		close(c->sock);
	empty_queue(c);
	rk_secret_free(c->in, RK_CHANNEL_MSG_MAX);
	free(c);
}

bool channel_is_connected(const struct channel *c)
{
	return c->sock >= 0;
}

bool channel_has_room(const struct channel *c)
{
	return c->cnt < CHANNEL_QUEUE_MAX / 2;
}

unsigned channel_depth(const struct channel *c)
{
	return c->cnt;
}

static void watch(struct channel *c, int op)
{
	struct epoll_event event = {.events = EPOLLIN | (c->cnt > 0 ? EPOLLOUT : 0), .data.ptr = c};

	if (epoll_ctl(c->epoll_fd, op, c->sock, &event) < 0)
		log_error("control: epoll: %s", strerror(errno));
}

static bool enqueue(struct channel *c, const void *data, size_t len)
{
	struct datagram *d = &c->queue[(c->first + c->cnt) % CHANNEL_QUEUE_MAX];

	if (c->cnt == CHANNEL_QUEUE_MAX)
		return false;
	d->data = malloc(len);
	if (d->data == NULL)
		return false;
	memcpy(d->data, data, len);
	d->len = len;
	c->cnt++;
	return true;
}

void channel_send(struct channel *c, const struct rk_message *m)
{
	size_t len;
	int ret = -EAGAIN;

	if (c->sock < 0)
		return;
	len = rk_message_build(m, c->out, sizeof(c->out));
	if (c->cnt == 0)
		ret = rk_channel_send(c->sock, c->out, len, NULL, 0);
	if (ret == 0)
		return;
	if (ret != -EAGAIN) {
		drop(c, strerror(-ret));
		return;
	}
	if (!enqueue(c, c->out, len)) {
		drop(c, "does not read what we send");
		return;
	}
	watch(c, EPOLL_CTL_MOD);
}

static void flush(struct channel *c)
{
	int ret = 0;

	if (c->cnt == 0)
		return;
	while (c->cnt > 0 && ret == 0) {
		struct datagram *d = &c->queue[c->first];

		ret = rk_channel_send(c->sock, d->data, d->len, NULL, 0);
		if (ret < 0)
			break;
		free(d->data);
		c->first = (c->first + 1) % CHANNEL_QUEUE_MAX;
		c->cnt--;
	}
	if (ret < 0 && ret != -EAGAIN)
		drop(c, strerror(-ret));
	else
		watch(c, EPOLL_CTL_MOD);
}

static bool take_key(struct channel *c, size_t len)
{
	struct rk_private_key *key = rk_secret_new(sizeof(*key));

	if (key == NULL) {
		log_error("a private key came and no memory could be locked for it");
		return true;
	}
	if (rk_private_key_parse(key, c->in, len) < 0) {
		rk_secret_free(key, sizeof(*key));
		return false;
	}
	c->ops->key(c->ctx, key);
	return true;
}

static bool take_message(struct channel *c, size_t len, const int *fds, size_t fd_cnt)
{
	struct rk_message m;
	bool is_good;

	if (rk_message_type(c->in, len) == RK_MSG_KEY) {
		is_good = take_key(c, len);
		rk_wipe(c->in, len);
		return is_good;
	}
	return rk_message_parse(&m, c->in, len) == 0 && c->ops->message(c->ctx, &m, fds, fd_cnt);
}

static void receive(struct channel *c)
{
	unsigned left = RECEIVE_MAX;

	while (c->sock >= 0 && left-- > 0) {
		int fds[RK_PART_CNT];
		size_t fd_cnt = 0;
		ssize_t len = rk_channel_receive(c->sock, c->in, RK_CHANNEL_MSG_MAX, fds, &fd_cnt);
		bool is_good;

		if (len == -EAGAIN)
			return;
		if (len < 0) {
			drop(c, len == -ECONNRESET ? "went away" : strerror((int)-len));
			return;
		}
		is_good = take_message(c, (size_t)len, fds, fd_cnt);
		while (fd_cnt > 0)
			close(fds[--fd_cnt]);
		if (!is_good)
			drop(c, "sent a message that is not for us, or malformed");
	}
}

static void connect_now(struct channel *c)
{
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int ret;

	if (sock < 0)
		return;
	if (connect(sock, (const struct sockaddr *)&c->address, sizeof(c->address)) < 0) {
		close(sock);
		return;
	}
	ret = rk_channel_check_peer(sock, c->control_uid);
	if (ret < 0) {
		if (!c->is_refusal_told)
			log_error("%s: the listener does not run as uid %u: not talking to it",
				c->address.sun_path, (unsigned)c->control_uid);
		c->is_refusal_told = true;
		close(sock);
		return;
	}
	c->is_refusal_told = false;
	c->sock = sock;
	watch(c, EPOLL_CTL_ADD);
	log_info("connected to control");
	c->ops->connected(c->ctx);
}

void channel_run(struct channel *c, uint64_t now_ns)
{
	if (c->sock < 0) {
		if (now_ns < c->retry_ns)
			return;
		c->retry_ns = now_ns + CHANNEL_RETRY_NS;
		connect_now(c);
	}
	if (c->sock >= 0)
		receive(c);
	if (c->sock >= 0)
		flush(c);
}

uint64_t channel_deadline_ns(const struct channel *c)
{
	return c->sock < 0 ? c->retry_ns : UINT64_MAX;
}
