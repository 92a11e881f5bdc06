/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fast rekey: fresh ECDHE both ways inside a slot. The initiator switches on the authenticated
 * answer, the responder on the first valid packet under the new key.
 */
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "pki/view/secret.h"

static void give_up(struct engine *e, struct exchange *x, enum reason reason)
{
	struct session *s = x->session;

	engine_count(e, reason);
	if (s->own_rekey == x->id)
		s->own_rekey = 0;
	if (s->peer_rekey == x->id)
		s->peer_rekey = 0;
	exchange_free(e, x);
	session_schedule(e, s);
}

/* Fail-hard rekeys with good certificates only; fail-soft goes on under the standing keys. */
static enum reason may_rekey(struct engine *e, struct session *s)
{
	bool is_own = false;
	enum rk_verdict_status status = session_judge(e, s, &is_own);

	if (s->config->invalid_certificate_behavior == RK_FAIL_SOFT || status == RK_VERDICT_GOOD)
		return REASON_ACCEPTED;
	return is_own ? REASON_OWN_CERT : proof_reason_of(status);
}

/* The next slot belongs to a full exchange of ours: its key would push out one in use. */
static bool is_next_taken(struct engine *e, const struct session *s)
{
	return exchange_find(e, s->own_exchange) != NULL;
}

enum reason rekey_start(struct engine *e, struct session *s)
{
	const struct keyslot *base = s->keys.slot[KEYRING_CURRENT];
	enum reason reason;
	struct exchange *x;

	if (!keyslot_is_used(base) || base->peer_index == 0 || s->own_rekey != 0 ||
		s->peer_rekey != 0 || s->is_unproved ||
		keyslot_is_used(s->keys.slot[KEYRING_NEXT]) ||
		keyslot_is_used(s->keys.slot[KEYRING_PREVIOUS]))
		return REASON_NO_BASE;
	reason = may_rekey(e, s);
	if (reason != REASON_ACCEPTED)
		return reason;
	x = exchange_new(e, EXCHANGE_REKEY_INITIATOR);
	if (x == NULL)
		return REASON_FULL;
	x->session = s;
	x->group = kex_find(base->group);
	x->suite = suite_find(base->suite);
	x->base_index = base->local_index;
	if (!engine_random(e, x->random, sizeof(x->random)) || !exchange_submit_keygen(e, x)) {
		exchange_free(e, x);
		return REASON_BUSY;
	}
	x->new_index = session_new_index(e, s);
	s->own_rekey = x->id;
	return REASON_REKEYS_STARTED;
}

/* ---- messages ---- */

static size_t build_plain(const struct exchange *x, const struct keyslot *base, uint64_t id,
	uint8_t *buf, size_t size)
{
	struct rk_writer w;

	rk_writer_init(&w, buf, size);
	rk_write_u16(&w, MSG_TLV_REKEY);
	rk_write_u16(&w, 16);
	rk_write_u64(&w, id);
	rk_write_u32(&w, base->local_index);
	rk_write_u32(&w, x->new_index);
	wire_write_tlv(&w, MSG_TLV_RANDOM, x->random, sizeof(x->random));
	wire_write_share(&w, x->group->id, x->share, x->group->share_len);
	return w.is_failed ? 0 : rk_writer_len(&w);
}

/* The same plaintext each time, never under the same counter. */
static bool send_sealed(struct engine *e, struct session *s, struct keyslot *base,
	enum msg_type type, struct rk_span plain)
{
	uint64_t counter = base->rekey_send_counter;
	struct secret_aead key;
	uint8_t buf[MSG_MAX];
	struct rk_writer w;
	size_t len = 0;
	uint8_t *out;
	bool is_sealed;

	if (counter >= KEYRING_COUNTER_MAX)
		return false;
	secrets_rekey_key(base, true, &key);
	wire_begin_session(&w, buf, sizeof(buf), type, base->peer_index);
	out = wire_end_sealed(&w, counter, plain.len, &len);
	base->rekey_send_counter++;
	is_sealed = out != NULL && aead_seal(e->aead, suite_find(base->suite)->aead, &key, counter,
					   (struct rk_span){buf, (size_t)(out - buf)}, plain, out);
	rk_wipe(&key, sizeof(key));
	if (is_sealed)
		engine_send(e, &s->endpoint, buf, len);
	return is_sealed;
}

