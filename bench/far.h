/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The load generator: the far end of every peer of a stage, behind one gateway. One engine holds all
 * their sessions and answers at once, so that what is measured is the near end. What it sends waits
 * for its turn on the wire, a burst each round of the worker.
 */
#pragma once

#include "bench/stage.h"

struct far;

struct far_ops {
	/* The near end sent this peer a message, at that time; NULL is fine. */
	void (*heard)(void *ctx, unsigned peer, uint8_t type, uint64_t sent_ns);
	void *ctx;
};

/* Gives every peer of the stage keys, both halves. */
struct far *far_new(struct stage *s, const struct far_ops *ops);
void far_free(struct far *f);
/* Takes what the worker sent, answers, and puts the next burst on the wire; then the worker's round. */
bool far_turn(struct far *f);
/* Its parts, for who decides alone what is on the wire when: the answers are queued; */
void far_listen(struct far *f);
/* the queue's first frame, or its last, goes to the worker (it is not empty); false: lost, no room. */
bool far_put(struct far *f);
bool far_put_last(struct far *f);
/* The worker's queue holds no more than so many frames from now on, and whether it does. */
void far_set_queue(struct far *f, unsigned frame_cnt);
bool far_is_queue_full(const struct far *f);
/* When the first one was sent; UINT64_MAX: none waits. */
uint64_t far_first_ns(const struct far *f);
/* A protected keep-alive that wants an answer, from this peer. */
void far_probe(struct far *f, unsigned peer);
/* A full exchange that this peer begins, at its next turn. */
void far_exchange(struct far *f, unsigned peer);
/* Any payload, from any address, as if it came through the gateway. false: the queue is full. */
bool far_send(struct far *f, const struct endpoint *path, const uint8_t *payload, size_t len);
/* Frames that wait for the wire. */
unsigned far_queued(const struct far *f);
