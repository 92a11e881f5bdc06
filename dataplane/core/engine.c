/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/engine.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "pki/view/secret.h"

#define SOURCE_RATE  20
#define SOURCE_BURST 40
#define LOAD_RATE    500
#define HELLO_MAX    16 /* an iteration: 25 us when each of them gets a cookie */

/* ---- services to the other files ---- */

void engine_count(struct engine *e, enum reason reason)
{
	atomic_store_explicit(&e->counter[reason],
		atomic_load_explicit(&e->counter[reason], memory_order_relaxed) + 1,
		memory_order_relaxed);
}

/* Nonces, numbers, jitter and the keys of hash tables; key pairs come from libcrypto itself. */
bool engine_random(struct engine *e, void *out, size_t len)
{
	uint8_t *at = e->random + sizeof(e->random) - e->random_left;

	if (len > sizeof(e->random))
		return false;
	if (len > e->random_left) {
		if (!e->ops.random(e->ctx, e->random, sizeof(e->random)))
			return false;
		e->random_left = sizeof(e->random);
		at = e->random;
	}
	memcpy(out, at, len);
	rk_wipe(at, len);
	e->random_left -= len;
	return true;
}

uint64_t engine_jitter(struct engine *e, uint64_t bound)
{
	uint64_t r = 0;

	return engine_random(e, &r, sizeof(r)) ? r % bound : 0;
}

void engine_send(struct engine *e, const struct endpoint *to, const uint8_t *data, size_t len)
{
	engine_count(e, REASON_PACKETS_SENT);
	e->ops.send(e->ctx, to, data, len);
}

bool endpoint_is_same(const struct endpoint *a, const struct endpoint *b)
{
	return a->family == b->family && a->port_id == b->port_id &&
	       a->local_port == b->local_port && a->remote_port == b->remote_port &&
	       memcmp(a->local, b->local, sizeof(a->local)) == 0 &&
	       memcmp(a->remote, b->remote, sizeof(a->remote)) == 0;
}

struct rk_span engine_own_name(const struct engine *e)
{
	return rk_view_str(e->env.view, e->env.view->global->peering_common_name);
}

static enum rk_verdict_status judge_own(const struct engine *e)
{
	const struct credential *c = e->env.credential;
	const struct rk_global *g;

	if (c == NULL || e->env.view == NULL)
		return RK_VERDICT_UNKNOWN;
	g = e->env.view->global;
	if (memcmp(g->certificate_fingerprint, c->fingerprint, RK_FINGERPRINT_LEN) != 0)
		return RK_VERDICT_UNKNOWN;
	if (g->credential_status != RK_VERDICT_GOOD)
		return g->credential_status;
	return rk_view_judge_chain(
		e->env.view, g->credential_chain, g->credential_chain_cnt, e->env.wall_sec);
}

enum rk_verdict_status engine_own_status(const struct engine *e)
{
	return (enum rk_verdict_status)e->own_status;
}

/* ---- life ---- */

size_t engine_secret_size(unsigned exchange_cnt)
{
	return exchange_cnt * (sizeof(struct exchange) + sizeof(struct crypto_job));
}

static int make_pools(struct engine *e)
{
	unsigned cnt = e->config.exchange_cnt;

	e->exchanges = rk_secret_new(cnt * sizeof(*e->exchanges));
	e->jobs = rk_secret_new(cnt * sizeof(*e->jobs));
	e->caches = calloc(cnt, sizeof(*e->caches));
	e->hello_table = calloc(cnt, sizeof(*e->hello_table));
	e->sessions = calloc(e->config.session_cnt, sizeof(struct session *));
	e->free_numbers = calloc(e->config.session_cnt, sizeof(*e->free_numbers));
	if (e->exchanges == NULL || e->jobs == NULL || e->caches == NULL ||
		e->hello_table == NULL || e->sessions == NULL || e->free_numbers == NULL)
		return -ENOMEM;
	for (unsigned i = e->config.session_cnt; i-- > 0;)
		e->free_numbers[e->free_number_cnt++] = i;
	for (unsigned i = cnt; i-- > 0;) {
		e->exchanges[i].entry = i;
		e->exchanges[i].next_entry = e->free_exchange;
		e->free_exchange = i + 1;
		e->jobs[i].link = e->free_job;
		e->free_job = &e->jobs[i];
	}
	return 0;
}

static int make_guard(struct engine *e)
{
	struct guard_config config = {
		.source_rate = SOURCE_RATE, .source_burst = SOURCE_BURST, .load_rate = LOAD_RATE};

	if (!engine_random(e, config.table_key, sizeof(config.table_key)) ||
		!engine_random(e, &e->hello_key, sizeof(e->hello_key)) ||
		!engine_random(e, &e->next_generation, sizeof(e->next_generation)))
		return -EIO;
	return guard_new(&config, e->config.cookie_secret, &e->guard);
}

int engine_new(const struct engine_config *config, const struct engine_ops *ops, void *ctx,
	struct engine **out)
{
	struct engine *e;
	int ret;

