/* SPDX-License-Identifier: BSD-3-Clause */
/* The responder of a full exchange: REPLY, then ACK; COOKIE and RETRY without any state. */
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "dataplane/core/hash.h"
#include "pki/view/secret.h"

/* ---- before there is any state ---- */

static bool has_group(const struct engine *e, uint16_t group)
{
	return wire_list_has(&e->groups, group) && kex_find(group) != NULL;
}

/* Our first choice among what the initiator has; 0: none. */
static uint16_t choose_group(const struct engine *e, const struct wire_list *offered)
{
	for (unsigned i = 0; i < e->groups.cnt; i++)
		if (has_group(e, e->groups.id[i]) && wire_list_has(offered, e->groups.id[i]))
			return e->groups.id[i];
	return 0;
}

static enum reason send_cookie(struct engine *e, const struct endpoint *from,
	const struct wire_packet *p, const uint8_t *hash, uint16_t group)
{
	const struct guard_cookie_input in = {from, p->sender, hash, group};
	const struct rk_span own = engine_own_name(e);
	uint8_t cookie[MSG_COOKIE_LEN], buf[MSG_MAX];
	uint8_t *mac;
	struct rk_writer w;
	size_t len = 0;

	cookie[0] = (uint8_t)(group >> 8);
	cookie[1] = (uint8_t)group;
	memcpy(cookie + 2, hash, GUARD_HASH_LEN);
	guard_make_cookie(e->guard, &in, cookie + 2 + GUARD_HASH_LEN);
	wire_begin_exchange(&w, buf, sizeof(buf), MSG_COOKIE, p->sender, 0);
	wire_write_tlv(&w, MSG_TLV_COOKIE, cookie, sizeof(cookie));
	mac = wire_end_mac1(&w, &len);
	if (mac == NULL ||
		!guard_make_mac1((const char *)own.data, own.len, buf, (size_t)(mac - buf), mac))
		return REASON_INTERNAL;
	engine_send(e, from, buf, len);
	return group == 0 ? REASON_COOKIE_SENT : REASON_RETRY_SENT;
}

/* A cookie that is there must be good; a RETRY's binds the group it asked for. */
static bool cookie_is_good(struct engine *e, const struct endpoint *from,
	const struct wire_packet *p, const struct wire_hello *m, const uint8_t *core_hash)
{
	uint16_t group = (uint16_t)(m->cookie.data[0] << 8 | m->cookie.data[1]);
	const uint8_t *first_hash = m->cookie.data + 2;
	const struct guard_cookie_input in = {from, p->sender, first_hash, group};

	if (group == 0 ? memcmp(first_hash, core_hash, GUARD_HASH_LEN) != 0
		       : group != m->share.group)
		return false;
	return guard_check_cookie(e->guard, &in, first_hash + GUARD_HASH_LEN);
}

static size_t reply_len_max(const struct engine *e, const struct kex_group *g)
{
	return MSG_ENVELOPE_LEN + MSG_REPLY_CLEAR_MAX - MSG_POINT_MAX + g->share_len +
	       MSG_SEALED_OVERHEAD + MSG_PROOF_MAX - MSG_SIGNATURE_MAX - (MSG_TLV_LEN + 4) +
	       sign_len_max(e->env.credential->key_type);
}

/* Who has proved no address gets no more than came this time: padding is not compared. */
static enum reason repeat_reply(
	struct engine *e, struct exchange *x, const struct wire_hello *m, size_t hello_len)
{
	const struct exchange_cache *c = exchange_cache_of(e, x);

	if (m->core.len != c->core_len || memcmp(m->core.data, c->core, c->core_len) != 0)
		return REASON_WRONG_STATE;
	if (x->state == EXCHANGE_EXPECT_FINISH && (c->cookie_len > 0 || c->sent_len <= hello_len))
		exchange_repeat(e, x);
	return REASON_DUPLICATE;
}

/* Strangers get cookies once half of the pool is in use, and never its last quarter. */
static bool is_pool_kept(const struct engine *e)
{
	return e->used_cnt >= e->config.exchange_cnt - e->config.exchange_cnt / 4;
}

