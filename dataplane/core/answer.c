/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What becomes of a verified FINISH: ACK, COLLISION, or a hand-over to the peer's owner. A session
 * is touched by its owner alone: what another worker finished travels by value.
 */
#include <errno.h>
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "pki/view/secret.h"

/* A new slot and between whom it was agreed. Secret. */
struct agreed {
	struct keyslot slot; /* local_index is the owner's to give */
	struct endpoint endpoint;
	uint64_t started_ns; /* when HELLO was taken */
	uint8_t own_fingerprint[RK_FINGERPRINT_LEN];
	uint8_t peer_fingerprint[RK_FINGERPRINT_LEN];
};

struct handover {
	bool is_repeat; /* a duplicate FINISH: the ACK once more */
	uint8_t name_len;
	char name[RK_CN_MAX]; /* peering-common-name of the session */
	struct agreed agreed;
	struct rk_verdict verdict;
};

/* FINISH of our own is out and the peer may well be at work on it. */
static bool takes_precedence(const struct engine *e, const struct exchange *own)
{
	return own->state == EXCHANGE_EXPECT_ACK && e->env.now_ns < own->alive_ns + PRECEDENCE_NS;
}

/*
 * protocol.md, C2: true when the peer's exchange goes on. Our own is dropped then. If its FINISH
 * went out the peer may have accepted it all the same: the key stays receivable, and on the side
 * with the lower fingerprint hearing it used puts it in force, so both end up with that one.
 */
static bool settle_collision(struct engine *e, struct session *s, const struct agreed *a)
{
	bool is_lower = memcmp(a->own_fingerprint, a->peer_fingerprint, RK_FINGERPRINT_LEN) < 0;
	struct exchange *own = exchange_find(e, s->own_exchange);
	bool is_winner = false;

	if (own != NULL && is_lower && takes_precedence(e, own))
		return false;
	/* the peer dropped it: when it accepted a FINISH of ours, or began anew, perhaps after a crash */
	if (s->overtaken_ns != 0 && a->started_ns <= s->overtaken_ns)
		return false;
	s->overtaken_ns = a->started_ns;
	if (own != NULL) {
		is_winner =
			is_lower && own->state == EXCHANGE_EXPECT_ACK &&
			memcmp(own->peer_fingerprint, a->peer_fingerprint, RK_FINGERPRINT_LEN) == 0;
		engine_count(e, REASON_COLLISIONS);
		exchange_free(e, own);
		s->own_exchange = 0;
	}
	keyring_set_loser(&s->keys, !is_winner);
	s->next_until_ns = e->env.now_ns + session_hold_ns(s);
	return true;
}

/* E9: the owner may look at a newer view than the worker that showed this certificate. */
static bool is_own_certificate(const struct engine *e, const uint8_t *fingerprint)
{
	return memcmp(e->env.credential->fingerprint, fingerprint, RK_FINGERPRINT_LEN) == 0;
}

/* On the owner: everything that its own settings and keys have a say in, then the key. */
static enum reason accept(
	struct engine *e, struct session *s, const struct agreed *a, const struct rk_verdict *v)
{
	const struct session_binding binding = {a->own_fingerprint, a->peer_fingerprint, v, false};
	enum rk_verdict_status status = rk_view_judge(e->env.view, v, e->env.wall_sec);
	struct keyslot slot;

	if (!e->env.view->global->is_enabled)
		return REASON_NOT_CONFIGURED; /* switched off since FINISH came */
	if (!s->config->is_roaming && !session_has_path(s, &a->endpoint)) {
		session_tell_failed(e, s, REASON_ADDRESS);
		return REASON_ADDRESS;
	}
	if (!session_has_group(s, a->slot.group))
		return REASON_NO_GROUP;
	if (status != RK_VERDICT_GOOD) {
		session_tell_refused(e, s, a->peer_fingerprint, status);
		session_sever_refused(e, s, a->peer_fingerprint, status);
		return proof_reason_of(status);
	}
	if (engine_own_status(e) != RK_VERDICT_GOOD || !is_own_certificate(e, a->own_fingerprint))
		return REASON_OWN_CERT;
	if (!settle_collision(e, s, a))
		return REASON_COLLISION_LOST;
	slot = a->slot;
	slot.local_index = session_new_index(e, s);
	session_drop_rekeys(e, s);
	keyring_set_current(&e->slots, &s->keys, &slot);
	rk_wipe(&slot, sizeof(slot));
	s->endpoint = a->endpoint;
	s->is_unproved = true; /* F4: I goes on under PREVIOUS until it hears us */
	session_key_in_force(e, s, false);
	session_bind(e, s, &binding);
	session_exchange_over(e, s, true);
	return REASON_ACCEPTED;
}

static size_t build_ack(struct engine *e, struct keyslot *slot, uint8_t buf[MSG_MAX])
{
	uint8_t plain[MSG_TLV_LEN + 4];
	struct rk_writer w;

	rk_writer_init(&w, plain, sizeof(plain));
	rk_write_u16(&w, MSG_TLV_INDEX);
	rk_write_u16(&w, 4);
	rk_write_u32(&w, slot->local_index);
	return traffic_build(
		e, slot, MSG_ACK, (struct rk_span){plain, sizeof(plain)}, buf, MSG_MAX);
}

static size_t build_collision(struct engine *e, struct exchange *x, uint8_t buf[MSG_MAX])
{
	static const uint8_t plain[MSG_TLV_LEN + 1] = {
		MSG_TLV_FLAGS >> 8, MSG_TLV_FLAGS & 0xff, 0, 1, 0};

	return exchange_seal(
		e, x, MSG_COLLISION, (struct rk_span){plain, sizeof(plain)}, buf, MSG_MAX);
}