static void send_hello(struct engine *e, struct exchange *x)
{
	struct exchange_cache *c = exchange_cache_of(e, x);
	struct keyslot *base = keyring_find(&x->session->keys, x->base_index);

	if (base == NULL) {
		give_up(e, x, REASON_NO_BASE);
		return;
	}
	c->core_len = (uint16_t)build_plain(x, base, x->id, c->core, sizeof(c->core));
	if (c->core_len == 0 || !send_sealed(e, x->session, base, MSG_REKEY_HELLO,
					(struct rk_span){c->core, c->core_len})) {
		give_up(e, x, REASON_INTERNAL);
		return;
	}
	exchange_set_state(x, EXCHANGE_EXPECT_REPLY);
	exchange_start_retransmit(e, x);
}

void rekey_retransmit(struct engine *e, struct exchange *x)
{
	struct exchange_cache *c = exchange_cache_of(e, x);
	struct keyslot *base = keyring_find(&x->session->keys, x->base_index);

	engine_count(e, REASON_RETRANSMITS);
	if (base == NULL || !send_sealed(e, x->session, base, MSG_REKEY_HELLO,
				    (struct rk_span){c->core, c->core_len}))
		give_up(e, x, REASON_NO_BASE);
}

/* ---- results ---- */

/* Both plaintexts and Z: the new slot; certificates are looked at in this very iteration. */
static enum reason make_slot(struct engine *e, struct exchange *x, const struct crypto_job *job,
	const struct keyslot *base, struct keyslot *out)
{
	struct exchange_cache *c = exchange_cache_of(e, x);
	enum reason reason = may_rekey(e, x->session);

	if (reason != REASON_ACCEPTED)
		return reason;
	if (!job->is_done)
		return REASON_BAD_SECRET;
	secrets_rekey(x, base, (struct rk_span){job->kex.shared, x->group->shared_len},
		(struct rk_span){c->core, c->core_len}, (struct rk_span){c->plain, c->plain_len});
	secrets_slot(e, x, out);
	out->local_index = x->new_index;
	out->peer_index = x->peer_new_index;
	return REASON_ACCEPTED;
}

static void finish_initiator(struct engine *e, struct exchange *x, const struct crypto_job *job)
{
	struct session *s = x->session;
	const struct keyslot *base = keyring_find(&s->keys, x->base_index);
	struct keyslot slot;
	enum reason reason = base == NULL ? REASON_NO_BASE : make_slot(e, x, job, base, &slot);

	if (reason != REASON_ACCEPTED) {
		give_up(e, x, reason);
		return;
	}
	keyring_set_current(&e->slots, &s->keys, &slot);
	keyring_set_loser(&s->keys, true);
	rk_wipe(&slot, sizeof(slot));
	s->own_rekey = 0;
	latency_add(&e->latency, LATENCY_REKEY, e->env.now_ns - x->started_ns);
	exchange_free(e, x);
	s->rekey_cnt++;
	engine_count(e, REASON_REKEYS);
	s->is_unproved = true;
	session_key_in_force(e, s, true);
	traffic_keep_alive(e, s, true);
}

static void finish_responder(struct engine *e, struct exchange *x, const struct crypto_job *job)
{
	struct exchange_cache *c = exchange_cache_of(e, x);
	struct session *s = x->session;
	struct keyslot *base = keyring_find(&s->keys, x->base_index);
	struct keyslot slot;
	enum reason reason;

	if (base == NULL || is_next_taken(e, s)) {
		give_up(e, x, REASON_NO_BASE);
		return;
	}
	c->plain_len = (uint16_t)build_plain(x, base, x->peer_id, c->plain, sizeof(c->plain));
	reason = make_slot(e, x, job, base, &slot);
	if (reason != REASON_ACCEPTED) {
		give_up(e, x, reason);
		return;
	}
	keyring_set_next(&e->slots, &s->keys, &slot);
	rk_wipe(&slot, sizeof(slot));
	s->next_until_ns = e->env.now_ns + HALF_OPEN_NS + session_hold_ns(s);
	exchange_keep_answer(e, x, HALF_OPEN_NS);
	if (!send_sealed(e, s, base, MSG_REKEY_REPLY, (struct rk_span){c->plain, c->plain_len}))
		engine_count(e, REASON_INTERNAL);
	session_schedule(e, s);
}

