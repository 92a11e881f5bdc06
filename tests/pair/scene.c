/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/pair/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/engine_state.h"

static struct pair_identity *east, *twin, *west; /* RSA, P-256, P-256 */

/* ---- getting one message of a type on the wire ----------------------------------------------- */

static bool is_type(const struct pair_packet *packet, uint8_t type)
{
	return packet->payload[MSG_ENVELOPE_LEN + 5] == type;
}

/* So that who gets the COLLISION has not seen the FINISH that wins, and still waits for its ACK. */
static bool is_winning_finish(const struct pair *p, const struct pair_packet *packet)
{
	return is_type(packet, MSG_FINISH) &&
	       memcmp(p->node[packet->from].identity->verdict.fingerprint,
		       p->node[packet->to].identity->verdict.fingerprint, RK_FINGERPRINT_LEN) < 0;
}

static bool catch (struct pair *p, struct pair_packet *packet)
{
	struct scene *s = p->filter_arg;

	if (s->is_roaming && packet->from == 1 && !is_type(packet, MSG_PATH_CHALLENGE))
		packet->source.remote_port = 4001;
	if (packet->to == 1)
		packet->source.local_port = 1280;
	if (s->type == MSG_COLLISION && !s->has_it && is_winning_finish(p, packet))
		return false;
	if (s->has_it || !is_type(packet, s->type))
		return true;
	s->has_it = true;
	s->genuine = *packet;
	return false;
}

struct pair *scene_play(struct scene *s)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 1,
					  .hold_ns = 100 * PAIR_MS,
					  .rekey_interval_ns = PAIR_SEC,
					  .is_roaming = s->is_roaming,
					  .are_verdicts_known = s->is_simultaneous},
		s->is_simultaneous ? twin : east, west);
	uint64_t limit = p->now_ns + 20 * PAIR_SEC;

	s->has_it = false;
	for (unsigned i = 0; i < 2; i++) {
		pair_start(p, i);
		if (i == 1 || s->is_simultaneous) /* east's REPLY is the one that needs a COOKIE */
			session_dial_in(p->node[i].engine, p->node[i].session[0], 0);
	}
	if (s->is_roaming)
		assert_true(pair_run_until(p, pair_is_agreed, 5 * PAIR_SEC));
	p->filter = catch;
	p->filter_arg = s;
	while (!s->has_it)
		assert_true(pair_step(p, limit));
	while (pair_step(p, p->now_ns))
		;
	return p;
}

/* ---- a message taken apart and put together again -------------------------------------------- */

static struct keyslot *slot_to(struct pair *p, const struct pair_packet *packet, uint32_t index)
{
	struct keyring *keys = &p->node[packet->from].session[0]->keys;

	for (unsigned i = 0; i < KEYRING_CNT; i++)
		if (keyslot_is_used(keys->slot[i]) && keys->slot[i]->peer_index == index)
			return keys->slot[i];
	/* ACK is the first to say its own index: east's only key */
	return keys->slot[KEYRING_CURRENT];
}

/* The key that the sender of this packet seals with, and its suite. */
static const struct suite *key_of(struct pair *p, const struct pair_packet *packet,
	const struct wire_packet *w, struct secret_aead *key)
{
	struct engine *e = p->node[packet->from].engine;
	const struct keyslot *slot;
	const struct exchange *x, *answered;

	if (w->type < MSG_SESSION_FIRST) {
		x = exchange_find(e, w->sender);
		assert_non_null(x);
		*key = x->send;
		if (x->state == EXCHANGE_ANSWERED) { /* it has no keys any more */
			answered = exchange_find(p->node[packet->to].engine, w->receiver);
			assert_non_null(answered);
			*key = answered->receive;
		}
		return x->suite;
	}
	slot = slot_to(p, packet, w->index);
	if (w->type == MSG_REKEY_HELLO || w->type == MSG_REKEY_REPLY)
		secrets_rekey_key(slot, true, key);
	else
		*key = slot->send;
	return suite_find(slot->suite);
}

/* A number that the sender will not use again. */
static uint64_t counter_of(struct pair *p, const struct pair_packet *packet,
	const struct wire_packet *w, uint64_t later)
{
	struct keyslot *slot;

	if (w->type < MSG_SESSION_FIRST)
		return w->counter + later;
	slot = slot_to(p, packet, w->index);
	if (w->type == MSG_REKEY_HELLO || w->type == MSG_REKEY_REPLY)
		return slot->rekey_send_counter++;
	return slot->send_counter++;
}

static void parse(struct wire_packet *w, const struct pair_packet *packet)
{
	assert_int_equal(wire_parse_packet(w, packet->payload, packet->len), REASON_ACCEPTED);
}

void scene_take_apart(struct pair *p, const struct pair_packet *packet, struct parts *out)
{
	struct wire_packet w;
	struct secret_aead key;
	const struct suite *suite;

	parse(&w, packet);
	memset(out, 0, sizeof(*out));
	memcpy(out->clear.data, w.body.data, w.body.len);
	out->clear.len = w.body.len;
	out->is_sealed = w.sealed.len > 0;
	if (!out->is_sealed) {
		memcpy(out->plain.data, w.open.data, w.open.len);
		out->plain.len = w.open.len;
		return;
	}
	suite = key_of(p, packet, &w, &key);
	out->plain.len = w.sealed.len - MSG_TAG_LEN;
	assert_true(aead_open(p->node[packet->from].engine->aead, suite->aead, &key, w.counter,
		w.aad, w.sealed, out->plain.data));
}

