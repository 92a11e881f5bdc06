/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What main and a worker say to each other, through inboxes. A command is allocated by main, worked
 * off by the worker and sent back as it is; main frees it. A report comes from the worker's pool,
 * is used by main and sent back; so neither side allocates for the other and both are bounded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/inbox.h"
#include "dataplane/peer.h"
#include "pki/view/channel.h"

#define REPORT_CNT        512 /* a worker's events and status lines under way */
#define CERTIFICATE_CNT   32  /* a worker's certificates under way to control */
#define COOKIE_SECRET_LEN 32

enum message_type {
	/* commands */
	MESSAGE_ADD,    /* peer, config */
	MESSAGE_UPDATE, /* peer, config */
	MESSAGE_REMOVE, /* peer: after this the worker does not touch it */
	MESSAGE_APPLY,  /* seq: comes back when every peer was judged under the new view */
	MESSAGE_ROTATE, /* peer, or all when NULL */
	MESSAGE_STATUS, /* comes back after a STATUS_PEER for every peer */
	MESSAGE_COOKIE, /* cookie */
	/* reports */
	MESSAGE_EVENT,       /* event */
	MESSAGE_STATUS_PEER, /* status */
	MESSAGE_VALIDATE,    /* struct certificate_message: comes back with the answer */
	MESSAGE_CONFIRM,     /* struct certificate_message */
};

struct message {
	struct inbox_node node;
	enum message_type type;
	struct peer *peer;
	int result; /* ADD: 0 or -errno */
	union {
		struct session_config config;
		uint64_t seq;
		uint8_t cookie[COOKIE_SECRET_LEN];
		struct rk_msg_event event;
		struct rk_msg_status_peer status;
	};
};

struct certificate_message {
	struct message head;
	uint64_t request;   /* the engine's */
	uint64_t sent_as;   /* main: number on the channel */
	uint64_t expire_ns; /* main */
	bool has_verdict;
	size_t der_len;
	struct rk_verdict verdict;
	uint8_t der[RK_CERT_DER_MAX];
};

static inline struct message *message_of(struct inbox_node *node)
{
	return (struct message *)(void *)node; /* first member */
}
static inline struct certificate_message *certificate_message_of(struct message *m)
{
	return (struct certificate_message *)(void *)m; /* first member */
}
static inline bool message_is_command(const struct message *m)
{
	return m->type <= MESSAGE_COOKIE;
}