static enum reason open_exchange(struct engine *e, const struct endpoint *from,
	const struct wire_packet *p, const struct wire_hello *m, const struct suite *suite)
{
	struct exchange_cache *c;
	struct exchange *x = NULL;

	if (!is_pool_kept(e) || exchange_make_room(e))
		x = exchange_new(e, EXCHANGE_RESPONDER);
	if (x == NULL)
		return REASON_FULL;
	c = exchange_cache_of(e, x);
	x->peer_id = p->sender;
	x->endpoint = *from;
	x->group = kex_find(m->share.group);
	x->suite = suite;
	x->schemes = m->schemes;
	x->credential = credential_get(e->env.credential);
	memcpy(x->peer_share, m->share.point.data, m->share.point.len);
	memcpy(c->core, m->core.data, m->core.len);
	c->core_len = (uint16_t)m->core.len;
	memcpy(c->cookie, m->cookie.data, m->cookie.len);
	c->cookie_len = (uint16_t)m->cookie.len;
	exchange_enter_hello(e, x);
	if (!engine_random(e, x->random, sizeof(x->random)) || !exchange_submit_keygen(e, x)) {
		exchange_free(e, x);
		return REASON_BUSY;
	}
	return REASON_ACCEPTED;
}

/* What our own side must have before anything is answered. */
static enum reason may_answer(struct engine *e, const struct wire_hello *m)
{
	if (engine_own_status(e) != RK_VERDICT_GOOD)
		return REASON_NO_CREDENTIAL;
	if (choose_group(e, &m->groups) == 0)
		return REASON_NO_GROUP;
	if (suite_choose(&e->suites, &m->suites) == NULL)
		return REASON_NO_SUITE;
	if (sign_choose(e->env.credential->key_type, 0, &m->schemes) == 0)
		return REASON_NO_SCHEME;
	if (!wire_list_has(&m->groups, m->share.group))
		return REASON_BAD_CHOICE;
	return REASON_ACCEPTED;
}

/* Who does not know our name is not even read. */
static enum reason check_mac1(struct engine *e, const struct wire_packet *p)
{
	struct rk_span maced;
	const uint8_t *mac1;
	enum reason reason = wire_find_mac1(p, &maced, &mac1);

	if (reason != REASON_ACCEPTED)
		return reason;
	return guard_check_mac1(e->guard, maced.data, maced.len, mac1) ? REASON_ACCEPTED
								       : REASON_MAC1;
}

/* The DoS ladder, after the envelope: size, mac1, fields, cookie, tokens, and only then work. */
enum reason responder_hello(
	struct engine *e, const struct endpoint *from, const struct wire_packet *p)
{
	struct wire_hello m;
	struct exchange *x;
	uint8_t hash[GUARD_HASH_LEN];
	bool is_loaded;
	enum reason reason = check_mac1(e, p);

	if (reason == REASON_ACCEPTED)
		reason = wire_parse_hello(&m, p);
	if (reason != REASON_ACCEPTED)
		return reason;
	is_loaded = guard_note_hello(e->guard, e->env.now_ns) || exchange_is_pool_half_used(e);
	x = exchange_find_hello(e, from, p->sender);
	if (x != NULL)
		return repeat_reply(e, x, &m, p->whole.len);
	hash_make(SUITE_SHA256, &m.core, 1, hash);
	if (m.cookie.len != 0 && !cookie_is_good(e, from, p, &m, hash))
		return REASON_COOKIE;
	reason = may_answer(e, &m);
	if (reason != REASON_ACCEPTED)
		return reason;
	if (!has_group(e, m.share.group))
		return m.cookie.len == 0 ? send_cookie(e, from, p, hash, choose_group(e, &m.groups))
					 : REASON_NO_GROUP;
	/* A COOKIE is shorter than any HELLO: no amplification, whoever the source really is. */
	if (m.cookie.len == 0 &&
		(is_loaded || reply_len_max(e, kex_find(m.share.group)) > p->whole.len ||
			!guard_admit(e->guard, from, false, e->env.now_ns)))
		return send_cookie(e, from, p, hash, 0);
	if (m.cookie.len != 0 && !guard_admit(e->guard, from, true, e->env.now_ns))
		return REASON_RATE;
	if (!kex_share_is_plausible(kex_find(m.share.group), m.share.point))
		return REASON_BAD_SHARE;
	return open_exchange(e, from, p, &m, suite_choose(&e->suites, &m.suites));
}

/* ---- REPLY ---- */

static void drop(struct engine *e, struct exchange *x, enum reason reason)
{
	engine_count(e, reason);
	exchange_free(e, x);
}

