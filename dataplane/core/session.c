/* SPDX-License-Identifier: BSD-3-Clause */
/* A peer's life: when to dial, rekey, keep alive, fall silent and give up waiting. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "pki/view/secret.h"

#define DIAL_JITTER_NS (2 * SEC_NS) /* all peers at once at a start, but spread */

static bool has_key(const struct session *s)
{
	return keyslot_is_used(s->keys.slot[KEYRING_CURRENT]);
}

static bool is_wanted(const struct session *s)
{
	return !has_key(s) || s->is_silent || s->is_reauth_due;
}

/* ---- the one timer ---- */

static void earlier(uint64_t *at, uint64_t other)
{
	if (other != 0 && (*at == 0 || other < *at))
		*at = other;
}

static uint64_t silent_at(const struct session *s)
{
	uint64_t interval = s->config->keep_alive_interval_ns;

	return !has_key(s) || interval == 0 || s->is_silent
		       ? 0
		       : s->heard_ns + SILENT_KEEP_ALIVES * interval;
}

static uint64_t timeout_at(const struct session *s)
{
	return s->wanted_ns == 0 || s->is_down || s->config->timeout_ns == 0
		       ? 0
		       : s->wanted_ns + s->config->timeout_ns;
}

void session_schedule(struct engine *e, struct session *s)
{
	uint64_t at = 0;

	if (s->own_exchange == 0)
		earlier(&at, s->dial_at_ns);
	if (has_key(s)) {
		if (s->own_rekey == 0)
			earlier(&at, s->rekey_at_ns);
		earlier(&at, s->reauth_at_ns);
		earlier(&at, s->keep_alive_at_ns);
	}
	if (keyslot_is_used(s->keys.slot[KEYRING_PREVIOUS]) && !s->is_unproved)
		earlier(&at, s->hold_until_ns);
	if (keyslot_is_used(s->keys.slot[KEYRING_NEXT]))
		earlier(&at, s->next_until_ns);
	earlier(&at, silent_at(s));
	earlier(&at, timeout_at(s));
	if (at == 0)
		e->ops.cancel(e->ctx, &s->timer);
	else
		e->ops.arm(e->ctx, &s->timer, at);
}

static void drop_old_keys(struct engine *e, struct session *s)
{
	uint64_t now = e->env.now_ns;

	if (now >= s->hold_until_ns && !s->is_unproved)
		keyring_drop(&e->slots, &s->keys, KEYRING_PREVIOUS);
	if (now >= s->next_until_ns)
		keyring_drop(&e->slots, &s->keys, KEYRING_NEXT);
}

/* Beside keys in use a full exchange waits as a rekey does: it could push out the peer's. */
static bool must_wait(const struct session *s)
{
	return has_key(s) && !s->is_silent &&
	       (s->own_rekey != 0 || s->peer_rekey != 0 || s->is_unproved ||
		       keyslot_is_used(s->keys.slot[KEYRING_NEXT]) ||
		       keyslot_is_used(s->keys.slot[KEYRING_PREVIOUS]));
}

/*
 * When to come again to a pool of exchanges that is full: soon, spread by number, and the later the
 * more there may be who wait, so that their asking costs little beside what they wait for.
 */
static uint64_t soon(const struct engine *e, const struct session *s)
{
	uint64_t span = e->session_end * UINT64_C(10000);

	if (span < SEC_NS / 8)
		span = SEC_NS / 8;
	return span / 2 + s->number * UINT64_C(2654435761) % span;
}

static void dial(struct engine *e, struct session *s)
{
	uint64_t now = e->env.now_ns;
	enum reason reason;

	if (s->own_exchange != 0 || s->dial_at_ns == 0 || now < s->dial_at_ns)
		return;
	if (must_wait(s)) {
		s->dial_at_ns =
			s->hold_until_ns > now ? s->hold_until_ns : now + RETRANSMIT_FIRST_NS;
		return;
	}
	s->dialed_ns = now;
	reason = initiator_start(e, s);
	engine_count(e, reason);
	s->dial_at_ns = now + s->config->retransmit_interval_ns;
	if (reason == REASON_DIALS)
		s->dial_at_ns = 0;
	else if (reason == REASON_FULL)
		s->dial_at_ns = now + soon(e, s);
}