void rekey_job_done(struct engine *e, struct exchange *x, struct crypto_job *job)
{
	if (x->state == EXCHANGE_AWAIT_SECRET) {
		if (x->role == EXCHANGE_REKEY_INITIATOR)
			finish_initiator(e, x, job);
		else
			finish_responder(e, x, job);
		return;
	}
	if (!job->is_done) {
		give_up(e, x, REASON_INTERNAL);
		return;
	}
	memcpy(x->kex_secret, job->kex.secret, sizeof(x->kex_secret));
	memcpy(x->share, job->kex.share, sizeof(x->share));
	if (x->role == EXCHANGE_REKEY_INITIATOR) {
		send_hello(e, x);
		return;
	}
	exchange_set_state(x, EXCHANGE_AWAIT_SECRET);
	if (!exchange_submit_derive(e, x))
		give_up(e, x, REASON_BUSY);
}

/* ---- packets ---- */

/* protocol.md, "Collision": the lower fingerprint's rekey wins. */
static bool settle_collision(struct engine *e, struct session *s)
{
	struct exchange *own = exchange_find(e, s->own_rekey);

	if (own == NULL)
		return true;
	if (s->is_lower)
		return false;
	engine_count(e, REASON_COLLISIONS);
	exchange_free(e, own);
	s->own_rekey = 0;
	return true;
}

static enum reason open_responder(struct engine *e, struct session *s, struct keyslot *base,
	const struct wire_rekey *m, struct rk_span plain)
{
	struct exchange *x = exchange_new(e, EXCHANGE_REKEY_RESPONDER);
	struct exchange_cache *c;

	if (x == NULL)
		return REASON_FULL;
	c = exchange_cache_of(e, x);
	x->session = s;
	x->peer_id = m->exchange;
	x->group = kex_find(m->share.group);
	x->suite = suite_find(base->suite);
	x->base_index = base->local_index;
	x->peer_new_index = m->new_index;
	memcpy(x->peer_share, m->share.point.data, m->share.point.len);
	memcpy(c->core, plain.data, plain.len);
	c->core_len = (uint16_t)plain.len;
	if (!engine_random(e, x->random, sizeof(x->random)) || !exchange_submit_keygen(e, x)) {
		exchange_free(e, x);
		return REASON_BUSY;
	}
	x->new_index = session_new_index(e, s);
	s->peer_rekey = x->id;
	s->last_rekey_answered = m->exchange;
	s->next_answer_ns = e->env.now_ns + REKEY_GAP_NS;
	return REASON_ACCEPTED;
}

static enum reason repeat_answer(struct engine *e, struct session *s, struct keyslot *base)
{
	struct exchange *x = exchange_find(e, s->peer_rekey);
	struct exchange_cache *c;

	if (x != NULL && x->state == EXCHANGE_ANSWERED && x->base_index == base->local_index) {
		c = exchange_cache_of(e, x);
		engine_count(e, REASON_RETRANSMITS);
		if (!send_sealed(
			    e, s, base, MSG_REKEY_REPLY, (struct rk_span){c->plain, c->plain_len}))
			return REASON_INTERNAL;
	}
	return REASON_DUPLICATE;
}

