/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/publish_private.h"

#include <stdlib.h>
#include <string.h>

#define APPLY_SECONDS 5
#define BUILD_SECONDS 60 /* for the largest set, on a busy machine */

void publisher_end_waiter(struct waiter *w, struct answer *a)
{
	TAILQ_REMOVE(&w->publisher->waiters, w, next);
	w->cb(w->arg, a);
	answer_fini(a);
	event_free(w->timer);
	free(w);
}

void publisher_succeed_waiter(struct waiter *w, const char *how)
{
	struct answer a;
	char text[48];

	if (w->is_partial) {
		answer_error(&a, 503, "not-published", NULL,
			"done here, but not all of it can be published; it is tried again (alarm "
			"publication-failed)");
		publisher_end_waiter(w, &a);
		return;
	}
	snprintf(text, sizeof(text), "%llu.%llu", (unsigned long long)w->generation.incarnation,
		(unsigned long long)w->generation.counter);
	answer_ok(&a, json_pack("{s:s, s:s}", "generation", text, "data_plane", how));
	publisher_end_waiter(w, &a);
}

json_t *publisher_result(const struct answer *published)
{
	const json_t *error = json_object_get(published->body, "error");
	const char *code = json_string_value(json_object_get(error, "code"));

	if (published->status == 200)
		return json_incref(published->body);
	return json_pack("{s:s, s:s?, s:O?}", "data_plane",
		code != NULL && strcmp(code, PUBLISH_REFUSED) == 0 ? "refused" : "pending", "code",
		code, "message", json_object_get(error, "message"));
}

static void on_waited(evutil_socket_t fd, short what, void *arg)
{
	struct waiter *w = arg;
	struct publisher *p = w->publisher;
	struct answer a;

	(void)fd;
	(void)what;
	if (w->is_building) {
		answer_error(&a, 503, "not-applied", NULL,
			"done here, but the revocations were not compiled within %d s",
			BUILD_SECONDS);
		publisher_end_waiter(w, &a);
	} else if (w->is_partial || !publish_link_is_connected(p->link)) {
		publisher_succeed_waiter(w, "absent");
	} else if (rk_generation_cmp(p->applied, w->generation) >= 0) {
		publisher_succeed_waiter(w, "applied");
	} else {
		answer_error(&a, 503, "not-applied", NULL,
			"done here, but the data plane has not confirmed it within %d s",
			APPLY_SECONDS);
		publisher_end_waiter(w, &a);
	}
}

/* The generation is known: from here on the workers' time counts. */
static void wait_for_workers(struct publisher *p, struct waiter *w)
{
	struct timeval when = {.tv_sec = APPLY_SECONDS};

	w->is_building = false;
	w->is_partial = publisher_has_failed(p);
	w->generation = p->published;
	if (w->is_partial || !publish_link_is_connected(p->link) ||
		rk_generation_cmp(p->applied, p->published) >= 0)
		when.tv_sec = 0;
	event_add(w->timer, &when);
}

static bool is_building(const struct publisher *p)
{
	return p->is_compiling ||
	       (p->is_marked[RK_PART_REVOCATION_BASE] && !p->is_failed[RK_PART_REVOCATION_BASE]);
}

void publisher_settle_waiters(struct publisher *p)
{
	struct waiter *w;

	if (is_building(p))
		return;
	TAILQ_FOREACH(w, &p->waiters, next)
	{
		if (w->is_building)
			wait_for_workers(p, w);
	}
}

bool publisher_is_behind(const struct publisher *p)
{
	return publisher_is_connected(p) &&
	       (is_building(p) || rk_generation_cmp(p->applied, p->published) < 0);
}

void publisher_await(struct publisher *p, answer_cb cb, void *arg)
{
	struct waiter *w = calloc(1, sizeof(*w));
	const struct timeval build = {.tv_sec = BUILD_SECONDS};
	struct answer a;

	if (w != NULL)
		w->timer = evtimer_new(p->daemon->base, on_waited, w);
	if (w == NULL || w->timer == NULL) {
		free(w);
		answer_error(&a, 500, "no-memory", NULL, "no memory");
		cb(arg, &a);
		answer_fini(&a);
		return;
	}
	w->publisher = p;
	w->cb = cb;
	w->arg = arg;
	TAILQ_INSERT_TAIL(&p->waiters, w, next);
	if (is_building(p)) {
		w->is_building = true;
		event_add(w->timer, &build);
	} else {
		wait_for_workers(p, w);
	}
}

void publisher_wait(struct publisher *p, answer_cb cb, void *arg)
{
	publisher_flush(p);
	publisher_await(p, cb, arg);
}
