/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BEAT_NS INT64_C(250000000)

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Whatever kept the loop from this kept it from everything else, too. */
static void on_heart(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval next = {.tv_usec = BEAT_NS / 1000};
	struct metrics *m = arg;
	int64_t now = now_ns(), late = now - m->heart_ns;

	(void)fd;
	(void)what;
	if (late > m->longest_pause_ns)
		m->longest_pause_ns = late;
	m->heart_ns = now + BEAT_NS;
	event_add(m->heart_event, &next);
	if (m->on_beat != NULL)
		m->on_beat(m->beat_arg);
}

int metrics_open(struct daemon *d, struct metrics **out)
{
	const struct timeval first = {0};
	struct metrics *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return -ENOMEM;
	m->heart_event = evtimer_new(d->base, on_heart, m);
	if (m->heart_event == NULL || event_add(m->heart_event, &first) < 0) {
		metrics_close(m);
		return -ENOMEM;
	}
	m->heart_ns = INT64_MAX; /* the start is no pause */
	*out = m;
	return 0;
}

void metrics_close(struct metrics *m)
{
	if (m == NULL)
		return;
	if (m->heart_event != NULL)
		event_free(m->heart_event);
	free(m);
}

json_t *metrics_stats(const struct metrics *m)
{
	static const char *const names[] = {
#define X(id, name, family, labels, help) [METRIC_##id] = name,
		METRIC_LIST(X)
#undef X
	};
	json_t *out = json_object();

	for (size_t i = 0; m != NULL && i < METRIC_CNT; i++)
		json_object_set_new(out, names[i], json_integer((json_int_t)m->value[i]));
	return out;
}

int64_t metrics_take_pause(struct metrics *m)
{
	int64_t longest = m->longest_pause_ns;

	m->longest_pause_ns = 0;
	return longest;
}

/* What a request counts for, by what it asked and what came of it. */
static const struct {
	const char *path;
	enum metric success, failure;
} requests[] = {
	{"/certificate-request", METRIC_CSR_SUCCESS, METRIC_CSR_FAILURE},
	{"/certificate", METRIC_IMPORT_SUCCESS, METRIC_IMPORT_FAILURE},
	{"/login", METRIC_LOGIN_SUCCESS, METRIC_LOGIN_FAILURE},
};

void metrics_count_request(struct metrics *m, const char *path, bool is_change, int status)
{
	bool is_ok = status < 400;

	metrics_count(m, is_ok ? METRIC_REQUESTS_OK : METRIC_REQUESTS_REFUSED);
	for (size_t i = 0; is_change && i < sizeof(requests) / sizeof(requests[0]); i++)
		if (strcmp(path, requests[i].path) == 0)
			metrics_count(m, is_ok ? requests[i].success : requests[i].failure);
}
