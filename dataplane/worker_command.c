/* SPDX-License-Identifier: BSD-3-Clause */
/* Main's commands, and the two walks over the worker's own peers that they start. */
#include <string.h>

#include "dataplane/worker_parts.h"
#include "pki/view/secret.h"

static void link_peer(struct worker *w, struct peer *p)
{
	p->next = w->peers;
	p->prev_link = &w->peers;
	if (p->next != NULL)
		p->next->prev_link = &p->next;
	w->peers = p;
}

static void step_past(struct worker_walk *walk, const struct peer *p)
{
	if (walk->next == p)
		walk->next = p->next;
}

static void unlink_peer(struct worker *w, struct peer *p)
{
	step_past(&w->telling, p);
	step_past(&w->rotating, p);
	*p->prev_link = p->next;
	if (p->next != NULL)
		p->next->prev_link = p->prev_link;
	p->next = NULL;
	p->prev_link = NULL;
}

static void start_walk(struct worker *w, struct worker_walk *walk, struct message *command)
{
	/* A walk that is overtaken has its work done by the one that starts now. */
	if (walk->command != NULL)
		worker_tell_main(w, walk->command);
	*walk = (struct worker_walk){.next = w->peers, .command = command, .is_running = true};
}

static void end_walk(struct worker *w, struct worker_walk *walk)
{
	if (walk->command != NULL)
		worker_tell_main(w, walk->command);
	*walk = (struct worker_walk){0};
}

static void add_peer(struct worker *w, struct message *m)
{
	struct peer *p = m->peer;

	if (m->change.slots != NULL)
		engine_add_slots(w->engine, m->change.slots, m->change.slot_session_cnt);
	m->result = session_add(w->engine, peer_session(p), m->change.config);
	if (m->result < 0)
		return; /* known, but never ready: main says so */
	link_peer(w, p);
	atomic_store_explicit(&p->is_ready, true, memory_order_release);
}

static void remove_peer(struct worker *w, struct peer *p)
{
	if (!atomic_load_explicit(&p->is_ready, memory_order_relaxed))
		return;
	unlink_peer(w, p);
	session_remove(w->engine, peer_session(p));
	atomic_store_explicit(&p->is_ready, false, memory_order_release);
}

static void rotate(struct worker *w, struct message *m)
{
	if (m->peer == NULL) {
		start_walk(w, &w->rotating, m);
		return;
	}
	if (atomic_load_explicit(&m->peer->is_ready, memory_order_relaxed))
		session_rotate(w->engine, peer_session(m->peer), false);
	worker_tell_main(w, m);
}

/* What came back from main: an answer to a validation, or a report to be used again. */
static void take_back(struct worker *w, struct message *m)
{
	struct certificate_message *c;

	if (m->type != MESSAGE_VALIDATE && m->type != MESSAGE_CONFIRM) {
		inbox_list_append(&w->free_reports, &m->node);
		return;
	}
	c = certificate_message_of(m);
	if (m->type == MESSAGE_VALIDATE)
		engine_verdict(w->engine, c->request, c->has_verdict ? &c->verdict : NULL);
	inbox_list_append(&w->free_certificates, &m->node);
}

/* From another worker, or our own come back. */
static void take_handover(struct worker *w, struct handover_message *h)
{
	if (h->head.from == w->id) {
		inbox_list_append(&w->free_handovers, &h->head.node);
		return;
	}
	engine_take_over(w->engine, (const struct handover *)(void *)h->handover);
	rk_wipe(h->handover, handover_size());
	inbox_push(&w->shared->worker[h->head.from]->inbox, &h->head.node);
}

