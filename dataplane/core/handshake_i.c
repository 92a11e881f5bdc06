/* SPDX-License-Identifier: BSD-3-Clause */
/* The initiator of a full exchange: HELLO, then FINISH. */
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "dataplane/core/hash.h"
#include "pki/view/secret.h"

static void give_up(struct engine *e, struct exchange *x, enum reason reason)
{
	struct session *s = x->session;

	engine_count(e, reason);
	exchange_free(e, x);
	session_exchange_over(e, s, false);
}

static const struct kex_group *first_group(const struct session *s)
{
	for (unsigned i = 0; i < RK_GROUP_MAX && s->config->groups[i] != 0; i++)
		if (kex_find(s->config->groups[i]) != NULL)
			return kex_find(s->config->groups[i]);
	return NULL;
}

enum reason initiator_start(struct engine *e, struct session *s)
{
	const struct kex_group *group = first_group(s);
	struct exchange *x;

	if (engine_own_status(e) != RK_VERDICT_GOOD)
		return e->env.credential == NULL ? REASON_NO_CREDENTIAL : REASON_OWN_CERT;
	if (group == NULL)
		return REASON_NO_GROUP;
	x = exchange_new(e, EXCHANGE_INITIATOR);
	if (x == NULL)
		return REASON_FULL;
	x->session = s;
	x->group = group;
	x->credential = credential_get(e->env.credential);
	x->endpoint = s->config->path[s->path];
	if (!engine_random(e, x->random, sizeof(x->random)) || !exchange_submit_keygen(e, x)) {
		exchange_free(e, x);
		return REASON_BUSY;
	}
	s->own_exchange = x->id;
	return REASON_DIALS;
}

static void list_groups(const struct session *s, struct wire_list *list)
{
	list->cnt = 0;
	for (unsigned i = 0; i < RK_GROUP_MAX && s->config->groups[i] != 0; i++)
		if (kex_find(s->config->groups[i]) != NULL)
			list->id[list->cnt++] = s->config->groups[i];
}

/* Padded, so that a REPLY is not the larger one. */
static void write_padding(struct rk_writer *w)
{
	static const uint8_t zero[MSG_HELLO_MIN];
	size_t full = rk_writer_len(w) + 2 * MSG_TLV_LEN + MSG_MAC_LEN;

	wire_write_tlv(w, MSG_TLV_PADDING, zero, full < MSG_HELLO_MIN ? MSG_HELLO_MIN - full : 0);
}

static bool build_hello(struct engine *e, struct exchange *x, size_t *len)
{
	struct exchange_cache *c = exchange_cache_of(e, x);
	const struct session_config *config = x->session->config;
	struct wire_list groups, schemes;
	struct rk_writer w;
	uint8_t *mac;

	list_groups(x->session, &groups);
	sign_list_schemes(&schemes, e->env.view->global->is_ed25519_allowed);
	wire_begin_exchange(&w, c->sent, sizeof(c->sent), MSG_HELLO, 0, x->id);
	wire_write_tlv(&w, MSG_TLV_RANDOM, x->random, sizeof(x->random));
	wire_write_list(&w, MSG_TLV_GROUPS, &groups);
	wire_write_list(&w, MSG_TLV_SUITES, &e->suites);
	wire_write_list(&w, MSG_TLV_SCHEMES, &schemes);
	wire_write_share(&w, x->group->id, x->share, x->group->share_len);
	if (w.is_failed)
		return false;
	c->core_len = (uint16_t)(rk_writer_len(&w) - MSG_ENVELOPE_LEN);
	memcpy(c->core, c->sent + MSG_ENVELOPE_LEN, c->core_len);
	wire_write_tlv(&w, MSG_TLV_COOKIE, c->cookie, c->cookie_len);
	write_padding(&w);
	mac = wire_end_mac1(&w, len);
	return mac != NULL &&
	       guard_make_mac1(config->peering_common_name, config->peering_common_name_len,
		       c->sent, (size_t)(mac - c->sent), mac);
}

static void send_hello(struct engine *e, struct exchange *x)
{
	struct exchange_cache *c = exchange_cache_of(e, x);
	struct rk_span core;
	size_t len;

	if (e->env.view == NULL || !build_hello(e, x, &len)) {
		give_up(e, x, REASON_INTERNAL);
		return;
	}
	core = (struct rk_span){c->core, c->core_len};
	if (c->cookie_len == 0)
		hash_make(SUITE_SHA256, &core, 1, x->first_hello_hash);
	exchange_set_state(x, EXCHANGE_EXPECT_REPLY);
	exchange_send(e, x, len);
	exchange_start_retransmit(e, x);
}

