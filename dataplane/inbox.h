/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue from any thread to one: intrusive, lock-free, unbounded because it owns no memory; who
 * owns the messages bounds them. Order is kept per sender. What a sender wrote before push is
 * visible to the receiver after take.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct inbox_node {
	struct inbox_node *next; /* sender until push, receiver after take */
};

struct inbox {
	_Atomic(struct inbox_node *) newest; /* senders: rw, receiver: rw */
};

void inbox_init(struct inbox *box);
/* True when it was empty: the receiver may have to be woken. */
bool inbox_push(struct inbox *box, struct inbox_node *node);
/* Everything sent so far, oldest first, linked by next; NULL when empty. Receiver only. */
struct inbox_node *inbox_take(struct inbox *box);

/* The receiver's own list of what it has taken and not handled yet. */
struct inbox_list {
	struct inbox_node *first;
	struct inbox_node **end;
};

void inbox_list_init(struct inbox_list *list);
void inbox_list_append(struct inbox_list *list, struct inbox_node *nodes); /* a chain, or NULL */
/* Moves all of other to the end; O(1). */
void inbox_list_join(struct inbox_list *list, struct inbox_list *other);
struct inbox_node *inbox_list_pop(struct inbox_list *list);
