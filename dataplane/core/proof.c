/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "pki/view/secret.h"

static bool is_initiator(const struct exchange *x)
{
	return x->role == EXCHANGE_INITIATOR;
}

enum reason proof_reason_of(enum rk_verdict_status status)
{
	static const enum reason reasons[RK_VERDICT_STATUS_CNT] = {
		[RK_VERDICT_UNKNOWN] = REASON_CERT_UNKNOWN,
		[RK_VERDICT_GOOD] = REASON_ACCEPTED,
		[RK_VERDICT_MALFORMED] = REASON_CERT_MALFORMED,
		[RK_VERDICT_UNTRUSTED] = REASON_CERT_UNTRUSTED,
		[RK_VERDICT_EXPIRED] = REASON_CERT_EXPIRED,
		[RK_VERDICT_NOT_YET_VALID] = REASON_CERT_NOT_YET,
		[RK_VERDICT_REVOKED] = REASON_CERT_REVOKED,
		[RK_VERDICT_NOT_ALLOWED] = REASON_CERT_NOT_ALLOWED,
	};

	return reasons[status];
}

/*
 * About the peer that we dialled; when it dialled us, about the one that the certificate claims to
 * be, unless keys stand: the claim is not proved.
 */
static void tell_failed(struct engine *e, struct exchange *x, enum reason reason)
{
	const struct rk_verdict *v;
	struct identity id;

	if (x->session != NULL) {
		session_tell_failed(e, x->session, reason);
		return;
	}
	v = certificate_find(e, x);
	if (v != NULL && proof_identity(e, v, &id) == REASON_ACCEPTED &&
		id.owner == e->config.worker_id && !id.session->has_peer)
		session_tell_failed(e, id.session, reason);
}

/* What found no room was not looked at: the same message may try again. */
static void forget_message(struct engine *e, struct exchange *x)
{
	exchange_cache_of(e, x)->received_len = 0;
	memset(x->finish_tag, 0, sizeof(x->finish_tag));
}

void proof_refuse(struct engine *e, struct exchange *x, enum reason reason)
{
	struct session *s = x->session;

	engine_count(e, reason);
	tell_failed(e, x, reason);
	if (reason == REASON_BUSY)
		forget_message(e, x);
	certificate_forget(e, x);
	x->job_number = 0;
	if (x->work_cnt >= EXCHANGE_WORK_MAX) {
		if (reason != REASON_GIVEN_UP)
			engine_count(e, REASON_GIVEN_UP);
		exchange_free(e, x);
		if (s != NULL)
			session_exchange_over(e, s, false);
		return;
	}
	if (is_initiator(x)) {
		x->peer_id = 0;
		exchange_set_state(x, EXCHANGE_EXPECT_REPLY);
		exchange_start_retransmit(e, x);
	} else {
		exchange_set_state(x, EXCHANGE_EXPECT_FINISH);
		exchange_stop_retransmit(e, x);
	}
}

/* ---- ours ---- */

bool proof_sign(struct engine *e, struct exchange *x)
{
	struct rk_writer w;
	uint8_t tlv[MSG_TLV_LEN + RK_FINGERPRINT_LEN];
	struct crypto_job *job;

	x->scheme = sign_choose(x->credential->key_type, 0, &x->schemes);
	if (x->scheme == 0) {
		engine_count(e, REASON_NO_SCHEME);
		return false;
	}
	rk_writer_init(&w, tlv, sizeof(tlv));
	wire_write_tlv(&w, MSG_TLV_FINGERPRINT, x->credential->fingerprint, RK_FINGERPRINT_LEN);
	secrets_add(x, (struct rk_span){tlv, sizeof(tlv)});
	job = exchange_new_job(e, x, JOB_SIGN);
	if (job == NULL) {
		engine_count(e, REASON_BUSY);
		return false;
	}
	job->credential = credential_get(x->credential);
	job->scheme = x->scheme;
	job->input_len = sign_build_input(
		job->input, is_initiator(x), (struct rk_span){x->transcript, x->suite->hash_len});
	exchange_set_state(x, EXCHANGE_AWAIT_SIGNATURE);
	exchange_submit(e, x, job);
	return true;
}

static void write_signature(struct exchange *x, struct rk_writer *w, const struct crypto_job *job)
{
	const uint8_t *at = w->next;

	rk_write_u16(w, MSG_TLV_SIGNATURE);
	rk_write_u16(w, (uint16_t)(2 + job->signature_len));
	rk_write_u16(w, job->scheme);
	rk_write_bytes(w, job->signature, job->signature_len);
	if (!w->is_failed)
		secrets_add(x, (struct rk_span){at, (size_t)(w->next - at)});
}

