/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the worker share among themselves; worker.h is the outside. */
#pragma once

#include <rte_mbuf.h>

#include "dataplane/core/engine.h"
#include "dataplane/worker.h"

/* worker_engine.c: the engine's way out; ctx is the worker. */
extern const struct engine_ops worker_engine_ops;
/* A report from the pool, or NULL; and its way to main. */
struct message *worker_report_new(struct worker *w);
void worker_tell_main(struct worker *w, struct message *m);

/* worker_net.c */
extern const struct neighbour_ops worker_neighbour_ops;
void worker_send(struct worker *w, const struct endpoint *to, const uint8_t *payload, size_t len);
void worker_flush(struct worker *w);
/* This view's gateways are known before anything is to go through them. */
void worker_list_gateways(struct worker *w);
/* An empty buffer bound for a port, or NULL and counted. */
struct rte_mbuf *worker_new_buffer(struct worker *w, uint16_t port_id);
static inline uint8_t *worker_bytes(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod(m, uint8_t *);
}
/* Gives a built frame its length and sends it; len 0: it did not fit. Takes m. */
void worker_finish(struct worker *w, struct rte_mbuf *m, size_t len);
struct net_link worker_link(const struct published_port *port);
/* Which queue of a port is ours, if it has that many. */
uint16_t worker_queue_of(const struct worker *w, uint16_t port);
/* Sends what workers without a queue of their own gave us; how much it was. */
unsigned worker_take_leaving(struct worker *w);
/* Frees a ring and the frames that still lie in it. NULL is fine. */
void worker_drain(struct rte_ring *ring);

/* worker_receive.c: a burst from every queue of ours and every ring; how many packets came. */
unsigned worker_receive(struct worker *w);

/* worker_command.c */
/*
 * Takes what came in: answers and hand-overs at once, main's commands in order and a step of them
 * only, so that no change of the view, however large, holds packets up. True: there was any.
 */
bool worker_execute(struct worker *w, struct inbox_node *news);
/* At the end of the thread: removes every session and sends every message back to main. */
void worker_close(struct worker *w);
/* A step of re-judging and of telling states; true: there was something to do. */
bool worker_walk_peers(struct worker *w);