static void keep_alive(struct engine *e, struct session *s)
{
	enum rk_verdict_status own;

	if (s->keep_alive_at_ns == 0 || e->env.now_ns < s->keep_alive_at_ns)
		return;
	path_watch(e, s); /* first: the keep-alive is to be the newest wherever it arrives */
	traffic_keep_alive(e, s, s->is_unproved);
	s->keep_alive_at_ns = 0;
	if (s->config->keep_alive_interval_ns != 0)
		s->keep_alive_at_ns = e->env.now_ns + s->config->keep_alive_interval_ns;
	if (s->is_unproved)
		earlier(&s->keep_alive_at_ns, e->env.now_ns + RETRANSMIT_FIRST_NS);
	/* dates pass without a new view */
	own = engine_own_status(e);
	if (s->has_peer && (e->env.wall_sec > s->not_after ||
				   (own != RK_VERDICT_GOOD && own != RK_VERDICT_UNKNOWN)))
		session_rejudge(e, s);
}

static bool is_volume_reached(const struct session *s)
{
	const struct keyslot *slot = s->keys.slot[KEYRING_CURRENT];

	return (s->config->rekey_packets != 0 && slot->send_counter >= s->config->rekey_packets) ||
	       (s->config->rekey_bytes != 0 && slot->sent_bytes >= s->config->rekey_bytes);
}

static void rekey(struct engine *e, struct session *s)
{
	enum reason reason;

	if (s->own_rekey != 0 ||
		((s->rekey_at_ns == 0 || e->env.now_ns < s->rekey_at_ns) && !is_volume_reached(s)))
		return;
	reason = rekey_start(e, s);
	if (reason != REASON_NO_BASE) /* that is the rule of slots, not a refusal */
		engine_count(e, reason);
	s->rekey_at_ns = e->env.now_ns +
			 (reason == REASON_FULL ? soon(e, s) : s->config->retransmit_interval_ns);
	if (reason == REASON_NO_BASE && s->hold_until_ns > e->env.now_ns)
		s->rekey_at_ns = s->hold_until_ns;
}

static void notice_silence(struct engine *e, struct session *s)
{
	uint64_t at = silent_at(s);

	if (at == 0 || e->env.now_ns < at)
		return;
	s->is_silent = true;
	s->wanted_ns = e->env.now_ns;
	engine_count(e, REASON_SILENCES);
	path_note_in_use(s, true);
	session_tell(e, s, RK_PEER_DOWN, RK_VERDICT_UNKNOWN, "silence");
	s->path = path_after_failure(s);
	if (s->own_exchange == 0)
		s->dial_at_ns = e->env.now_ns;
}

static void notice_timeout(struct engine *e, struct session *s)
{
	uint64_t at = timeout_at(s);

	if (at == 0 || e->env.now_ns < at)
		return;
	s->is_down = true;
	session_tell(e, s, RK_PEER_DOWN, RK_VERDICT_UNKNOWN, "timeout");
}

void session_timer(struct engine *e, struct session *s)
{
	drop_old_keys(e, s);
	notice_silence(e, s);
	notice_timeout(e, s);
	if (has_key(s)) {
		keep_alive(e, s);
		rekey(e, s);
		if (s->reauth_at_ns != 0 && e->env.now_ns >= s->reauth_at_ns) {
			s->reauth_at_ns = 0;
			s->is_reauth_due = true;
			earlier(&s->dial_at_ns, e->env.now_ns);
		}
	}
	if (is_wanted(s))
		dial(e, s);
	else
		s->dial_at_ns = 0;
	session_schedule(e, s);
}

void session_dial_in(struct engine *e, struct session *s, uint64_t delay_ns)
{
	earlier(&s->dial_at_ns, e->env.now_ns + delay_ns);
	session_schedule(e, s);
}

void session_exchange_over(struct engine *e, struct session *s, bool is_success)
{
	uint64_t interval = s->is_down && s->config->timeout_ns > s->config->retransmit_interval_ns
				    ? s->config->timeout_ns
				    : s->config->retransmit_interval_ns;
	uint64_t at = s->dialed_ns + interval;

	s->own_exchange = 0;
	if (is_success) {
		s->dial_at_ns = 0;
		s->wanted_ns = 0;
		s->is_down = false;
		s->is_reauth_due = false;
	} else if (is_wanted(s)) {
		s->path = (uint8_t)((s->path + 1) % s->config->path_cnt);
		if (at < e->env.now_ns)
			at = e->env.now_ns;
		s->dial_at_ns = at + engine_jitter(e, interval / 10 + 1);
	}
	session_schedule(e, s);
}

/* ---- host's calls ---- */

size_t session_size(void)
{
	return sizeof(struct session);
}

