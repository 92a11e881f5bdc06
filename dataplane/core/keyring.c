/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/keyring.h"

#include <assert.h>

#include "pki/view/secret.h"

bool replay_is_fresh(const struct replay_window *w, uint64_t counter)
{
	uint64_t age;

	if (counter >= KEYRING_COUNTER_MAX)
		return false;
	if (counter >= w->next)
		return true;
	age = w->next - 1 - counter;
	return age < KEYRING_WINDOW_BITS && !(w->seen[age / 64] >> (age % 64) & 1);
}

/* Bit i of seen = counter next - 1 - i. */
static void advance(struct replay_window *w, uint64_t by)
{
	if (by >= KEYRING_WINDOW_BITS) {
		w->seen[0] = w->seen[1] = 0;
	} else if (by >= 64) {
		w->seen[1] = w->seen[0] << (by - 64);
		w->seen[0] = 0;
	} else if (by > 0) {
		w->seen[1] = w->seen[1] << by | w->seen[0] >> (64 - by);
		w->seen[0] <<= by;
	}
}
static_assert(KEYRING_WINDOW_BITS == 128, "advance shifts two words");

bool replay_accept(struct replay_window *w, uint64_t counter)
{
	uint64_t age;

	if (!replay_is_fresh(w, counter))
		return false;
	if (counter >= w->next) {
		advance(w, counter + 1 - w->next);
		w->next = counter + 1;
	}
	age = w->next - 1 - counter;
	w->seen[age / 64] |= UINT64_C(1) << (age % 64);
	return true;
}

/* Read-only: a write to an unused position must not go unnoticed. */
static const struct keyslot empty;

static struct keyslot *unused(void)
{
	return (struct keyslot *)(uintptr_t)&empty;
}

void keyslot_pool_add(struct keyslot_pool *pool, struct keyslot *slots, size_t cnt)
{
	slots->next = pool->regions;
	slots->sent_bytes = cnt;
	pool->regions = slots;
	pool->cnt += cnt;
}

static struct keyslot *take_fresh(struct keyslot_pool *pool)
{
	if (pool->fresh_cnt == 0) {
		assert(pool->regions != NULL && "KEYRING_CNT for each keyring");
		pool->fresh = pool->regions;
		pool->fresh_cnt = pool->fresh->sent_bytes;
		pool->regions = pool->fresh->next;
	}
	pool->fresh_cnt--;
	return pool->fresh++;
}

static struct keyslot *take(struct keyslot_pool *pool, const struct keyslot *from)
{
	struct keyslot *s = pool->free;

	if (s != NULL)
		pool->free = s->next;
	else
		s = take_fresh(pool);
	*s = *from;
	s->next = NULL;
	return s;
}

void keyring_init(struct keyring *k)
{
	for (unsigned i = 0; i < KEYRING_CNT; i++)
		k->slot[i] = unused();
}

struct keyslot *keyring_find(struct keyring *k, uint32_t local_index)
{
	if (local_index == 0)
		return NULL;
	for (unsigned i = 0; i < KEYRING_CNT; i++)
		if (k->slot[i]->local_index == local_index)
			return k->slot[i];
	return NULL;
}

void keyring_set_next(struct keyslot_pool *pool, struct keyring *k, const struct keyslot *s)
{
	keyring_drop(pool, k, KEYRING_NEXT);
	k->slot[KEYRING_NEXT] = take(pool, s);
}

void keyring_promote(struct keyslot_pool *pool, struct keyring *k)
{
	keyring_drop(pool, k, KEYRING_PREVIOUS);
	k->slot[KEYRING_PREVIOUS] = k->slot[KEYRING_CURRENT];
	k->slot[KEYRING_CURRENT] = k->slot[KEYRING_NEXT];
	k->slot[KEYRING_NEXT] = unused();
}

void keyring_set_current(struct keyslot_pool *pool, struct keyring *k, const struct keyslot *s)
{
	keyring_drop(pool, k, KEYRING_PREVIOUS);
	k->slot[KEYRING_PREVIOUS] = k->slot[KEYRING_CURRENT];
	k->slot[KEYRING_CURRENT] = take(pool, s);
}

void keyring_set_loser(struct keyring *k, bool is_loser)
{
	if (keyslot_is_used(k->slot[KEYRING_NEXT]))
		k->slot[KEYRING_NEXT]->is_loser = is_loser;
}

void keyring_drop(struct keyslot_pool *pool, struct keyring *k, enum keyring_position position)
{
	struct keyslot *s = k->slot[position];

	k->slot[position] = unused();
	if (s == unused())
		return;
	rk_wipe(s, sizeof(*s));
	s->next = pool->free;
	pool->free = s;
}

void keyring_wipe(struct keyslot_pool *pool, struct keyring *k)
{
	for (unsigned i = 0; i < KEYRING_CNT; i++)
		keyring_drop(pool, k, (enum keyring_position)i);
}