static void mend_mac1(struct pair *p, struct pair_packet *packet)
{
	/* HELLO's is keyed by the receiver's name, COOKIE's by the sender's: R's both times */
	unsigned responder = is_type(packet, MSG_HELLO) ? packet->to : packet->from;
	const char *name = p->node[responder].identity->name;
	size_t at = packet->len - MSG_MAC_LEN;

	assert_true(guard_make_mac1(name, strlen(name), packet->payload, at, packet->payload + at));
}

struct pair_packet scene_put_together(
	struct pair *p, const struct pair_packet *genuine, const struct parts *parts)
{
	struct pair_packet out = *genuine;
	struct wire_packet w;
	struct secret_aead key;
	const struct suite *suite;
	struct rk_writer to;
	uint64_t counter;
	uint8_t *sealed;

	parse(&w, genuine);
	if (w.type < MSG_SESSION_FIRST)
		wire_begin_exchange(&to, out.payload, sizeof(out.payload), w.type, w.receiver,
			w.sender ^ parts->impostor);
	else
		wire_begin_session(&to, out.payload, sizeof(out.payload), w.type, w.index);
	rk_write_bytes(&to, parts->clear.data, parts->clear.len);
	if (!parts->is_sealed) {
		uint8_t *lengths = out.payload + MSG_ENVELOPE_LEN - 4;

		rk_write_bytes(&to, parts->plain.data, parts->plain.len);
		out.len = rk_writer_len(&to);
		lengths[0] =
			(uint8_t)(MSG_ENVELOPE_VERSION << 4 | (out.len - parts->plain.len) >> 8);
		lengths[1] = (uint8_t)(out.len - parts->plain.len);
		lengths[2] = (uint8_t)(parts->plain.len >> 8);
		lengths[3] = (uint8_t)parts->plain.len;
		mend_mac1(p, &out);
		return out;
	}
	suite = key_of(p, genuine, &w, &key);
	counter = counter_of(p, genuine, &w, parts->later);
	sealed = wire_end_sealed(&to, counter, parts->plain.len, &out.len);
	assert_non_null(sealed);
	assert_true(aead_seal(p->node[genuine->from].engine->aead, suite->aead, &key, counter,
		(struct rk_span){out.payload, (size_t)(sealed - out.payload)},
		(struct rk_span){parts->plain.data, parts->plain.len}, sealed));
	return out;
}

/* ---- what it must not change ----------------------------------------------------------------- */

struct snapshot {
	struct session session;
	struct keyslot slot[KEYRING_CNT];
	uint8_t exchange_state;
	uint32_t used_cnt;
};

static void look(struct pair *p, const struct pair_packet *packet, struct snapshot *out)
{
	struct pair_node *n = &p->node[packet->to];
	struct wire_packet w;
	const struct exchange *x;

	memset(out, 0, sizeof(*out));
	parse(&w, packet);
	x = w.type < MSG_SESSION_FIRST ? exchange_find(n->engine, w.receiver) : NULL;
	out->exchange_state = x == NULL ? EXCHANGE_FREE : x->state;
	out->used_cnt = n->engine->used_cnt;
	out->session = *n->session[0];
	out->session.told_failure = 0; /* that one failed is told, once */
	out->session.heard_ns = 0;     /* whoever sealed it is there */
	for (unsigned i = 0; i < KEYRING_CNT; i++) {
		struct keyslot *slot = &out->slot[i];

		*slot = *n->session[0]->keys.slot[i];
		/* a counter is spent, whatever it carried */
		memset(&slot->window, 0, sizeof(slot->window));
		memset(&slot->rekey_window, 0, sizeof(slot->rekey_window));
	}
}

/* Everything but "accepted", "duplicate" and what was done. */
static uint64_t refusals(struct pair *p, unsigned node)
{
	uint64_t sum = 0;

	for (size_t i = REASON_SIZE; i < REASON_PACKETS_SENT; i++)
		sum += engine_counter(p->node[node].engine, i);
	return sum;
}

void scene_assert_no_effect(struct pair *p, const struct pair_packet *genuine,
	const struct pair_packet *spoiled, const char *what)
{
	struct snapshot before, after;
	uint64_t refused = refusals(p, genuine->to);

	look(p, genuine, &before);
	pair_inject(p, spoiled, 0);
	while (pair_step(p, p->now_ns))
		;
	look(p, genuine, &after);
	if (refusals(p, genuine->to) != refused + 1 || memcmp(&before, &after, sizeof(before)) != 0)
		fail_msg("%s: refused %llu times, state %s", what,
			(unsigned long long)(refusals(p, genuine->to) - refused),
			memcmp(&before, &after, sizeof(before)) == 0 ? "the same" : "changed");
}

/* East's is RSA: its REPLY would be larger than HELLO, so there are COOKIEs. */
int scene_make_identities(void **state)
{
	(void)state;
	east = pair_identity_new("east", TEST_RSA_2048, NULL);
	twin = pair_identity_new("east", TEST_P256, NULL);
	west = pair_identity_new("west", TEST_P256, NULL);
	return 0;
}

int scene_free_identities(void **state)
{
	(void)state;
	pair_identity_free(east);
	pair_identity_free(twin);
	pair_identity_free(west);
	return 0;
}
