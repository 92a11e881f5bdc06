/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/pair/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "pki/store/revocation_build.h"
#include "pki/view/secret.h"
#include "pki/x509/key.h"

/* ---- building -------------------------------------------------------------------------------- */

void pair_publish(struct pair_node *n)
{
	struct rk_global *g = &n->global;

	memset(n->lines, 0, sizeof(n->lines));
	must(revocation_build(n->lines, sizeof(n->lines) / sizeof(n->lines[0]), n->revoked,
		     n->revoked_cnt) == 0);
	*g = (struct rk_global){.trust_generation = n->trust_generation,
		.is_enabled = !n->is_disabled,
		.is_ed25519_allowed = n->pair->options.is_ed25519_allowed};
	memcpy(g->suites, n->pair->options.suites[n->number % 2], sizeof(g->suites));
	n->view = (struct rk_view){.generation = {1, n->view.generation.counter + 1},
		.global = g,
		.strings = n->strings,
		.peers = &n->peer,
		.peer_cnt = 1,
		.base = n->lines,
		.base_line_cnt = sizeof(n->lines) / sizeof(n->lines[0])};
	memcpy(n->peer.groups, n->config[0].groups, sizeof(n->peer.groups));
	if (n->identity == NULL)
		return;
	strcpy(n->strings, n->identity->name);
	g->peering_common_name.len = (uint32_t)strlen(n->identity->name);
	memcpy(g->certificate_fingerprint, n->identity->verdict.fingerprint, RK_FINGERPRINT_LEN);
	g->credential_status = n->identity->verdict.status;
	g->credential_chain_cnt = n->identity->verdict.chain_cnt;
	g->credential_not_before = n->identity->verdict.not_before;
	g->credential_not_after = n->identity->verdict.not_after;
	memcpy(g->credential_chain, n->identity->verdict.chain, sizeof(g->credential_chain));
}

void pair_set_credential(struct pair_node *n)
{
	struct rk_private_key *key;

	credential_put(n->credential);
	n->credential = NULL;
	if (n->identity == NULL)
		return;
	key = rk_secret_new(sizeof(*key));
	must(key != NULL && pair_private_key(n->identity, key));
	must(credential_new(n->identity->verdict.fingerprint,
		     (struct rk_span){n->identity->der, n->identity->der_len}, key,
		     &n->credential) == 0);
}

static void open_engine(struct pair_node *n)
{
	static const uint8_t cookie_secret[32] = {0x42};
	struct engine_config config = {.worker_id = n->worker,
		.exchange_cnt = 16,
		.session_cnt = PAIR_PEER_MAX,
		.cookie_secret = cookie_secret};
	n->start_cnt++;
	must(engine_new(&config, &pair_ops, n, &n->engine) == 0);
	n->slots = calloc(1, engine_slots_size(PAIR_PEER_MAX));
	must(n->slots != NULL);
	engine_add_slots(n->engine, n->slots, PAIR_PEER_MAX);
	pair_begin(n);
}

static struct endpoint path_between(
	const struct pair_options *o, unsigned at, unsigned from, unsigned to)
{
	struct endpoint p = {.family = o->is_ipv6 ? 6 : 4,
		.local_port = (uint16_t)(1280 + at),
		.remote_port = (uint16_t)(1280 + at)};
	const uint8_t prefix6[] = {0x20, 0x01, 0x0d, 0xb8, 0, (uint8_t)at};
	const uint8_t prefix4[] = {192, 0, (uint8_t)(2 + at)};
	unsigned last = o->is_ipv6 ? 15 : 3;

	memcpy(p.local, o->is_ipv6 ? prefix6 : prefix4, o->is_ipv6 ? 6 : 3);
	memcpy(p.remote, p.local, sizeof(p.remote));
	p.local[last] = (uint8_t)(from + 1);
	p.remote[last] = (uint8_t)(to + 1);
	return p;
}

static void configure(struct pair_node *n, unsigned at, const struct pair_node *peer)
{
	const struct pair_options *o = &n->pair->options;
	struct session_config *c = &n->config[at];

	*c = (struct session_config){
		.name = peer->identity->name,
		.peering_common_name = peer->identity->name,
		.path = n->path[at],
		.peering_common_name_len = (uint8_t)strlen(peer->identity->name),
		.path_cnt = o->path_cnt == 0 ? 1 : o->path_cnt,
		.is_roaming = o->is_roaming,
		.rekey_packets = o->rekey_packets,
		.rekey_bytes = o->rekey_bytes,
		.invalid_certificate_behavior = (uint8_t)o->behavior,
		.rekey_interval_ns = o->rekey_interval_ns,
		.retransmit_interval_ns = o->retransmit_interval_ns,
		.timeout_ns = o->timeout_ns,
		.hold_ns = o->hold_ns,
		.reauth_interval_ns = o->reauth_interval_ns,
		.keep_alive_interval_ns = o->keep_alive_interval_ns,
	};
	memcpy(c->groups, o->groups, sizeof(c->groups));
	for (unsigned i = 0; i < c->path_cnt; i++)
		n->path[at][i] = path_between(o, i, n->number, peer->number);
}

