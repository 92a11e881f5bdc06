/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The revocation set: which (issuer, serial) pairs are revoked, and why.
 *
 * Layout: lines of 64 bytes, six slots a line. A slot is 76 bits of an rk_revocation_key, its
 * fingerprint, and a state of 4 bits. Another part of the key says which line is its home; a key
 * that found no room there lies in one of the RK_REVOCATION_SPILL lines behind it, and every line
 * that it was moved past carries its tag. So a lookup reads the home line alone, but for one key in
 * twenty. The last RK_REVOCATION_SPILL lines are nobody's home, so nothing wraps. Home ascends with
 * the key, so that building walks memory in order; equal content gives equal bytes, because the
 * builder (pki/store/revocation_build.h) sorts first.
 *
 * Guarantees: R1 no false negative: the reader refuses a set with a slot that a lookup which begins
 * at the slot's home would not reach. R2 a false positive needs 76 equal bits in one of the at most
 * 48 slots that a lookup sees, under a key that is secret and random per installation. R3 a lookup
 * reads at most 1 + RK_REVOCATION_SPILL lines, one after the other.
 */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "pki/view/bytes.h"
#include "pki/view/verdict.h"

#define RK_REVOCATION_SLOTS 6
#define RK_REVOCATION_SPILL 7
#define RK_REVOCATION_TAGS  14

/* RFC 5280 5.3.1 reason codes, as they stand in a slot; 7 is unused there and refused here. */
enum rk_revocation_reason {
	RK_REASON_UNSPECIFIED = 0,
	RK_REASON_KEY_COMPROMISE = 1,
	RK_REASON_CA_COMPROMISE = 2,
	RK_REASON_AFFILIATION_CHANGED = 3,
	RK_REASON_SUPERSEDED = 4,
	RK_REASON_CESSATION = 5,
	RK_REASON_HOLD = 6,
	RK_REASON_REMOVED = 8, /* in an overlay: no longer revoked, whatever the base says */
	RK_REASON_PRIVILEGE_WITHDRAWN = 9,
	RK_REASON_AA_COMPROMISE = 10,
};

/* Slots fill from the front; what is not used is zero. Little-endian. */
struct rk_revocation_line {
	uint64_t low[RK_REVOCATION_SLOTS]; /* of the fingerprint: 64 bits */
	uint16_t high
		[RK_REVOCATION_SLOTS]; /* its other 12 bits, then the state: 0 empty, else 1 + reason */
	uint32_t spill; /* 3 bits a slot: how many lines behind home; from bit 18 on: tags */
} __attribute__((aligned(64)));
static_assert(sizeof(struct rk_revocation_line) == 64, "one cache line");

/*
 * A key as the set uses it. head: bits 63..16 choose the home, bits 15..4 are fingerprint, bits 3..0
 * are the state (zero in what is looked for). tail: the other 64 bits of the fingerprint.
 */
struct rk_revocation_entry {
	uint64_t head;
	uint64_t tail;
};

#define RK_REVOCATION_HOME_MASK (~UINT64_C(0xffff))
#define RK_REVOCATION_STATE     UINT64_C(0xf)

static inline struct rk_revocation_entry rk_revocation_split(const struct rk_revocation_key *key)
{
	uint64_t half[2]; /* big-endian */

	static_assert(sizeof(half) == sizeof(key->bytes), "a key is two words");
	memcpy(half, key->bytes, sizeof(half));
	return (struct rk_revocation_entry){
		.head = be64toh(half[0]) & ~RK_REVOCATION_STATE, .tail = be64toh(half[1])};
}

/* For the builder. reason is a known one. */
static inline struct rk_revocation_entry rk_revocation_entry(
	const struct rk_revocation_key *key, uint8_t reason)
{
	struct rk_revocation_entry e = rk_revocation_split(key);

	e.head |= 1u + reason;
	return e;
}

/* line_cnt > RK_REVOCATION_SPILL. */
static inline size_t rk_revocation_home(uint64_t head, size_t line_cnt)
{
	return (size_t)((unsigned __int128)(head & RK_REVOCATION_HOME_MASK) *
				(line_cnt - RK_REVOCATION_SPILL) >>
			64);
}

/* The bit in spill that says: a key with this tail was moved on. */
static inline uint32_t rk_revocation_tag(uint64_t tail)
{
	return 1u << (18 + (unsigned)((tail >> 48) * RK_REVOCATION_TAGS >> 16));
}

/* Lines for entry_cnt entries: 4.2 a line, 15.2 bytes an entry, and the spill. */
size_t rk_revocation_line_cnt(size_t entry_cnt);

static inline bool rk_revocation_reason_is_known(unsigned reason)
{
	return reason <= RK_REASON_AA_COMPROMISE && reason != 7;
}

/*
 * R1 and R3 hold for these lines, every state is in range, unused bytes are zero, and nothing is
 * REMOVED unless may_remove (an overlay).
 */
bool rk_revocation_is_sound(
	const struct rk_revocation_line *lines, size_t line_cnt, bool may_remove) RK_MUST_CHECK;
/* The same of lines [begin, end) alone; the RK_REVOCATION_SPILL lines before these are read too. */
bool rk_revocation_are_sound(const struct rk_revocation_line *lines, size_t line_cnt, size_t begin,
	size_t end, bool may_remove) RK_MUST_CHECK;
/* The same on any machine; what others look at at once is held against it. */
bool rk_revocation_are_sound_plainly(const struct rk_revocation_line *lines, size_t line_cnt,
	size_t begin, size_t end, bool may_remove) RK_MUST_CHECK;

/*
 * Many lookups at once: prefetch them all, then find each; the memory's latency is then paid
 * once. lines may be NULL.
 */
static inline void rk_revocation_prefetch(const struct rk_revocation_line *lines, size_t line_cnt,
	const struct rk_revocation_key *key)
{
	if (lines != NULL)
		__builtin_prefetch(
			&lines[rk_revocation_home(rk_revocation_split(key).head, line_cnt)]);
}

/* The state of a key: 0 not in the set, else 1 + reason. Lock-free, no allocation. */
uint8_t rk_revocation_find(const struct rk_revocation_line *lines, size_t line_cnt,
	const struct rk_revocation_key *key) RK_MUST_CHECK;