/*
 * The exchange keeps its last word for duplicates; not for long when others need the room, since the
 * peer learns as much from our keep-alives (F4).
 */
static void answer(struct engine *e, struct exchange *x, size_t len)
{
	exchange_keep_answer(
		e, x, exchange_is_pool_half_used(e) ? ANSWERED_SHORT_NS : HALF_OPEN_NS);
	if (len > 0)
		exchange_send(e, x, len);
}

static void fill(struct engine *e, const struct exchange *x, struct agreed *a)
{
	secrets_slot(e, x, &a->slot);
	a->slot.is_full = true;
	a->slot.peer_index = x->peer_new_index;
	a->endpoint = x->endpoint;
	a->started_ns = x->started_ns;
	memcpy(a->own_fingerprint, x->credential->fingerprint, RK_FINGERPRINT_LEN);
	memcpy(a->peer_fingerprint, x->peer_fingerprint, RK_FINGERPRINT_LEN);
}

/* ---- our own peer ---- */

static void answer_own(
	struct engine *e, struct exchange *x, struct session *s, const struct rk_verdict *v)
{
	struct exchange_cache *c = exchange_cache_of(e, x);
	struct agreed a = {0};
	enum reason reason;

	fill(e, x, &a);
	reason = accept(e, s, &a, v);
	rk_wipe(&a, sizeof(a));
	if (reason == REASON_ACCEPTED) {
		answer(e, x, build_ack(e, s->keys.slot[KEYRING_CURRENT], c->sent));
	} else if (reason == REASON_COLLISION_LOST) {
		engine_count(e, reason);
		answer(e, x, build_collision(e, x, c->sent));
	} else {
		proof_refuse(e, x, reason);
	}
}

/* ---- another worker's ---- */

static bool give(struct engine *e, struct exchange *x, unsigned owner, const struct rk_verdict *v)
{
	const struct exchange_cache *c = exchange_cache_of(e, x);
	struct handover h = {.is_repeat = v == NULL, .name_len = (uint8_t)c->plain_len};
	bool is_given;

	memcpy(h.name, c->plain, c->plain_len);
	h.agreed.endpoint = x->endpoint;
	h.agreed.slot.peer_index = x->peer_new_index;
	if (v != NULL) {
		h.verdict = *v;
		fill(e, x, &h.agreed);
	}
	is_given = e->ops.hand_over(e->ctx, owner, &h);
	if (is_given)
		engine_count(e, REASON_HANDED_OVER);
	rk_wipe(&h, sizeof(h));
	return is_given;
}

static void answer_elsewhere(struct engine *e, struct exchange *x, unsigned owner,
	const struct rk_span name, const struct rk_verdict *v)
{
	struct exchange_cache *c = exchange_cache_of(e, x);

	memcpy(c->plain, name.data, name.len); /* the proof has been used */
	c->plain_len = (uint16_t)name.len;
	if (!give(e, x, owner, v)) {
		proof_refuse(e, x, REASON_BUSY);
		return;
	}
	x->is_handed_over = true;
	x->owner = owner;
	c->sent_len = 0;
	answer(e, x, 0);
}

void answer_repeat(struct engine *e, struct exchange *x)
{
	if (!x->is_handed_over)
		exchange_repeat(e, x);
	else if (!give(e, x, x->owner, NULL))
		engine_count(e, REASON_BUSY);
}

/* The slot that this FINISH made, if it still stands. */
static struct keyslot *find_agreed(struct session *s, const struct agreed *a)
{
	for (unsigned i = 0; i < KEYRING_CNT; i++) {
		struct keyslot *slot = s->keys.slot[i];

		if (keyslot_is_used(slot) && slot->is_full && !slot->is_initiator &&
			slot->peer_index == a->slot.peer_index)
			return slot;
	}
	return NULL;
}

static enum reason take(struct engine *e, const struct handover *h)
{
	struct keyslot *slot;
	uint8_t buf[MSG_MAX];
	unsigned owner = 0;
	enum reason reason;
	struct session *s = e->ops.find_peer(e->ctx, h->name, h->name_len, &owner);
	size_t len;

	if (s == NULL || owner != e->config.worker_id || e->env.view == NULL)
		return REASON_WRONG_WORKER;
	reason = h->is_repeat ? REASON_DUPLICATE : accept(e, s, &h->agreed, &h->verdict);
	if (reason != REASON_ACCEPTED && reason != REASON_DUPLICATE)
		return reason;
	slot = find_agreed(s, &h->agreed);
	len = slot == NULL ? 0 : build_ack(e, slot, buf);
	if (len > 0)
		engine_send(e, &h->agreed.endpoint, buf, len);
	return reason;
}

void engine_take_over(struct engine *e, const struct handover *h)
{
	enum reason reason = take(e, h);

	if (reason != REASON_ACCEPTED)
		engine_count(e, reason);
}

size_t handover_size(void)
{
	return sizeof(struct handover);
}

/* ---- */

void responder_verified(struct engine *e, struct exchange *x, const struct rk_verdict *v)
{
	struct identity id;
	enum rk_verdict_status status = rk_view_judge(e->env.view, v, e->env.wall_sec);
	enum reason reason = proof_identity(e, v, &id);

	if (reason != REASON_ACCEPTED) {
		proof_refuse(e, x, reason);
	} else if (id.owner == e->config.worker_id) {
		answer_own(e, x, id.session, v);
	} else if (status != RK_VERDICT_GOOD) {
		proof_refuse(e, x, proof_reason_of(status));
	} else {
		answer_elsewhere(e, x, id.owner, id.name, v);
	}
}
