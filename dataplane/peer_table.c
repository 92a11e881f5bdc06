/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/peer_table.h"

#include <string.h>

#define peer_of(ptr, member) ((struct peer *)((uintptr_t)(ptr)-offsetof(struct peer, member)))

struct identity {
	const char *name;
	size_t len;
};

static bool is_identity(const struct rk_rcu_table_node *node, const void *key)
{
	const struct peer *p = peer_of(node, by_identity);
	const struct identity *id = key;

	return p->identity_len == id->len && memcmp(p->identity, id->name, id->len) == 0;
}

static bool is_name(const struct rk_rcu_table_node *node, const void *key)
{
	return strcmp(peer_of(node, by_name)->name, key) == 0;
}

int peer_table_init(struct peer_table *t)
{
	int ret;

	memset(t, 0, sizeof(*t));
	ret = rk_rcu_table_init(&t->by_identity);
	if (ret < 0)
		return ret;
	ret = rk_rcu_table_init(&t->by_name);
	if (ret < 0)
		rk_rcu_table_fini(&t->by_identity);
	return ret;
}

void peer_table_fini(struct peer_table *t)
{
	rk_rcu_table_fini(&t->by_identity);
	rk_rcu_table_fini(&t->by_name);
}

struct peer *peer_table_find(const struct peer_table *t, const char *identity, size_t len)
{
	const struct identity id = {identity, len};
	struct rk_rcu_table_node *node =
		rk_rcu_table_find(&t->by_identity, rk_rcu_hash(identity, len), is_identity, &id);

	return node == NULL ? NULL : peer_of(node, by_identity);
}

struct peer *peer_table_find_name(const struct peer_table *t, const char *name)
{
	struct rk_rcu_table_node *node =
		rk_rcu_table_find(&t->by_name, rk_rcu_hash(name, strlen(name)), is_name, name);

	return node == NULL ? NULL : peer_of(node, by_name);
}

bool peer_table_add(struct peer_table *t, struct peer *p)
{
	const struct identity id = {p->identity, p->identity_len};

	if (!rk_rcu_table_add(&t->by_identity, rk_rcu_hash(id.name, id.len), is_identity, &id,
		    &p->by_identity))
		return false;
	p->is_named = rk_rcu_table_add(
		&t->by_name, rk_rcu_hash(p->name, strlen(p->name)), is_name, p->name, &p->by_name);
	t->cnt++;
	return true;
}

void peer_table_remove(struct peer_table *t, struct peer *p)
{
	atomic_store_explicit(&p->is_dead, true, memory_order_release);
	rk_rcu_table_remove(&t->by_identity, &p->by_identity);
	if (p->is_named)
		rk_rcu_table_remove(&t->by_name, &p->by_name);
	t->cnt--;
}

struct walk {
	void (*visit)(struct peer *p, void *arg);
	void *arg;
};

static void visit_node(struct rk_rcu_table_node *node, void *arg)
{
	const struct walk *walk = arg;

	walk->visit(peer_of(node, by_identity), walk->arg);
}

void peer_table_walk(
	const struct peer_table *t, void (*visit)(struct peer *p, void *arg), void *arg)
{
	struct walk walk = {visit, arg};

	rk_rcu_table_walk(&t->by_identity, visit_node, &walk);
}
