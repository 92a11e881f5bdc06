/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/pair/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- randomness ------------------------------------------------------------------------------ */

uint64_t pair_random(struct pair *p)
{
	uint64_t z = p->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static bool is_hit(struct pair *p, unsigned permille)
{
	return permille > 0 && pair_random(p) % 1000 < permille;
}

/* ---- what the engines call ------------------------------------------------------------------- */

void pair_begin(struct pair_node *n)
{
	const struct engine_env env = {
		.view = &n->view,
		.credential = n->credential,
		.now_ns = n->pair->now_ns,
		.wall_sec = PAIR_WALL + (int64_t)(n->pair->now_ns / PAIR_SEC),
	};

	engine_begin(n->engine, &env);
}

static void put_packet(struct pair *p, struct pair_packet *packet)
{
	struct pair_packet **at = &p->packets;

	while (*at != NULL && (*at)->at_ns <= packet->at_ns)
		at = &(*at)->next;
	packet->next = *at;
	*at = packet;
}

void pair_inject(struct pair *p, const struct pair_packet *packet, uint64_t delay_ns)
{
	struct pair_packet *copy = malloc(sizeof(*copy));

	must(copy != NULL);
	*copy = *packet;
	copy->at_ns = p->now_ns + delay_ns;
	put_packet(p, copy);
}

static uint64_t latency(struct pair *p)
{
	uint64_t jitter = p->options.latency_jitter_ns;

	return p->options.latency_ns + (jitter != 0 ? pair_random(p) % jitter : 0);
}

/* The last byte of an address is the node's number + 1. */
static struct pair_node *node_at(struct pair *p, const struct endpoint *to)
{
	unsigned i;

	for (i = 0; i < p->node_cnt; i++) {
		if (to->remote[to->family == 4 ? 3 : 15] == i + 1)
			return &p->node[i];
	}
	return NULL;
}

static void on_send(void *ctx, const struct endpoint *to, const uint8_t *payload, size_t len)
{
	struct pair_node *n = ctx;
	struct pair *p = n->pair;
	struct pair_node *receiver = node_at(p, to);
	struct pair_packet packet = {.from = n->number, .len = len};

	n->sent_cnt++;
	n->sent_bytes += len;
	if (receiver == NULL)
		return;
	must(len > 0 && len <= sizeof(packet.payload));
	packet.to = receiver->number;
	packet.source = (struct endpoint){
		.family = to->family, .local_port = to->remote_port, .remote_port = to->local_port};
	memcpy(packet.source.local, to->remote, sizeof(to->remote));
	memcpy(packet.source.remote, to->local, sizeof(to->local));
	memcpy(packet.payload, payload, len);
	if (p->filter != NULL && !p->filter(p, &packet))
		return;
	if (is_hit(p, p->options.duplicate_permille))
		pair_inject(p, &packet, latency(p));
	if (!is_hit(p, p->options.loss_permille))
		pair_inject(p, &packet, latency(p));
}

static bool on_random(void *ctx, uint8_t *out, size_t len)
{
	struct pair_node *n = ctx;

	if (n->pair->options.has_flat_random) {
		memset(out, (int)(n->number * 16 + n->start_cnt), len);
		return true;
	}
	while (len-- > 0)
		*out++ = (uint8_t)pair_random(n->pair);
	return true;
}

static struct session *on_find_peer(void *ctx, const char *name, size_t len, unsigned *owner)
{
	struct pair_node *n = ctx;
	unsigned i;

	if (n->owner != NULL)
		n = n->owner;
	for (i = 0; i < n->session_cnt; i++) {
		const struct session_config *c = &n->config[i];

		if (c->peering_common_name_len == len &&
			memcmp(c->peering_common_name, name, len) == 0) {
			*owner = n->worker;
			return n->session[i];
		}
	}
	return NULL;
}

static const struct rk_verdict *on_find_verdict(void *ctx, const uint8_t *fingerprint)
{
	struct pair_node *n = ctx;
	size_t i;

	for (i = 0; i < n->known_cnt; i++) {
		if (memcmp(n->known[i].fingerprint, fingerprint, RK_FINGERPRINT_LEN) == 0 &&
			n->known[i].trust_generation == n->trust_generation)
			return &n->known[i];
	}
	return NULL;
}

static const struct pair_identity *identity_of_der(struct pair *p, const uint8_t *der, size_t len)
{
	unsigned i;

	for (i = 0; i < p->node_cnt; i++) {
		const struct pair_identity *id = p->node[i].identity;

		if (id != NULL && id->der_len == len && memcmp(id->der, der, len) == 0)
			return id;
	}
	return NULL;
}

static bool on_validate(void *ctx, uint64_t request, const uint8_t *der, size_t len)
{
	struct pair_node *n = ctx;
	const struct pair_identity *id = identity_of_der(n->pair, der, len);
	struct pair_answer *a, **at = &n->pair->answers;

	n->validate_cnt++;
	if (n->is_control_away)
		return false;
	a = calloc(1, sizeof(*a));
	must(a != NULL);
	a->at_ns = n->pair->now_ns + n->pair->options.control_ns;
	a->node = n->number;
	a->request = request;
	a->has_verdict = true;
	if (id != NULL)
		a->verdict = id->verdict;
	else
		a->verdict.status = RK_VERDICT_UNTRUSTED;
	while (*at != NULL && (*at)->at_ns <= a->at_ns)
		at = &(*at)->next;
	a->next = *at;
	*at = a;
	return true;
}

void pair_confirm(void *ctx, const struct rk_verdict *v)
{
	struct pair_node *n = ctx;

	if (n->owner != NULL)
		pair_confirm(n->owner, v);
	if (on_find_verdict(n, v->fingerprint) != NULL)
		return;
	must(n->known_cnt < PAIR_VERDICT_MAX);
	n->known[n->known_cnt++] = *v;
}

static void on_submit(void *ctx, struct crypto_job *job)
{
	struct pair_node *n = ctx;
	struct crypto_job **at = &n->jobs;

	n->job_cnt++;
	if (*at == NULL)
		n->jobs_ready_ns = n->pair->now_ns + n->pair->options.job_ns;
	while (*at != NULL)
		at = crypto_job_link(*at);
	*crypto_job_link(job) = NULL;
	*at = job;
}

void pair_cancel(void *ctx, struct core_timer *t)
{
	(void)ctx;
	if (t->prev_link == NULL)
		return;
	*t->prev_link = t->next;
	if (t->next != NULL)
		t->next->prev_link = t->prev_link;
	t->prev_link = NULL;
	t->next = NULL;
}

static void on_arm(void *ctx, struct core_timer *t, uint64_t deadline_ns)
{
	struct pair_node *n = ctx;
	struct core_timer **at = &n->timers;

	pair_cancel(ctx, t);
	t->deadline_ns = deadline_ns;
	while (*at != NULL && (*at)->deadline_ns <= deadline_ns)
		at = &(*at)->next;
	t->next = *at;
	t->prev_link = at;
	if (t->next != NULL)
		t->next->prev_link = &t->next;
	*at = t;
}

static void on_event(void *ctx, const struct engine_event *event)
{
	struct pair_node *n = ctx;
	struct pair_event *e = &n->event[n->event_cnt % PAIR_EVENT_MAX];

	n->event_cnt++;
	*e = (struct pair_event){
		.at_ns = n->pair->now_ns, .state = event->state, .verdict = event->verdict};
	snprintf(e->reason, sizeof(e->reason), "%s", event->reason);
}

static bool on_hand_over(void *ctx, unsigned owner, const struct handover *h)
{
	struct pair_node *n = ctx;

	must(n->owner != NULL && owner == n->owner->worker);
	if (n->handovers_to_refuse > 0) {
		n->handovers_to_refuse--;
		return false;
	}
	pair_begin(n->owner);
	engine_take_over(n->owner->engine, h);
	return true;
}

const struct engine_ops pair_ops = {
	.send = on_send,
	.random = on_random,
	.find_peer = on_find_peer,
	.find_verdict = on_find_verdict,
	.validate = on_validate,
	.confirm = pair_confirm,
	.submit = on_submit,
	.arm = on_arm,
	.cancel = pair_cancel,
	.event = on_event,
	.hand_over = on_hand_over,
};
