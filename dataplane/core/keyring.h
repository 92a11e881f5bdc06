/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys of a peering: three slots, make before break. Everything is received under all three;
 * sent under CURRENT. Owner worker only.
 *
 * Guarantees: K1 a counter is accepted once in its slot and direction. K2 no counter at or beyond
 * KEYRING_COUNTER_MAX is used or accepted. K3 there is never a fourth key: what falls out is wiped.
 * K4 a slot's chain lives as long as the slot, so a lost rekey is repeated from it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/aead.h"
#include "dataplane/core/messages.h"

#define KEYRING_COUNTER_MAX  (UINT64_C(1) << 60)
#define KEYRING_WINDOW_BITS  128
#define KEYRING_EXPORTED_LEN 16

struct replay_window {
	uint64_t next; /* one more than the highest accepted */
	uint64_t seen[KEYRING_WINDOW_BITS / 64];
};
/* Would it be accepted? Asked before decryption, and again by replay_accept after it. */
bool replay_is_fresh(const struct replay_window *w, uint64_t counter) RK_MUST_CHECK;
/* false: not fresh, nothing changed. */
bool replay_accept(struct replay_window *w, uint64_t counter) RK_MUST_CHECK;

/* One generation of keys. Secret. All zero = empty. */
struct keyslot {
	struct keyslot *next; /* in the pool */
	uint32_t local_index; /* 0 = empty slot */
	uint32_t peer_index;  /* 0 = not told yet */
	uint16_t group;
	uint16_t suite;
	bool is_initiator; /* of the exchange that made it: which direction's keys are ours */
	bool is_full;      /* made by a full exchange */
	bool is_loser;     /* NEXT that lost a collision: receivable, never promoted */
	uint8_t exported[KEYRING_EXPORTED_LEN];
	struct secret_aead send;
	struct secret_aead receive;
	uint8_t chain[MSG_HASH_MAX];
	uint64_t send_counter;
	uint64_t rekey_send_counter;
	struct replay_window window;
	struct replay_window rekey_window;
	uint64_t made_ns;
	uint64_t sent_bytes;
};

enum keyring_position { KEYRING_PREVIOUS, KEYRING_CURRENT, KEYRING_NEXT, KEYRING_CNT };

/*
 * Slots that no keyring uses: wiped. What was used is used again first, so that memory which takes
 * a page when it is touched takes no more than were ever in use at once.
 */
struct keyslot_pool {
	struct keyslot *free;
	struct keyslot *fresh; /* fresh_cnt of them were never used */
	size_t fresh_cnt;
	struct keyslot *regions; /* fresh ones too; the first of each says how many */
	size_t cnt;              /* of all, in use or not */
};
/* Takes cnt zeroed slots, at least one, of the caller's memory. */
void keyslot_pool_add(struct keyslot_pool *pool, struct keyslot *slots, size_t cnt);

/* An unused position points at one slot for all, which reads as empty and cannot be written. */
struct keyring {
	struct keyslot *slot[KEYRING_CNT];
};
void keyring_init(struct keyring *k);

static inline bool keyslot_is_used(const struct keyslot *s)
{
	return s->local_index != 0;
}

/* The slot of this local index; NULL = none. */
struct keyslot *keyring_find(struct keyring *k, uint32_t local_index);
/* Slots are taken from and given back to the pool, which has KEYRING_CNT for each keyring. */
/* Copies in as NEXT; what was there is wiped. */
void keyring_set_next(struct keyslot_pool *pool, struct keyring *k, const struct keyslot *s);
/* NEXT becomes CURRENT, CURRENT becomes PREVIOUS, PREVIOUS is wiped. */
void keyring_promote(struct keyslot_pool *pool, struct keyring *k);
/* Copies in as CURRENT; CURRENT becomes PREVIOUS; NEXT stays receivable. */
void keyring_set_current(struct keyslot_pool *pool, struct keyring *k, const struct keyslot *s);
/* Says of NEXT, if there is one, that it lost a collision or did not. */
void keyring_set_loser(struct keyring *k, bool is_loser);
void keyring_drop(struct keyslot_pool *pool, struct keyring *k, enum keyring_position position);
void keyring_wipe(struct keyslot_pool *pool, struct keyring *k);
