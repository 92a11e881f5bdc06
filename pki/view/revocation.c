/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/revocation.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS           4
#define FINGERPRINT     15
#define FILL_PERCENT    70
#define STATE_REMOVED   (1 + RK_REASON_REMOVED)
#define REASON_RESERVED 7

static bool is_power_of_two(size_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

static bool reason_is_known(unsigned reason)
{
	return reason <= RK_REASON_AA_COMPROMISE && reason != REASON_RESERVED;
}

/* The top bits of the first eight bytes: keys in order have homes in order. */
static size_t home_line(const uint8_t *key, size_t line_cnt)
{
	unsigned bits = (unsigned)__builtin_ctzll(line_cnt);
	uint64_t head;

	memcpy(&head, key, sizeof(head));
	return bits == 0 ? 0 : (size_t)(be64toh(head) >> (64 - bits));
}

static bool line_is_full(const struct rk_revocation_line *line)
{
	return line->slot[SLOTS - 1].state != 0; /* slots fill from the front */
}

size_t rk_revocation_line_cnt(size_t entry_cnt)
{
	size_t line_cnt = 1;

	/* No overflow: a table with more than SIZE_MAX / 400 lines does not fit memory. */
	while (line_cnt < SIZE_MAX / 512 && line_cnt * SLOTS * FILL_PERCENT / 100 < entry_cnt)
		line_cnt *= 2;
	return line_cnt;
}

/* UNSPECIFIED after the named reasons, REMOVED after all: what comes first stays. */
static unsigned rank_reason(uint8_t reason)
{
	if (reason == RK_REASON_REMOVED)
		return 256 + 1;
	return reason == RK_REASON_UNSPECIFIED ? 256 : reason;
}

static int compare_entries(const void *left, const void *right)
{
	const struct rk_revocation_entry *a = left, *b = right;
	int order = memcmp(a->key.bytes, b->key.bytes, FINGERPRINT);

	if (order != 0)
		return order;
	return (int)rank_reason(a->reason) - (int)rank_reason(b->reason);
}

static int place_entry(
	struct rk_revocation_line *lines, size_t line_cnt, const struct rk_revocation_entry *entry)
{
	size_t home = home_line(entry->key.bytes, line_cnt);

	for (size_t n = 0; n < RK_REVOCATION_PROBE_MAX && n < line_cnt; n++) {
		struct rk_revocation_line *line = &lines[(home + n) & (line_cnt - 1)];

		for (size_t i = 0; i < SLOTS; i++) {
			struct rk_revocation_slot *slot = &line->slot[i];

			if (slot->state != 0)
				continue;
			memcpy(slot->fingerprint, entry->key.bytes, FINGERPRINT);
			slot->state = (uint8_t)(1 + entry->reason);
			return 0;
		}
	}
	return -ENOSPC;
}

int rk_revocation_build(struct rk_revocation_line *lines, size_t line_cnt,
	struct rk_revocation_entry *entries, size_t entry_cnt)
{
	int ret;

	if (!is_power_of_two(line_cnt))
		return -EINVAL;
	for (size_t i = 0; i < entry_cnt; i++) {
		if (!reason_is_known(entries[i].reason))
			return -EINVAL;
	}
	if (entry_cnt > 1)
		qsort(entries, entry_cnt, sizeof(entries[0]), compare_entries);
	for (size_t i = 0; i < entry_cnt; i++) {
		if (i > 0 &&
			memcmp(entries[i].key.bytes, entries[i - 1].key.bytes, FINGERPRINT) == 0)
			continue;
		ret = place_entry(lines, line_cnt, &entries[i]);
		if (ret < 0)
			return ret;
	}
	/* A run of full lines as long as the bound would leave a lookup without an end. */
	return rk_revocation_is_sound(lines, line_cnt, true) ? 0 : -ENOSPC;
}

/* The slot's own bytes are in order, and a lookup for it passes only full lines to get here. */
static bool slot_is_sound(
	const struct rk_revocation_slot *slot, size_t at, size_t line_cnt, size_t full_before)
{
	size_t distance = (at - home_line(slot->fingerprint, line_cnt)) & (line_cnt - 1);

	return reason_is_known(slot->state - 1u) && distance <= full_before;
}

static bool line_is_sound(
	const struct rk_revocation_line *lines, size_t line_cnt, size_t at, size_t full_before)
{
	static const struct rk_revocation_slot empty;
	bool is_past_end = false;

	for (size_t i = 0; i < SLOTS; i++) {
		const struct rk_revocation_slot *slot = &lines[at].slot[i];

		if (slot->state == 0) {
			if (memcmp(slot, &empty, sizeof(empty)) != 0)
				return false;
			is_past_end = true;
		} else if (is_past_end || !slot_is_sound(slot, at, line_cnt, full_before)) {
			return false;
		}
	}
	return true;
}

static bool has_removed(const struct rk_revocation_line *line)
{
	for (size_t i = 0; i < SLOTS; i++) {
		if (line->slot[i].state == STATE_REMOVED)
			return true;
	}
	return false;
}

bool rk_revocation_is_sound(
	const struct rk_revocation_line *lines, size_t line_cnt, bool may_remove)
{
	size_t run = 0; /* full lines just before the one looked at, across the wrap */

	if (!is_power_of_two(line_cnt))
		return false;
	while (run < line_cnt && line_is_full(&lines[line_cnt - 1 - run]))
		run++;
	if (run == line_cnt)
		return false;
	for (size_t at = 0; at < line_cnt; at++) {
		if (!line_is_sound(lines, line_cnt, at, run))
			return false;
		if (!may_remove && has_removed(&lines[at]))
			return false;
		run = line_is_full(&lines[at]) ? run + 1 : 0;
		if (run >= RK_REVOCATION_PROBE_MAX)
			return false;
	}
	return true;
}

uint8_t rk_revocation_find(const struct rk_revocation_line *lines, size_t line_cnt,
	const struct rk_revocation_key *key)
{
	size_t home = home_line(key->bytes, line_cnt);

	for (size_t n = 0; n < RK_REVOCATION_PROBE_MAX; n++) {
		const struct rk_revocation_line *line = &lines[(home + n) & (line_cnt - 1)];

		for (size_t i = 0; i < SLOTS; i++) {
			if (line->slot[i].state == 0)
				return 0;
			if (memcmp(line->slot[i].fingerprint, key->bytes, FINGERPRINT) == 0)
				return line->slot[i].state;
		}
	}
	return 0;
}
