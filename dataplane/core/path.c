/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Roaming (docs/protocol.md, R1): the address that we send to follows the peer, after a sealed
 * challenge was answered from there. No state: the challenge is a MAC over the address and the
 * slot, so each packet that asks for one costs one seal, and nothing is kept.
 *
 * Watching (R3): configured paths that are not in use get challenges of another kind, which move
 * nothing; three without an answer mean that the path is down.
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

enum kind { ROAMING, WATCHING };

/*
 * Ours alone can be checked again, and only for this address; roaming's for this key alone, while a
 * rekey may come between a watching one and its answer.
 */
static void make_challenge(struct engine *e, const struct session *s, enum kind kind,
	const struct endpoint *at, uint8_t out[MSG_CHALLENGE_LEN])
{
	static const uint8_t no_hello[GUARD_HASH_LEN];
	const struct guard_cookie_input in = {at,
		kind == WATCHING ? s->number : s->keys.slot[KEYRING_CURRENT]->local_index, no_hello,
		(uint16_t)kind};
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
	make_challenge(e, s, ROAMING, from, challenge);
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
	make_challenge(e, s, ROAMING, from, challenge);
	if (!rk_secret_equal(said, challenge, sizeof(challenge)))
		return REASON_WRONG_SOURCE;
	s->endpoint = *from;
	engine_count(e, REASON_MOVES);
	return REASON_ACCEPTED;
}

/* ---- paths that are not in use ---- */

#define WATCH_NS (250 * MS_NS) /* no more often, however often a keep-alive goes out */

static unsigned path_find(const struct session *s, const struct endpoint *at)
{
	unsigned i = 0;

	while (i < s->config->path_cnt && !endpoint_is_same(&s->config->path[i], at))
		i++;
	return i; /* path_cnt: it is none of them */
}

/* How many challenges have gone out since the last answer: at most three. */
static unsigned unanswered(const struct session *s, unsigned path)
{
	return s->unanswered >> 2 * path & 3;
}

static void set_unanswered(struct session *s, unsigned path, unsigned cnt)
{
	s->unanswered = (s->unanswered & ~(UINT32_C(3) << 2 * path)) | cnt << 2 * path;
}

/* True when that is news. */
static bool note(struct session *s, unsigned path, bool is_down)
{
	uint16_t before = s->path_down, bit = (uint16_t)(1u << path);

	s->path_down = (uint16_t)(is_down ? before | bit : before & ~bit);
	if (!is_down)
		set_unanswered(s, path, 0);
	return s->path_down != before;
}

void path_note_in_use(struct session *s, bool is_down)
{
	unsigned path = path_find(s, &s->endpoint);

	if (path < s->config->path_cnt)
		(void)note(s, path, is_down);
}

void path_forget(struct session *s)
{
	s->path_down = 0;
	s->unanswered = 0;
}

uint8_t path_after_failure(const struct session *s)
{
	unsigned cnt = s->config->path_cnt, used = path_find(s, &s->endpoint);
	unsigned first = used >= cnt - 1 ? 0 : used + 1;

	for (unsigned i = 0; i < cnt; i++)
		if ((s->path_down >> (first + i) % cnt & 1) == 0)
			return (uint8_t)((first + i) % cnt);
	return (uint8_t)first;
}

static void challenge_path(struct engine *e, struct session *s, unsigned path)
{
	uint8_t challenge[MSG_CHALLENGE_LEN];
	unsigned cnt = unanswered(s, path);

	if (cnt == SILENT_KEEP_ALIVES && note(s, path, true))
		session_tell_only(e, s, "path-down");
	make_challenge(e, s, WATCHING, &s->config->path[path], challenge);
	if (!send(e, s, &s->config->path[path], MSG_PATH_CHALLENGE, challenge))
		return;
	engine_count(e, REASON_CHALLENGES);
	if (cnt < SILENT_KEEP_ALIVES)
		set_unanswered(s, path, cnt + 1);
}

void path_watch(struct engine *e, struct session *s)
{
	uint64_t now = e->env.now_ns, before = now - s->config->keep_alive_interval_ns;

	/* who does not know our index of this key yet could not answer */
	if (s->config->path_cnt < 2 || s->is_unproved || now / WATCH_NS == before / WATCH_NS)
		return;
	for (unsigned i = 0; i < s->config->path_cnt; i++)
		if (!endpoint_is_same(&s->config->path[i], &s->endpoint))
			challenge_path(e, s, i);
}

bool path_is_watched(struct engine *e, struct session *s, const struct endpoint *from,
	const uint8_t said[MSG_CHALLENGE_LEN])
{
	unsigned path = path_find(s, from);
	uint8_t challenge[MSG_CHALLENGE_LEN];

	if (path == s->config->path_cnt || unanswered(s, path) == 0)
		return false;
	make_challenge(e, s, WATCHING, from, challenge);
	if (!rk_secret_equal(said, challenge, sizeof(challenge)))
		return false;
	if (note(s, path, false))
		session_tell_only(e, s, "path-up");
	return true;
}
