/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/crl/state.h"
#include "control/startup.h"

#define TICK_MAX_NS UINT64_C(60000000000) /* staleness is looked at this often */
/*
 * A large full list does not start beside a delta, whose handful of revocations would wait for its
 * millions: but no longer than this, whatever the delta's server does.
 */
#define DELTA_LEAD_NS UINT64_C(500000000)
#define LARGE_BYTES   ((size_t)1 << 20)

static void start(struct crl_manager *m, struct crl_source *s, uint64_t now)
{
	struct crl_run *run;
	struct fetch_request request = {
		.url = s->url,
		.size_max = s->size_max,
		.dir_fd = m->d->state_fd,
		.is_file_allowed = s->is_configured,
		.is_local_allowed = s->is_local_allowed,
		/* A refresh asks for the list itself, not for whether it changed. */
		.etag = s->is_forced ? NULL : s->etag,
		.last_modified = s->is_forced ? NULL : s->last_modified,
	};
	int ret;

	s->is_running = true;
	s->is_forced_running = s->is_forced;
	s->is_forced = false;
	s->last_try = crl_wall_sec();
	m->running_cnt++;
	if (s->is_unfetched) {
		crl_fail(m, s, "crl-fetch",
			"a certificate names no http or https URL of its list: give one as "
			"crl-endpoint");
		return;
	}
	m->pause_until_ns = now + s->backoff_ns;
	if (s->is_delta)
		m->delta_until_ns = now + DELTA_LEAD_NS;
	run = calloc(1, sizeof(*run));
	if (run == NULL) {
		crl_fail(m, s, "crl-fetch", "out of memory");
		return;
	}
	run->m = m;
	run->source = s;
	ret = fetch_start(m->fetcher, &request, crl_on_fetched, run);
	if (ret < 0) {
		free(run);
		crl_fail(m, s, "crl-fetch",
			ret == -EINVAL ? "not an http, https or file URL" : strerror(-ret));
	}
}

/* When the source may start; UINT64_MAX = not by itself. */
static uint64_t start_time(const struct crl_manager *m, const struct crl_source *s)
{
	uint64_t lead = !s->is_delta && s->bytes >= LARGE_BYTES ? m->delta_until_ns : 0;

	if (s->is_running || s->is_waiting)
		return UINT64_MAX;
	if (s->is_forced)
		return lead;
	if (s->is_overridden || s->is_early)
		return UINT64_MAX;
	if (s->due_ns > lead)
		lead = s->due_ns;
	return lead > m->pause_until_ns ? lead : m->pause_until_ns;
}

static struct crl_source *next_source(const struct crl_manager *m, uint64_t *when)
{
	struct crl_source *best = NULL;
	size_t i;

	*when = UINT64_MAX;
	for (i = 0; i < m->source_cnt; i++) {
		uint64_t t = start_time(m, m->source[i]);

		/* Of two that are due a delta goes first: it is small, and says what is new. */
		if (t < *when ||
			(best != NULL && t == *when && m->source[i]->is_delta && !best->is_delta)) {
			*when = t;
			best = m->source[i];
		}
	}
	return best;
}

void crl_schedule(struct crl_manager *m)
{
	uint64_t now = crl_now_ns(), when, pause = TICK_MAX_NS;
	struct crl_source *s;
	struct timeval tv;

	/* A start that fails at once ends its run, which comes here again: the loop goes on. */
	if (m->is_closing || m->is_starting || !startup_is_over(m->d))
		return;
	m->is_starting = true;
	while (m->running_cnt < CRL_RUNNING_MAX && (s = next_source(m, &when)) != NULL &&
		when <= now)
		start(m, s, now);
	m->is_starting = false;
	if (m->running_cnt < CRL_RUNNING_MAX && next_source(m, &when) != NULL && when > now &&
		when - now < pause)
		pause = when - now;
	tv.tv_sec = (time_t)(pause / UINT64_C(1000000000));
	tv.tv_usec = (suseconds_t)(pause % UINT64_C(1000000000) / 1000 + 1);
	if (tv.tv_usec >= 1000000) {
		tv.tv_sec++;
		tv.tv_usec = 0;
	}
	event_add(m->timer, &tv);
}
