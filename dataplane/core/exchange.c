/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/exchange.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "dataplane/core/hash.h"
#include "pki/view/secret.h"

#define LOOK_FOR_ROOM_MAX 16 /* exchanges that are looked at: it is bounded work for a HELLO */

#define BIT(state) (1u << EXCHANGE_##state)

/* What ends an exchange, or fails before anything is out, goes to FREE from anywhere. */
const uint16_t exchange_legal[EXCHANGE_STATE_CNT] = {
	[EXCHANGE_FREE] = BIT(AWAIT_SHARE),
	[EXCHANGE_AWAIT_SHARE] = BIT(FREE) | BIT(EXPECT_REPLY) | BIT(AWAIT_SECRET),
	[EXCHANGE_EXPECT_REPLY] = BIT(FREE) | BIT(AWAIT_SECRET) | BIT(AWAIT_SHARE),
	[EXCHANGE_AWAIT_SECRET] = BIT(FREE) | BIT(EXPECT_REPLY) | BIT(EXPECT_CERTIFICATE) |
				  BIT(AWAIT_VERIFIED) | BIT(AWAIT_SIGNATURE) | BIT(ANSWERED),
	[EXCHANGE_EXPECT_CERTIFICATE] = BIT(FREE) | BIT(EXPECT_REPLY) | BIT(EXPECT_FINISH) |
					BIT(EXPECT_VERDICT) | BIT(AWAIT_VERIFIED),
	[EXCHANGE_EXPECT_VERDICT] = BIT(FREE) | BIT(EXPECT_REPLY) | BIT(EXPECT_FINISH) |
				    BIT(AWAIT_VERIFIED) | BIT(EXPECT_CERTIFICATE),
	[EXCHANGE_AWAIT_VERIFIED] = BIT(FREE) | BIT(EXPECT_REPLY) | BIT(EXPECT_FINISH) |
				    BIT(EXPECT_CERTIFICATE) | BIT(AWAIT_SIGNATURE) | BIT(ANSWERED),
	[EXCHANGE_AWAIT_SIGNATURE] = BIT(FREE) | BIT(EXPECT_FINISH) | BIT(EXPECT_ACK),
	[EXCHANGE_EXPECT_FINISH] = BIT(FREE) | BIT(EXPECT_CERTIFICATE) | BIT(AWAIT_VERIFIED),
	[EXCHANGE_EXPECT_ACK] = BIT(FREE),
	[EXCHANGE_ANSWERED] = BIT(FREE),
};

const char *exchange_state_name(enum exchange_state state)
{
	static const char *const names[EXCHANGE_STATE_CNT] = {
#define X(id, name) [EXCHANGE_##id] = name,
		EXCHANGE_STATES(X)
#undef X
	};

	return names[state];
}

void exchange_set_state(struct exchange *x, enum exchange_state state)
{
	assert(x->state == state || exchange_legal[x->state] >> state & 1);
	x->state = (uint8_t)state;
}

struct exchange_cache *exchange_cache_of(struct engine *e, const struct exchange *x)
{
	return &e->caches[x->entry];
}

static bool is_own(enum exchange_role role)
{
	return role == EXCHANGE_INITIATOR || role == EXCHANGE_REKEY_INITIATOR;
}

static uint32_t own_max(const struct engine *e)
{
	return e->config.exchange_cnt < 4 ? 1 : e->config.exchange_cnt / 4;
}

/* D6: a random step, odd so that equal ones come round late, tells nothing of the next one. */
static bool step_generation(struct engine *e)
{
	uint32_t step;

	if (!engine_random(e, &step, sizeof(step)))
		return false;
	do
		e->next_generation += step | 1;
	while (e->next_generation == 0);
	return true;
}

struct exchange *exchange_new(struct engine *e, enum exchange_role role)
{
	struct exchange *x;
	struct exchange_cache *c;

