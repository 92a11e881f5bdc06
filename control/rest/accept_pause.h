/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Listeners when no descriptor is left: who waits stays readable, so libevent would try, fail and say
 * so again at once, for ever. They pause for a second instead. libevent gives an error's callback
 * evhttp's argument and not ours, so there is one pause in a process. Loop thread only.
 */
#pragma once

#include <event2/event.h>
#include <event2/listener.h>

struct accept_pause;

/* resume(arg) enables those that may be. 0 or -ENOMEM. */
int accept_pause_new(struct event_base *base, void (*resume)(void *arg), void *arg,
	struct accept_pause **out) __attribute__((warn_unused_result));
/* From now on l is disabled when it cannot accept, until the pause is over. Borrowed until it is freed. */
void accept_pause_watch(struct evconnlistener *l);
/* The listeners are gone. NULL is fine. */
void accept_pause_free(struct accept_pause *p);