static void write_confirmation(struct exchange *x, struct rk_writer *w)
{
	const uint8_t *at = w->next;
	uint8_t mac[MSG_HASH_MAX];

	secrets_confirmation(x, is_initiator(x), x->credential->fingerprint, mac);
	wire_write_tlv(w, MSG_TLV_CONFIRMATION, mac, x->suite->hash_len);
	if (!w->is_failed)
		secrets_add(x, (struct rk_span){at, (size_t)(w->next - at)});
}

size_t proof_build(struct engine *e, struct exchange *x, struct rk_writer *w,
	const struct crypto_job *job, uint32_t index)
{
	uint8_t plain[MSG_PROOF_MAX];
	struct rk_writer p;
	size_t len = 0;

	rk_writer_init(&p, plain, sizeof(plain));
	wire_write_tlv(&p, MSG_TLV_FINGERPRINT, x->credential->fingerprint, RK_FINGERPRINT_LEN);
	write_signature(x, &p, job);
	write_confirmation(x, &p);
	if (is_initiator(x)) {
		rk_write_u16(&p, MSG_TLV_INDEX);
		rk_write_u16(&p, 4);
		rk_write_u32(&p, index);
	}
	if (!p.is_failed)
		len = exchange_seal_end(e, x, w, (struct rk_span){plain, rk_writer_len(&p)});
	rk_wipe(plain, sizeof(plain));
	return len;
}

/* ---- the other side's ---- */

static bool confirms(const struct exchange *x, const struct wire_proof *m)
{
	uint8_t mac[MSG_HASH_MAX];

	secrets_confirmation(x, !is_initiator(x), m->fingerprint, mac);
	return m->confirmation.len == x->suite->hash_len &&
	       rk_secret_equal(mac, m->confirmation.data, m->confirmation.len);
}

static bool is_our_scheme(const struct engine *e, uint16_t scheme)
{
	struct wire_list ours;

	sign_list_schemes(&ours, e->env.view->global->is_ed25519_allowed);
	return wire_list_has(&ours, scheme);
}

/* The transcript goes on from base, so that a refused proof leaves no trace in it. */
static enum reason check(struct engine *e, struct exchange *x, const struct wire_proof *m)
{
	memcpy(x->transcript, x->base_transcript, sizeof(x->transcript));
	if (memcmp(m->fingerprint, x->credential->fingerprint, RK_FINGERPRINT_LEN) == 0)
		return REASON_SELF;
	if (!is_our_scheme(e, m->scheme))
		return REASON_NOT_OFFERED;
	secrets_add(x, m->fingerprint_tlv);
	memcpy(x->signed_transcript, x->transcript, sizeof(x->transcript));
	secrets_add(x, m->signature_tlv);
	if (!confirms(x, m))
		return REASON_BAD_CONFIRMATION;
	secrets_add(x, m->confirmation_tlv);
	return REASON_ACCEPTED;
}

void proof_take(struct engine *e, struct exchange *x, struct rk_span plain)
{
	struct exchange_cache *c = exchange_cache_of(e, x);
	struct wire_proof m;
	enum reason reason;

	if (plain.len > sizeof(c->plain) || !wire_parse_proof(&m, plain, !is_initiator(x))) {
		proof_refuse(e, x, REASON_BAD_PROOF);
		return;
	}
	reason = check(e, x, &m);
	if (reason != REASON_ACCEPTED) {
		proof_refuse(e, x, reason);
		return;
	}
	memcpy(c->plain, plain.data, plain.len);
	c->plain_len = (uint16_t)plain.len;
	memcpy(x->peer_fingerprint, m.fingerprint, RK_FINGERPRINT_LEN);
	x->peer_new_index = m.index;
	proof_resolve(e, x);
}

static enum reason submit_verify(struct engine *e, struct exchange *x, const struct rk_verdict *v)
{
	struct exchange_cache *c = exchange_cache_of(e, x);
	struct crypto_job *job;
	struct wire_proof m;