	/* Our own are begun no faster than they end, or all of them would expire in the queue. */
	if (e->free_exchange == 0 || (is_own(role) && e->own_cnt >= own_max(e)) ||
		!step_generation(e))
		return NULL;
	x = &e->exchanges[e->free_exchange - 1];
	e->free_exchange = x->next_entry;
	e->used_cnt++;
	e->own_cnt += is_own(role);
	x->next_entry = 0;
	x->role = (uint8_t)role;
	x->id = (uint64_t)e->config.worker_id << ID_WORKER_SHIFT |
		(uint64_t)x->entry << ID_ENTRY_SHIFT | e->next_generation;
	x->started_ns = e->env.now_ns;
	x->expires_ns = e->env.now_ns + HALF_OPEN_NS;
	x->timer.kind = TIMER_EXCHANGE;
	c = exchange_cache_of(e, x);
	c->sent_len = c->received_len = c->core_len = c->cookie_len = c->plain_len = 0;
	exchange_set_state(x, EXCHANGE_AWAIT_SHARE);
	exchange_arm(e, x);
	return x;
}

bool exchange_is_pool_half_used(const struct engine *e)
{
	return e->used_cnt > e->config.exchange_cnt / 2;
}

bool exchange_make_room(struct engine *e)
{
	for (unsigned i = 0; i < LOOK_FOR_ROOM_MAX; i++) {
		struct exchange *x = &e->exchanges[e->room_hand];

		e->room_hand = (e->room_hand + 1) % e->config.exchange_cnt;
		if (x->state == EXCHANGE_ANSWERED && x->role == EXCHANGE_RESPONDER) {
			exchange_free(e, x);
			return true;
		}
	}
	return false;
}

/* Of the sender's address too: an id is anybody's choice, and would choose the chain. */
static uint32_t *hello_chain(struct engine *e, const struct endpoint *from, uint64_t peer_id)
{
	uint64_t half[2], h = hash_mix(e->hello_key, peer_id);

	memcpy(half, from->remote, sizeof(half));
	h = hash_mix(hash_mix(h, half[0]), half[1]);
	h = hash_mix(hash_mix(h, from->remote_port), e->hello_key);
	return &e->hello_table[(h >> 32) % e->config.exchange_cnt];
}

static void leave_hello(struct engine *e, struct exchange *x)
{
	uint32_t *at = hello_chain(e, &x->endpoint, x->peer_id);

	while (*at != 0 && *at != x->entry + 1)
		at = &e->exchanges[*at - 1].next_entry;
	if (*at != 0)
		*at = x->next_entry;
}

void exchange_free(struct engine *e, struct exchange *x)
{
	uint32_t entry = x->entry;

	exchange_set_state(x, EXCHANGE_FREE);
	e->ops.cancel(e->ctx, &x->timer);
	certificate_forget(e, x);
	credential_put(x->credential);
	if (x->role == EXCHANGE_RESPONDER)
		leave_hello(e, x);
	e->own_cnt -= is_own((enum exchange_role)x->role);
	rk_wipe(x, sizeof(*x));
	x->entry = entry;
	x->next_entry = e->free_exchange;
	e->free_exchange = entry + 1;
	e->used_cnt--;
	/* the proof names its owner, which the wire never did */
	rk_wipe(e->caches[entry].plain, sizeof(e->caches[entry].plain));
}

void exchange_abandon(struct engine *e, struct exchange *x)
{
	if (x->state == EXCHANGE_EXPECT_ACK)
		keyring_drop(&e->slots, &x->session->keys, KEYRING_NEXT);
	exchange_free(e, x);
}

struct exchange *exchange_find(struct engine *e, uint64_t id)
{
	uint64_t entry = id >> ID_ENTRY_SHIFT & ID_ENTRY_MASK;
	struct exchange *x;

	if (id == 0 || entry >= e->config.exchange_cnt)
		return NULL;
	x = &e->exchanges[entry];
	return x->state != EXCHANGE_FREE && x->id == id ? x : NULL;
}

struct exchange *exchange_find_hello(
	struct engine *e, const struct endpoint *from, uint64_t peer_id)
{
	for (uint32_t at = *hello_chain(e, from, peer_id); at != 0;
		at = e->exchanges[at - 1].next_entry) {
		struct exchange *x = &e->exchanges[at - 1];

		if (x->peer_id == peer_id && endpoint_is_same(&x->endpoint, from))
			return x;
	}
	return NULL;
}

