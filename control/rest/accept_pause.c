/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/accept_pause.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/budget.h"
#include "control/log.h"

#define PAUSE_SEC 1

static const struct budget_rule log_rule = {.burst = 2, .refill_sec = 60};

struct accept_pause {
	struct event *timer;
	void (*resume)(void *arg);
	void *arg;
	struct budget log;
};

static struct accept_pause *current;

static void is_over(evutil_socket_t fd, short what, void *arg)
{
	struct accept_pause *p = arg;

	(void)fd;
	(void)what;
	p->resume(p->arg);
}

static void failed(struct evconnlistener *l, void *arg)
{
	const struct timeval tv = {.tv_sec = PAUSE_SEC};
	int error = errno;

	(void)arg; /* evhttp's */
	if (current == NULL || evtimer_add(current->timer, &tv) < 0)
		return;
	evconnlistener_disable(l);
	if (budget_take(&current->log, &log_rule))
		log_error("no connection can be taken: %s; those who wait are taken when it can",
			strerror(error));
}

int accept_pause_new(
	struct event_base *base, void (*resume)(void *arg), void *arg, struct accept_pause **out)
{
	struct accept_pause *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	p->resume = resume;
	p->arg = arg;
	p->timer = evtimer_new(base, is_over, p);
	if (p->timer == NULL) {
		free(p);
		return -ENOMEM;
	}
	current = p;
	*out = p;
	return 0;
}

void accept_pause_watch(struct evconnlistener *l)
{
	evconnlistener_set_error_cb(l, failed);
}

void accept_pause_free(struct accept_pause *p)
{
	if (p == NULL)
		return;
	if (current == p)
		current = NULL;
	event_free(p->timer);
	free(p);
}
