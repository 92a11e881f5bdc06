/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state of a pair as a short value: two pairs with the same one go on alike, whatever happens
 * to both. In it is every byte of sessions, keys, exchanges, kept messages and timers that an engine could
 * look at; left out are pointers and what is counted for people. It holds for pairs between two
 * events (no job under way) with flat random bytes and the jobs of recall.h.
 */
#pragma once

#include "tests/pair/pair.h"

#define DIGEST_LEN 32

/* packets: those that the test holds back, in any order. more: what else the test goes by. */
void pair_digest(const struct pair *p, const struct pair_packet *packets, unsigned packet_cnt,
	const unsigned *more, unsigned more_cnt, uint8_t out[DIGEST_LEN]);