void exchange_enter_hello(struct engine *e, struct exchange *x)
{
	uint32_t *chain = hello_chain(e, &x->endpoint, x->peer_id);

	x->next_entry = *chain;
	*chain = x->entry + 1;
}

struct crypto_job *exchange_new_job(struct engine *e, struct exchange *x, enum job_kind kind)
{
	struct crypto_job *job = e->free_job;

	if (job == NULL)
		return NULL;
	e->free_job = job->link;
	e->job_cnt++;
	job->link = NULL;
	job->exchange = x->id;
	job->kind = (uint8_t)kind;
	job->group = x->group;
	return job;
}

void exchange_submit(struct engine *e, struct exchange *x, struct crypto_job *job)
{
	if (++e->next_job == 0) /* 0 means none */
		e->next_job = 1;
	job->number = e->next_job;
	x->job_number = job->number;
	job->is_lent = true;
	e->ops.submit(e->ctx, job);
}

bool exchange_submit_keygen(struct engine *e, struct exchange *x)
{
	struct crypto_job *job = exchange_new_job(e, x, JOB_KEYGEN);

	if (job == NULL)
		return false;
	job->is_first = x->role == EXCHANGE_RESPONDER;
	exchange_submit(e, x, job);
	return true;
}

bool exchange_submit_derive(struct engine *e, struct exchange *x)
{
	struct crypto_job *job = exchange_new_job(e, x, JOB_DERIVE);

	if (job == NULL)
		return false;
	memcpy(job->kex.secret, x->kex_secret, sizeof(job->kex.secret));
	memcpy(job->kex.share, x->share, sizeof(job->kex.share));
	memcpy(job->kex.peer, x->peer_share, sizeof(job->kex.peer));
	exchange_submit(e, x, job);
	return true;
}

void exchange_release_job(struct engine *e, struct crypto_job *job)
{
	credential_put(job->credential);
	rk_wipe(job, sizeof(*job));
	job->link = e->free_job;
	e->free_job = job;
	e->job_cnt--;
}

void exchange_send(struct engine *e, struct exchange *x, size_t len)
{
	struct exchange_cache *c = exchange_cache_of(e, x);

	c->sent_len = (uint16_t)len;
	engine_send(e, &x->endpoint, c->sent, len);
}

void exchange_repeat(struct engine *e, struct exchange *x)
{
	struct exchange_cache *c = exchange_cache_of(e, x);

	engine_count(e, REASON_RETRANSMITS);
	engine_send(e, &x->endpoint, c->sent, c->sent_len);
}

void exchange_arm(struct engine *e, struct exchange *x)
{
	uint64_t at = x->expires_ns;

	if (x->retransmit_at_ns != 0 && x->retransmit_at_ns < at)
		at = x->retransmit_at_ns;
	e->ops.arm(e->ctx, &x->timer, at);
}

void exchange_start_retransmit(struct engine *e, struct exchange *x)
{
	x->retransmit_ns = RETRANSMIT_FIRST_NS;
	x->retransmit_at_ns = e->env.now_ns + x->retransmit_ns;
	exchange_arm(e, x);
}

void exchange_stop_retransmit(struct engine *e, struct exchange *x)
{
	x->retransmit_at_ns = 0;
	exchange_arm(e, x);
}

void exchange_keep_answer(struct engine *e, struct exchange *x, uint64_t for_ns)
{
	exchange_set_state(x, EXCHANGE_ANSWERED);
	rk_wipe(x->secret, sizeof(*x) - offsetof(struct exchange, secret));
	x->expires_ns = e->env.now_ns + for_ns;
	exchange_arm(e, x);
}