/* ---- COOKIE, RETRY ---- */

static bool cookie_is_authentic(const struct exchange *x, const struct wire_cookie *m)
{
	const struct session_config *config = x->session->config;
	uint8_t mac[GUARD_MAC_LEN];

	return guard_make_mac1(config->peering_common_name, config->peering_common_name_len,
		       m->maced.data, m->maced.len, mac) &&
	       rk_secret_equal(mac, m->mac1, sizeof(mac));
}

static enum reason follow_retry(struct engine *e, struct exchange *x, uint16_t group)
{
	const struct kex_group *g = kex_find(group), *before = x->group;

	if (x->is_retry || g == NULL || g == before || !session_has_group(x->session, group))
		return REASON_BAD_CHOICE;
	x->group = g;
	if (!exchange_submit_keygen(e, x)) {
		x->group = before; /* that our share is of */
		return REASON_BUSY;
	}
	x->is_retry = true;
	exchange_set_state(x, EXCHANGE_AWAIT_SHARE);
	exchange_stop_retransmit(e, x);
	return REASON_ACCEPTED;
}

enum reason initiator_cookie(
	struct engine *e, const struct endpoint *from, const struct wire_packet *p)
{
	struct exchange_cache *c;
	struct exchange *x;
	struct wire_cookie m;
	enum reason reason = wire_parse_cookie(&m, p);

	if (reason == REASON_ACCEPTED)
		reason = exchange_resolve(e, from, p, &x);
	if (reason != REASON_ACCEPTED)
		return reason;
	if (x->role != EXCHANGE_INITIATOR || x->state != EXCHANGE_EXPECT_REPLY)
		return REASON_WRONG_STATE;
	if (!cookie_is_authentic(x, &m))
		return REASON_MAC1;
	if (memcmp(m.cookie.data + 2, x->first_hello_hash, GUARD_HASH_LEN) != 0)
		return REASON_COOKIE;
	if (x->cookie_cnt >= EXCHANGE_COOKIE_MAX)
		return REASON_WORK_LIMIT;
	if (m.group != 0) {
		reason = follow_retry(e, x, m.group);
		if (reason != REASON_ACCEPTED)
			return reason;
	}
	x->cookie_cnt++;
	c = exchange_cache_of(e, x);
	memcpy(c->cookie, m.cookie.data, m.cookie.len);
	c->cookie_len = (uint16_t)m.cookie.len;
	if (m.group == 0)
		send_hello(e, x);
	return REASON_ACCEPTED;
}

/* ---- REPLY ---- */

enum reason initiator_reply(
	struct engine *e, const struct endpoint *from, const struct wire_packet *p)
{
	struct exchange_cache *c;
	struct exchange *x;
	struct wire_reply m;
	enum reason reason = wire_parse_reply(&m, p);

	if (reason == REASON_ACCEPTED)
		reason = exchange_resolve(e, from, p, &x);
	if (reason != REASON_ACCEPTED)
		return reason;
	if (x->role != EXCHANGE_INITIATOR || x->state == EXCHANGE_AWAIT_SHARE)
		return REASON_WRONG_STATE;
	/* all of it: a forgery may share any part with the answer that is still to come */
	c = exchange_cache_of(e, x);
	if (c->received_len == p->whole.len &&
		memcmp(c->received, p->whole.data, c->received_len) == 0)
		return REASON_DUPLICATE;
	if (x->state != EXCHANGE_EXPECT_REPLY)
		return REASON_WRONG_STATE;
	if (m.share.group != x->group->id || !wire_list_has(&e->suites, m.suite))
		return REASON_BAD_CHOICE;
	if (!kex_share_is_plausible(x->group, m.share.point))
		return REASON_BAD_SHARE;
	memcpy(x->peer_share, m.share.point.data, m.share.point.len);
	if (!exchange_submit_derive(e, x))
		return REASON_BUSY;
	x->work_cnt++;
	x->peer_id = p->sender;
	x->suite = suite_find(m.suite);
	x->schemes = m.schemes;
	memcpy(c->received, p->whole.data, p->whole.len);
	c->received_len = (uint16_t)p->whole.len;
	exchange_set_state(x, EXCHANGE_AWAIT_SECRET);
	exchange_stop_retransmit(e, x);
	return REASON_ACCEPTED;
}

