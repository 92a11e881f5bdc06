/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/inbox.h"

void inbox_init(struct inbox *box)
{
	atomic_init(&box->newest, NULL);
}

bool inbox_push(struct inbox *box, struct inbox_node *node)
{
	struct inbox_node *newest = atomic_load_explicit(&box->newest, memory_order_relaxed);

	do {
		node->next = newest;
	} while (!atomic_compare_exchange_weak_explicit(
		&box->newest, &newest, node, memory_order_release, memory_order_relaxed));
	return newest == NULL;
}

struct inbox_node *inbox_take(struct inbox *box)
{
	struct inbox_node *newest;
	struct inbox_node *oldest = NULL;

	/* The common case is "nothing": a load does not take the line from the senders. */
	if (atomic_load_explicit(&box->newest, memory_order_relaxed) == NULL)
		return NULL;
	newest = atomic_exchange_explicit(&box->newest, NULL, memory_order_acquire);
	while (newest != NULL) {
		struct inbox_node *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

void inbox_list_init(struct inbox_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

void inbox_list_append(struct inbox_list *list, struct inbox_node *nodes)
{
	if (nodes == NULL)
		return;
	*list->end = nodes;
	while (nodes->next != NULL)
		nodes = nodes->next;
	list->end = &nodes->next;
}

void inbox_list_join(struct inbox_list *list, struct inbox_list *other)
{
	if (other->first == NULL)
		return;
	*list->end = other->first;
	list->end = other->end;
	inbox_list_init(other);
}

struct inbox_node *inbox_list_pop(struct inbox_list *list)
{
	struct inbox_node *node = list->first;

	if (node == NULL)
		return NULL;
	list->first = node->next;
	if (list->first == NULL)
		list->end = &list->first;
	node->next = NULL;
	return node;
}
