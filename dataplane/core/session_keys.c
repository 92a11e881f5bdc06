/* SPDX-License-Identifier: BSD-3-Clause */
/* What a session's keys mean: in force, proved, bound to certificates, judged again, severed. */
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "pki/view/secret.h"

uint32_t session_new_index(struct engine *e, struct session *s)
{
	uint32_t base = (uint32_t)e->config.worker_id << INDEX_WORKER_SHIFT |
			s->number << INDEX_SERIAL_BITS;

	do
		s->serial++;
	while ((base | s->serial) == 0 || /* 0 means no index */
		keyring_find(&s->keys, base | s->serial) != NULL);
	return base | s->serial;
}

bool session_has_path(const struct session *s, const struct endpoint *from)
{
	for (unsigned i = 0; i < s->config->path_cnt; i++)
		if (endpoint_is_same(&s->config->path[i], from))
			return true;
	return false;
}

bool session_has_group(const struct session *s, uint16_t group)
{
	for (unsigned i = 0; i < RK_GROUP_MAX && s->config->groups[i] != 0; i++)
		if (s->config->groups[i] == group)
			return true;
	return false;
}

uint64_t session_hold_ns(const struct session *s)
{
	uint64_t half = s->config->rekey_interval_ns / 2;

	return half != 0 && half < s->config->hold_ns ? half : s->config->hold_ns;
}

/* One event a change: of state, of what is known of the certificate, or a finished exchange. */
void session_tell(struct engine *e, struct session *s, enum rk_peer_state state,
	enum rk_verdict_status verdict, const char *reason)
{
	bool is_news =
		state != s->state || (verdict != RK_VERDICT_UNKNOWN && verdict != s->verdict);
	const struct engine_event event = {
		.peer = s->config->name,
		.state = (uint8_t)state,
		.verdict = (uint8_t)verdict,
		.fingerprint = verdict == RK_VERDICT_UNKNOWN ? NULL : s->fingerprint,
		.reason = reason,
		.path_down = s->path_down,
	};

	s->state = (uint8_t)state;
	if (verdict != RK_VERDICT_UNKNOWN)
		s->verdict = (uint8_t)verdict;
	if (is_news || verdict == RK_VERDICT_GOOD)
		e->ops.event(e->ctx, &event);
}

void session_tell_only(struct engine *e, struct session *s, const char *reason)
{
	const struct engine_event event = {.peer = s->config->name,
		.state = s->state,
		.reason = reason,
		.path_down = s->path_down};

	e->ops.event(e->ctx, &event);
}

void session_tell_refused(struct engine *e, struct session *s, const uint8_t *fingerprint,
	enum rk_verdict_status verdict)
{
	if (s->has_peer && memcmp(fingerprint, s->fingerprint, RK_FINGERPRINT_LEN) != 0)
		return; /* the keys stand on another one */
	memcpy(s->fingerprint, fingerprint, RK_FINGERPRINT_LEN);
	s->told_failure = (uint8_t)proof_reason_of(verdict); /* is told here, once */
	session_tell(e, s, s->state, verdict, "certificate-refused");
}

/* Refusals of a peer that was reached and is not who it should be; others say nothing of it. */
static bool is_failed_proof(enum reason reason)
{
	switch (reason) {
	case REASON_BAD_SIGNATURE:
	case REASON_NOT_OFFERED:
	case REASON_SELF:
	case REASON_IDENTITY_UNKNOWN:
	case REASON_IDENTITY_AMBIGUOUS:
	case REASON_IDENTITY_WRONG:
	case REASON_ADDRESS:
	case REASON_CERT_MALFORMED:
	case REASON_CERT_UNTRUSTED:
	case REASON_CERT_EXPIRED:
	case REASON_CERT_NOT_YET:
	case REASON_CERT_REVOKED:
	case REASON_CERT_NOT_ALLOWED:
		return true;
	default:
		return false;
	}
}

void session_tell_failed(struct engine *e, struct session *s, enum reason reason)
{
	if (!is_failed_proof(reason) || s->told_failure == reason)
		return;
	s->told_failure = (uint8_t)reason;
	session_tell_only(e, s, engine_counter_name(reason));
}

/* The side that answered waits a little longer, so that both seldom start at once. */
static uint64_t due(struct engine *e, uint64_t interval, bool is_initiator)
{
	uint64_t tenth = interval / 10;

	if (interval == 0)
		return 0;
	if (is_initiator)
		return e->env.now_ns + interval - engine_jitter(e, tenth + 1);
	return e->env.now_ns + interval + tenth + engine_jitter(e, tenth + 1);
}

void session_key_in_force(struct engine *e, struct session *s, bool is_initiator)
{
	s->rekey_at_ns = due(e, s->config->rekey_interval_ns, is_initiator);
	s->hold_until_ns = e->env.now_ns + session_hold_ns(s);
	s->keep_alive_at_ns = 0;
	if (s->config->keep_alive_interval_ns != 0)
		s->keep_alive_at_ns = e->env.now_ns + s->config->keep_alive_interval_ns;
	if (s->is_unproved && (s->keep_alive_at_ns == 0 ||
				      s->keep_alive_at_ns > e->env.now_ns + RETRANSMIT_FIRST_NS))
		s->keep_alive_at_ns = e->env.now_ns + RETRANSMIT_FIRST_NS;
	session_schedule(e, s);
}