static void take_secret(struct engine *e, struct exchange *x, struct crypto_job *job)
{
	struct exchange_cache *c = exchange_cache_of(e, x);
	uint8_t buf[MSG_MAX];
	struct wire_packet p;
	struct rk_span plain;

	if (!job->is_done) {
		proof_refuse(e, x, REASON_BAD_SECRET);
		return;
	}
	if (wire_parse_packet(&p, c->received, c->received_len) != REASON_ACCEPTED) {
		proof_refuse(e, x, REASON_INTERNAL);
		return;
	}
	secrets_begin(x, (struct rk_span){c->core, c->core_len},
		(struct rk_span){c->cookie, c->cookie_len}, p.clear);
	secrets_handshake(x, (struct rk_span){job->kex.shared, x->group->shared_len});
	memcpy(x->base_transcript, x->transcript, sizeof(x->transcript));
	if (exchange_open(e, x, &p, buf, &plain) != REASON_ACCEPTED) {
		proof_refuse(e, x, REASON_BAD_PROOF);
		return;
	}
	proof_take(e, x, plain);
	rk_wipe(buf, sizeof(buf));
}

void initiator_verified(struct engine *e, struct exchange *x, const struct rk_verdict *v)
{
	struct session *s = x->session;
	struct identity id;
	uint8_t fingerprint[RK_FINGERPRINT_LEN];
	enum rk_verdict_status status;
	enum reason reason = proof_identity(e, v, &id);

	if (reason == REASON_ACCEPTED && id.session != s)
		reason = REASON_IDENTITY_WRONG;
	if (reason != REASON_ACCEPTED) {
		proof_refuse(e, x, reason);
		return;
	}
	status = rk_view_judge(e->env.view, v, e->env.wall_sec);
	if (status != RK_VERDICT_GOOD) {
		memcpy(fingerprint, x->peer_fingerprint, sizeof(fingerprint));
		session_tell_refused(e, s, fingerprint, status);
		proof_refuse(e, x, proof_reason_of(status));
		session_sever_refused(e, s, fingerprint, status); /* and x, if it is still there */
		return;
	}
	if (engine_own_status(e) != RK_VERDICT_GOOD) {
		give_up(e, x, REASON_OWN_CERT);
		return;
	}
	if (!proof_sign(e, x)) {
		exchange_free(e, x);
		session_exchange_over(e, s, false);
	}
}

/* ---- FINISH ---- */

/* The key is receivable from here on; we go on sending under the old one. */
static void send_finish(struct engine *e, struct exchange *x, struct crypto_job *job)
{
	struct exchange_cache *c = exchange_cache_of(e, x);
	struct session *s = x->session;
	struct keyslot slot;
	struct rk_writer w;
	size_t len;

	if (!job->is_done) {
		give_up(e, x, REASON_INTERNAL);
		return;
	}
	x->new_index = session_new_index(e, s);
	wire_begin_exchange(&w, c->sent, sizeof(c->sent), MSG_FINISH, x->peer_id, x->id);
	len = proof_build(e, x, &w, job, x->new_index);
	if (len == 0) {
		give_up(e, x, REASON_INTERNAL);
		return;
	}
	secrets_slot(e, x, &slot);
	slot.is_full = true;
	slot.local_index = x->new_index;
	keyring_set_next(&e->slots, &s->keys, &slot);
	rk_wipe(&slot, sizeof(slot));
	s->next_until_ns = x->expires_ns + session_hold_ns(s);
	session_drop_rekeys(e, s);
	x->alive_ns = e->env.now_ns;
	exchange_set_state(x, EXCHANGE_EXPECT_ACK);
	exchange_send(e, x, len);
	exchange_start_retransmit(e, x);
	session_schedule(e, s);
}

void initiator_job_done(struct engine *e, struct exchange *x, struct crypto_job *job)
{
	switch (x->state) {
	case EXCHANGE_AWAIT_SHARE:
		if (!job->is_done) {
			give_up(e, x, REASON_INTERNAL);
			return;
		}
		memcpy(x->kex_secret, job->kex.secret, sizeof(x->kex_secret));
		memcpy(x->share, job->kex.share, sizeof(x->share));
		send_hello(e, x);
		break;
	case EXCHANGE_AWAIT_SECRET:
		take_secret(e, x, job);
		break;
	case EXCHANGE_AWAIT_VERIFIED:
		proof_job_done(e, x, job);
		break;
	default:
		send_finish(e, x, job);
		break;
	}
}