	if (config->worker_id >= 1u << (32 - INDEX_WORKER_SHIFT) || config->session_cnt == 0 ||
		config->session_cnt > 1u << INDEX_SESSION_BITS || config->exchange_cnt == 0 ||
		config->exchange_cnt > ID_ENTRY_MASK)
		return -EINVAL;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return -ENOMEM;
	e->ops = *ops;
	e->ctx = ctx;
	e->config = *config;
	e->suites = *suite_list();
	ret = make_pools(e);
	if (ret == 0)
		ret = make_guard(e);
	if (ret == 0)
		ret = aead_new(&e->aead);
	e->config.cookie_secret = NULL; /* borrowed for the call */
	if (ret < 0) {
		engine_free(e);
		return ret;
	}
	*out = e;
	return 0;
}

void engine_free(struct engine *e)
{
	if (e == NULL)
		return;
	for (unsigned i = 0; i < e->config.exchange_cnt; i++) {
		if (e->exchanges != NULL && e->exchanges[i].state != EXCHANGE_FREE)
			exchange_free(e, &e->exchanges[i]);
		if (e->jobs != NULL)
			credential_put(e->jobs[i].credential);
	}
	rk_secret_free(e->exchanges, e->config.exchange_cnt * sizeof(*e->exchanges));
	rk_secret_free(e->jobs, e->config.exchange_cnt * sizeof(*e->jobs));
	free(e->caches);
	free(e->hello_table);
	free(e->sessions);
	free(e->free_numbers);
	guard_free(e->guard);
	aead_free(e->aead);
	rk_wipe(e, sizeof(*e));
	free(e);
}

size_t engine_slots_size(unsigned session_cnt)
{
	return (size_t)session_cnt * KEYRING_CNT * sizeof(struct keyslot);
}

void engine_add_slots(struct engine *e, void *memory, unsigned session_cnt)
{
	keyslot_pool_add(&e->slots, memory, (size_t)session_cnt * KEYRING_CNT);
}

void engine_set_cookie_secret(struct engine *e, const uint8_t secret[32])
{
	guard_set_cookie_secret(e->guard, secret);
}

/* ---- a new view ---- */

/* What we accept before we know whom we talk to: the groups of the configuration. */
static void list_groups(struct engine *e)
{
	static const struct wire_list all = {
		5, {KEX_SECP256R1, KEX_X25519, KEX_SECP384R1, KEX_SECP521R1, KEX_X448}};
	const struct rk_view *v = e->env.view;

	e->groups = all;
	if (v->peer_cnt == 0 || v->peers[0].groups[0] == 0)
		return; /* a view's peers all have the same */
	e->groups.cnt = 0;
	for (unsigned i = 0; i < RK_GROUP_MAX && v->peers[0].groups[i] != 0; i++)
		e->groups.id[e->groups.cnt++] = v->peers[0].groups[i];
}

/* None named: all of ours. */
static void list_suites(struct engine *e)
{
	const uint8_t *id = e->env.view->global->suites;

	e->suites.cnt = 0;
	while (e->suites.cnt < RK_SUITE_CNT && id[e->suites.cnt] != 0) {
		e->suites.id[e->suites.cnt] = id[e->suites.cnt];
		e->suites.cnt++;
	}
	if (e->suites.cnt == 0)
		e->suites = *suite_list();
}

/* What was begun with another certificate of ours, and is not answered yet. */
static bool is_outdated(const struct engine *e, const struct exchange *x)
{
	const struct credential *c = e->env.credential;

	if (x->credential == NULL || x->state == EXCHANGE_ANSWERED)
		return false;
	return c == NULL ||
	       memcmp(c->fingerprint, x->credential->fingerprint, RK_FINGERPRINT_LEN) != 0;
}

static void look_at_view(struct engine *e)
{
	struct rk_span own = engine_own_name(e);

	e->has_name = guard_set_name(e->guard, (const char *)own.data, own.len);
	list_groups(e);
	list_suites(e);
	memset(e->negative, 0, sizeof(e->negative));
	for (unsigned i = 0, left = e->used_cnt; left > 0; i++) {
		if (e->exchanges[i].state == EXCHANGE_FREE)
			continue;
		left--;
		if (!e->env.view->global->is_enabled || is_outdated(e, &e->exchanges[i]))
			exchange_end(e, &e->exchanges[i]);
	}
}

void engine_begin(struct engine *e, const struct engine_env *env)
{
	uint64_t id = env->credential == NULL ? 0 : env->credential->id;
	bool is_new = env->view != NULL &&
		      (env->view != e->view_seen || id != e->credential_id_seen ||
			      rk_generation_cmp(env->view->generation, e->generation) != 0);
	bool is_later = env->wall_sec != e->env.wall_sec;

	e->env = *env;
	aead_forget(e->aead);
	e->hello_left = HELLO_MAX;
	if (is_new || is_later || env->view == NULL)
		e->own_status = (uint8_t)judge_own(e); /* the same for every peer */
	if (!is_new)
		return;
	e->view_seen = env->view;
	e->generation = env->view->generation;
	e->credential_id_seen = id;
	look_at_view(e);
}

/* ---- what comes in ---- */

