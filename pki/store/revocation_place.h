/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From entries to lines of the revocation set, home by home in ascending order. For
 * pki/store/revocation_*.c alone. One thread a placing.
 */
#pragma once

#include "pki/view/revocation.h"

#define PLACING_READ        8
#define PLACING_WAITING_MAX 64 /* keys moved past a line */

/* Lines are filled one after the other; what found no room at home waits, first come first served. */
struct placing {
	size_t at;                       /* the line being filled */
	struct rk_revocation_line *line; /* it */
	unsigned used;                   /* its slots */
	/* Who waits: at the head of the queue those whose home was longest ago. */
	size_t waiting_cnt;
	uint64_t head[PLACING_WAITING_MAX] __attribute__((aligned(64)));
	uint64_t tail[PLACING_WAITING_MAX];
	uint64_t home[PLACING_WAITING_MAX];
};

/* Nobody waits; line is where line number at will be. */
void placing_begin(struct placing *p, size_t at, struct rk_revocation_line *line);
/* The same keys wait, for the same lines. */
bool placing_is_same(const struct placing *a, const struct placing *b);
/*
 * Fills the next line, at home in which are the cnt entries of e, in any order and each once or several
 * times: sorts them, drops those that repeat another. Of e PLACING_READ can be read, whatever they are,
 * also when cnt is fewer. -ENOSPC.
 */
int placing_next(struct placing *p, struct rk_revocation_entry *e, size_t cnt) RK_MUST_CHECK;
/* The same on any machine; what others make at once is held against it. */
int placing_next_plainly(
	struct placing *p, struct rk_revocation_entry *e, size_t cnt) RK_MUST_CHECK;
/* Entries into the order of their keys, home by home. */
void placing_sort(struct rk_revocation_entry *e, size_t cnt);
