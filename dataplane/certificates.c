/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/certificates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define certificate_of(ptr, member) \
	((struct certificate *)((uintptr_t)(ptr)-offsetof(struct certificate, member)))

struct certificate {
	struct grave grave;            /* main */
	struct rk_rcu_table_node node; /* main: w, workers: r */
	_Atomic bool is_used;          /* workers: set, main: clear */
	size_t place;                  /* main: in the ring */
	unsigned peering_cnt;          /* main */
	struct rk_verdict verdict;     /* immutable */
};

static uint64_t hash_of(const uint8_t *fingerprint)
{
	return rk_rcu_hash(fingerprint, RK_FINGERPRINT_LEN);
}

static bool is_fingerprint(const struct rk_rcu_table_node *node, const void *key)
{
	return memcmp(certificate_of(node, node)->verdict.fingerprint, key, RK_FINGERPRINT_LEN) ==
	       0;
}

static struct certificate *find(const struct certificate_table *t, const uint8_t *fingerprint)
{
	struct rk_rcu_table_node *node =
		rk_rcu_table_find(&t->table, hash_of(fingerprint), is_fingerprint, fingerprint);

	return node == NULL ? NULL : certificate_of(node, node);
}

static void release(struct grave *grave)
{
	free(certificate_of(grave, grave));
}

static void drop(struct certificate_table *t, struct certificate *c)
{
	t->held_cnt -= c->peering_cnt > 0;
	rk_rcu_table_remove(&t->table, &c->node);
	t->ring[c->place] = t->ring[--t->cnt];
	t->ring[c->place]->place = c->place;
	graveyard_retire(t->graveyard, &c->grave, release);
}

int certificate_table_init(struct certificate_table *t, struct graveyard *g, size_t max)
{
	int ret;

	memset(t, 0, sizeof(*t));
	t->graveyard = g;
	t->max = max;
	t->capacity = max;
	t->ring = calloc(max, sizeof(struct certificate *));
	if (t->ring == NULL)
		return -ENOMEM;
	ret = rk_rcu_table_init(&t->table);
	if (ret < 0) {
		free(t->ring);
		t->ring = NULL;
	}
	return ret;
}

void certificate_table_clear(struct certificate_table *t)
{
	while (t->cnt > 0)
		drop(t, t->ring[t->cnt - 1]);
}

void certificate_table_fini(struct certificate_table *t)
{
	rk_rcu_table_fini(&t->table);
	free(t->ring);
	t->ring = NULL;
}

const struct rk_verdict *certificate_table_find(
	const struct certificate_table *t, const uint8_t fingerprint[RK_FINGERPRINT_LEN])
{
	struct certificate *c = find(t, fingerprint);

	if (c == NULL)
		return NULL;
	/* A load first: the line stays shared while it is hot. */
	if (!atomic_load_explicit(&c->is_used, memory_order_relaxed))
		atomic_store_explicit(&c->is_used, true, memory_order_relaxed);
	return &c->verdict;
}

/* Second chance: two rounds find a victim where there is one that carries no peering. */
static void make_room(struct certificate_table *t)
{
	size_t tries;

	for (tries = 0; tries < 2 * t->cnt; tries++) {
		struct certificate *c = t->ring[t->hand++ % t->cnt];

		if (c->peering_cnt > 0)
			continue;
		if (!atomic_exchange_explicit(&c->is_used, false, memory_order_relaxed)) {
			drop(t, c);
			return;
		}
	}
}

static int grow(struct certificate_table *t)
{
	struct certificate **ring =
		reallocarray(t->ring, 2 * t->capacity, sizeof(struct certificate *));

	if (ring == NULL)
		return -ENOMEM;
	t->ring = ring;
	t->capacity *= 2;
	return 0;
}

int certificate_table_put(struct certificate_table *t, const struct rk_verdict *v)
{
	struct certificate *old = find(t, v->fingerprint);
	struct certificate *c;

	/* twice: many peerings may have ended at once */
	for (unsigned i = 0; i < 2 && old == NULL && t->cnt - t->held_cnt >= t->max; i++)
		make_room(t);
	if (t->cnt == t->capacity && grow(t) < 0)
		return -ENOMEM;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->verdict = *v;
	atomic_init(&c->is_used, true);
	if (old != NULL) {
		/* A reader in between finds none and asks control: harmless. */
		c->peering_cnt = old->peering_cnt;
		drop(t, old);
	}
	t->held_cnt += c->peering_cnt > 0;
	c->place = t->cnt;
	t->ring[t->cnt++] = c;
	if (!rk_rcu_table_add(
		    &t->table, hash_of(v->fingerprint), is_fingerprint, v->fingerprint, &c->node))
		abort(); /* the one writer has just removed it */
	return 0;
}

void certificate_table_hold(
	struct certificate_table *t, const uint8_t fingerprint[RK_FINGERPRINT_LEN], int delta)
{
	struct certificate *c = find(t, fingerprint);

	if (c == NULL)
		return;
	t->held_cnt -= c->peering_cnt > 0;
	if (delta > 0)
		c->peering_cnt++;
	else if (c->peering_cnt > 0)
		c->peering_cnt--;
	t->held_cnt += c->peering_cnt > 0;
}
