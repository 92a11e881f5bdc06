/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/refusals.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "control/audit.h"
#include "control/budget.h"

/* Some 100 KiB of records, and 5 MiB a day: it takes a month until only they are left. */
static const struct budget_rule rule = {.burst = 200, .refill_sec = 10};

#define TELL_SEC 60

struct refusals {
	struct daemon *daemon;
	struct event *tell_event;
	/* Of strangers, and of those who are known. */
	struct budget budget[2];
	uint64_t omitted_cnt[2];
};

static void tell(struct refusals *r)
{
	uint64_t *unknown = &r->omitted_cnt[false], *known = &r->omitted_cnt[true];

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

	if (budget_take(&r->budget[is_known], &rule))
		return true;
	r->omitted_cnt[is_known]++;
	if (!event_pending(r->tell_event, EV_TIMEOUT, NULL))
		event_add(r->tell_event, &later);
	return false;
}
