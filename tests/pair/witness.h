/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who sees all that is sent and taken, keys included, and remembers it: what may never happen, whatever
 * the network does. A fault ends the process and says which:
 * no key seals two messages under one counter, none is used in both directions; a sealed message is taken only as
 * it was sent, by whom it was sent to, and once; two slots with one exported value have the same keys, opposite
 * roles and each other's index.
 */
#pragma once

#include "tests/pair/pair.h"

struct witness;
struct witness *witness_new(uint64_t seed); /* told with a fault */
void witness_free(struct witness *w);
/* side: whoever shares keys has one, as the workers of a node. From the filter: the sender has its keys still. */
void witness_sent(
	struct witness *w, struct pair *p, const struct pair_packet *packet, unsigned side);
/* packet was counted as accepted by side; peer: its configured peer's. */
void witness_taken(
	struct witness *w, const struct pair_packet *packet, unsigned peer, bool is_busy);
void witness_look_at_slots(const struct pair *p);
/* Of a node without sessions, some time after they went: places, keys and timers are all given back. */
bool witness_is_nothing_left(const struct pair_node *n);
