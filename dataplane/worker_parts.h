/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the worker share among themselves; worker.h is the outside. */
#pragma once

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
/* Receives a burst from every port; how many packets came. */
unsigned worker_receive(struct worker *w);
void worker_flush(struct worker *w);

/* worker_command.c */
void worker_execute(struct worker *w, struct inbox_node *commands);
/* At the end of the thread: removes every session and sends every message back to main. */
void worker_close(struct worker *w);
/* A step of re-judging and of telling states; true: there was something to do. */
bool worker_walk_peers(struct worker *w);