static bool write_reply(struct engine *e, struct exchange *x, struct rk_writer *w)
{
	struct exchange_cache *c = exchange_cache_of(e, x);
	const uint8_t suite[2] = {(uint8_t)(x->suite->id >> 8), (uint8_t)x->suite->id};
	struct wire_list schemes;

	sign_list_schemes(&schemes, e->env.view->global->is_ed25519_allowed);
	wire_begin_exchange(w, c->sent, sizeof(c->sent), MSG_REPLY, x->peer_id, x->id);
	wire_write_tlv(w, MSG_TLV_RANDOM, x->random, sizeof(x->random));
	wire_write_tlv(w, MSG_TLV_SUITE, suite, sizeof(suite));
	wire_write_list(w, MSG_TLV_SCHEMES, &schemes);
	wire_write_share(w, x->group->id, x->share, x->group->share_len);
	return !w->is_failed;
}

/* Z is here: the clear part, the handshake keys, then our signature. */
static void take_secret(struct engine *e, struct exchange *x, struct crypto_job *job)
{
	struct exchange_cache *c = exchange_cache_of(e, x);
	struct rk_writer w;
	struct rk_span clear;

	if (!job->is_done) {
		drop(e, x, REASON_BAD_SECRET);
		return;
	}
	if (e->env.view == NULL || !write_reply(e, x, &w)) {
		drop(e, x, REASON_INTERNAL);
		return;
	}
	c->sent_len = (uint16_t)rk_writer_len(&w);
	clear = (struct rk_span){c->sent + MSG_ENVELOPE_LEN, c->sent_len - MSG_ENVELOPE_LEN};
	secrets_begin(x, (struct rk_span){c->core, c->core_len},
		(struct rk_span){c->cookie, c->cookie_len}, clear);
	secrets_handshake(x, (struct rk_span){job->kex.shared, x->group->shared_len});
	if (!proof_sign(e, x))
		exchange_free(e, x);
}

static void send_reply(struct engine *e, struct exchange *x, struct crypto_job *job)
{
	struct exchange_cache *c = exchange_cache_of(e, x);
	struct rk_writer w;
	size_t len = 0;

	if (job->is_done && e->env.view != NULL && write_reply(e, x, &w))
		len = proof_build(e, x, &w, job, 0);
	if (len == 0) {
		c->sent_len = 0;
		drop(e, x, REASON_INTERNAL);
		return;
	}
	memcpy(x->base_transcript, x->transcript, sizeof(x->transcript));
	exchange_set_state(x, EXCHANGE_EXPECT_FINISH);
	exchange_send(e, x, len);
}

void responder_job_done(struct engine *e, struct exchange *x, struct crypto_job *job)
{
	switch (x->state) {
	case EXCHANGE_AWAIT_SHARE:
		memcpy(x->kex_secret, job->kex.secret, sizeof(x->kex_secret));
		memcpy(x->share, job->kex.share, sizeof(x->share));
		exchange_set_state(x, EXCHANGE_AWAIT_SECRET);
		if (!job->is_done || !exchange_submit_derive(e, x))
			drop(e, x, job->is_done ? REASON_BUSY : REASON_INTERNAL);
		break;
	case EXCHANGE_AWAIT_SECRET:
		take_secret(e, x, job);
		rk_wipe(x->kex_secret, sizeof(x->kex_secret));
		break;
	case EXCHANGE_AWAIT_SIGNATURE:
		send_reply(e, x, job);
		break;
	default:
		proof_job_done(e, x, job);
		break;
	}
}

/* ---- FINISH ---- */

enum reason responder_finish(
	struct engine *e, const struct endpoint *from, const struct wire_packet *p)
{
	const uint8_t *tag = p->sealed.data + p->sealed.len - MSG_TAG_LEN;
	uint8_t buf[MSG_MAX];
	struct exchange *x;
	struct rk_span plain;
	enum reason reason = exchange_resolve(e, from, p, &x);

	if (reason != REASON_ACCEPTED)
		return reason;
	if (x->role != EXCHANGE_RESPONDER)
		return REASON_WRONG_STATE;
	if (x->state == EXCHANGE_AWAIT_SHARE || x->state == EXCHANGE_AWAIT_SECRET ||
		x->state == EXCHANGE_AWAIT_SIGNATURE)
		return REASON_NO_KEY;
	if (memcmp(tag, x->finish_tag, MSG_TAG_LEN) == 0) {
		if (x->state == EXCHANGE_ANSWERED)
			answer_repeat(e, x);
		return REASON_DUPLICATE;
	}
	if (x->state != EXCHANGE_EXPECT_FINISH)
		return REASON_WRONG_STATE;
	reason = exchange_open(e, x, p, buf, &plain);
	if (reason != REASON_ACCEPTED)
		return reason;
	memcpy(x->finish_tag, tag, MSG_TAG_LEN);
	proof_take(e, x, plain);
	rk_wipe(buf, sizeof(buf));
	return REASON_ACCEPTED;
}
