/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/startup.h"

#include <stdio.h>
#include <time.h>

#define PATIENCE_USEC   30000000 /* so long may the next step take */
#define RETRY_AFTER_SEC 2

static void print(const struct daemon_start *s, char *out, size_t size)
{
	if (s->total > 0)
		snprintf(out, size, "%s (%zu of %zu)", s->what, s->done, s->total);
	else
		snprintf(out, size, "%s", s->what);
}

static time_t now_sec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void tell_manager(struct daemon *d)
{
	char what[128], text[256];

	d->start.told = now_sec();
	if (d->options->tell_manager == NULL)
		return;
	print(&d->start, what, sizeof(what));
	snprintf(text, sizeof(text), "STATUS=Starting: %s\nEXTEND_TIMEOUT_USEC=%d", what,
		PATIENCE_USEC);
	d->options->tell_manager(d->options->manager, text);
}

void startup_begin(struct daemon *d, const char *what, size_t total)
{
	d->start = (struct daemon_start){.what = what, .total = total};
	tell_manager(d);
}

void startup_step(struct daemon *d, size_t done)
{
	d->start.done = done;
	if (now_sec() != d->start.told)
		tell_manager(d);
}

void startup_end(struct daemon *d)
{
	d->start = (struct daemon_start){0};
}

void startup_refuse(const struct daemon *d, struct answer *out)
{
	const struct daemon_start *s = &d->start;
	char what[128];

	print(s, what, sizeof(what));
	answer_error(out, 503, "starting",
		json_pack("{s:s, s:I, s:o}", "stage", s->what, "done", (json_int_t)s->done, "total",
			s->total > 0 ? json_integer((json_int_t)s->total) : json_null()),
		"rekey-control is starting: %s", what);
	out->retry_after_sec = RETRY_AFTER_SEC;
}
