/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All sources as people are told of them, in the order they were met. Thousands take a while to
 * print: the loop does some at a time, whatever comes and goes meanwhile.
 */
#include <stdlib.h>

#include "control/crl/state.h"

#define AT_A_TIME 128 /* some two milliseconds */

struct crl_listing {
	struct crl_listing *next;
	struct crl_manager *m;
	struct event *turn;
	json_t *sources;
	uint64_t from; /* that one comes next, or the first met after it */
	answer_cb cb;
	void *arg;
};

/* Takes l. */
static void end_listing(struct crl_listing *l, struct answer *a)
{
	struct crl_listing **p = &l->m->listing;

	while (*p != l)
		p = &(*p)->next;
	*p = l->next;
	json_decref(l->sources);
	event_free(l->turn);
	l->cb(l->arg, a);
	answer_fini(a);
	free(l);
}

static void answer_whole(struct crl_listing *l)
{
	const struct master_list *list = l->m->list;
	struct answer a;

	answer_ok(&a, json_pack("{s:O, s:I, s:I}", "sources", l->sources, "generation",
			      (json_int_t)master_list_generation(list), "entries",
			      (json_int_t)master_list_entry_cnt(list)));
	a.is_large = json_array_size(l->sources) > AT_A_TIME;
	end_listing(l, &a);
}

static void add_some(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval next = {0};
	struct crl_listing *l = arg;
	const struct crl_manager *m = l->m;
	size_t i = 0, added = 0;

	(void)fd;
	(void)what;
	while (i < m->source_cnt && m->source[i]->nth < l->from)
		i++;
	for (; i < m->source_cnt && added < AT_A_TIME; i++, added++) {
		json_array_append_new(l->sources, crl_source_json(m->source[i]));
		l->from = m->source[i]->nth + 1;
	}
	if (i == m->source_cnt)
		answer_whole(l);
	else
		event_add(l->turn, &next);
}

void crl_manager_list(struct crl_manager *m, answer_cb cb, void *arg)
{
	struct crl_listing *l = calloc(1, sizeof(*l));
	struct answer a;

	if (l != NULL) {
		l->sources = json_array();
		l->turn = evtimer_new(m->d->base, add_some, l);
	}
	if (l == NULL || l->sources == NULL || l->turn == NULL) {
		if (l != NULL && l->turn != NULL)
			event_free(l->turn);
		if (l != NULL)
			json_decref(l->sources);
		free(l);
		answer_error(&a, 503, "no-memory", NULL, "Out of memory; try again.");
		cb(arg, &a);
		answer_fini(&a);
		return;
	}
	l->m = m;
	l->cb = cb;
	l->arg = arg;
	l->next = m->listing;
	m->listing = l;
	add_some(-1, 0, l);
}

void crl_end_listings(struct crl_manager *m)
{
	struct answer a;

	while (m->listing != NULL) {
		answer_error(&a, 503, "shutting-down", NULL, "The daemon is stopping.");
		end_listing(m->listing, &a);
	}
}
