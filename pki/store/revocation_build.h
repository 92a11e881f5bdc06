/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Builds the revocation set that pki/view/revocation.h describes, in the memory where it will stand:
 * entries are first thrown into buckets, each of which is the entries of some two thousand lines and
 * lies where these lines will be or behind; then bucket by bucket they are sorted within a core's
 * cache and written as lines over what was read before. So a set of millions takes two passes over
 * memory and a tenth more of it than it holds in the end.
 *
 *	revocation_builder_new       how many lines, how many entries at the most
 *	revocation_builder_begin     into which memory
 *	revocation_builder_add       ... all entries, in any order
 *	revocation_builder_finish    lines
 *
 * One thread at a time, but for add: see there. How many threads it takes changes no byte.
 */
#pragma once

#include "pki/view/revocation.h"

#define REVOCATION_LANES 2

struct revocation_builder;

/*
 * Room for entry_cnt entries; a set of line_cnt lines (rk_revocation_line_cnt says how many it takes).
 * thread_cnt 1: finish uses no other thread than its caller's; 2: one more, when there is much to do.
 * 0; -EINVAL when line_cnt is no more than RK_REVOCATION_SPILL; -E2BIG; -ENOMEM.
 */
int revocation_builder_new(size_t line_cnt, size_t entry_cnt, unsigned thread_cnt,
	struct revocation_builder **out) RK_MUST_CHECK;
void revocation_builder_free(struct revocation_builder *b); /* NULL is fine */
/* Bytes that begin wants: at least those of the lines. */
size_t revocation_builder_room(const struct revocation_builder *b);
/* memory is aligned as lines are; borrowed until the end. */
void revocation_builder_begin(struct revocation_builder *b, void *memory);
/*
 * lane < REVOCATION_LANES: one thread in each at a time. No more than entry_cnt in all. -EINVAL when
 * a reason is unknown.
 */
int revocation_builder_add(struct revocation_builder *b, unsigned lane,
	const struct rk_revocation_entry *entry, size_t cnt) RK_MUST_CHECK;
/*
 * Who is told of lines as they are made: those of share 0 from the first one on, those of share 1, if
 * there is one, from somewhere in the middle on; each share in order, in a thread of its own. Told
 * lines [begin, end) stand, unless finish fails.
 */
struct revocation_watch {
	void (*on_done)(void *ctx, unsigned share, size_t begin, size_t end);
	void *ctx;
};
/*
 * The memory becomes lines; what is behind them is left as it is. Drops duplicates: the lowest named
 * reason stays, UNSPECIFIED gives way to any named one, and REMOVED to every other. watch may be NULL.
 * 0; -ENOSPC when the entries do not fit within the spill (more lines would do); -ENOMEM; -EAGAIN when
 * they are spread less evenly than keyed hashes are: ask for the room again, which may be another now,
 * begin, and add them all once more. At most twice.
 */
int revocation_builder_finish(
	struct revocation_builder *b, const struct revocation_watch *watch) RK_MUST_CHECK;

/* All of it for entries that lie in an array, into lines of their own. As above; never -EAGAIN. */
int revocation_build(struct rk_revocation_line *lines, size_t line_cnt,
	const struct rk_revocation_entry *entry, size_t entry_cnt) RK_MUST_CHECK;
