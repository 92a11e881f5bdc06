/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules of docs/protocol.md, each broken from outside: what an engine would have left behind that does
 * not keep it. Committed after everything that happens; a function of the state alone.
 */
#pragma once

#include "tests/pair/pair.h"

/* Losses, copies, early timers, crashes. */
#define BLUNDER_BUDGET_CNT 4

struct blunder {
	const char *rule, *what;
	void (*commit)(struct pair *p, struct session *s, unsigned node);
	const char *scenario;
	unsigned budget[BLUNDER_BUDGET_CNT]; /* with which it leads to a fault */
};
extern const struct blunder blunders[];
extern const unsigned blunder_cnt;

void blunder_commit(const struct blunder *b, struct pair *p);