/* Doubles with a tenth of jitter, up to the configured interval. */
static void back_off(struct engine *e, struct exchange *x)
{
	uint64_t limit = x->session == NULL ? SEC_NS : x->session->config->retransmit_interval_ns;

	x->retransmit_ns *= 2;
	if (x->retransmit_ns > limit)
		x->retransmit_ns = limit;
	x->retransmit_at_ns =
		e->env.now_ns + x->retransmit_ns - engine_jitter(e, x->retransmit_ns / 10 + 1);
}

void exchange_end(struct engine *e, struct exchange *x)
{
	struct session *s = x->session;
	bool is_own = x->role == EXCHANGE_INITIATOR && s != NULL;
	bool is_rekey = x->role == EXCHANGE_REKEY_INITIATOR;

	if (s != NULL && s->own_rekey == x->id)
		s->own_rekey = 0;
	if (s != NULL && s->peer_rekey == x->id)
		s->peer_rekey = 0;
	exchange_abandon(e, x);
	if (is_own)
		session_exchange_over(e, s, false);
	else if (is_rekey)
		session_schedule(e, s);
}

void exchange_timer(struct engine *e, struct exchange *x)
{
	if (e->env.now_ns >= x->expires_ns) {
		if (x->state != EXCHANGE_ANSWERED)
			engine_count(e, REASON_EXCHANGES_EXPIRED);
		exchange_end(e, x);
		return;
	}
	if (x->retransmit_at_ns != 0 && e->env.now_ns >= x->retransmit_at_ns) {
		if (x->state == EXCHANGE_EXPECT_VERDICT) {
			certificate_verdict(e, x, NULL);
			return;
		}
		if (x->state == EXCHANGE_EXPECT_CERTIFICATE)
			certificate_ask(e, x);
		else if (x->role == EXCHANGE_REKEY_INITIATOR)
			rekey_retransmit(e, x);
		else
			exchange_repeat(e, x);
		if (x->state == EXCHANGE_FREE || x->retransmit_at_ns == 0 ||
			x->retransmit_at_ns > e->env.now_ns)
			return; /* ended, or began something else, on the way */
		back_off(e, x);
	}
	exchange_arm(e, x);
}

enum reason exchange_resolve(struct engine *e, const struct endpoint *from,
	const struct wire_packet *p, struct exchange **out)
{
	struct exchange *x = exchange_find(e, p->receiver);

	if (x == NULL || x->role == EXCHANGE_REKEY_INITIATOR || x->role == EXCHANGE_REKEY_RESPONDER)
		return REASON_UNKNOWN_EXCHANGE;
	if (x->peer_id != 0 && p->sender != 0 && p->sender != x->peer_id)
		return REASON_UNKNOWN_EXCHANGE;
	if (!endpoint_is_same(&x->endpoint, from))
		return REASON_WRONG_SOURCE;
	*out = x;
	return REASON_ACCEPTED;
}

enum reason exchange_open(struct engine *e, struct exchange *x, const struct wire_packet *p,
	uint8_t buf[MSG_MAX], struct rk_span *plain)
{
	if (!aead_open(e->aead, x->suite->aead, &x->receive, p->counter, p->aad, p->sealed, buf))
		return REASON_AUTHENTICATION;
	*plain = (struct rk_span){buf, p->sealed.len - MSG_TAG_LEN};
	return REASON_ACCEPTED;
}

size_t exchange_seal_end(
	struct engine *e, struct exchange *x, struct rk_writer *w, struct rk_span plain)
{
	uint64_t counter = x->send_counter;
	size_t len = 0;
	uint8_t *out = wire_end_sealed(w, counter, plain.len, &len);

	if (out == NULL)
		return 0;
	x->send_counter++; /* spent, whatever becomes of the message */
	if (!aead_seal(e->aead, x->suite->aead, &x->send, counter,
		    (struct rk_span){w->start, (size_t)(out - w->start)}, plain, out))
		return 0;
	return len;
}

size_t exchange_seal(struct engine *e, struct exchange *x, enum msg_type type, struct rk_span plain,
	uint8_t *buf, size_t size)
{
	struct rk_writer w;

	wire_begin_exchange(&w, buf, size, type, x->peer_id, x->id);
	return exchange_seal_end(e, x, &w, plain);
}
