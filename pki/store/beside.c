/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/store/beside.h"

#include <signal.h>

static void *run(void *arg)
{
	struct beside *b = arg;

	b->work(b->arg);
	return NULL;
}

void beside_begin(struct beside *b, void (*work)(void *arg), void *arg)
{
	sigset_t all, before;

	b->work = work;
	b->arg = arg;
	sigfillset(&all); /* signals are the loop thread's */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	b->is_running = pthread_create(&b->thread, NULL, run, b) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void beside_end(struct beside *b)
{
	if (b->is_running)
		pthread_join(b->thread, NULL);
	else
		b->work(b->arg);
	b->is_running = false;
}
