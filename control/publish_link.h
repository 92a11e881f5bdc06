/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The socket to the data plane: listens on RUN/publish.sock, takes one connection whose user is the
 * right one (a newer one replaces it), reads whole messages, and sends in order without blocking.
 * A message that does not parse, or that only control may send, closes the connection.
 * Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <event2/event.h>

#include "pki/view/channel.h"

#define PUBLISH_QUEUE_MAX 4096 /* messages waiting; one more closes the connection */

struct publish_link;

struct publish_link_args {
	struct event_base *base;
	const char *run_dir;
	uid_t uid; /* who may connect */
	gid_t gid; /* the socket's group */
	/* The first message of a connection is HELLO, later ones are not. */
	void (*on_message)(void *arg, const struct rk_message *msg);
	void (*on_closed)(void *arg); /* not when publish_link_close does it */
	void *arg;
};

/* 0 or -errno, with the reason logged. */
int publish_link_open(
	const struct publish_link_args *args, struct publish_link **out) RK_MUST_CHECK;
void publish_link_close(struct publish_link *l); /* NULL is fine */

/* After HELLO; false for NULL. */
bool publish_link_is_connected(const struct publish_link *l);
/* Ends the connection; on_closed is called. */
void publish_link_drop(struct publish_link *l, const char *reason);
/* Why the last one that connected was turned away before it had said who it is; "" = it was not. */
const char *publish_link_refusal(const struct publish_link *l);

/*
 * Sent or queued; fds are duplicated. False when there is no connection, or it was dropped because
 * the queue is full or memory is short.
 */
bool publish_link_send(
	struct publish_link *l, const struct rk_message *msg, const int *fds, size_t fd_cnt);
/* The bytes are copied into secret memory and wiped once sent. */
bool publish_link_send_key(struct publish_link *l, const struct rk_private_key *key);
