/* SPDX-License-Identifier: BSD-3-Clause */
/* What a test does to a pair, and what it looks at. */
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "tests/pair/host.h"

void pair_rejudge(struct pair *p, unsigned node)
{
	struct pair_node *n = &p->node[node];

	pair_publish(n);
	pair_begin(n);
	if (n->session_cnt > 0)
		session_rejudge(n->engine, n->session[0]);
}

void pair_set_identity(struct pair *p, unsigned node, const struct pair_identity *id)
{
	p->node[node].identity = id;
	pair_set_credential(&p->node[node]);
	pair_rejudge(p, node);
}

void pair_revoke(struct pair *p, unsigned node, const struct pair_identity *id)
{
	struct pair_node *n = &p->node[node];

	must(n->revoked_cnt < sizeof(n->revoked) / sizeof(n->revoked[0]));
	n->revoked[n->revoked_cnt++] =
		rk_revocation_entry(&id->verdict.chain[0].cert, RK_REASON_KEY_COMPROMISE);
	pair_rejudge(p, node);
}

void pair_unrevoke(struct pair *p, unsigned node)
{
	p->node[node].revoked_cnt = 0;
	pair_rejudge(p, node);
}

void pair_set_groups(struct pair *p, unsigned node, const uint16_t groups[RK_GROUP_MAX])
{
	struct pair_node *n = &p->node[node];

	memset(n->config[0].groups, 0, sizeof(n->config[0].groups));
	memcpy(n->config[0].groups, groups, RK_GROUP_MAX * sizeof(groups[0]));
	if (n->session_cnt > 0)
		session_update(n->engine, n->session[0], &n->config[0]);
	pair_rejudge(p, node);
}

void pair_know(struct pair *p, unsigned node, const struct pair_identity *id)
{
	pair_confirm(&p->node[node], &id->verdict);
}

struct rk_msg_status_peer pair_status(struct pair *p, unsigned node)
{
	struct rk_msg_status_peer status = {0};
	struct pair_node *n = &p->node[node];

	pair_begin(n);
	if (n->session_cnt > 0)
		session_status(n->engine, n->session[0], &status);
	return status;
}

uint64_t pair_counter(struct pair *p, unsigned node, const char *name)
{
	size_t i;

	for (i = 0; i < engine_counter_cnt(); i++) {
		if (strcmp(engine_counter_name(i), name) == 0)
			return engine_counter(p->node[node].engine, i);
	}
	test_fail(__FILE__, name, __LINE__);
}

static bool has_key_of(const struct session *s, const struct keyslot *other)
{
	for (unsigned i = 0; i < KEYRING_CNT; i++)
		if (keyslot_is_used(s->keys.slot[i]) &&
			memcmp(s->keys.slot[i]->exported, other->exported,
				sizeof(other->exported)) == 0)
			return true;
	return false;
}

bool pair_is_receivable(struct pair *p)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct session *own = p->node[i].session[0], *peer = p->node[!i].session[0];
		const struct keyslot *current;

		if (own == NULL || peer == NULL)
			continue;
		current = own->keys.slot[KEYRING_CURRENT];
		if (keyslot_is_used(current) && !has_key_of(peer, current))
			return false;
	}
	return true;
}

bool pair_is_agreed(struct pair *p)
{
	static const uint8_t zeros[16];
	struct rk_msg_status_peer east = pair_status(p, 0), west = pair_status(p, 1);

	return east.state == RK_PEER_UP && west.state == RK_PEER_UP &&
	       memcmp(east.exported, west.exported, sizeof(east.exported)) == 0 &&
	       memcmp(east.exported, zeros, sizeof(zeros)) != 0;
}

bool pair_has_event(struct pair *p, unsigned node, uint8_t state, const char *reason)
{
	const struct pair_node *n = &p->node[node];
	size_t i, cnt = n->event_cnt < PAIR_EVENT_MAX ? n->event_cnt : PAIR_EVENT_MAX;

	for (i = 0; i < cnt; i++) {
		if (n->event[i].state == state && strcmp(n->event[i].reason, reason) == 0)
			return true;
	}
	return false;
}
