/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/refusals.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "control/audit.h"

#define BURST      200 /* some 100 KiB of records */
#define REFILL_SEC 10  /* one more: 5 MiB a day, a month until only they are left */
#define TELL_SEC   60

struct budget {
	unsigned left;
	int64_t refilled; /* monotonic, seconds */
	uint64_t omitted_cnt;
};

struct refusals {
	struct daemon *daemon;
	struct event *tell_event;
	struct budget budget[2]; /* of strangers, of those who are known */
};

static int64_t now_sec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static void tell(struct refusals *r)
{
	uint64_t *unknown = &r->budget[false].omitted_cnt, *known = &r->budget[true].omitted_cnt;

	if (*unknown + *known == 0)
		return;
	audit_write_as(r->daemon->audit, &(struct audit_actor){.is_denied = true},
		"access.refused_more", "Further requests were refused.",
		json_pack("{s:I, s:I}", "unauthenticated", (json_int_t)*unknown, "authenticated",
			(json_int_t)*known));
	*unknown = *known = 0;
}

static void on_tell(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tell(arg);
}

int refusals_new(struct daemon *d, struct refusals **out)
{
	struct refusals *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	r->daemon = d;
	r->tell_event = evtimer_new(d->base, on_tell, r);
	if (r->tell_event == NULL) {
		free(r);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < 2; i++)
		r->budget[i] = (struct budget){.left = BURST, .refilled = now_sec()};
	*out = r;
	return 0;
}

void refusals_free(struct refusals *r)
{
	if (r == NULL)
		return;
	tell(r);
	event_free(r->tell_event);
	free(r);
}

bool refusals_admit(struct refusals *r, bool is_known)
{
	const struct timeval later = {.tv_sec = TELL_SEC};
	struct budget *b = &r->budget[is_known];
	int64_t gained = (now_sec() - b->refilled) / REFILL_SEC;

	b->refilled += gained * REFILL_SEC;
	b->left = gained < BURST - b->left ? b->left + (unsigned)gained : BURST;
	if (b->left > 0) {
		b->left--;
		return true;
	}
	b->omitted_cnt++;
	if (!event_pending(r->tell_event, EV_TIMEOUT, NULL))
		event_add(r->tell_event, &later);
	return false;
}
