/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A certificate whose fingerprint is not known: asked for in pieces, put together in one of a
 * fixed number of places, judged by control. Only ever after the other side has proved its address
 * by a sealed message.
 */
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "dataplane/core/hash.h"
#include "pki/view/secret.h"

/* ---- what is known ---- */

const struct rk_verdict *certificate_find(struct engine *e, const struct exchange *x)
{
	const struct rk_verdict *v;

	if (x->parked != NULL && x->parked->has_verdict) {
		v = &x->parked->verdict;
	} else {
		v = e->ops.find_verdict(e->ctx, x->peer_fingerprint);
		/* Control does not know that such certificates are about: it is told by asking it. */
		if (v != NULL && !rk_view_knows_chain(e->env.view, v->chain, v->chain_cnt))
			return NULL;
	}
	return v != NULL && v->trust_generation == e->env.view->global->trust_generation ? v : NULL;
}

static struct negative *negative_of(struct engine *e, const uint8_t *fingerprint)
{
	return &e->negative[(fingerprint[0] ^ fingerprint[31]) % NEGATIVE_CNT];
}

enum rk_verdict_status certificate_negative(const struct engine *e, const uint8_t *fingerprint)
{
	const struct negative *n = &e->negative[(fingerprint[0] ^ fingerprint[31]) % NEGATIVE_CNT];

	if (n->status == RK_VERDICT_UNKNOWN || e->env.now_ns >= n->until_ns ||
		memcmp(n->fingerprint, fingerprint, RK_FINGERPRINT_LEN) != 0)
		return RK_VERDICT_UNKNOWN;
	return n->status;
}

/* ---- parking ---- */

void certificate_forget(struct engine *e, struct exchange *x)
{
	if (x->parked == NULL)
		return;
	x->parked->is_used = false;
	x->parked = NULL;
	e->parked_cnt--;
}

/* Nobody takes so many places that none are left for others. */
static bool may_park(const struct engine *e, const struct exchange *x, bool is_own)
{
	unsigned cnt = 0;

	for (unsigned i = 0; i < ENGINE_PARKED_MAX; i++) {
		const struct parked *p = &e->parked[i];

		cnt += p->is_used && p->is_own == is_own &&
		       (is_own || guard_is_same_source(&p->from, &x->endpoint));
	}
	return cnt < (is_own ? PARKED_OWN_MAX : PARKED_PER_SOURCE_MAX);
}

static bool park(struct engine *e, struct exchange *x)
{
	bool is_own = x->role == EXCHANGE_INITIATOR;

	if (x->parked != NULL)
		return true;
	if (!may_park(e, x, is_own))
		return false;
	for (unsigned i = 0; i < ENGINE_PARKED_MAX; i++) {
		struct parked *p = &e->parked[i];

		if (p->is_used)
			continue;
		p->is_used = true;
		p->has_verdict = false;
		p->is_own = is_own;
		p->from = x->endpoint;
		fragments_init(&p->fragments);
		x->parked = p;
		e->parked_cnt++;
		return true;
	}
	return false;
}

/* ---- asking ---- */

static bool send_need_cert(struct engine *e, struct exchange *x)
{
	uint8_t plain[2 * MSG_TLV_LEN + RK_FINGERPRINT_LEN + 2], buf[MSG_MAX];
	struct rk_writer w;
	size_t len;

	rk_writer_init(&w, plain, sizeof(plain));
	wire_write_tlv(&w, MSG_TLV_FINGERPRINT, x->peer_fingerprint, RK_FINGERPRINT_LEN);
	rk_write_u16(&w, MSG_TLV_MISSING);
	rk_write_u16(&w, 2);
	rk_write_u16(&w, fragments_missing(&x->parked->fragments));
	len = exchange_seal(
		e, x, MSG_NEED_CERT, (struct rk_span){plain, rk_writer_len(&w)}, buf, sizeof(buf));
	if (len == 0)
		return false;
	engine_send(e, &x->endpoint, buf, len);
	return true;
}

