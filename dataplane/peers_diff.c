/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/dataplane.h"
#include "dataplane/log.h"

#define UNREACHABLE_TOLD_MAX 32 /* by name, a view */

/*
 * Commands in the order of their execution; each names its peer. Peers that are to be added hang
 * on their ADD command and are linked only when the plan is executed.
 */
struct peer_plan {
	struct inbox_list commands;
	struct command_block *block;
	struct inbox_list batches; /* one for each worker, to be filled */
	uint64_t number;           /* its own: a plan that came to nothing leaves its on peers */
	unsigned unreachable_cnt;
	struct dataplane *d;
	int ret;
};

static void append(struct peer_plan *plan, enum message_type type, struct peer *p,
	const struct session_config *config)
{
	struct message *m = command_new_in(&plan->block, type);

	if (m != NULL && config != NULL)
		m->change.config = peer_config_new(p, config);
	if (m == NULL || (config != NULL && m->change.config == NULL)) {
		plan->ret = -ENOMEM;
		if (type == MESSAGE_ADD)
			peer_free(p);
		command_free(m);
		return;
	}
	m->peer = p;
	inbox_list_append(&plan->commands, &m->node);
}

static void plan_add(struct peer_plan *plan, const struct session_config *config)
{
	unsigned owner = shared_owner_of(
		&plan->d->shared, config->peering_common_name, config->peering_common_name_len);
	struct peer *p = peer_new(&plan->d->pool[owner], config->name, config->peering_common_name,
		config->peering_common_name_len);

	if (p == NULL) {
		plan->ret = -ENOMEM;
		return;
	}
	p->owner = (uint8_t)owner;
	p->seen_by = plan->number;
	append(plan, MESSAGE_ADD, p, config);
}

/* A peer keeps its object while identity and name stay what they were. */
static void plan_peer(struct peer_plan *plan, const struct session_config *config)
{
	struct peer *p = peer_table_find(&plan->d->shared.peers, config->peering_common_name,
		config->peering_common_name_len);

	if (p == NULL || strcmp(p->name, config->name) != 0) {
		plan_add(plan, config);
		return;
	}
	p->seen_by = plan->number;
	if (!peer_config_is_same(p->config, config))
		append(plan, MESSAGE_UPDATE, p, config);
}

static void plan_removal(struct peer *p, void *arg)
{
	struct peer_plan *plan = arg;

	if (p->seen_by != plan->number && plan->ret == 0)
		append(plan, MESSAGE_REMOVE, p, NULL);
}

int peer_plan_new(struct dataplane *d, const struct published *next, struct peer_plan **out)
{
	struct peer_plan *p = calloc(1, sizeof(*p));
	struct inbox_list changes;
	struct peer_settings settings;
	size_t i;
	int ret;

	if (p == NULL)
		return -ENOMEM;
	p->number = ++d->plan_cnt;
	p->d = d;
	inbox_list_init(&p->commands);
	p->ret = commands_new(d, MESSAGE_BATCH, &p->batches);
	for (i = 0; i < next->view.peer_cnt && p->ret == 0; i++) {
		published_peer_settings(next, &next->view.peers[i], &settings);
		plan_peer(p, &settings.config);
	}
	/* Removals go first: a renamed peer leaves its identity before the new one takes it. */
	changes = p->commands;
	inbox_list_init(&p->commands);
	if (p->ret == 0)
		peer_table_walk(&d->shared.peers, plan_removal, p);
	inbox_list_append(&p->commands, changes.first);
	command_block_end(p->block);
	p->block = NULL;
	ret = p->ret;
	if (ret < 0)
		peer_plan_discard(p);
	else
		*out = p;
	return ret;
}

void peer_plan_discard(struct peer_plan *plan)
{
	struct inbox_node *node;

	while ((node = inbox_list_pop(&plan->commands)) != NULL) {
		struct message *m = message_of(node);

		if (m->type != MESSAGE_REMOVE)
			free(m->change.config);
		if (m->type == MESSAGE_ADD)
			peer_free(m->peer);
		command_free(m);
	}
	commands_discard(&plan->batches);
	command_block_end(plan->block);
	free(plan);
}

static void forget_certificate(struct dataplane *d, struct peer *p)
{
	if (p->has_fingerprint)
		certificate_table_hold(&d->shared.certificates, p->fingerprint, -1);
	p->has_fingerprint = false;
}

/* A peer none of whose ports exists: said once a view, or its silence would be a riddle. */
static void tell_unreachable(
	struct dataplane *d, struct peer_plan *plan, const struct session_config *config)
{
	struct rk_message m = {.type = RK_MSG_EVENT, .event.state = RK_PEER_INITIALIZING};
	unsigned i;

	for (i = 0; i < config->path_cnt; i++)
		if (config->path[i].port_id != PORT_NONE)
			return;
	if (plan->unreachable_cnt++ >= UNREACHABLE_TOLD_MAX)
		return; /* the channel has room for more than these */
	snprintf(m.event.peer, sizeof(m.event.peer), "%s", config->name);
	snprintf(m.event.reason, sizeof(m.event.reason), "no-such-port");
	channel_send(d->channel, &m);
}

static void change_peer(struct dataplane *d, struct peer_plan *plan, struct message *m)
{
	struct peer *p = m->peer;

	m->change.old = p->config;
	p->config = m->change.config;
	tell_unreachable(d, plan, p->config);
	if (m->type == MESSAGE_UPDATE)
		return;
	m->change.slots = peer_take_slots(p, &m->change.slot_session_cnt);
	if (!peer_table_add(&d->shared.peers, p))
		abort(); /* identities of a view are unique and removals are done */
}

void peer_plan_execute(struct dataplane *d, struct peer_plan *plan)
{
	struct message *batch[WORKER_MAX];
	struct inbox_node *node = plan->batches.first;
	unsigned i;

	for (i = 0; i < d->shared.worker_cnt; i++, node = node->next) {
		batch[i] = message_of(node);
		inbox_list_init(&batch[i]->batch);
	}
	while ((node = inbox_list_pop(&plan->commands)) != NULL) {
		struct message *m = message_of(node);

		if (m->type == MESSAGE_REMOVE) {
			forget_certificate(d, m->peer);
			peer_table_remove(&d->shared.peers, m->peer);
			log_debug("peer %s goes", m->peer->name);
		} else {
			change_peer(d, plan, m);
			log_debug("peer %s: worker %u", m->peer->name, m->peer->owner);
		}
		inbox_list_append(&batch[m->peer->owner]->batch, node);
	}
	commands_send(d, &plan->batches);
	if (plan->unreachable_cnt > UNREACHABLE_TOLD_MAX)
		log_warning("%u peers have no port that exists", plan->unreachable_cnt);
	free(plan);
}

static void release_peer(struct grave *grave)
{
	peer_free((struct peer *)((uintptr_t)grave - offsetof(struct peer, grave)));
}

void peer_removed(struct dataplane *d, struct peer *p)
{
	graveyard_retire(&d->graveyard, &p->grave, release_peer);
}

void peer_forget(struct peer *p, void *arg)
{
	struct dataplane *d = arg;

	peer_table_remove(&d->shared.peers, p);
	peer_removed(d, p);
}