void initiator_confirmed(struct engine *e, struct exchange *x)
{
	struct session *s = x->session;
	const struct rk_verdict *v = certificate_find(e, x);
	const struct session_binding binding = {
		x->credential->fingerprint, x->peer_fingerprint, v, true};
	enum rk_verdict_status status =
		v == NULL ? RK_VERDICT_UNKNOWN : rk_view_judge(e->env.view, v, e->env.wall_sec);

	if (status != RK_VERDICT_GOOD || engine_own_status(e) != RK_VERDICT_GOOD) {
		keyring_drop(&e->slots, &s->keys, KEYRING_NEXT);
		give_up(e, x,
			status == RK_VERDICT_GOOD ? REASON_OWN_CERT : proof_reason_of(status));
		return;
	}
	s->endpoint = x->endpoint;
	session_promote(e, s);
	session_bind(e, s, &binding);
	s->overtaken_ns = e->env.now_ns; /* what it began meanwhile it has dropped */
	latency_add(&e->latency, LATENCY_EXCHANGE, e->env.now_ns - x->started_ns);
	exchange_free(e, x);
	session_exchange_over(e, s, true);
	traffic_keep_alive(e, s, false); /* R need not hold its PREVIOUS for us any longer */
}

/* ---- PENDING, COLLISION ---- */

static enum reason open_for_ack(struct engine *e, const struct endpoint *from,
	const struct wire_packet *p, struct exchange **x, uint8_t buf[MSG_MAX],
	struct rk_span *plain)
{
	enum reason reason = exchange_resolve(e, from, p, x);

	if (reason != REASON_ACCEPTED)
		return reason;
	if ((*x)->role != EXCHANGE_INITIATOR || (*x)->state != EXCHANGE_EXPECT_ACK)
		return REASON_WRONG_STATE;
	return exchange_open(e, *x, p, buf, plain);
}

/* R may say so on and on; its place in the pool is not its own for that. */
static void hold_open(struct exchange *x, uint64_t until_ns)
{
	uint64_t last_ns = x->started_ns + PENDING_MAX_NS;

	if (until_ns > last_ns)
		until_ns = last_ns;
	if (x->expires_ns < until_ns)
		x->expires_ns = until_ns;
}

enum reason initiator_pending(
	struct engine *e, const struct endpoint *from, const struct wire_packet *p)
{
	uint8_t buf[MSG_MAX];
	struct exchange *x;
	struct rk_span plain;
	struct rk_reader r;
	const uint8_t *ms;
	enum reason reason = open_for_ack(e, from, p, &x, buf, &plain);

	if (reason != REASON_ACCEPTED)
		return reason;
	rk_reader_init(&r, plain.data, plain.len);
	ms = wire_read_fixed(&r, MSG_TLV_PENDING, 2);
	if (!rk_reader_done(&r))
		return REASON_FIELDS;
	if (p->counter < x->need_cert_next)
		return REASON_REPLAY;
	x->need_cert_next = p->counter + 1;
	x->alive_ns = e->env.now_ns;
	x->retransmit_at_ns = e->env.now_ns + ((uint64_t)ms[0] << 8 | ms[1]) * MS_NS;
	if (x->retransmit_at_ns > e->env.now_ns + VERDICT_WAIT_NS)
		x->retransmit_at_ns = e->env.now_ns + VERDICT_WAIT_NS;
	hold_open(x, e->env.now_ns + 2 * VERDICT_WAIT_NS);
	exchange_arm(e, x);
	return REASON_ACCEPTED;
}

/* The peer's own attempt takes precedence: ours ends, its key stays receivable. */
enum reason initiator_collision(
	struct engine *e, const struct endpoint *from, const struct wire_packet *p)
{
	uint8_t buf[MSG_MAX];
	struct exchange *x;
	struct rk_span plain;
	struct rk_reader r;
	const uint8_t *flags;
	struct session *s;
	enum reason reason = open_for_ack(e, from, p, &x, buf, &plain);

	if (reason != REASON_ACCEPTED)
		return reason;
	rk_reader_init(&r, plain.data, plain.len);
	flags = wire_read_fixed(&r, MSG_TLV_FLAGS, 1);
	if (!rk_reader_done(&r) || *flags != 0)
		return REASON_FIELDS;
	s = x->session;
	keyring_set_loser(&s->keys, true);
	s->next_until_ns = e->env.now_ns + session_hold_ns(s);
	engine_count(e, REASON_COLLISIONS);
	exchange_free(e, x);
	session_exchange_over(e, s, false);
	return REASON_ACCEPTED;
}
