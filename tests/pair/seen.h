/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A depth-first search by replay, over states that may be reached in more than one way: the choices of
 * this run, the states seen so far, and behind each how many runs there are to an end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/pair/digest.h"

#define SEEN_DEPTH_MAX 512

struct seen_state {
	uint8_t name[DIGEST_LEN];
	uint64_t run_cnt; /* to an end from here; known once all choices were taken */
	bool is_done;
};

struct seen_choice {
	uint16_t taken, cnt;
	size_t state;
	uint64_t run_cnt; /* of the choices taken before */
};

struct seen {
	bool is_plain; /* goes on from states that were seen before, too */
	struct seen_state *state;
	size_t state_cnt, size;
	uint32_t *slot; /* state + 1 */
	size_t slot_cnt;
	struct seen_choice choice[SEEN_DEPTH_MAX];
	unsigned len, depth;
	uint64_t run_cnt; /* of all, once seen_advance has said no */
	uint64_t step_cnt;
};

void seen_init(struct seen *s, bool is_plain);
void seen_fini(struct seen *s);
/* In this state cnt things can happen. False: what follows is known, the run is over. */
bool seen_choose(struct seen *s, const uint8_t name[DIGEST_LEN], unsigned cnt, unsigned *taken);
/* Are the choices of the run before taken again? The state is one that was named then. */
bool seen_is_replay(const struct seen *s);
unsigned seen_replay(struct seen *s);
/* The run came to its end. */
void seen_end(struct seen *s);
/* The next run; false: that was the last one. */
bool seen_advance(struct seen *s);