void certificate_ask(struct engine *e, struct exchange *x)
{
	bool is_first = x->state != EXCHANGE_EXPECT_CERTIFICATE;

	if (x->need_cert_sent_cnt >= EXCHANGE_NEED_CERT_MAX) {
		proof_refuse(e, x, REASON_CERT_UNKNOWN);
		return;
	}
	if (!park(e, x) || !send_need_cert(e, x)) {
		proof_refuse(e, x, REASON_BUSY);
		return;
	}
	x->need_cert_sent_cnt++;
	engine_count(e, REASON_NEED_CERTS);
	exchange_set_state(x, EXCHANGE_EXPECT_CERTIFICATE);
	if (is_first)
		exchange_start_retransmit(e, x);
}

static void send_pending(struct engine *e, struct exchange *x)
{
	const uint16_t hold_ms = (uint16_t)(VERDICT_WAIT_NS / MS_NS);
	uint8_t plain[MSG_TLV_LEN + 2], buf[MSG_MAX];
	struct rk_writer w;
	size_t len;

	rk_writer_init(&w, plain, sizeof(plain));
	rk_write_u16(&w, MSG_TLV_PENDING);
	rk_write_u16(&w, 2);
	rk_write_u16(&w, hold_ms);
	len = exchange_seal(
		e, x, MSG_PENDING, (struct rk_span){plain, sizeof(plain)}, buf, sizeof(buf));
	if (len > 0)
		engine_send(e, &x->endpoint, buf, len);
}

static bool validate(struct engine *e, struct exchange *x)
{
	const struct fragments *f = &x->parked->fragments;

	engine_count(e, REASON_VALIDATIONS);
	return e->ops.validate(e->ctx, x->id, f->data, f->total_len);
}

/* All pieces are here. */
static void judge_whole(struct engine *e, struct exchange *x)
{
	const struct fragments *f = &x->parked->fragments;
	const struct rk_span der = {f->data, f->total_len};
	uint8_t hash[RK_FINGERPRINT_LEN];

	hash_make(SUITE_SHA256, &der, 1, hash);
	if (memcmp(hash, x->peer_fingerprint, sizeof(hash)) != 0) {
		proof_refuse(e, x, REASON_CERT_MALFORMED);
		return;
	}
	if (certificate_find(e, x) != NULL) {
		proof_resolve(e, x);
		return;
	}
	exchange_set_state(x, EXCHANGE_EXPECT_VERDICT);
	if (!validate(e, x)) {
		engine_count(e, REASON_VALIDATIONS_LOST);
		proof_refuse(e, x, REASON_CERT_UNKNOWN);
		return;
	}
	if (x->role == EXCHANGE_RESPONDER)
		send_pending(e, x);
	if (x->expires_ns < e->env.now_ns + 2 * VERDICT_WAIT_NS)
		x->expires_ns = e->env.now_ns + 2 * VERDICT_WAIT_NS;
	x->retransmit_at_ns = e->env.now_ns + VERDICT_WAIT_NS; /* the limit, not a repetition */
	exchange_arm(e, x);
}

enum reason certificate_fragment(
	struct engine *e, const struct endpoint *from, const struct wire_packet *p)
{
	uint8_t buf[MSG_MAX];
	struct exchange *x;
	struct rk_span plain;
	struct wire_fragment m;
	enum reason reason = exchange_resolve(e, from, p, &x);

	if (reason != REASON_ACCEPTED)
		return reason;
	if (x->state != EXCHANGE_EXPECT_CERTIFICATE)
		return REASON_WRONG_STATE;
	reason = exchange_open(e, x, p, buf, &plain);
	if (reason != REASON_ACCEPTED)
		return reason;
	if (!wire_parse_fragment(&m, plain))
		return REASON_FIELDS;
	if (memcmp(m.fingerprint, x->peer_fingerprint, RK_FINGERPRINT_LEN) != 0)
		return REASON_FRAGMENT;
	switch (fragments_add(
		&x->parked->fragments, m.total_len, m.number, m.data.data, m.data.len)) {
	case FRAGMENT_REFUSED:
		return REASON_FRAGMENT;
	case FRAGMENT_REPEATED:
		return REASON_DUPLICATE;
	case FRAGMENT_COMPLETE:
		judge_whole(e, x);
		return REASON_ACCEPTED;
	default:
		return REASON_ACCEPTED;
	}
}

