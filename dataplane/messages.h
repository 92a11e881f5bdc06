/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What main and the workers say to each other, through inboxes. A command is allocated by main,
 * worked off by one worker and sent back as it is; main frees it. A report comes from the worker's
 * pool, is used by main and sent back, and so is a hand-over between two workers; so no side
 * allocates for another and all are bounded.
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
#define HANDOVER_CNT      256 /* a worker's finished exchanges under way to their owners */
#define COOKIE_SECRET_LEN 32

enum message_type {
	/* commands */
	MESSAGE_ADD,    /* peer, change */
	MESSAGE_UPDATE, /* peer, change */
	MESSAGE_REMOVE, /* peer: after this the worker does not touch it */
	MESSAGE_APPLY,  /* seq: comes back when every peer was judged under the new view */
	MESSAGE_ROTATE, /* peer, or all when NULL */
	MESSAGE_STATUS, /* comes back after a STATUS_PEER for every peer */
	MESSAGE_COOKIE, /* cookie */
	MESSAGE_BATCH,  /* batch: commands in their order, as many as there are, taken in O(1) */
	/* reports */
	MESSAGE_EVENT,       /* event */
	MESSAGE_STATUS_PEER, /* status */
	MESSAGE_VALIDATE,    /* struct certificate_message: comes back with the answer */
	MESSAGE_CONFIRM,     /* struct certificate_message */
	/* from worker to worker */
	MESSAGE_HAND_OVER, /* struct handover_message: comes back wiped */
};

struct peer_change {
	struct session_config *config; /* in force from now on; the peer's */
	struct session_config *old;    /* UPDATE: main frees it when the command is back */
	void *slots;                   /* ADD: memory for the engine, or NULL */
	unsigned slot_session_cnt;     /* sessions it is for */
};

/* Commands of a large change are allocated many at a time: a hole that each leaves would stay. */
struct command_block;

struct message {
	struct inbox_node node;
	struct command_block *block; /* main: it lies in; NULL = it stands by itself */
	uint8_t type;                /* enum message_type */
	uint8_t from; /* worker, of its own reports and hand-overs: where they go back to */
	struct peer *peer;
	int result; /* ADD: 0 or -errno */
	union {
		struct peer_change change;
		struct inbox_list batch;
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

/* Lies in its worker's locked memory. */
struct handover_message {
	struct message head;
	_Alignas(64) uint8_t handover[];
};

static inline struct message *message_of(struct inbox_node *node)
{
	return (struct message *)(void *)node; /* first member */
}
static inline struct certificate_message *certificate_message_of(struct message *m)
{
	return (struct certificate_message *)(void *)m; /* first member */
}
static inline struct handover_message *handover_message_of(struct message *m)
{
	return (struct handover_message *)(void *)m; /* first member */
}
static inline bool message_is_command(const struct message *m)
{
	return m->type <= MESSAGE_BATCH;
}
