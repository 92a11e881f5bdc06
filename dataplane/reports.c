/* SPDX-License-Identifier: BSD-3-Clause */
/* From the workers' inbox to control, and control's answers back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/clock.h"
#include "dataplane/dataplane.h"
#include "dataplane/log.h"
#include "pki/view/secret.h"

struct message *command_new(enum message_type type)
{
	struct message *m = calloc(1, sizeof(*m));

	if (m == NULL) {
		log_error("out of memory");
		return NULL;
	}
	m->type = type;
	return m;
}

#define COMMAND_BLOCK_CNT 256

struct command_block {
	unsigned used_cnt;
	unsigned back_cnt;
	bool is_ended;
	struct message message[COMMAND_BLOCK_CNT];
};

static void free_block_if_over(struct command_block *b)
{
	if (b->is_ended && b->back_cnt == b->used_cnt)
		free(b);
}

void command_block_end(struct command_block *block)
{
	if (block == NULL)
		return;
	block->is_ended = true;
	free_block_if_over(block);
}

struct message *command_new_in(struct command_block **block, enum message_type type)
{
	struct command_block *b = *block;
	struct message *m;

	if (b == NULL || b->used_cnt == COMMAND_BLOCK_CNT) {
		command_block_end(b);
		b = *block = calloc(1, sizeof(*b));
		if (b == NULL) {
			log_error("out of memory");
			return NULL;
		}
	}
	m = &b->message[b->used_cnt++];
	m->type = (uint8_t)type;
	m->block = b;
	return m;
}

void command_free(struct message *m)
{
	if (m == NULL)
		return;
	if (m->block == NULL) {
		free(m);
		return;
	}
	m->block->back_cnt++;
	free_block_if_over(m->block);
}

int commands_new(struct dataplane *d, enum message_type type, struct inbox_list *out)
{
	unsigned i;

	inbox_list_init(out);
	for (i = 0; i < d->shared.worker_cnt; i++) {
		struct message *m = command_new(type);

		if (m == NULL) {
			commands_discard(out);
			return -ENOMEM;
		}
		inbox_list_append(out, &m->node);
	}
	return 0;
}

void commands_send(struct dataplane *d, struct inbox_list *commands)
{
	struct inbox_node *node;
	unsigned i = 0;

	while ((node = inbox_list_pop(commands)) != NULL)
		worker_command(d->shared.worker[i++], message_of(node));
}

void commands_discard(struct inbox_list *commands)
{
	struct inbox_node *node;

	while ((node = inbox_list_pop(commands)) != NULL)
		command_free(message_of(node));
}

/* The worker of a peer that a report or a certificate came from. */
static void send_back(struct dataplane *d, struct message *m)
{
	worker_command(d->shared.worker[m->from], m);
}

void reports_status(struct dataplane *d)
{
	struct inbox_list commands;

	if (d->status_cnt > 0) {
		d->is_status_wanted = true; /* one more after this one */
		return;
	}
	if (commands_new(d, MESSAGE_STATUS, &commands) < 0)
		return;
	d->status_cnt = d->shared.worker_cnt;
	commands_send(d, &commands);
}

static void end_status(struct dataplane *d)
{
	const struct rk_message m = {.type = RK_MSG_STATUS_END};

	if (--d->status_cnt > 0)
		return; /* another worker is still telling */
	reports_counters(d);
	channel_send(d->channel, &m);
	if (d->is_status_wanted) {
		d->is_status_wanted = false;
		reports_status(d);
	}
}

/* Control is asked under a number of main's own: the engine's is the worker's business. */
static void ask_control(struct dataplane *d, struct certificate_message *c)
{
	struct rk_message m = {.type = RK_MSG_VALIDATE};
	unsigned i = 0;

	while (i < VALIDATION_MAX && d->validation[i] != NULL)
		i++;
	if (i == VALIDATION_MAX || !channel_is_connected(d->channel)) {
		send_back(d, &c->head); /* no answer */
		return;
	}
	c->sent_as = ++d->validation_cnt;
	c->expire_ns = clock_monotonic_ns() + VALIDATION_LIMIT_NS;
	d->validation[i] = c;
	d->validating_cnt++;
	m.validate.request = c->sent_as;
	m.validate.der = (struct rk_span){c->der, c->der_len};
	channel_send(d->channel, &m);
}

static void end_validation(struct dataplane *d, unsigned i)
{
	send_back(d, &d->validation[i]->head);
	d->validation[i] = NULL;
	d->validating_cnt--;
}