void session_heard(struct engine *e, struct session *s)
{
	s->heard_ns = e->env.now_ns;
	if (!s->is_silent)
		return;
	path_note_in_use(s, false);
	s->is_silent = false;
	s->is_down = false;
	s->wanted_ns = 0;
	session_tell(e, s, RK_PEER_UP, RK_VERDICT_UNKNOWN, "heard-again");
}

void session_promote(struct engine *e, struct session *s)
{
	const struct keyslot *current;
	struct exchange *answered = exchange_find(e, s->peer_rekey);

	if (answered != NULL && answered->state == EXCHANGE_ANSWERED) {
		exchange_free(e, answered); /* nobody will ask for that answer again */
		s->peer_rekey = 0;
	}
	keyring_promote(&e->slots, &s->keys);
	current = s->keys.slot[KEYRING_CURRENT];
	s->is_unproved = false;
	if (!current->is_full) {
		s->rekey_cnt++;
		engine_count(e, REASON_REKEYS);
	}
	session_key_in_force(e, s, current->is_initiator);
}

/* Enough of a fingerprint to tell our own certificates apart. */
static uint64_t start_of(const uint8_t *fingerprint)
{
	uint64_t start;

	memcpy(&start, fingerprint, sizeof(start));
	return start;
}

void session_bind(struct engine *e, struct session *s, const struct session_binding *b)
{
	bool was_up = s->state == RK_PEER_UP;

	memcpy(s->fingerprint, b->peer_fingerprint, RK_FINGERPRINT_LEN);
	s->own_certificate = start_of(b->own_fingerprint);
	s->is_lower = memcmp(b->own_fingerprint, b->peer_fingerprint, RK_FINGERPRINT_LEN) < 0;
	s->has_peer = true;
	(void)rk_view_find_verdict_near(e->env.view, &s->verdict_at, s->fingerprint);
	s->told_failure = REASON_ACCEPTED;
	s->not_after = b->verdict->not_after;
	s->is_silent = false;
	path_note_in_use(s, false);
	s->heard_ns = e->env.now_ns;
	s->full_exchange_cnt++;
	s->reauth_at_ns = due(e, s->config->reauth_interval_ns, b->is_initiator);
	engine_count(e, REASON_EXCHANGES);
	session_tell(e, s, RK_PEER_UP, RK_VERDICT_GOOD, was_up ? "authenticated" : "key-installed");
}

void session_drop_rekeys(struct engine *e, struct session *s)
{
	struct exchange *own = exchange_find(e, s->own_rekey);
	struct exchange *peer = exchange_find(e, s->peer_rekey);

	if (own != NULL)
		exchange_free(e, own);
	if (peer != NULL)
		exchange_free(e, peer);
	s->own_rekey = 0;
	s->peer_rekey = 0;
}

/* ---- judging again ---- */

enum rk_verdict_status session_judge(struct engine *e, struct session *s, bool *is_own)
{
	enum rk_verdict_status own = engine_own_status(e);
	const struct rk_verdict *v;

	*is_own = own != RK_VERDICT_GOOD;
	if (*is_own)
		return own;
	v = rk_view_find_verdict_near(e->env.view, &s->verdict_at, s->fingerprint);
	if (v == NULL)
		v = e->ops.find_verdict(e->ctx, s->fingerprint);
	return v == NULL ? RK_VERDICT_UNKNOWN : rk_view_judge(e->env.view, v, e->env.wall_sec);
}

/* As if there had never been any: keys, exchanges, and what is known of the peer. */
static void forget_keys(struct engine *e, struct session *s)
{
	struct exchange *own = exchange_find(e, s->own_exchange);

	if (own != NULL)
		exchange_free(e, own);
	s->own_exchange = 0;
	session_drop_rekeys(e, s);
	keyring_wipe(&e->slots, &s->keys);
	s->has_peer = false;
	s->is_unproved = false;
	s->is_silent = false;
	path_forget(s);
	s->wanted_ns = e->env.now_ns;
}

void session_sever(
	struct engine *e, struct session *s, enum rk_verdict_status verdict, const char *reason)
{
	forget_keys(e, s);
	engine_count(e, REASON_SEVERED);
	session_tell(e, s, RK_PEER_DOWN, verdict, reason);
	session_dial_in(e, s, s->config->retransmit_interval_ns);
}

void session_sever_refused(struct engine *e, struct session *s, const uint8_t *fingerprint,
	enum rk_verdict_status verdict)
{
	if (s->has_peer && keyslot_is_used(s->keys.slot[KEYRING_CURRENT]) &&
		s->config->invalid_certificate_behavior == RK_FAIL_HARD &&
		memcmp(fingerprint, s->fingerprint, RK_FINGERPRINT_LEN) == 0)
		session_sever(e, s, verdict, "severed");
}

