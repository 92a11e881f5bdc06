/* SPDX-License-Identifier: BSD-3-Clause */
/* Everything the main thread holds. Only main touches it but for what struct shared says. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/channel.h"
#include "dataplane/graveyard.h"
#include "dataplane/options.h"
#include "dataplane/peer.h"
#include "dataplane/port.h"
#include "dataplane/published.h"
#include "dataplane/watchdog.h"
#include "dataplane/worker.h"

#define VALIDATION_MAX        64
#define VALIDATION_LIMIT_NS   UINT64_C(5000000000)
#define CERTIFICATE_TABLE_MAX 16384

struct dataplane {
	struct shared shared;
	struct options options;
	struct port_set *ports;
	struct crypto_service *crypto[WORKER_MAX]; /* the workers' own */
	struct channel *channel;
	struct graveyard graveyard;
	struct peer_pool pool[WORKER_MAX]; /* of each worker's peers */
	struct part_ref *closing;          /* parts to be unmapped in steps */
	struct published *published;       /* what the workers were last given */
	uint64_t seq;                      /* of it */
	uint64_t applied_seq;              /* the last that every worker has applied */
	uint64_t plan_cnt;                 /* plans ever made, carried out or not */
	unsigned applying_cnt;             /* workers that have not applied seq yet */
	struct rk_private_key *key;        /* waits for the view that names it; NULL = none */
	struct certificate_message *validation[VALIDATION_MAX];
	uint32_t validating_cnt;   /* used of validation */
	uint64_t validation_cnt;   /* ever: names requests on the channel */
	struct inbox_list reports; /* wait until the channel has room */
	unsigned status_cnt;       /* workers that are still telling theirs */
	bool is_status_wanted;
	int state_dir;
	bool is_state_old; /* what was activated is not on disk yet */
	uint64_t state_ns; /* when it was last written */
	uint64_t counted;  /* counters_sum when last told */
	uint64_t counted_ns;
	uint64_t cookie_ns;
	struct watchdog watchdog; /* of all lcores */
	bool was_hung;            /* some of them, when counters were last told */
};

/* activate.c: views, keys and peers. */

/* Answers on the channel: APPLIED later, REFUSED or NEED_ALL at once. fds are borrowed. */
bool activate_message(
	struct dataplane *d, const struct rk_msg_view *m, const int *fds, size_t fd_cnt);
/* Takes key: newest one; a view that waited for it gets its credential. */
void activate_key(struct dataplane *d, struct rk_private_key *key);
/* At start, from the state folder. */
void activate_saved(struct dataplane *d);
/* One more worker has applied the view with this number. */
void activate_done(struct dataplane *d, uint64_t seq);
void activate_say_hello(struct dataplane *d);
/* Unpublishes: after the workers have ended, before rk_rcu_stop. */
void activate_clear(struct dataplane *d);

/* peers_diff.c: from one view's peers to the next's. */
struct peer_plan;
/* Allocates everything that the change needs, touches nothing. 0 or -ENOMEM. */
int peer_plan_new(
	struct dataplane *d, const struct published *next, struct peer_plan **out) RK_MUST_CHECK;
/* Cannot fail: tables first, then commands to the owners. Takes plan. */
void peer_plan_execute(struct dataplane *d, struct peer_plan *plan);
void peer_plan_discard(struct peer_plan *plan);
/* The owner has let go of a removed peer. */
void peer_removed(struct dataplane *d, struct peer *p);

/* At the end, when no worker runs: unlinks and retires a peer. arg is the dataplane. */
void peer_forget(struct peer *p, void *arg);

/* reports.c: what workers say. */
void reports_take(struct dataplane *d);
/* An answer from control, or its absence. */
void reports_verdict(struct dataplane *d, const struct rk_msg_verdict *m);
void reports_expire(struct dataplane *d, uint64_t now_ns); /* UINT64_MAX: all, control is away */
uint64_t reports_deadline_ns(const struct dataplane *d);
void reports_status(struct dataplane *d);
/* reports_counters.c */
void reports_counters(struct dataplane *d);
/* How full main's own queues are. */
void reports_note_depths(struct dataplane *d);
uint64_t reports_counters_sum(const struct dataplane *d);
/* A command of this type, zeroed; NULL: out of memory, logged. */
struct message *command_new(enum message_type type) RK_MUST_CHECK;
/* Gives a command back. NULL is fine. */
void command_free(struct message *m);
/* The next of *block, or of a new one that takes its place: for commands by the thousand. */
struct message *command_new_in(struct command_block **block, enum message_type type) RK_MUST_CHECK;
/* No more of them will be asked for. NULL is fine. */
void command_block_end(struct command_block *block);
/* One for each worker, alike: all of them or, with -ENOMEM, none. */
int commands_new(struct dataplane *d, enum message_type type, struct inbox_list *out) RK_MUST_CHECK;
/* The first to the first worker, and so on. Takes them. */
void commands_send(struct dataplane *d, struct inbox_list *commands);
void commands_discard(struct inbox_list *commands);
