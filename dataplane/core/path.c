/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Roaming (docs/protocol.md, R1): the address that we send to follows the peer, after a sealed
 * challenge was answered from there. No state: the challenge is a MAC over the address and the
 * slot, so each packet that asks for one costs one seal, and nothing is kept.
 */
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "pki/view/secret.h"

/* An exchange ends where it began; afterwards the next packet asks again. */
static bool may_move(const struct session *s)
{
	return s->config->is_roaming && s->own_exchange == 0 && s->own_rekey == 0 &&
	       s->peer_rekey == 0;
}

/* Ours alone can be checked again, and only for this address and this key. */
static void make_challenge(struct engine *e, const struct session *s, const struct endpoint *at,
	uint8_t out[MSG_CHALLENGE_LEN])
{
	static const uint8_t no_hello[GUARD_HASH_LEN];
	const struct guard_cookie_input in = {
		at, s->keys.slot[KEYRING_CURRENT]->local_index, no_hello, 0};
	uint8_t mac[GUARD_COOKIE_LEN];

	guard_make_cookie(e->guard, &in, mac);
	memcpy(out, mac, MSG_CHALLENGE_LEN);
}

static bool send(struct engine *e, struct session *s, const struct endpoint *to, enum msg_type type,
	const uint8_t challenge[MSG_CHALLENGE_LEN])
{
	uint8_t plain[MSG_TLV_LEN + MSG_CHALLENGE_LEN], buf[MSG_MAX];
	struct rk_writer w;
	size_t len;

	rk_writer_init(&w, plain, sizeof(plain));
	wire_write_tlv(&w, MSG_TLV_CHALLENGE, challenge, MSG_CHALLENGE_LEN);
	len = traffic_build(e, s->keys.slot[KEYRING_CURRENT], type,
		(struct rk_span){plain, sizeof(plain)}, buf, sizeof(buf));
	if (len > 0)
		engine_send(e, to, buf, len);
	return len > 0;
}

void path_look(struct engine *e, struct session *s, const struct endpoint *from)
{
	uint8_t challenge[MSG_CHALLENGE_LEN];

	if (!may_move(s) || endpoint_is_same(&s->endpoint, from))
		return;
	make_challenge(e, s, from, challenge);
	if (send(e, s, from, MSG_PATH_CHALLENGE, challenge))
		engine_count(e, REASON_CHALLENGES);
}

enum reason path_challenged(struct engine *e, struct session *s, const struct endpoint *from,
	const uint8_t challenge[MSG_CHALLENGE_LEN])
{
	return send(e, s, from, MSG_PATH_RESPONSE, challenge) ? REASON_ACCEPTED : REASON_INTERNAL;
}

enum reason path_answered(struct engine *e, struct session *s, const struct endpoint *from,
	const uint8_t said[MSG_CHALLENGE_LEN])
{
	uint8_t challenge[MSG_CHALLENGE_LEN];

	if (!may_move(s) || endpoint_is_same(&s->endpoint, from))
		return REASON_DUPLICATE; /* too late to have an effect */
	make_challenge(e, s, from, challenge);
	if (!rk_secret_equal(said, challenge, sizeof(challenge)))
		return REASON_WRONG_SOURCE;
	s->endpoint = *from;
	engine_count(e, REASON_MOVES);
	return REASON_ACCEPTED;
}
