/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A configured peer. Made and unmade by the main thread, found by every worker without locks; the
 * protocol's session inside belongs to one worker, the owner. Removal: unlinked and marked dead by
 * main, cleared by the owner, then one grace period, then wiped and given back to the pool.
 */
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/engine.h"
#include "dataplane/graveyard.h"
#include "dataplane/rcu.h"

#define PEER_ALIGN 64

struct peer {
	struct grave grave;                   /* main */
	struct rk_rcu_table_node by_identity; /* main: w, workers: r */
	struct rk_rcu_table_node by_name;     /* main: w, workers: r */
	struct peer_slab *slab;               /* main */
	const char *name;                     /* immutable, as the next three */
	const char *identity;                 /* not NUL-terminated */
	uint8_t identity_len;
	uint8_t owner;
	bool is_named;                           /* main: the name was free when it was linked */
	_Atomic bool is_ready;                   /* owner: session is added; workers: r */
	_Atomic bool is_dead;                    /* main: w once, workers: r */
	bool has_fingerprint;                    /* main */
	uint8_t fingerprint[RK_FINGERPRINT_LEN]; /* main: certificate it stands on */
	uint64_t seen_by;                        /* main: the last plan whose view names it */
	struct session_config *config;           /* main: what was last sent to the owner */
	struct peer *next;                       /* owner: its list; main: pool and plans */
	struct peer **prev_link;                 /* owner */
	bool needs_status;                       /* owner: an event of it was lost */
	_Alignas(PEER_ALIGN) uint8_t session[];  /* owner: session_size() bytes */
};
static_assert(offsetof(struct peer, session) % PEER_ALIGN == 0, "the session starts a line");

static inline struct session *peer_session(struct peer *p)
{
	return (struct session *)(void *)p->session;
}

/*
 * Memory of one worker's peers: locked, not dumped, in slabs, because sessions hold keys. Each slab
 * comes with the key slots of its peers, which go to the worker's engine with the slab's first peer
 * and take memory only where they are used. Main thread only.
 */
struct peer_pool {
	struct peer_slab *slabs;
	struct peer *free;
	size_t stride;
	size_t (*slots_size)(unsigned session_cnt); /* of key slots for that many peers */
};

void peer_pool_init(
	struct peer_pool *pool, size_t session_len, size_t (*slots_size)(unsigned session_cnt));
void peer_pool_fini(struct peer_pool *pool); /* all peers must be back */
/* Zeroed, with copies of the names; NULL when there is no memory, or none that can be locked. */
struct peer *peer_new(struct peer_pool *pool, const char *name, const char *identity,
	size_t identity_len) RK_MUST_CHECK;
void peer_free(struct peer *p); /* wipes, frees its config; NULL is fine */
/* Once a slab: memory for the key slots of *session_cnt sessions. Else NULL. */
void *peer_take_slots(struct peer *p, unsigned *session_cnt);

/* A heap copy for this peer: one block, freed by free(). NULL: no memory. */
struct session_config *peer_config_new(
	const struct peer *p, const struct session_config *from) RK_MUST_CHECK;
bool peer_config_is_same(const struct session_config *a, const struct session_config *b);
