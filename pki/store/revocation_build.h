/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Builds the revocation set that pki/view/revocation.h describes. Any thread.
 */
#pragma once

#include "pki/view/revocation.h"

/*
 * Fills zeroed lines (rk_revocation_line_cnt says how many). Sorts the entries in place and drops
 * duplicates: the lowest named reason stays, UNSPECIFIED gives way to any named one, and REMOVED to
 * every other. 0; -EINVAL when line_cnt is no more than RK_REVOCATION_SPILL or a reason is unknown;
 * -ENOSPC when they do not fit within the spill (the caller takes more lines). Never allocates.
 */
int revocation_build(struct rk_revocation_line *lines, size_t line_cnt,
	struct rk_revocation_entry *entries, size_t entry_cnt) RK_MUST_CHECK;
/* The sorting and dropping alone; what is left stands at the front. */
size_t revocation_sort(struct rk_revocation_entry *entries, size_t entry_cnt) RK_MUST_CHECK;