/* The protocol is switched off: no key outlives that. Switched on, the session begins anew. */
static void follow_switch(struct engine *e, struct session *s)
{
	if (!e->env.view->global->is_enabled && s->state != RK_PEER_DISABLED) {
		forget_keys(e, s);
		session_tell(e, s, RK_PEER_DISABLED, RK_VERDICT_UNKNOWN, "disabled");
	} else if (e->env.view->global->is_enabled && s->state == RK_PEER_DISABLED) {
		session_tell(e, s, RK_PEER_INITIALIZING, RK_VERDICT_UNKNOWN, "enabled");
	}
}

/* A certificate of ours that differs from the one in use is shown to the peer soon. */
static void show_new_credential(struct engine *e, struct session *s)
{
	struct exchange *own = exchange_find(e, s->own_exchange);
	const struct credential *c = e->env.credential;
	uint64_t in_use;

	if (c == NULL)
		return;
	if (own != NULL)
		in_use = start_of(own->credential->fingerprint);
	else if (s->has_peer)
		in_use = s->own_certificate;
	else
		return;
	if (start_of(c->fingerprint) == in_use)
		return;
	if (own != NULL)
		exchange_abandon(e, own);
	s->own_exchange = 0;
	s->is_reauth_due = true;
	session_dial_in(e, s, engine_jitter(e, s->config->retransmit_interval_ns / 2 + 1));
}

/* A rekey stays in its suite: one that is no longer wanted ends with a full exchange. */
static void leave_suite(struct engine *e, struct session *s)
{
	const struct keyslot *current = s->keys.slot[KEYRING_CURRENT];

	if (wire_list_has(&e->suites, current->suite) || s->is_reauth_due)
		return;
	s->is_reauth_due = true;
	session_dial_in(e, s, engine_jitter(e, s->config->retransmit_interval_ns / 2 + 1));
}

static void judge_standing(struct engine *e, struct session *s)
{
	bool is_own, is_hard = s->config->invalid_certificate_behavior == RK_FAIL_HARD;
	enum rk_verdict_status status = session_judge(e, s, &is_own);

	if (status == RK_VERDICT_GOOD) {
		if (s->verdict != RK_VERDICT_GOOD)
			session_tell(e, s, s->state, status, "certificate-good");
		return;
	}
	if (status == RK_VERDICT_UNKNOWN) {
		/* nobody has said that it is bad: ask the peer again, with the keys in force */
		s->is_reauth_due = true;
		session_dial_in(e, s, engine_jitter(e, s->config->retransmit_interval_ns + 1));
		return;
	}
	if (is_hard)
		session_sever(e, s, is_own ? RK_VERDICT_UNKNOWN : status,
			is_own ? "own-certificate-invalid" : "severed");
	else if (!is_own)
		session_tell(e, s, s->state, status, "certificate-invalid");
}

void session_rejudge(struct engine *e, struct session *s)
{
	if (e->env.view == NULL)
		return;
	follow_switch(e, s);
	if (s->state == RK_PEER_DISABLED)
		return;
	show_new_credential(e, s);
	if (keyslot_is_used(s->keys.slot[KEYRING_CURRENT])) {
		leave_suite(e, s);
		judge_standing(e, s);
	} else if (s->own_exchange == 0) {
		session_dial_in(e, s, engine_jitter(e, s->config->retransmit_interval_ns / 2 + 1));
	}
}

/* How far ahead of the one being judged memory is asked for: sessions, then what they point to. */
#define REJUDGE_FAR  24
#define REJUDGE_NEAR 12

static struct session *session_numbered(const struct engine *e, uint32_t number)
{
	return number < e->session_end ? e->sessions[number] : NULL;
}

static void prefetch_session(const struct session *s)
{
	for (size_t at = 0; s != NULL && at < sizeof(*s); at += 64)
		__builtin_prefetch((const uint8_t *)s + at);
}

static void prefetch_around(const struct engine *e, const struct session *s)
{
	if (s == NULL)
		return;
	__builtin_prefetch(s->keys.slot[KEYRING_CURRENT]);
	__builtin_prefetch(&s->config->invalid_certificate_behavior);
	rk_view_prefetch_verdict(e->env.view, s->verdict_at);
}

uint32_t engine_rejudge(struct engine *e, uint32_t from, unsigned cnt)
{
	if (e->env.view == NULL)
		return e->session_end;
	for (; cnt > 0 && from < e->session_end; from++) {
		struct session *s = e->sessions[from];

		prefetch_session(session_numbered(e, from + REJUDGE_FAR));
		prefetch_around(e, session_numbered(e, from + REJUDGE_NEAR));
		if (s == NULL)
			continue;
		session_rejudge(e, s);
		cnt--;
	}
	return from;
}

uint32_t engine_session_end(const struct engine *e)
{
	return e->session_end;
}
