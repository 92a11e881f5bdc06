/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network without order: datagrams wait in a pool, and a test says what happens next, from all that can.
 */
#pragma once

#include <assert.h>

#include "tests/pair/blunder.h"
#include "tests/pair/pair.h"

#define DISORDER_POOL_MAX 32

/* What may go wrong, and how often. */
enum { LOSS, COPY, EARLY, CRASH, BUDGET_CNT };
static_assert((int)BUDGET_CNT == BLUNDER_BUDGET_CNT, "the same in the same order");

struct disorder {
	struct pair_packet pool[DISORDER_POOL_MAX];
	unsigned cnt;
	unsigned budget[BUDGET_CNT];
	bool is_open; /* all that is sent goes on in order: before and after the choices */
	const struct blunder *blunder; /* committed after each step; NULL: none */
	unsigned told_cnt;             /* so many steps are told on stderr */
};

/* The pair's filter; its argument is the disorder. */
bool disorder_catch(struct pair *p, struct pair_packet *packet);
/* How many things can happen now: at least one. */
unsigned disorder_option_cnt(const struct pair *p, const struct disorder *n);
/* One of them, and what follows from it without time passing. */
void disorder_happen(struct pair *p, struct disorder *n, unsigned option);
void disorder_fire_timer(struct pair *p);
void disorder_restart(struct pair *p, unsigned node);
