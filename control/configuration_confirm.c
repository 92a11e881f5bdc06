/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A commit that waits to be confirmed: when nobody does in time, the configuration before it comes
 * back. The deadline stands in the history, so that a restart does not forget it.
 */
#include "control/configuration_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/helper.h"
#include "control/time_text.h"

#define RETRY_SEC 10
/* A clock that was set back does not make the wait longer than anybody may ask for. */
#define WAIT_MAX_SEC 86400

/* Success has armed the timer anew; after a failure it stands as it was set before the try. */
static void undone(void *arg, struct answer *a)
{
	const json_t *error = json_object_get(a->body, "error");

	(void)arg;
	if (a->status != 200)
		log_error("the unconfirmed configuration could not be rolled back, trying again in "
			  "%d s: %s",
			RETRY_SEC, json_string_value(json_object_get(error, "message")));
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
	struct commit *m;

	(void)fd;
	(void)what;
	/* Again, should this try come to nothing. */
	arm_in(c, RETRY_SEC);
	if (u->number == 0 || configuration_is_busy(c))
		return;
	m = commit_new(c, COMMIT_ROLLBACK, configuration_running(c), undone, c);
	if (m == NULL)
		return;
	m->restored = u->previous;
	snprintf(m->entry.comment, sizeof(m->entry.comment),
		"number %llu was not confirmed in time", (unsigned long long)u->number);
	commit_start(c, m);
}

void configuration_clock_set(struct configuration *c)
{
	if (c->is_wait_guessed)
		configuration_arm(c);
}

void configuration_arm(struct configuration *c)
{
	const struct config_unconfirmed *u = config_history_unconfirmed(c->history);
	int64_t left = u->deadline - time(NULL);

	c->is_wait_guessed = u->number != 0 && left > WAIT_MAX_SEC;

	if (c->confirm_timer == NULL)
		c->confirm_timer = evtimer_new(c->daemon->base, time_is_over, c);
	if (c->confirm_timer == NULL)
		return;
	evtimer_del(c->confirm_timer);
	if (u->number != 0)
		arm_in(c, left < WAIT_MAX_SEC ? left : WAIT_MAX_SEC);
}

/* ---- confirming ------------------------------------------------------------------------------- */

struct confirming {
	struct configuration *configuration; /* outlives the helpers */
	struct write_plan plan;
	struct audit_actor actor;
	int ret;
	answer_cb cb;
	void *arg;
};

static void write_confirmation(void *arg)
{
	struct confirming *f = arg;

	f->ret = write_plan_run(&f->plan);
}

static void confirmed(void *arg)
{
	struct confirming *f = arg;
	struct configuration *c = f->configuration;
	json_int_t number = (json_int_t)config_history_unconfirmed(c->history)->number;
	struct answer a;

	c->is_confirming = false;
	if (f->ret == 0) {
		config_history_confirm(c->history);
		audit_write_as(c->daemon->audit, &f->actor, "config.confirmed",
			"Confirmed a configuration", json_pack("{s:I}", "number", number));
		answer_ok(&a, json_pack("{s:I}", "number", number));
	} else {
		answer_error(&a, f->ret == -ECANCELED ? 503 : 500, "not-written", NULL,
			"the confirmation could not be written: %s", strerror(-f->ret));
	}
	configuration_arm(c);
	f->cb(f->arg, &a);
	answer_fini(&a);
	write_plan_fini(&f->plan);
	free(f);
	if (c->is_reload_due)
		configuration_reload(c);
}

static bool start_confirming(struct configuration *c, answer_cb cb, void *arg)
{
	struct confirming *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return false;
	f->configuration = c;
	f->actor = audit_actor(c->daemon->audit);
	f->ret = -ECANCELED; /* until a helper says otherwise */
	f->cb = cb;
	f->arg = arg;
	config_history_plan_confirm(c->history, &f->plan);
	if (helper_run(c->daemon->helpers, write_confirmation, confirmed, f) == 0) {
		c->is_confirming = true;
		return true;
	}
	write_plan_fini(&f->plan);
	free(f);
	return false;
}

void configuration_confirm(struct configuration *c, answer_cb cb, void *arg)
{
	struct answer a;

	if (config_history_unconfirmed(c->history)->number == 0)
		answer_error(&a, 409, "nothing-to-confirm", NULL,
			"no configuration waits to be confirmed");
	else if (configuration_is_busy(c))
		answer_error(&a, 409, "busy", NULL, "another change is under way: try again");
	else if (start_confirming(c, cb, arg))
		return;
	else
		answer_error(&a, 503, "busy", NULL, "the helpers have too much to do; try again");
	cb(arg, &a);
	answer_fini(&a);
}