void certificate_verdict(struct engine *e, struct exchange *x, const struct rk_verdict *v)
{
	struct negative *n;

	if (v == NULL || memcmp(v->fingerprint, x->peer_fingerprint, RK_FINGERPRINT_LEN) != 0) {
		engine_count(e, REASON_VALIDATIONS_LOST);
		proof_refuse(e, x, REASON_CERT_UNKNOWN);
		return;
	}
	if (v->trust_generation != e->env.view->global->trust_generation) {
		if (!validate(
			    e, x)) /* the anchors changed meanwhile: once more, within the limit */
			proof_refuse(e, x, REASON_CERT_UNKNOWN);
		return;
	}
	if (v->status != RK_VERDICT_GOOD) {
		n = negative_of(e, v->fingerprint);
		memcpy(n->fingerprint, v->fingerprint, RK_FINGERPRINT_LEN);
		n->status = v->status;
		n->until_ns = e->env.now_ns + NEGATIVE_NS;
	}
	x->parked->verdict = *v;
	x->parked->has_verdict = true;
	proof_resolve(e, x);
}

/* ---- answering ---- */

static void send_fragment(struct engine *e, struct exchange *x, uint8_t number)
{
	const struct credential *c = x->credential;
	uint8_t plain[2 * MSG_TLV_LEN + RK_FINGERPRINT_LEN + MSG_FRAGMENT_HEAD + FRAGMENT_LEN];
	uint8_t buf[MSG_MAX];
	struct rk_writer w;
	size_t offset = 0, part = fragment_span(c->der_len, number, &offset), len;

	if (part == 0)
		return;
	rk_writer_init(&w, plain, sizeof(plain));
	wire_write_tlv(&w, MSG_TLV_FINGERPRINT, c->fingerprint, RK_FINGERPRINT_LEN);
	rk_write_u16(&w, MSG_TLV_FRAGMENT);
	rk_write_u16(&w, (uint16_t)(MSG_FRAGMENT_HEAD + part));
	rk_write_u16(&w, c->der_len);
	rk_write_u8(&w, number);
	rk_write_bytes(&w, c->der + offset, part);
	len = exchange_seal(e, x, MSG_CERT_FRAGMENT, (struct rk_span){plain, rk_writer_len(&w)},
		buf, sizeof(buf));
	if (len > 0)
		engine_send(e, &x->endpoint, buf, len);
}

enum reason certificate_needed(
	struct engine *e, const struct endpoint *from, const struct wire_packet *p)
{
	uint8_t buf[MSG_MAX];
	struct exchange *x;
	struct rk_span plain;
	struct rk_reader r;
	const uint8_t *fingerprint, *missing;
	unsigned mask;
	enum reason reason = exchange_resolve(e, from, p, &x);

	if (reason != REASON_ACCEPTED)
		return reason;
	if (x->state != EXCHANGE_EXPECT_FINISH && x->state != EXCHANGE_EXPECT_ACK)
		return REASON_WRONG_STATE;
	reason = exchange_open(e, x, p, buf, &plain);
	if (reason != REASON_ACCEPTED)
		return reason;
	rk_reader_init(&r, plain.data, plain.len);
	fingerprint = wire_read_fixed(&r, MSG_TLV_FINGERPRINT, RK_FINGERPRINT_LEN);
	missing = wire_read_fixed(&r, MSG_TLV_MISSING, 2);
	if (!rk_reader_done(&r) ||
		memcmp(fingerprint, x->credential->fingerprint, RK_FINGERPRINT_LEN) != 0)
		return REASON_FIELDS;
	if (p->counter < x->need_cert_next)
		return REASON_REPLAY;
	if (x->need_cert_answered_cnt >= EXCHANGE_NEED_CERT_MAX)
		return REASON_WORK_LIMIT;
	x->need_cert_next = p->counter + 1;
	x->need_cert_answered_cnt++;
	x->alive_ns = e->env.now_ns;
	mask = (unsigned)missing[0] << 8 | missing[1];
	for (uint8_t i = 0; i < FRAGMENT_CNT_MAX; i++)
		if (mask >> i & 1)
			send_fragment(e, x, i);
	return REASON_ACCEPTED;
}