	if (!wire_parse_proof(&m, (struct rk_span){c->plain, c->plain_len}, !is_initiator(x)))
		return REASON_INTERNAL;
	if (!sign_fits(m.scheme, &v->key))
		return REASON_NOT_OFFERED;
	if (x->work_cnt >= EXCHANGE_WORK_MAX)
		return REASON_GIVEN_UP; /* the packet that led here has its own reason */
	job = exchange_new_job(e, x, JOB_VERIFY);
	if (job == NULL)
		return REASON_BUSY;
	x->work_cnt++;
	job->key = v->key;
	job->scheme = m.scheme;
	memcpy(job->signature, m.signature.data, m.signature.len);
	job->signature_len = m.signature.len;
	job->input_len = sign_build_input(job->input, !is_initiator(x),
		(struct rk_span){x->signed_transcript, x->suite->hash_len});
	exchange_set_state(x, EXCHANGE_AWAIT_VERIFIED);
	exchange_stop_retransmit(e, x);
	exchange_submit(e, x, job);
	return REASON_ACCEPTED;
}

void proof_resolve(struct engine *e, struct exchange *x)
{
	const struct rk_verdict *v = certificate_find(e, x);
	enum rk_verdict_status negative;
	enum reason reason;

	if (v == NULL) {
		negative = certificate_negative(e, x->peer_fingerprint);
		if (negative != RK_VERDICT_UNKNOWN)
			proof_refuse(e, x, proof_reason_of(negative));
		else
			certificate_ask(e, x);
		return;
	}
	if (v->status != RK_VERDICT_GOOD && v->key.type == RK_KEY_NONE)
		reason = proof_reason_of(v->status);
	else
		reason = submit_verify(e, x, v);
	if (reason != REASON_ACCEPTED)
		proof_refuse(e, x, reason);
}

void proof_job_done(struct engine *e, struct exchange *x, struct crypto_job *job)
{
	const struct rk_verdict *v;

	if (!job->is_done) {
		/* the same answer as to an unknown fingerprint, once: nobody learns what we know */
		if (x->need_cert_sent_cnt == 0) {
			engine_count(e, REASON_BAD_SIGNATURE);
			certificate_ask(e, x);
		} else {
			proof_refuse(e, x, REASON_BAD_SIGNATURE);
		}
		return;
	}
	v = certificate_find(e, x);
	if (v == NULL) {
		proof_refuse(e, x, REASON_CERT_UNKNOWN);
		return;
	}
	if (x->parked != NULL && v->status == RK_VERDICT_GOOD)
		e->ops.confirm(e->ctx, v);
	if (is_initiator(x))
		initiator_verified(e, x, v);
	else
		responder_verified(e, x, v);
}

/* ---- identity ---- */

static bool is_own_name(const struct engine *e, struct rk_span name)
{
	struct rk_span own = engine_own_name(e);

	return own.len == name.len && memcmp(own.data, name.data, name.len) == 0;
}

/* The peering-common-name in a SAN URI; empty: it is about something else. */
static struct rk_span name_in_uri(const struct rk_verdict *v, unsigned i)
{
	const size_t prefix_len = sizeof(RK_PEERING_URN) - 1;

	if (v->uri_len[i] <= prefix_len || memcmp(v->uri[i], RK_PEERING_URN, prefix_len) != 0)
		return (struct rk_span){NULL, 0};
	return (struct rk_span){
		(const uint8_t *)v->uri[i] + prefix_len, v->uri_len[i] - prefix_len};
}

/* By one name; a second peer besides the one found is one too many. */
static bool match(struct engine *e, struct rk_span name, struct identity *id)
{
	unsigned owner = 0;
	struct session *s = e->ops.find_peer(e->ctx, (const char *)name.data, name.len, &owner);

	if (s == NULL || s == id->session)
		return true;
	if (id->session != NULL)
		return false;
	*id = (struct identity){s, owner, name};
	return true;
}

enum reason proof_identity(struct engine *e, const struct rk_verdict *v, struct identity *id)
{
	const struct rk_span cn = {(const uint8_t *)v->cn, v->cn_len};

	*id = (struct identity){0};
	if (v->cn_cnt != 1 || v->cn_len == 0)
		return REASON_IDENTITY_UNKNOWN;
	if (is_own_name(e, cn))
		return REASON_SELF;
	(void)match(e, cn, id);
	if (id->session != NULL)
		return REASON_ACCEPTED;
	for (unsigned i = 0; i < v->uri_cnt; i++) {
		const struct rk_span name = name_in_uri(v, i);

		if (name.len == 0)
			continue;
		if (is_own_name(e, name))
			return REASON_SELF;
		if (!match(e, name, id))
			return REASON_IDENTITY_AMBIGUOUS;
	}
	return id->session == NULL ? REASON_IDENTITY_UNKNOWN : REASON_ACCEPTED;
}