int session_add(struct engine *e, struct session *s, const struct session_config *c)
{
	uint32_t used_cnt = e->config.session_cnt - e->free_number_cnt;
	uint64_t jitter;

	if (e->free_number_cnt == 0 || e->slots.cnt < (used_cnt + (size_t)1) * KEYRING_CNT)
		return -ENOSPC;
	if (c->path_cnt == 0 || c->path_cnt > RK_PATH_MAX)
		return -EINVAL;
	memset(s, 0, sizeof(*s));
	if (!engine_random(e, &s->serial, sizeof(s->serial)))
		return -EIO;
	keyring_init(&s->keys);
	s->config = c;
	s->endpoint = c->path[0];
	s->number = e->free_numbers[--e->free_number_cnt];
	s->timer.kind = TIMER_SESSION;
	s->state = RK_PEER_INITIALIZING;
	s->wanted_ns = e->env.now_ns;
	jitter = c->retransmit_interval_ns / 2 < DIAL_JITTER_NS ? c->retransmit_interval_ns / 2
								: DIAL_JITTER_NS;
	s->dial_at_ns = e->env.now_ns + 1 + engine_jitter(e, jitter + 1);
	e->sessions[s->number] = s;
	if (s->number >= e->session_end)
		e->session_end = s->number + 1;
	session_schedule(e, s);
	return 0;
}

static bool has_same_paths(const struct session_config *a, const struct session_config *b)
{
	return a->path_cnt == b->path_cnt &&
	       memcmp(a->path, b->path, a->path_cnt * sizeof(*a->path)) == 0;
}

void session_update(struct engine *e, struct session *s, const struct session_config *c)
{
	if (!has_same_paths(s->config, c))
		path_forget(s);
	s->config = c;
	if (s->path >= c->path_cnt)
		s->path = 0;
	if (!c->is_roaming && !session_has_path(s, &s->endpoint))
		s->endpoint = c->path[0];
	if (has_key(s) && c->keep_alive_interval_ns != 0 && s->keep_alive_at_ns == 0)
		s->keep_alive_at_ns = e->env.now_ns + c->keep_alive_interval_ns;
	if (has_key(s) && c->rekey_interval_ns == 0)
		s->rekey_at_ns = 0;
	else if (has_key(s))
		earlier(&s->rekey_at_ns, e->env.now_ns + c->rekey_interval_ns);
	if (has_key(s) && !session_has_group(s, s->keys.slot[KEYRING_CURRENT]->group)) {
		/* a rekey stays in its group, which the peer will refuse as we do */
		s->is_reauth_due = true;
		earlier(&s->dial_at_ns,
			e->env.now_ns + 1 + engine_jitter(e, c->retransmit_interval_ns / 2 + 1));
	}
	session_schedule(e, s);
}

void session_remove(struct engine *e, struct session *s)
{
	struct exchange *own = exchange_find(e, s->own_exchange);

	if (own != NULL)
		exchange_free(e, own);
	session_drop_rekeys(e, s);
	e->ops.cancel(e->ctx, &s->timer);
	keyring_wipe(&e->slots, &s->keys);
	e->sessions[s->number] = NULL;
	e->free_numbers[e->free_number_cnt++] = s->number;
	rk_wipe(s, sizeof(*s));
}

void session_rotate(struct engine *e, struct session *s, bool is_jittered)
{
	uint64_t interval = s->config->retransmit_interval_ns;
	uint64_t delay = is_jittered ? engine_jitter(e, interval + 1) : 0;

	if (has_key(s)) {
		s->rekey_at_ns = 0;
		earlier(&s->rekey_at_ns, e->env.now_ns + delay);
		session_schedule(e, s);
	} else if (s->own_exchange == 0) {
		session_dial_in(e, s, delay);
	}
}

static uint64_t ms_until(uint64_t at, uint64_t now)
{
	return at > now ? (at - now) / MS_NS : 0;
}

void session_status(const struct engine *e, const struct session *s, struct rk_msg_status_peer *out)
{
	const struct keyslot *slot = s->keys.slot[KEYRING_CURRENT];

	memset(out, 0, sizeof(*out));
	snprintf(out->peer, sizeof(out->peer), "%s", s->config->name);
	out->state = s->state;
	out->verdict = s->verdict;
	out->path_down = s->path_down;
	out->full_exchange_cnt = s->full_exchange_cnt;
	out->rekey_cnt = s->rekey_cnt;
	out->keep_alive_sent_cnt = s->keep_alive_sent_cnt;
	out->keep_alive_received_cnt = s->keep_alive_received_cnt;
	memcpy(out->fingerprint, s->fingerprint, sizeof(out->fingerprint));
	out->not_after = s->not_after;
	if (!keyslot_is_used(slot))
		return;
	out->group = slot->group;
	out->suite = slot->suite;
	out->local_index = slot->local_index;
	out->peer_index = slot->peer_index;
	out->key_age_ms = (e->env.now_ns - slot->made_ns) / MS_NS;
	out->next_rekey_ms = ms_until(s->rekey_at_ns, e->env.now_ns);
	memcpy(out->exported, slot->exported, sizeof(out->exported));
}