static void set_default(uint64_t *value, uint64_t otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

static void set_defaults(struct pair_options *o)
{
	set_default(&o->latency_ns, PAIR_MS);
	set_default(&o->control_ns, 2 * PAIR_MS);
	set_default(&o->hold_ns, 30 * PAIR_SEC);
	set_default(&o->keep_alive_interval_ns, PAIR_SEC);
	set_default(&o->retransmit_interval_ns, PAIR_SEC);
	set_default(&o->timeout_ns, 60 * PAIR_SEC);
	set_default(&o->reauth_interval_ns, 86400 * PAIR_SEC);
	if (o->groups[0] == 0) {
		o->groups[0] = 23;
		o->groups[1] = 29;
	}
}

struct pair *pair_new(const struct pair_options *options, const struct pair_identity *east,
	const struct pair_identity *west)
{
	struct pair *p = calloc(1, sizeof(*p));
	unsigned i;

	must(p != NULL && crypto_ctx_new(&p->crypto) == 0);
	p->options = *options;
	set_defaults(&p->options);
	p->random = options->seed;
	p->now_ns = 1000 * PAIR_SEC;
	p->node_cnt = 2;
	p->node[0].identity = east;
	p->node[1].identity = west;
	for (i = 0; i < p->node_cnt; i++) {
		p->node[i].pair = p;
		p->node[i].number = i;
		p->node[i].trust_generation = 1;
	}
	configure(&p->node[0], 0, &p->node[1]);
	configure(&p->node[1], 0, &p->node[0]);
	for (i = 0; i < p->node_cnt; i++) {
		struct pair_node *n = &p->node[i];

		pair_set_credential(n);
		pair_publish(n);
		open_engine(n);
	}
	if (options->are_verdicts_known) {
		pair_know(p, 0, west);
		pair_know(p, 1, east);
	}
	return p;
}

void pair_add_worker(struct pair *p)
{
	struct pair_node *n = &p->node[2], *east = &p->node[0];

	p->node_cnt = 3;
	n->pair = p;
	n->number = 2;
	n->worker = 1;
	n->trust_generation = 1;
	n->identity = east->identity;
	n->config[0] = east->config[0];
	memcpy(n->path[0], east->path[0], sizeof(n->path[0]));
	n->config[0].path = n->path[0];
	pair_set_credential(n);
	pair_publish(n);
	open_engine(n);
	east->owner = n;
}

void pair_start(struct pair *p, unsigned node)
{
	struct pair_node *n = &p->node[node];

	pair_begin(n);
	n->session[0] = aligned_alloc(64, (session_size() + 63) / 64 * 64);
	must(n->session[0] != NULL);
	memset(n->session[0], 0, session_size());
	n->session_cnt = 1;
	must(session_add(n->engine, n->session[0], &n->config[0]) == 0);
}

/* Jobs that the engine lent must come back before it goes. */
static void run_jobs(struct pair_node *n)
{
	while (n->jobs != NULL) {
		struct crypto_job *job = n->jobs;

		n->jobs = *crypto_job_link(job);
		crypto_job_run(n->pair->crypto, job);
		pair_begin(n);
		engine_job_done(n->engine, job);
	}
}

static void close_engine(struct pair_node *n)
{
	pair_begin(n);
	if (n->session_cnt > 0)
		session_remove(n->engine, n->session[0]);
	n->session_cnt = 0; /* what is not there is not found */
	run_jobs(n);
	must(engine_counter(n->engine, REASON_MISDIRECTED) == n->misdirected_cnt);
	engine_free(n->engine);
	free(n->slots);
	free(n->session[0]);
	n->session[0] = NULL;
	n->session_cnt = 0;
	n->engine = NULL;
	must(n->timers == NULL);
}

static void drop_answers(struct pair *p, unsigned node)
{
	struct pair_answer **at = &p->answers, *a;

	while ((a = *at) != NULL) {
		if (a->node != node) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		free(a);
	}
}

void pair_free(struct pair *p)
{
	struct pair_packet *packet;
	unsigned i;

	for (i = 0; i < p->node_cnt; i++) {
		close_engine(&p->node[i]);
		credential_put(p->node[i].credential);
		drop_answers(p, i);
	}
	while ((packet = p->packets) != NULL) {
		p->packets = packet->next;
		free(packet);
	}
	crypto_ctx_free(p->crypto);
	free(p);
}

void pair_crash(struct pair *p, unsigned node)
{
	struct pair_node *n = &p->node[node];

	close_engine(n);
	drop_answers(p, node);
	open_engine(n);
}

/* ---- running --------------------------------------------------------------------------------- */

static uint64_t earliest(const struct pair *p, int *kind, unsigned *node)
{
	uint64_t at = UINT64_MAX;
	unsigned i;

	*kind = 0;
	if (p->packets != NULL) {
		at = p->packets->at_ns;
		*kind = 1;
	}
	if (p->answers != NULL && p->answers->at_ns < at) {
		at = p->answers->at_ns;
		*kind = 2;
	}
	for (i = 0; i < p->node_cnt; i++) {
		const struct pair_node *n = &p->node[i];

		if (n->jobs != NULL && n->jobs_ready_ns < at) {
			at = n->jobs_ready_ns;
			*kind = 3;
			*node = i;
		}
		if (n->timers != NULL && n->timers->deadline_ns < at) {
			at = n->timers->deadline_ns;
			*kind = 4;
			*node = i;
		}
	}
	return at;
}

/* Of the first group of reasons; but_once: without those that also tell why an exchange ended. */
static uint64_t packet_reasons(const struct engine *e, bool but_once)
{
	uint64_t sum = 0;

	for (size_t i = REASON_ACCEPTED; i < REASON_LEFT_OVER; i++)
		if (!but_once || (i != REASON_INTERNAL && i != REASON_BUSY))
			sum += engine_counter(e, i);
	return sum;
}

static void deliver(struct pair *p)
{
	struct pair_packet *packet = p->packets;
	uint64_t all, once;
	struct pair_node *n = &p->node[packet->to];

	p->packets = packet->next;
	if (n->owner != NULL &&
		engine_packet_owner(packet->payload, packet->len) == (int)n->owner->worker)
		n = n->owner;
	pair_begin(n);
	all = packet_reasons(n->engine, false);
	once = packet_reasons(n->engine, true);
	engine_receive(n->engine, &packet->source, packet->payload, packet->len);
	must(packet_reasons(n->engine, false) > all); /* P12 */
	must(packet_reasons(n->engine, true) <= once + 1);
	free(packet);
}

static void answer(struct pair *p)
{
	struct pair_answer *a = p->answers;
	struct pair_node *n = &p->node[a->node];

	p->answers = a->next;
	pair_begin(n);
	engine_verdict(n->engine, a->request, a->has_verdict ? &a->verdict : NULL);
	free(a);
}

static void finish_job(struct pair *p, unsigned node)
{
	struct pair_node *n = &p->node[node];
	struct crypto_job *job = n->jobs;

	n->jobs = *crypto_job_link(job);
	n->jobs_ready_ns = p->now_ns + p->options.job_ns;
	if (p->run_job != NULL)
		p->run_job(p, n, job);
	else
		crypto_job_run(p->crypto, job);
	pair_begin(n);
	engine_job_done(n->engine, job);
}

/* A new view may end what the timer is of. */
static void fire(struct pair *p, unsigned node)
{
	struct pair_node *n = &p->node[node];
	struct core_timer *t;

	pair_begin(n);
	t = n->timers;
	if (t == NULL || t->deadline_ns > p->now_ns)
		return;
	pair_cancel(n, t);
	engine_timer(n->engine, t);
}

bool pair_step(struct pair *p, uint64_t limit_ns)
{
	unsigned node = 0;
	int kind;
	uint64_t at = earliest(p, &kind, &node);

	if (kind == 0 || at > limit_ns) {
		p->now_ns = limit_ns;
		return false;
	}
	if (at > p->now_ns)
		p->now_ns = at;
	p->step_cnt++;
	switch (kind) {
	case 1:
		deliver(p);
		break;
	case 2:
		answer(p);
		break;
	case 3:
		finish_job(p, node);
		break;
	default:
		fire(p, node);
		break;
	}
	return true;
}

void pair_run(struct pair *p, uint64_t for_ns)
{
	uint64_t limit = p->now_ns + for_ns;

	while (pair_step(p, limit))
		;
}

bool pair_run_until(struct pair *p, bool (*done)(struct pair *p), uint64_t for_ns)
{
	uint64_t limit = p->now_ns + for_ns;

	while (!done(p)) {
		if (!pair_step(p, limit))
			return done(p);
	}
	return true;
}
