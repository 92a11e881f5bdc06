/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/graveyard.h"

#include <stddef.h>

#include "dataplane/wake.h"

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

void graveyard_init(struct graveyard *g, int wake_fd)
{
	inbox_init(&g->inbox);
	inbox_list_init(&g->buried);
	g->wake_fd = wake_fd;
}

static void bury(struct rk_rcu_node *node)
{
	struct grave *grave = container_of(node, struct grave, rcu);

	if (inbox_push(&grave->graveyard->inbox, &grave->node))
		wake_up(grave->graveyard->wake_fd);
}

void graveyard_retire(
	struct graveyard *g, struct grave *grave, void (*release)(struct grave *grave))
{
	grave->graveyard = g;
	grave->release = release;
	rk_rcu_retire(&grave->rcu, bury);
}

bool graveyard_step(struct graveyard *g, unsigned max)
{
	struct inbox_node *node;

	inbox_list_append(&g->buried, inbox_take(&g->inbox));
	while (max > 0 && (node = inbox_list_pop(&g->buried)) != NULL) {
		struct grave *grave = container_of(node, struct grave, node);

		grave->release(grave);
		max--;
	}
	return g->buried.first != NULL;
}
