/* SPDX-License-Identifier: BSD-3-Clause */
/* What peers.c and its answers share; nobody else includes it. */
#pragma once

#include <sys/queue.h>
#include <sys/types.h>

#include "control/budget.h"
#include "control/config.h"
#include "control/peers.h"

/* Someone who asked; answered when the data plane has told everything. */
struct question {
	TAILQ_ENTRY(question) next;
	void (*answer)(struct peers *p, const struct question *q, struct answer *out);
	char peer[RK_NAME_MAX + 1]; /* of a list: the one before its first; empty = none */
	size_t limit;               /* of a list */
	answer_cb cb;
	void *arg;
};
TAILQ_HEAD(question_list, question);

/* What the data plane has told of a peer. */
struct told {
	uint32_t round;     /* in which it gave the status; 0 = never */
	uint8_t state;      /* of the last event: enum rk_peer_state */
	uint8_t verdict;    /* on a certificate, told last; and which */
	uint16_t path_down; /* by its paths */
	uint8_t fingerprint[RK_FINGERPRINT_LEN];
	struct budget budget; /* of what it tells without being asked */
};

struct peers {
	struct daemon *daemon;
	struct event *timer; /* the data plane has this long to answer */
	struct event *every; /* asks by itself: alarms follow the clock, too */
	struct question_list questions;
	bool is_asked;
	uint32_t round;     /* of asking, the last one; 0 = never asked */
	int64_t told_at_ms; /* when one was answered whole; CLOCK_MONOTONIC */
	/* By position in the configuration. */
	struct rk_msg_status_peer *status;
	struct told *told;
	size_t cnt;
	json_t *position;      /* name: index in the configuration */
	json_t *counters;      /* of the answer that is coming in */
	struct budget unasked; /* of what is told of all of them without being asked */
};

/* The position in the configuration; -1 = there is no such peer. */
ssize_t peers_find(const struct peers *p, const char *name);
/* Answers when the data plane has told everything, or why it has not. */
void peers_ask(struct peers *p, const char *name,
	void (*answer)(struct peers *p, const struct question *q, struct answer *out), answer_cb cb,
	void *arg);
void peers_ask_for(struct peers *p, const struct question *what,
	void (*answer)(struct peers *p, const struct question *q, struct answer *out), answer_cb cb,
	void *arg);
/* What was told last is young enough for another page of it. */
bool peers_are_fresh(const struct peers *p);
/* Digits, or null for zeros. At most RK_FINGERPRINT_LEN bytes. */
json_t *peers_hex_json(const uint8_t *data, size_t len);
void peers_answer_unknown(struct answer *out, const char *name);
/* What the data plane said of a peer; what stands before it says anything, otherwise. */
struct rk_msg_status_peer peers_status_of(const struct peers *p, size_t i);
const char *peers_state_name(unsigned state);
json_t *peers_paths_json(const struct config *c, const struct config_peer *peer,
	const struct rk_msg_status_peer *status);
