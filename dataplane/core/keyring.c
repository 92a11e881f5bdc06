/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/keyring.h"

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

struct keyslot *keyring_find(struct keyring *k, uint32_t local_index)
{
	if (local_index == 0)
		return NULL;
	for (unsigned i = 0; i < KEYRING_CNT; i++)
		if (k->slot[i].local_index == local_index)
			return &k->slot[i];
	return NULL;
}

void keyring_set_next(struct keyring *k, const struct keyslot *s)
{
	k->slot[KEYRING_NEXT] = *s;
}

void keyring_promote(struct keyring *k)
{
	k->slot[KEYRING_PREVIOUS] = k->slot[KEYRING_CURRENT];
	k->slot[KEYRING_CURRENT] = k->slot[KEYRING_NEXT];
	keyring_drop(k, KEYRING_NEXT);
}

void keyring_set_current(struct keyring *k, const struct keyslot *s)
{
	k->slot[KEYRING_PREVIOUS] = k->slot[KEYRING_CURRENT];
	k->slot[KEYRING_CURRENT] = *s;
}

void keyring_drop(struct keyring *k, enum keyring_position position)
{
	rk_wipe(&k->slot[position], sizeof(k->slot[position]));
}

void keyring_wipe(struct keyring *k)
{
	rk_wipe(k, sizeof(*k));
}