void reports_verdict(struct dataplane *d, const struct rk_msg_verdict *m)
{
	unsigned i;

	for (i = 0; i < VALIDATION_MAX; i++) {
		struct certificate_message *c = d->validation[i];

		if (c == NULL || c->sent_as != m->request)
			continue;
		c->verdict = m->verdict;
		c->has_verdict = true;
		end_validation(d, i);
		return;
	}
}

void reports_expire(struct dataplane *d, uint64_t now_ns)
{
	unsigned i;

	for (i = 0; i < VALIDATION_MAX; i++)
		if (d->validation[i] != NULL && d->validation[i]->expire_ns <= now_ns)
			end_validation(d, i);
}

uint64_t reports_deadline_ns(const struct dataplane *d)
{
	uint64_t first = UINT64_MAX;
	unsigned i;

	for (i = 0; i < VALIDATION_MAX; i++)
		if (d->validation[i] != NULL && d->validation[i]->expire_ns < first)
			first = d->validation[i]->expire_ns;
	return first;
}

static void confirm(struct dataplane *d, struct certificate_message *c)
{
	struct rk_message m = {.type = RK_MSG_CONFIRMED};
	int ret = certificate_table_put(&d->shared.certificates, &c->verdict);

	if (ret < 0)
		log_warning("a confirmed certificate cannot be kept: %s", strerror(-ret));
	memcpy(m.confirmed.fingerprint, c->verdict.fingerprint, RK_FINGERPRINT_LEN);
	channel_send(d->channel, &m);
	send_back(d, &c->head);
}

/* The verdict under a standing peering is not thrown out of the table. */
static void note_certificate(struct dataplane *d, const struct rk_msg_event *event)
{
	static const uint8_t none[RK_FINGERPRINT_LEN];
	struct peer *p = peer_table_find_name(&d->shared.peers, event->peer);
	bool has =
		event->state == RK_PEER_UP && memcmp(event->fingerprint, none, sizeof(none)) != 0;

	if (p == NULL || (event->state == RK_PEER_UP && !has))
		return;
	if (p->has_fingerprint)
		certificate_table_hold(&d->shared.certificates, p->fingerprint, -1);
	p->has_fingerprint = has;
	memcpy(p->fingerprint, event->fingerprint, RK_FINGERPRINT_LEN);
	if (has)
		certificate_table_hold(&d->shared.certificates, p->fingerprint, 1);
}

/* A command that a worker has finished: ours to free. */
static void finish_command(struct dataplane *d, struct message *m)
{
	switch (m->type) {
	case MESSAGE_ADD:
		if (m->result < 0)
			log_error("peer %s cannot be served: %s", m->peer->name,
				strerror(-m->result));
		break;
	case MESSAGE_UPDATE:
		free(m->change.old);
		break;
	case MESSAGE_REMOVE:
		peer_removed(d, m->peer);
		break;
	case MESSAGE_APPLY:
		activate_done(d, m->seq);
		break;
	case MESSAGE_STATUS:
		/* Behind the last line of its answer. */
		inbox_list_append(&d->reports, &m->node);
		return;
	default:
		break;
	}
	if (m->type == MESSAGE_COOKIE)
		rk_wipe(m->cookie, sizeof(m->cookie));
	command_free(m);
}

static void forward(struct dataplane *d, struct message *m)
{
	struct rk_message out = {0};

	switch (m->type) {
	case MESSAGE_EVENT:
		note_certificate(d, &m->event);
		out.type = RK_MSG_EVENT;
		out.event = m->event;
		break;
	case MESSAGE_STATUS_PEER:
		out.type = RK_MSG_STATUS_PEER;
		out.status_peer = m->status;
		break;
	default: /* MESSAGE_STATUS */
		end_status(d);
		command_free(m);
		return;
	}
	channel_send(d->channel, &out);
	send_back(d, m);
}

void reports_take(struct dataplane *d)
{
	struct inbox_node *node = inbox_take(&d->shared.to_main);

	while (node != NULL) {
		struct inbox_node *next = node->next;
		struct message *m = message_of(node);

		node->next = NULL;
		if (message_is_command(m))
			finish_command(d, m);
		else if (m->type == MESSAGE_VALIDATE)
			ask_control(d, certificate_message_of(m));
		else if (m->type == MESSAGE_CONFIRM)
			confirm(d, certificate_message_of(m));
		else
			inbox_list_append(&d->reports, node);
		node = next;
	}
	/* Without a connection they are told to nobody, and the next STATUS tells all. */
	while ((!channel_is_connected(d->channel) || channel_has_room(d->channel)) &&
		(node = inbox_list_pop(&d->reports)) != NULL)
		forward(d, message_of(node));
}
