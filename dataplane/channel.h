/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data plane's end of RUN/publish.sock: connects, checks who listens, reconnects within 200 ms,
 * sends what is queued, hands every received message to its owner. Main thread only; never blocks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "pki/view/channel.h"

#define CHANNEL_RETRY_NS  UINT64_C(200000000)
#define CHANNEL_QUEUE_MAX 256

struct channel;

struct channel_ops {
	void (*connected)(void *ctx);
	void (*lost)(void *ctx);
	/* fds are the channel's and closed after the call. false: the other end breaks the rules. */
	bool (*message)(void *ctx, const struct rk_message *m, const int *fds, size_t fd_cnt);
	/* Takes key, memory of rk_secret_new(sizeof *key). */
	void (*key)(void *ctx, struct rk_private_key *key);
};

int channel_new(int epoll_fd, const char *run_dir, uid_t control_uid, const struct channel_ops *ops,
	void *ctx, struct channel **out) RK_MUST_CHECK;
void channel_free(struct channel *c);

bool channel_is_connected(const struct channel *c);
/* There is room for one more message without dropping the connection. */
bool channel_has_room(const struct channel *c);
/* Messages that wait for the socket, of CHANNEL_QUEUE_MAX. */
unsigned channel_depth(const struct channel *c);
/* Sends or queues. When the queue is full the connection is dropped: a reconnect tells all anew. */
void channel_send(struct channel *c, const struct rk_message *m);
/* After epoll said something of this descriptor, and at least at every deadline. */
void channel_run(struct channel *c, uint64_t now_ns);
uint64_t channel_deadline_ns(const struct channel *c);
