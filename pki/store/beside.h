/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A second thread for the length of one piece of work, where a helper thread has more to do than one
 * core does in time. Where there is no thread to be had, the work is done all the same, later.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

struct beside {
	pthread_t thread;
	bool is_running;
	void (*work)(void *arg);
	void *arg;
};

/* work(arg) begins in a thread of its own; begin and end are called by one thread. */
void beside_begin(struct beside *b, void (*work)(void *arg), void *arg);
/* work has returned; what it wrote can be read. Does it now if no thread could be made. */
void beside_end(struct beside *b);
