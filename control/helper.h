/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Helper threads for work too long for the event loop: key generation, password hashing, chain
 * validation, large publications. They give way to the loop where they share its core. work() runs on
 * a helper and may touch only its argument; done() runs afterwards on the loop thread. Bounded queue:
 * -EAGAIN when full.
 */
#pragma once

#include <event2/event.h>

struct helper_pool;

int helper_pool_new(struct event_base *base, unsigned thread_cnt, unsigned queue_max,
	struct helper_pool **out) __attribute__((warn_unused_result));
/*
 * Waits for running work, calls done for what finished, and for what never ran, too: done must not
 * take work() for granted. helper_run refuses (-EAGAIN) meanwhile.
 */
void helper_pool_free(struct helper_pool *pool);
/* Runs the loop until no more than so many are queued or running: at start. */
void helper_pool_settle(struct helper_pool *pool, unsigned depth);
/* The same without the loop's other events: blocks, and calls done for all of it. */
void helper_pool_drain(struct helper_pool *pool);
/* Accepted and not yet given to done(). */
unsigned helper_pool_depth(struct helper_pool *pool);
/*
 * put(obj) by a helper thread: giving much memory back takes a while. At once when pool is NULL, full
 * or ending.
 */
void helper_release(struct helper_pool *pool, void (*put)(void *obj), void *obj);
int helper_run(struct helper_pool *pool, void (*work)(void *arg), void (*done)(void *arg),
	void *arg) __attribute__((warn_unused_result));
