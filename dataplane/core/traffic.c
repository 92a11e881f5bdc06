/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages under the keys of a slot: ACK, KEEP_ALIVE; rekeys and challenges are handed on. */
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "pki/view/secret.h"

#define FLAG_ANSWER 1 /* the sender wants to hear something under this key */

struct session *session_of_index(struct engine *e, uint32_t index)
{
	uint32_t number = index >> INDEX_SERIAL_BITS & ((1u << INDEX_SESSION_BITS) - 1);

	if (index >> INDEX_WORKER_SHIFT != e->config.worker_id || number >= e->config.session_cnt)
		return NULL;
	return e->sessions[number];
}

size_t traffic_build(struct engine *e, struct keyslot *slot, enum msg_type type,
	struct rk_span plain, uint8_t *buf, size_t size)
{
	const struct suite *suite = suite_find(slot->suite);
	uint64_t counter = slot->send_counter;
	struct rk_writer w;
	size_t len = 0;
	uint8_t *out;

	if (slot->peer_index == 0 || counter >= KEYRING_COUNTER_MAX)
		return 0;
	wire_begin_session(&w, buf, size, type, slot->peer_index);
	out = wire_end_sealed(&w, counter, plain.len, &len);
	if (out == NULL)
		return 0;
	slot->send_counter++;
	slot->sent_bytes += len;
	return aead_seal(e->aead, suite->aead, &slot->send, counter,
		       (struct rk_span){buf, (size_t)(out - buf)}, plain, out)
		       ? len
		       : 0;
}

void traffic_keep_alive(struct engine *e, struct session *s, bool is_answer_wanted)
{
	struct keyslot *slot = s->keys.slot[KEYRING_CURRENT];
	uint8_t plain[2 * MSG_TLV_LEN + 5], buf[MSG_MAX];
	struct rk_writer w;
	size_t len;

	if (!keyslot_is_used(slot))
		return;
	rk_writer_init(&w, plain, sizeof(plain));
	rk_write_u16(&w, MSG_TLV_INDEX);
	rk_write_u16(&w, 4);
	rk_write_u32(&w, slot->local_index);
	rk_write_u16(&w, MSG_TLV_FLAGS);
	rk_write_u16(&w, 1);
	rk_write_u8(&w, is_answer_wanted ? FLAG_ANSWER : 0);
	len = traffic_build(
		e, slot, MSG_KEEP_ALIVE, (struct rk_span){plain, sizeof(plain)}, buf, sizeof(buf));
	if (len == 0)
		return;
	s->keep_alive_sent_cnt++;
	engine_count(e, REASON_KEEP_ALIVES_SENT);
	engine_send(e, &s->endpoint, buf, len);
}

static bool parse_plain(struct rk_span plain, uint8_t type, uint32_t *peer_index, uint8_t *flags)
{
	struct rk_reader r, in;
	const uint8_t *index, *flag = NULL;

	rk_reader_init(&r, plain.data, plain.len);
	index = wire_read_fixed(&r, MSG_TLV_INDEX, 4);
	if (type == MSG_KEEP_ALIVE)
		flag = wire_read_fixed(&r, MSG_TLV_FLAGS, 1);
	if (!rk_reader_done(&r))
		return false;
	rk_reader_init(&in, index, 4);
	*peer_index = rk_read_u32(&in);
	*flags = flag == NULL ? 0 : *flag;
	return *peer_index != 0 && *flags <= FLAG_ANSWER;
}

/* NEXT proved itself: the peer has it. */
static void confirm_next(struct engine *e, struct session *s)
{
	struct exchange *x = exchange_find(e, s->own_exchange);
	struct keyslot *next = s->keys.slot[KEYRING_NEXT];

	if (next->is_loser)
		return;
	if (x != NULL && x->state == EXCHANGE_EXPECT_ACK && x->new_index == next->local_index)
		initiator_confirmed(e, x);
	else if (s->has_peer)
		session_promote(e, s);
}

/* Something valid came under this slot. */
static void prove(struct engine *e, struct session *s, const struct keyslot *slot)
{
	if (slot == s->keys.slot[KEYRING_NEXT])
		confirm_next(e, s);
	else if (slot == s->keys.slot[KEYRING_CURRENT])
		s->is_unproved = false;
}