static void execute(struct worker *w, struct message *m)
{
	switch (m->type) {
	case MESSAGE_ADD:
		add_peer(w, m);
		break;
	case MESSAGE_UPDATE:
		if (atomic_load_explicit(&m->peer->is_ready, memory_order_relaxed))
			session_update(w->engine, peer_session(m->peer), m->change.config);
		break;
	case MESSAGE_REMOVE:
		remove_peer(w, m->peer);
		break;
	case MESSAGE_APPLY:
		start_walk(w, &w->judging, m);
		return;
	case MESSAGE_ROTATE:
		rotate(w, m);
		return;
	case MESSAGE_STATUS:
		start_walk(w, &w->telling, m);
		return;
	case MESSAGE_COOKIE:
		engine_set_cookie_secret(w->engine, m->cookie);
		break;
	case MESSAGE_HAND_OVER:
		take_handover(w, handover_message_of(m));
		return;
	default:
		take_back(w, m);
		return;
	}
	worker_tell_main(w, m);
}

static void sort(struct worker *w, struct inbox_node *news)
{
	while (news != NULL) {
		struct inbox_node *next = news->next;

		struct message *m = message_of(news);

		news->next = NULL;
		if (m->type == MESSAGE_BATCH) {
			inbox_list_join(&w->commands, &m->batch);
			worker_tell_main(w, m);
		} else if (message_is_command(m)) {
			inbox_list_append(&w->commands, news);
		} else {
			execute(w, m);
		}
		news = next;
	}
}

bool worker_execute(struct worker *w, struct inbox_node *news)
{
	bool is_any = news != NULL || w->commands.first != NULL;
	struct inbox_node *node;
	unsigned left;

	sort(w, news);
	for (left = WORKER_COMMAND_STEP; left > 0; left--) {
		node = inbox_list_pop(&w->commands);
		if (node == NULL)
			break;
		execute(w, message_of(node));
	}
	return is_any;
}

static void judge_step(struct worker *w)
{
	w->judging.number = engine_rejudge(w->engine, w->judging.number, WORKER_REJUDGE_STEP);
	if (w->judging.number >= engine_session_end(w->engine))
		end_walk(w, &w->judging);
}

static void rotate_step(struct worker *w)
{
	unsigned left = WORKER_ROTATE_STEP;
	struct peer *p;

	while ((p = w->rotating.next) != NULL && left-- > 0) {
		w->rotating.next = p->next;
		session_rotate(w->engine, peer_session(p), true);
	}
	if (w->rotating.next == NULL)
		end_walk(w, &w->rotating);
}

static void tell_step(struct worker *w)
{
	unsigned left = WORKER_STATUS_STEP;
	struct message *m;
	struct peer *p;

	while ((p = w->telling.next) != NULL && left-- > 0) {
		/* A resync tells only of peers with a lost event. */
		if (w->telling.command != NULL || p->needs_status) {
			m = worker_report_new(w);
			if (m == NULL)
				return; /* goes on when main has given some back */
			m->type = MESSAGE_STATUS_PEER;
			memset(&m->status, 0, sizeof(m->status));
			session_status(w->engine, peer_session(p), &m->status);
			p->needs_status = false;
			worker_tell_main(w, m);
		}
		w->telling.next = p->next;
	}
	if (w->telling.next == NULL)
		end_walk(w, &w->telling);
}

bool worker_walk_peers(struct worker *w)
{
	bool is_any = w->judging.is_running || w->telling.is_running || w->rotating.is_running;

	if (w->judging.is_running)
		judge_step(w);
	if (w->rotating.is_running)
		rotate_step(w);
	if (w->telling.is_running) {
		tell_step(w);
	} else if (w->is_resync_due) {
		w->is_resync_due = false;
		start_walk(w, &w->telling, NULL);
	}
	return is_any;
}

void worker_close(struct worker *w)
{
	struct inbox_node *node;

	end_walk(w, &w->judging);
	end_walk(w, &w->telling);
	end_walk(w, &w->rotating);
	while (w->peers != NULL)
		remove_peer(w, w->peers);
	sort(w, inbox_take(&w->inbox));
	while ((node = inbox_list_pop(&w->commands)) != NULL)
		worker_tell_main(w, message_of(node));
}
