/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One message of a type, caught on its way, and what it takes to change it as only a peer gone bad could:
 * taken apart, and sealed and MACed again with the right keys. East's certificate is RSA, so that its
 * REPLY needs a COOKIE.
 */
#pragma once

#include "tests/pair/pair.h"
#include "tests/pair/spoil.h"

struct scene {
	uint8_t type;
	bool is_simultaneous; /* both dial at the same instant, and no COOKIE comes between */
	bool is_roaming;      /* west's keep-alives come from another port */
	bool has_it;
	struct pair_packet genuine;
};

int scene_make_identities(void **state);
int scene_free_identities(void **state);
/* Until the message is there, held back. */
struct pair *scene_play(struct scene *s);

struct parts {
	struct tlvs clear; /* after the head */
	struct tlvs plain; /* the payload: sealed or not */
	bool is_sealed;
	uint64_t later;    /* an exchange's message: so much above its counter */
	uint64_t impostor; /* xor to its sender's exchange id */
};
void scene_take_apart(struct pair *p, const struct pair_packet *packet, struct parts *out);
struct pair_packet scene_put_together(
	struct pair *p, const struct pair_packet *genuine, const struct parts *parts);
/* It comes, is counted under one reason, and changes nothing of the receiver. what: for people. */
void scene_assert_no_effect(struct pair *p, const struct pair_packet *genuine,
	const struct pair_packet *spoiled, const char *what);
