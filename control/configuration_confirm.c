/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A commit that waits to be confirmed: when nobody does in time, the configuration before it comes
 * back. The deadline stands in the history, so that a restart does not forget it.
 */
#include "control/configuration_private.h"

#include <string.h>
#include <time.h>

#include "control/time_text.h"

#define RETRY_SEC 10
/* A clock that was set back does not make the wait longer than anybody may ask for. */
#define WAIT_MAX_SEC 86400

/* Success has armed the timer anew; after a failure it stands as it was set before the try. */
static void undone(void *arg, struct answer *a)
{
	(void)arg;
	if (a->status != 200)
		log_error("the unconfirmed configuration could not be rolled back: trying again "
			  "in %d s",
			RETRY_SEC);
}

static void arm_in(struct configuration *c, int64_t sec)
{
	const struct timeval tv = {.tv_sec = sec > 0 ? sec : 0, .tv_usec = 1000};

	evtimer_add(c->confirm_timer, &tv);
}

static void time_is_over(evutil_socket_t fd, short what, void *arg)
{
	struct configuration *c = arg;
	const struct config_unconfirmed *u = config_history_unconfirmed(c->history);
	json_t *document = NULL;
	struct commit *m;
	int ret;

	(void)fd;
	(void)what;
	/* Again, should this try come to nothing. */
	arm_in(c, RETRY_SEC);
	if (u->number == 0 || c->commit != NULL)
		return;
	ret = config_history_read(c->history, u->previous, &document);
	if (ret < 0) {
		log_error("configuration %llu was not confirmed, and %llu before it cannot be "
			  "read: %s",
			(unsigned long long)u->number, (unsigned long long)u->previous,
			strerror(-ret));
		return;
	}
	m = commit_new(c, COMMIT_ROLLBACK, document, undone, c);
	json_decref(document);
	if (m == NULL)
		return;
	snprintf(m->entry.comment, sizeof(m->entry.comment),
		"number %llu was not confirmed in time", (unsigned long long)u->number);
	commit_start(c, m);
}

void configuration_arm(struct configuration *c)
{
	const struct config_unconfirmed *u = config_history_unconfirmed(c->history);
	int64_t left = u->deadline - time(NULL);

	if (c->confirm_timer == NULL)
		c->confirm_timer = evtimer_new(c->daemon->base, time_is_over, c);
	if (c->confirm_timer == NULL)
		return;
	evtimer_del(c->confirm_timer);
	if (u->number != 0)
		arm_in(c, left < WAIT_MAX_SEC ? left : WAIT_MAX_SEC);
}

void configuration_confirm(struct configuration *c, struct answer *out)
{
	const struct config_unconfirmed *u = config_history_unconfirmed(c->history);
	uint64_t number = u->number;
	int ret;

	if (number == 0) {
		answer_error(out, 409, "nothing-to-confirm", NULL,
			"no configuration waits to be confirmed");
		return;
	}
	if (c->commit != NULL) {
		answer_error(out, 409, "busy", NULL, "another change is under way: try again");
		return;
	}
	ret = config_history_confirm(c->history);
	if (ret < 0) {
		answer_error(out, 500, "not-written", NULL,
			"the confirmation could not be written: %s", strerror(-ret));
		return;
	}
	configuration_arm(c);
	audit_write(c->daemon->audit, "config.confirmed", "Confirmed a configuration",
		json_pack("{s:I}", "number", (json_int_t)number));
	answer_ok(out, json_pack("{s:I}", "number", (json_int_t)number));
}
