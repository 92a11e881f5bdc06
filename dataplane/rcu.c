/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/rcu.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#if defined(__SANITIZE_THREAD__)
#define HAVE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAVE_TSAN 1
#endif
#endif

/*
 * Without instrumentation of liburcu the edge "reader was quiescent -> reclaim runs" is invisible
 * to ThreadSanitizer. These two draw it, and no more: a reader that keeps a pointer past its
 * quiescent point is still reported.
 */
#ifdef HAVE_TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#define ACQUIRE(addr) __tsan_acquire(addr)
#define RELEASE(addr) __tsan_release(addr)
#else
#define ACQUIRE(addr) ((void)(addr))
#define RELEASE(addr) ((void)(addr))
#endif

/* liburcu's own goes through char * and, under clang, drops const without being asked. */
#define container_of(node, type, member) ((type *)((uintptr_t)(node)-offsetof(type, member)))

#define TABLE_SIZE_MIN 64 /* power of two */

static char grace_token;
static uint64_t hash_key;

int rk_rcu_start(void)
{
	struct call_rcu_data *reclaim;

	if (getrandom(&hash_key, sizeof(hash_key), 0) != (ssize_t)sizeof(hash_key))
		return -EIO;
	urcu_qsbr_register_thread();
	reclaim = urcu_qsbr_get_default_call_rcu_data(); /* the thread exists from here on */
	if (reclaim == NULL) {
		urcu_qsbr_unregister_thread();
		return -ENOMEM;
	}
	return 0;
}

void rk_rcu_barrier(void)
{
	urcu_qsbr_thread_offline();
	urcu_qsbr_barrier();
	urcu_qsbr_thread_online();
}

void rk_rcu_stop(void)
{
	rk_rcu_barrier();
	urcu_qsbr_unregister_thread();
}

void rk_rcu_register(void)
{
	urcu_qsbr_register_thread();
}

void rk_rcu_unregister(void)
{
	RELEASE(&grace_token);
	urcu_qsbr_unregister_thread();
}

void rk_rcu_quiescent(void)
{
	RELEASE(&grace_token);
	urcu_qsbr_quiescent_state();
#ifdef REKEY_SYNC_RECLAIM
	sched_yield();
#endif
}

void rk_rcu_offline(void)
{
	RELEASE(&grace_token);
	urcu_qsbr_thread_offline();
}

void rk_rcu_online(void)
{
	urcu_qsbr_thread_online();
}

#ifdef REKEY_SYNC_RECLAIM
void rk_rcu_retire(struct rk_rcu_node *node, void (*release)(struct rk_rcu_node *node))
{
	sched_yield();
	urcu_qsbr_synchronize_rcu();
	ACQUIRE(&grace_token);
	release(node);
}
#else
static void reclaim(struct rcu_head *head)
{
	struct rk_rcu_node *node = container_of(head, struct rk_rcu_node, head);

	ACQUIRE(&grace_token);
	ACQUIRE(node);
	node->release(node);
}

void rk_rcu_retire(struct rk_rcu_node *node, void (*release)(struct rk_rcu_node *node))
{
	node->release = release;
	RELEASE(node);
	urcu_qsbr_call_rcu(&node->head, reclaim);
}
#endif

int rk_rcu_table_init(struct rk_rcu_table *t)
{
	/*
	 * No AUTO_RESIZE: without ACCOUNTING it takes gigabytes, and with it (0.13) a table that
	 * is filled by a writer who is never quiescent meanwhile stays small for good.
	 */
	t->cnt = 0;
	t->size = TABLE_SIZE_MIN;
	t->ht = cds_lfht_new_flavor(TABLE_SIZE_MIN, TABLE_SIZE_MIN, 0, 0, &urcu_qsbr_flavor, NULL);
	return t->ht == NULL ? -ENOMEM : 0;
}

void rk_rcu_table_fini(struct rk_rcu_table *t)
{
	int ret;

	if (t->ht == NULL)
		return;
	ret = cds_lfht_destroy(t->ht, NULL);
	assert(ret == 0 && "a table is destroyed empty");
	(void)ret;
	t->ht = NULL;
}

struct match_arg {
	rk_rcu_match match;
	const void *key;
};

static const struct rk_rcu_table_node *table_node(const struct cds_lfht_node *node)
{
	ACQUIRE((void *)(uintptr_t)node);
	return container_of(node, struct rk_rcu_table_node, node);
}

static int call_match(struct cds_lfht_node *node, const void *key)
{
	const struct match_arg *arg = key;

	return arg->match(table_node(node), arg->key);
}

static struct rk_rcu_table_node *from_iter(struct cds_lfht_iter *iter)
{
	struct cds_lfht_node *node = cds_lfht_iter_get_node(iter);

	if (node == NULL)
		return NULL;
	ACQUIRE(node);
	return container_of(node, struct rk_rcu_table_node, node);
}

struct rk_rcu_table_node *rk_rcu_table_find(
	const struct rk_rcu_table *t, uint64_t hash, rk_rcu_match match, const void *key)
{
	const struct match_arg arg = {match, key};
	struct cds_lfht_iter iter;

	cds_lfht_lookup(t->ht, (unsigned long)hash, call_match, &arg, &iter);
	return from_iter(&iter);
}

bool rk_rcu_table_add(struct rk_rcu_table *t, uint64_t hash, rk_rcu_match match, const void *key,
	struct rk_rcu_table_node *node)
{
	const struct match_arg arg = {match, key};

	cds_lfht_node_init(&node->node);
	RELEASE(&node->node);
	if (cds_lfht_add_unique(t->ht, (unsigned long)hash, call_match, &arg, &node->node) !=
		&node->node)
		return false;
	if (++t->cnt > 2 * t->size) {
		t->size *= 2;
		cds_lfht_resize(t->ht, t->size);
	}
	return true;
}

void rk_rcu_table_remove(struct rk_rcu_table *t, struct rk_rcu_table_node *node)
{
	int ret = cds_lfht_del(t->ht, &node->node);

	t->cnt--;
	assert(ret == 0);
	(void)ret;
}

void rk_rcu_table_walk(const struct rk_rcu_table *t,
	void (*visit)(struct rk_rcu_table_node *node, void *arg), void *arg)
{
	struct rk_rcu_table_node *node;
	struct cds_lfht_iter iter;

	cds_lfht_first(t->ht, &iter);
	while ((node = from_iter(&iter)) != NULL) {
		visit(node, arg);
		cds_lfht_next(t->ht, &iter);
	}
}

uint64_t rk_rcu_hash(const void *key, size_t len)
{
	const uint8_t *p = key;
	uint64_t h = hash_key ^ 0xcbf29ce484222325;
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3;
	/* The table uses low bits first: spread the high ones down. */
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15;
	return h ^ (h >> 29);
}