/* A packet that opened under its slot's key. */
struct opened {
	const struct endpoint *from;
	uint8_t type;
	bool is_newest; /* the highest counter of its key so far */
	struct rk_span plain;
};

/* ACK, KEEP_ALIVE */
static enum reason take(
	struct engine *e, struct session *s, struct keyslot *slot, const struct opened *o)
{
	uint32_t peer_index, local_index = slot->local_index;
	uint8_t flags;

	if (!parse_plain(o->plain, o->type, &peer_index, &flags))
		return REASON_FIELDS;
	if (slot->peer_index != 0 && slot->peer_index != peer_index)
		return REASON_FIELDS;
	slot->peer_index = peer_index;
	session_heard(e, s);
	prove(e, s, slot);
	if (o->type == MSG_ACK)
		return REASON_ACCEPTED;
	s->keep_alive_received_cnt++;
	engine_count(e, REASON_KEEP_ALIVES);
	if (s->keys.slot[KEYRING_CURRENT]->local_index != local_index)
		return REASON_ACCEPTED;
	/* an answer is of use only under the key it was asked for */
	if (flags & FLAG_ANSWER)
		traffic_keep_alive(e, s, false);
	if (o->is_newest)
		path_look(e, s, o->from);
	return REASON_ACCEPTED;
}

/* PATH_CHALLENGE, PATH_RESPONSE */
static enum reason take_path(
	struct engine *e, struct session *s, struct keyslot *slot, const struct opened *o)
{
	bool is_current = slot == s->keys.slot[KEYRING_CURRENT];
	struct rk_reader r;
	const uint8_t *challenge;

	rk_reader_init(&r, o->plain.data, o->plain.len);
	challenge = wire_read_fixed(&r, MSG_TLV_CHALLENGE, MSG_CHALLENGE_LEN);
	if (!rk_reader_done(&r))
		return REASON_FIELDS;
	if (slot->peer_index == 0)
		return REASON_WRONG_STATE; /* the peer's index comes first */
	/* from other paths it says nothing of the one in use, whose silence must not go unnoticed */
	if (endpoint_is_same(o->from, &s->endpoint))
		session_heard(e, s);
	prove(e, s, slot);
	if (o->type == MSG_PATH_CHALLENGE)
		return path_challenged(e, s, o->from, challenge);
	if (path_is_watched(e, s, o->from, challenge))
		return REASON_ACCEPTED;
	if (!o->is_newest || !is_current)
		return REASON_DUPLICATE; /* overtaken: it has no effect */
	return path_answered(e, s, o->from, challenge);
}

static enum reason open_sealed(struct engine *e, struct keyslot *slot, const struct wire_packet *p,
	struct opened *o, uint8_t buf[MSG_MAX])
{
	if (p->counter >= KEYRING_COUNTER_MAX)
		return REASON_EXHAUSTED;
	if (!replay_is_fresh(&slot->window, p->counter))
		return REASON_REPLAY;
	if (!aead_open(e->aead, suite_find(slot->suite)->aead, &slot->receive, p->counter, p->aad,
		    p->sealed, buf))
		return REASON_AUTHENTICATION;
	o->is_newest = p->counter >= slot->window.next;
	o->plain = (struct rk_span){buf, p->sealed.len - MSG_TAG_LEN};
	return replay_accept(&slot->window, p->counter) ? REASON_ACCEPTED : REASON_REPLAY;
}

enum reason traffic_receive(
	struct engine *e, const struct endpoint *from, const struct wire_packet *p)
{
	struct session *s = session_of_index(e, p->index);
	struct keyslot *slot = s == NULL ? NULL : keyring_find(&s->keys, p->index);
	struct opened o = {.from = from, .type = p->type};
	uint8_t buf[MSG_MAX];
	enum reason reason;

	if (slot == NULL)
		return REASON_UNKNOWN_INDEX;
	if (p->type == MSG_REKEY_HELLO || p->type == MSG_REKEY_REPLY)
		return rekey_receive(e, from, p, s, slot);
	reason = open_sealed(e, slot, p, &o, buf);
	if (reason != REASON_ACCEPTED)
		return reason;
	return p->type == MSG_ACK || p->type == MSG_KEEP_ALIVE ? take(e, s, slot, &o)
							       : take_path(e, s, slot, &o);
}
