/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/clock_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/alarms.h"
#include "control/configuration.h"
#include "control/disk_write.h"
#include "control/revocations.h"
#include "control/time_text.h"
#include "control/verdicts.h"
#include "pki/store/master_list.h"
#include "pki/view/file.h"

#define SEEN_FILE    "clock.seen"
#define LOOK_SECONDS 60
#define JUMP_SECONDS 30 /* by so much the clock was set, not steered */
#define DAY          INT64_C(86400)
#define SAVE_SECONDS 3600
#define SLACK        INT64_C(300) /* a CA's clock may be ahead of ours by so much */

struct clock_watch {
	struct daemon *daemon;
	struct event *timer;
	int64_t seen;   /* the latest time that our clock has said and that was kept, or is being */
	int64_t before; /* seen, of the time before */
	int64_t offset; /* of the wall clock from the monotonic one, at the last look */
};

/* The latest thisUpdate of all lists in force; 0 = none. */
static int64_t newest_list(struct daemon *d)
{
	const struct revocations *r = revocations_current(d);
	const struct master_list *list = r != NULL ? revocations_list(r) : NULL;
	int64_t newest = 0;

	for (size_t i = 0; list != NULL && i < master_list_source_cnt(list); i++) {
		int64_t t = master_source_info(master_list_source(list, i))->this_update;

		if (t > newest)
			newest = t;
	}
	return newest;
}

int64_t clock_floor(struct daemon *d)
{
	int64_t newest = newest_list(d);

	return newest - newest % DAY;
}

int64_t clock_now(struct daemon *d)
{
	int64_t now = time(NULL), floor = clock_floor(d);

	return now > floor ? now : floor;
}

static void kept(void *arg, int error)
{
	struct clock_watch *w = arg;

	if (error < 0)
		w->seen = w->before; /* again at the next look */
}

static void keep(struct clock_watch *w, int64_t now)
{
	char *text = NULL;

	if (asprintf(&text, "%lld\n", (long long)now) < 0)
		text = NULL;
	w->before = w->seen;
	w->seen = now;
	disk_write(w->daemon, SEEN_FILE, text, kept, w);
}

void clock_watch_judge(struct clock_watch *w, int64_t now)
{
	static const struct alarm_spec spec = {"clock", "clock", ALARM_CRITICAL};
	int64_t list = newest_list(w->daemon), known = list > w->seen ? list : w->seen;
	char is[TIME_TEXT_LEN], passed[TIME_TEXT_LEN];

	if (now + SLACK < known) {
		time_text(now, is);
		time_text(known, passed);
		alarm_raise(w->daemon->alarms, &spec,
			"The clock is wrong: it says %s, but %s has passed (%s)", is, passed,
			list > w->seen ? "a CA has signed a CRL then" : "this clock said so");
		return;
	}
	alarm_clear(w->daemon->alarms, spec.kind, spec.source);
	if (now - w->seen >= SAVE_SECONDS)
		keep(w, now);
}

static int64_t offset_now(void)
{
	struct timespec monotonic;

	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	return time(NULL) - monotonic.tv_sec;
}

void clock_watch_look(struct clock_watch *w)
{
	int64_t offset = offset_now();
	bool was_set = llabs(offset - w->offset) > JUMP_SECONDS;

	w->offset = offset;
	clock_watch_judge(w, time(NULL));
	verdicts_judge_dates(w->daemon->verdicts, was_set);
	if (was_set)
		configuration_clock_set(w->daemon->configuration);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	clock_watch_look(arg);
}

int clock_watch_open(struct daemon *d, struct clock_watch **out)
{
	const struct timeval every = {.tv_sec = LOOK_SECONDS};
	struct clock_watch *w = calloc(1, sizeof(*w));
	uint8_t *text = NULL;
	size_t len;

	if (w == NULL)
		return -ENOMEM;
	w->daemon = d;
	w->offset = offset_now();
	if (rk_file_read(d->state_fd, SEEN_FILE, 32, &text, &len) == 0)
		w->seen = strtoll((const char *)text, NULL, 10);
	free(text);
	w->timer = event_new(d->base, -1, EV_PERSIST, on_timer, w);
	if (w->timer == NULL || event_add(w->timer, &every) < 0) {
		clock_watch_close(w);
		return -ENOMEM;
	}
	clock_watch_judge(w, time(NULL));
	*out = w;
	return 0;
}

void clock_watch_close(struct clock_watch *w)
{
	if (w == NULL)
		return;
	if (w->timer != NULL)
		event_free(w->timer);
	free(w);
}