static enum reason take_hello(struct engine *e, struct session *s, struct keyslot *base,
	const struct wire_rekey *m, struct rk_span plain)
{
	const struct kex_group *group = kex_find(m->share.group);
	struct exchange *earlier;
	enum reason reason;

	if (e->env.now_ns < s->next_answer_ns)
		return REASON_RATE; /* whoever means it repeats it */
	if (group == NULL || !session_has_group(s, m->share.group))
		return REASON_NO_GROUP;
	if (!kex_share_is_plausible(group, m->share.point))
		return REASON_BAD_SHARE;
	if (base == s->keys.slot[KEYRING_NEXT] && !base->is_loser && !base->is_full) {
		session_promote(e, s); /* a valid packet under it */
		base = s->keys.slot[KEYRING_CURRENT];
	}
	/* the answer would wipe NEXT before it is sealed under it */
	if (is_next_taken(e, s) || base == s->keys.slot[KEYRING_NEXT])
		return REASON_NO_BASE;
	reason = may_rekey(e, s);
	if (reason != REASON_ACCEPTED) {
		engine_count(e, reason);
		return REASON_NO_BASE;
	}
	if (!settle_collision(e, s))
		return REASON_COLLISION_LOST;
	earlier = exchange_find(e, s->peer_rekey);
	if (earlier != NULL)
		exchange_free(e, earlier);
	s->peer_rekey = 0;
	return open_responder(e, s, base, m, plain);
}

static enum reason take_reply(struct engine *e, struct session *s, const struct keyslot *base,
	const struct wire_rekey *m, struct rk_span plain)
{
	struct exchange *x = exchange_find(e, s->own_rekey);
	struct exchange_cache *c;

	if (x == NULL || m->exchange != x->id || x->base_index != base->local_index)
		return REASON_UNKNOWN_EXCHANGE;
	if (x->state != EXCHANGE_EXPECT_REPLY)
		return REASON_DUPLICATE;
	if (m->share.group != x->group->id)
		return REASON_BAD_CHOICE;
	if (!kex_share_is_plausible(x->group, m->share.point))
		return REASON_BAD_SHARE;
	memcpy(x->peer_share, m->share.point.data, m->share.point.len);
	if (!exchange_submit_derive(e, x))
		return REASON_BUSY;
	c = exchange_cache_of(e, x);
	memcpy(c->plain, plain.data, plain.len);
	c->plain_len = (uint16_t)plain.len;
	x->peer_new_index = m->new_index;
	exchange_set_state(x, EXCHANGE_AWAIT_SECRET);
	exchange_stop_retransmit(e, x);
	return REASON_ACCEPTED;
}

static enum reason open_sealed(
	struct engine *e, const struct wire_packet *p, struct keyslot *slot, uint8_t buf[MSG_MAX])
{
	struct secret_aead key;
	bool is_open;

	if (p->counter >= KEYRING_COUNTER_MAX)
		return REASON_EXHAUSTED;
	if (!replay_is_fresh(&slot->rekey_window, p->counter))
		return REASON_REPLAY;
	secrets_rekey_key(slot, false, &key);
	is_open = aead_open(
		e->aead, suite_find(slot->suite)->aead, &key, p->counter, p->aad, p->sealed, buf);
	rk_wipe(&key, sizeof(key));
	if (!is_open)
		return REASON_AUTHENTICATION;
	return replay_accept(&slot->rekey_window, p->counter) ? REASON_ACCEPTED : REASON_REPLAY;
}

enum reason rekey_receive(struct engine *e, const struct endpoint *from,
	const struct wire_packet *p, struct session *s, struct keyslot *slot)
{
	uint8_t buf[MSG_MAX];
	struct rk_span plain = {buf, p->sealed.len - MSG_TAG_LEN};
	struct wire_rekey m;
	bool is_newest = p->counter >= slot->rekey_window.next;
	enum reason reason = open_sealed(e, p, slot, buf);

	(void)from; /* answers go where the session sends, whoever carried the packet */
	if (reason != REASON_ACCEPTED)
		return reason;
	if (plain.len > MSG_HELLO_CORE_MAX || !wire_parse_rekey(&m, plain))
		return REASON_FIELDS;
	if (slot->peer_index == 0 || m.base_index != slot->peer_index)
		return REASON_NO_BASE;
	session_heard(e, s);
	if (p->type == MSG_REKEY_REPLY)
		return take_reply(e, s, slot, &m, plain);
	if (m.exchange == s->last_rekey_answered)
		return repeat_answer(e, s, slot);
	/* overtaken: an attempt that was given up since */
	return is_newest ? take_hello(e, s, slot, &m, plain) : REASON_DUPLICATE;
}
