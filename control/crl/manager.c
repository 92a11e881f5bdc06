/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/crl/manager.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "control/alarms.h"
#include "control/crl/state.h"
#include "control/fields.h"
#include "control/log.h"
#include "control/publish.h"

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct crl_manager *m = arg;

	(void)fd;
	(void)what;
	crl_watch(m);
	if (m->is_save_due)
		crl_save(m);
	crl_schedule(m);
}

static int load_list(struct crl_manager *m)
{
	enum master_list_origin origin;
	int ret = master_list_load(m->d->state_fd, &m->list, &origin);

	/* Whatever was not written before this start is fetched again. */
	alarm_clear(m->d->alarms, crl_not_saved.kind, crl_not_saved.source);
	if (ret == 0 && origin != MASTER_LIST_PREVIOUS) {
		alarm_clear(m->d->alarms, crl_list_damaged.kind, crl_list_damaged.source);
		return 0;
	}
	if (ret == -EPROTONOSUPPORT)
		log_error("crl: " MASTER_LIST_FILE " is of a later version, and who is revoked "
			  "cannot be read from it: install that version again, or move the file "
			  "away, and every CRL is fetched anew");
	if (ret < 0 && ret != -EBADMSG)
		return ret;
	log_error("crl: the list of revoked certificates is damaged; %s",
		ret == 0 ? "the one before it is used" : "starting without one");
	m->is_list_damaged = true;
	alarm_raise(m->d->alarms, &crl_list_damaged,
		"The list of revoked certificates was damaged; %s until every CRL is fetched again",
		ret == 0 ? "an older one is in force" : "none is in force");
	return ret == 0 ? 0 : master_list_new(&m->list);
}

int crl_manager_open(struct daemon *d, struct crl_manager **out)
{
	struct crl_manager *m = calloc(1, sizeof(*m));
	int ret = -ENOMEM;

	if (m == NULL)
		return -ENOMEM;
	m->d = d;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		goto fail;
	m->timer = evtimer_new(d->base, on_timer, m);
	if (m->timer == NULL)
		goto fail;
	ret = fetcher_new(d->base, &m->fetcher);
	if (ret == 0)
		ret = load_list(m);
	if (ret < 0)
		goto fail;
	*out = m;
	return 0;
fail:
	crl_manager_close(m);
	return ret;
}

static void give_waiters(void *waiters, struct answer *a)
{
	struct crl_waiter *w = waiters;

	while (w != NULL) {
		struct crl_waiter *next = w->next;

		w->cb(w->arg, a);
		free(w);
		w = next;
	}
}

static struct crl_waiter *take_waiters(struct crl_manager *m)
{
	struct crl_waiter *w = m->waiter;

	m->waiter = NULL;
	return w;
}

static void answer_waiters(struct crl_manager *m)
{
	struct crl_waiter *w = take_waiters(m);
	struct answer a;

	if (w == NULL)
		return;
	if (!m->is_closing) {
		crl_manager_list(m, give_waiters, w);
		return;
	}
	answer_error(&a, 503, "shutting-down", NULL, "The daemon is stopping.");
	give_waiters(w, &a);
	answer_fini(&a);
}

void crl_manager_close(struct crl_manager *m)
{
	size_t i;

	if (m == NULL)
		return;
	m->is_closing = true;
	answer_waiters(m);
	crl_end_listings(m);
	if (m->is_save_due && master_list_save(m->list, m->d->state_fd, NULL) < 0)
		log_error(
			"crl: the master list could not be written; it is fetched again at start");
	fetcher_free(m->fetcher);
	if (m->timer != NULL)
		event_free(m->timer);
	for (i = 0; i < m->source_cnt; i++)
		crl_source_free(m->source[i]);
	free(m->source);
	free(m->by_url);
	master_list_put(m->list);
	free(m);
	curl_global_cleanup();
}

static bool is_any_forced(const struct crl_manager *m)
{
	size_t i;

	for (i = 0; i < m->source_cnt; i++) {
		if (m->source[i]->is_forced || m->source[i]->is_forced_running)
			return true;
	}
	return false;
}

static void on_published(void *arg, struct answer *a)
{
	struct crl_manager *m = arg;

	if (is_any_forced(m)) /* a later refresh answers for all */
		return;
	if (a->status == 200)
		answer_waiters(m);
	else
		give_waiters(take_waiters(m), a);
}

/* Its deltas that waited for it start now. */
static void end_waiting(struct crl_manager *m, const struct crl_source *full)
{
	for (size_t i = 0; m->waiting_cnt > 0 && i < m->source_cnt; i++) {
		struct crl_source *s = m->source[i];

		if (s->is_waiting && crl_source_belongs_to(s, full)) {
			s->is_waiting = false;
			s->due_ns = 0;
			m->waiting_cnt--;
		}
	}
}

void crl_run_ended(struct crl_manager *m, struct crl_source *s)
{
	bool was_forced = s->is_forced_running;

	s->is_running = s->is_forced_running = false;
	m->running_cnt--;
	if (s->is_delta)
		m->delta_until_ns = 0;
	if (m->is_closing)
		return;
	end_waiting(m, s);
	if (was_forced && m->waiter != NULL && !is_any_forced(m))
		publisher_wait(m->d->publisher, on_published, m);
	crl_schedule(m);
}

void crl_manager_refresh(struct crl_manager *m, const json_t *request, answer_cb cb, void *arg)
{
	struct crl_waiter *w;
	struct answer a = {0};
	size_t i;

	if (fields_read(request, NULL, 0, &a) < 0) {
		cb(arg, &a);
		answer_fini(&a);
		return;
	}
	w = calloc(1, sizeof(*w));
	if (w == NULL) {
		answer_error(&a, 503, "no-memory", NULL, "Out of memory; try again.");
		cb(arg, &a);
		answer_fini(&a);
		return;
	}
	*w = (struct crl_waiter){.next = m->waiter, .cb = cb, .arg = arg};
	m->waiter = w;
	for (i = 0; i < m->source_cnt; i++)
		m->source[i]->is_forced = !m->source[i]->is_overridden && !m->source[i]->is_early;
	if (!is_any_forced(m)) {
		answer_waiters(m);
		return;
	}
	crl_schedule(m);
}

struct master_list *crl_manager_master_list(const struct crl_manager *m)
{
	return m->list;
}
