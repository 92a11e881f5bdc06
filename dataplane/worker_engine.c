/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine's way out: every engine_op, as the worker serves it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "dataplane/wake.h"
#include "dataplane/worker_parts.h"

#define worker_of(ctx) ((struct worker *)(ctx))

struct message *worker_report_new(struct worker *w)
{
	struct inbox_node *node = inbox_list_pop(&w->free_reports);

	return node == NULL ? NULL : message_of(node);
}

void worker_tell_main(struct worker *w, struct message *m)
{
	if (inbox_push(&w->shared->to_main, &m->node))
		wake_up(w->shared->wake_fd);
}

static void op_send(void *ctx, const struct endpoint *to, const uint8_t *payload, size_t len)
{
	worker_send(ctx, to, payload, len);
}

static bool op_random(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	return RAND_priv_bytes(out, (int)len) == 1;
}

static struct session *op_find_peer(void *ctx, const char *name, size_t len, unsigned *owner)
{
	struct peer *p = peer_table_find(&worker_of(ctx)->shared->peers, name, len);

	if (p == NULL || atomic_load_explicit(&p->is_dead, memory_order_acquire) ||
		!atomic_load_explicit(&p->is_ready, memory_order_acquire))
		return NULL;
	*owner = p->owner;
	return peer_session(p);
}

static const struct rk_verdict *op_find_verdict(void *ctx, const uint8_t *fingerprint)
{
	const struct worker *w = ctx;
	const struct rk_view *view = &w->published->view;
	const struct rk_verdict *v = rk_view_find_verdict(view, fingerprint);

	if (v == NULL)
		v = certificate_table_find(&w->shared->certificates, fingerprint);
	/* Judged under other anchors: as good as never, it is asked again. */
	if (v != NULL && v->trust_generation != view->global->trust_generation)
		return NULL;
	return v;
}

static struct certificate_message *new_certificate(struct worker *w, enum message_type type)
{
	struct inbox_node *node = inbox_list_pop(&w->free_certificates);
	struct certificate_message *c;

	if (node == NULL)
		return NULL;
	c = certificate_message_of(message_of(node));
	c->head.type = type;
	return c;
}

static bool op_validate(void *ctx, uint64_t request, const uint8_t *der, size_t len)
{
	struct worker *w = ctx;
	struct certificate_message *c;

	if (len > sizeof(c->der) ||
		!atomic_load_explicit(&w->shared->is_control_connected, memory_order_relaxed))
		return false;
	c = new_certificate(w, MESSAGE_VALIDATE);
	if (c == NULL)
		return false;
	c->request = request;
	c->has_verdict = false;
	c->der_len = len;
	memcpy(c->der, der, len);
	worker_tell_main(w, &c->head);
	return true;
}

static void op_confirm(void *ctx, const struct rk_verdict *v)
{
	struct worker *w = ctx;
	struct certificate_message *c = new_certificate(w, MESSAGE_CONFIRM);

	if (c == NULL) {
		counters_add(&w->counters, NET_REPORT_LOST);
		return; /* the next full exchange asks and confirms again */
	}
	c->verdict = *v;
	worker_tell_main(w, &c->head);
}

static void op_submit(void *ctx, struct crypto_job *job)
{
	crypto_submit(worker_of(ctx)->crypto, job);
}

static void op_arm(void *ctx, struct core_timer *t, uint64_t deadline_ns)
{
	timers_arm(&worker_of(ctx)->timers, t, deadline_ns);
}

static void op_cancel(void *ctx, struct core_timer *t)
{
	timers_cancel(&worker_of(ctx)->timers, t);
}

/*
 * The event could not be told: its peer's whole state will be. Who has the name may be another one by now, and
 * another worker's.
 */
static void note_lost(struct worker *w, const char *name)
{
	struct peer *p = peer_table_find_name(&w->shared->peers, name);

	counters_add(&w->counters, NET_REPORT_LOST);
	if (p == NULL || p->owner != w->id)
		return;
	p->needs_status = true;
	w->is_resync_due = true;
}

static void op_event(void *ctx, const struct engine_event *event)
{
	struct worker *w = ctx;
	struct message *m = worker_report_new(w);

	if (m == NULL) {
		note_lost(w, event->peer);
		return;
	}
	m->type = MESSAGE_EVENT;
	memset(&m->event, 0, sizeof(m->event));
	snprintf(m->event.peer, sizeof(m->event.peer), "%s", event->peer);
	m->event.state = event->state;
	m->event.verdict = event->verdict;
	m->event.path_down = event->path_down;
	if (event->fingerprint != NULL)
		memcpy(m->event.fingerprint, event->fingerprint, RK_FINGERPRINT_LEN);
	snprintf(m->event.reason, sizeof(m->event.reason), "%s", event->reason);
	worker_tell_main(w, m);
}

static bool op_hand_over(void *ctx, unsigned owner, const struct handover *h)
{
	struct worker *w = ctx;
	struct inbox_node *node = inbox_list_pop(&w->free_handovers);
	struct handover_message *m;

	if (node == NULL)
		return false;
	m = handover_message_of(message_of(node));
	m->head.type = MESSAGE_HAND_OVER;
	memcpy(m->handover, h, handover_size());
	inbox_push(&w->shared->worker[owner]->inbox, &m->head.node);
	return true;
}

const struct engine_ops worker_engine_ops = {
	.send = op_send,
	.random = op_random,
	.find_peer = op_find_peer,
	.find_verdict = op_find_verdict,
	.validate = op_validate,
	.confirm = op_confirm,
	.submit = op_submit,
	.arm = op_arm,
	.cancel = op_cancel,
	.event = op_event,
	.hand_over = op_hand_over,
};
