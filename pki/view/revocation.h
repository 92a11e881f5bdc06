/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The revocation set: which (issuer, serial) pairs are revoked, and why.
 *
 * Layout: 2^n lines of 64 bytes, four slots a line; a slot is the first 15 bytes of an
 * rk_revocation_key and one state byte. A key's home line comes from its first 8 bytes; it lies in
 * the first line at or after home that had room (wrapping), so a lookup ends at the first line
 * with an empty slot. Home ascends with the key, so that building walks memory in order. Equal
 * content gives equal bytes whatever the order of insertion: the builder sorts first.
 *
 * Guarantees: R1 no false negative: the reader refuses a set of which a lookup would not find every
 * slot. R2 a false positive needs 120 equal bits under a key that is secret and random per
 * installation. R3 a lookup reads at most RK_REVOCATION_PROBE_MAX lines, because the reader refuses
 * a set with that many lines in a row without an empty slot.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pki/view/bytes.h"
#include "pki/view/verdict.h"

#define RK_REVOCATION_PROBE_MAX 64

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

struct rk_revocation_slot {
	uint8_t fingerprint[15];
	uint8_t state; /* 0 = empty, else 1 + enum rk_revocation_reason */
};

struct rk_revocation_line {
	struct rk_revocation_slot slot[4];
} __attribute__((aligned(64)));
static_assert(sizeof(struct rk_revocation_line) == 64, "one cache line");

struct rk_revocation_entry {
	struct rk_revocation_key key;
	uint8_t reason; /* enum rk_revocation_reason */
};

/* Lines needed for entry_cnt entries: a power of two, filled to at most 70 %. */
size_t rk_revocation_line_cnt(size_t entry_cnt);

/*
 * Fills zeroed lines. Sorts the entries in place and drops duplicates: the lowest named reason
 * stays, UNSPECIFIED gives way to any named one, and REMOVED to every other.
 * 0; -EINVAL when line_cnt is no power of two or a reason is unknown; -ENOSPC when they do not fit within the probe
 * bound (the caller doubles line_cnt).
 */
int rk_revocation_build(struct rk_revocation_line *lines, size_t line_cnt,
	struct rk_revocation_entry *entries, size_t entry_cnt) RK_MUST_CHECK;

/* R1 and R3 hold for these lines, every state byte is in range, unused bytes are zero, and nothing
 * is REMOVED unless may_remove (an overlay). */
bool rk_revocation_is_sound(
	const struct rk_revocation_line *lines, size_t line_cnt, bool may_remove) RK_MUST_CHECK;

/* The state of a key: 0 not in the set, else 1 + reason. Lock-free, no allocation. */
uint8_t rk_revocation_find(const struct rk_revocation_line *lines, size_t line_cnt,
	const struct rk_revocation_key *key) RK_MUST_CHECK;
