/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Read-copy-update, QSBR flavour: the only file pair that names liburcu. docs/rcu.md holds the
 * numbered rules (U1..U9) that users of this header keep and that tests/race checks.
 *
 * Publish and read are C11 atomics and the grace period is annotated, so that ThreadSanitizer
 * sees every ordering although the distribution's liburcu is not instrumented.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <urcu/urcu-qsbr.h>
#include <urcu/rculfhash.h>

#include "pki/view/bytes.h"

/* Embedded in whatever is retired, so that retire never allocates. */
struct rk_rcu_node {
	struct rcu_head head;
	void (*release)(struct rk_rcu_node *node); /* reclaim thread: must not block */
};

/*
 * Process. start: main thread, before any worker runs and never after a fork; makes the reclaim
 * thread and registers the caller. stop: the caller, after all readers have unregistered; returns
 * when every release has run.
 */
int rk_rcu_start(void) RK_MUST_CHECK;
void rk_rcu_stop(void);
/* Every release of what was retired before has run. Not for workers. */
void rk_rcu_barrier(void);

/* Reader threads. Online between register and unregister but for offline..online. */
void rk_rcu_register(void);
void rk_rcu_unregister(void);
/* Top of the loop: nothing borrowed before this line is used after it. */
void rk_rcu_quiescent(void);
/* Around anything that may sleep. */
void rk_rcu_offline(void);
void rk_rcu_online(void);

/*
 * Publish: one writer. Everything written to new before is visible to whoever reads it. Returns
 * the old pointer, which the caller retires. Read: any reader; valid until its next quiescent.
 */
#define rk_rcu_publish(slot, new) atomic_exchange_explicit((slot), (new), memory_order_acq_rel)
#define rk_rcu_read(slot)         atomic_load_explicit((slot), memory_order_acquire)

/*
 * Takes node, always: calls release after every reader that could have found it has been
 * quiescent. The object must be unlinked from everywhere before. Main thread only. With the build
 * option sync_reclaim it waits for the grace period itself and widens the window.
 */
void rk_rcu_retire(struct rk_rcu_node *node, void (*release)(struct rk_rcu_node *node));

/*
 * A hash table read without locks; one writer thread (main). Nodes are embedded; the table never
 * owns them. Readers and the writer must be online. It grows in the writer's add, so that a chain
 * is short whatever the writer did between two quiescent points, and never shrinks, which would
 * take a grace period.
 */
struct rk_rcu_table {
	struct cds_lfht *ht;
	size_t cnt;  /* writer: nodes */
	size_t size; /* writer: buckets */
};
struct rk_rcu_table_node {
	struct cds_lfht_node node;
};
typedef bool (*rk_rcu_match)(const struct rk_rcu_table_node *node, const void *key);

int rk_rcu_table_init(struct rk_rcu_table *t) RK_MUST_CHECK;
void rk_rcu_table_fini(struct rk_rcu_table *t); /* must be empty; after rk_rcu_barrier */
/* The writer's find is stable until it removes the node itself. */
struct rk_rcu_table_node *rk_rcu_table_find(
	const struct rk_rcu_table *t, uint64_t hash, rk_rcu_match match, const void *key);
/* false: an equal key is there already, nothing changed. */
bool rk_rcu_table_add(struct rk_rcu_table *t, uint64_t hash, rk_rcu_match match, const void *key,
	struct rk_rcu_table_node *node) RK_MUST_CHECK;
/* Unlinks; the memory may go after a grace period. */
void rk_rcu_table_remove(struct rk_rcu_table *t, struct rk_rcu_table_node *node);
/* Visits every node; visit may remove (not free) the node it is given. Writer only. */
void rk_rcu_table_walk(const struct rk_rcu_table *t,
	void (*visit)(struct rk_rcu_table_node *node, void *arg), void *arg);

/* For table keys; seeded once a process. What enters a table is configured or confirmed. */
uint64_t rk_rcu_hash(const void *key, size_t len);