static enum reason dispatch(
	struct engine *e, const struct endpoint *from, const struct wire_packet *p)
{
	switch ((enum msg_type)p->type) {
	case MSG_HELLO:
		/* Anybody can send them: those who have keys do not wait until all are looked at. */
		if (e->hello_left == 0)
			return REASON_CROWDED;
		e->hello_left--;
		return responder_hello(e, from, p);
	case MSG_REPLY:
		return initiator_reply(e, from, p);
	case MSG_COOKIE:
		return initiator_cookie(e, from, p);
	case MSG_FINISH:
		return responder_finish(e, from, p);
	case MSG_NEED_CERT:
		return certificate_needed(e, from, p);
	case MSG_CERT_FRAGMENT:
		return certificate_fragment(e, from, p);
	case MSG_PENDING:
		return initiator_pending(e, from, p);
	case MSG_COLLISION:
		return initiator_collision(e, from, p);
	case MSG_ACK:
	case MSG_KEEP_ALIVE:
	case MSG_REKEY_HELLO:
	case MSG_REKEY_REPLY:
	case MSG_PATH_CHALLENGE:
	case MSG_PATH_RESPONSE:
		return traffic_receive(e, from, p);
	}
	return REASON_TYPE;
}

void engine_receive(
	struct engine *e, const struct endpoint *from, const uint8_t *payload, size_t len)
{
	struct wire_packet p;
	enum reason reason = wire_parse_packet(&p, payload, len);

	if (reason == REASON_ACCEPTED &&
		(e->env.view == NULL || !e->env.view->global->is_enabled || !e->has_name))
		reason = REASON_NOT_CONFIGURED;
	if (reason == REASON_ACCEPTED)
		reason = dispatch(e, from, &p);
	engine_count(e, reason);
}

void engine_timer(struct engine *e, struct core_timer *t)
{
	if (e->env.view == NULL || !e->env.view->global->is_enabled) {
		e->ops.arm(e->ctx, t, e->env.now_ns + SEC_NS);
		return;
	}
	if (t->kind == TIMER_EXCHANGE)
		exchange_timer(
			e, (struct exchange *)((char *)t - offsetof(struct exchange, timer)));
	else
		session_timer(e, (struct session *)((char *)t - offsetof(struct session, timer)));
}

/* Of this engine's pool, and out. Whose it is otherwise, it does not go into our pool. */
static bool is_lent_by(const struct engine *e, const struct crypto_job *job)
{
	uintptr_t first = (uintptr_t)e->jobs;
	uintptr_t at = (uintptr_t)job;

	return at >= first && at < first + e->config.exchange_cnt * sizeof(*job) && job->is_lent;
}

void engine_job_done(struct engine *e, struct crypto_job *job)
{
	struct exchange *x;

	if (!is_lent_by(e, job)) {
		engine_count(e, REASON_MISDIRECTED);
		return;
	}
	job->is_lent = false;
	x = exchange_find(e, job->exchange);
	if (x == NULL || x->job_number != job->number || e->env.view == NULL) {
		engine_count(e, REASON_LEFT_OVER);
	} else {
		x->job_number = 0;
		if (x->role == EXCHANGE_INITIATOR)
			initiator_job_done(e, x, job);
		else if (x->role == EXCHANGE_RESPONDER)
			responder_job_done(e, x, job);
		else
			rekey_job_done(e, x, job);
	}
	exchange_release_job(e, job);
}

void engine_verdict(struct engine *e, uint64_t request, const struct rk_verdict *v)
{
	struct exchange *x = exchange_find(e, request);

	if (request >> ID_WORKER_SHIFT != e->config.worker_id)
		engine_count(e, REASON_MISDIRECTED);
	else if (x == NULL || x->state != EXCHANGE_EXPECT_VERDICT || e->env.view == NULL)
		engine_count(e, REASON_LEFT_OVER);
	else
		certificate_verdict(e, x, v);
}

int engine_packet_owner(const uint8_t *payload, size_t len)
{
	struct wire_packet p;

	if (wire_parse_packet(&p, payload, len) != REASON_ACCEPTED || p.type == MSG_HELLO)
		return -1;
	if (p.type >= MSG_SESSION_FIRST)
		return (int)(p.index >> INDEX_WORKER_SHIFT);
	return (int)(p.receiver >> ID_WORKER_SHIFT);
}

/* ---- counters ---- */

void engine_load(const struct engine *e, struct engine_load *out)
{
	*out = (struct engine_load){e->used_cnt, e->parked_cnt, e->job_cnt};
}

size_t engine_counter_cnt(void)
{
	return REASON_CNT + LATENCY_KIND_CNT * LATENCY_ROW_CNT;
}

const char *engine_counter_name(size_t i)
{
	static const char *const names[REASON_CNT] = {
#define X(id, name, text) [REASON_##id] = name,
		REASON_LIST(X)
#undef X
	};

	return i < REASON_CNT ? names[i] : latency_name(i - REASON_CNT);
}

uint64_t engine_counter(const struct engine *e, size_t i)
{
	if (i >= REASON_CNT)
		return latency_value(&e->latency, i - REASON_CNT);
	return atomic_load_explicit(&e->counter[i], memory_order_relaxed);
}
