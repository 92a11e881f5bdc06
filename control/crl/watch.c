/* SPDX-License-Identifier: BSD-3-Clause */
/* What passes with time alone: lists grow old, clocks go wrong. */
#include "control/crl/state.h"
#include "control/log.h"
#include "control/time_text.h"

static int64_t newest_list(const struct crl_manager *m)
{
	int64_t newest = 0;

	for (size_t i = 0; i < master_list_source_cnt(m->list); i++) {
		int64_t t = master_source_info(master_list_source(m->list, i))->this_update;

		if (t > newest)
			newest = t;
	}
	return newest;
}

static bool watch_clock(struct crl_manager *m)
{
	static const struct alarm_spec alarm = {
		.kind = "crl-clock", .source = "clock", .severity = ALARM_CRITICAL};

	switch (crl_clock_look(&m->clock, crl_now_ns(), crl_wall_sec(), newest_list(m))) {
	case CRL_CLOCK_WENT_BACK:
		alarm_raise(m->d->alarms, &alarm,
			"The clock went back; revocation lists are kept as they were until one is "
			"good by the new time");
		return false;
	case CRL_CLOCK_BEFORE_LISTS:
		alarm_raise(m->d->alarms, &alarm,
			"The clock says a time before the newest revocation list was made; the "
			"lists are kept as they are");
		return false;
	case CRL_CLOCK_GOOD:
		break;
	}
	alarm_clear(m->d->alarms, alarm.kind, alarm.source);
	return true;
}

/* Nobody asks there any more: that it failed is no matter. */
static void watch_overridden(struct crl_manager *m, struct crl_source *s)
{
	if (s->is_overridden && (!s->is_quiet || s->failure_cnt > 0)) {
		crl_clear_failures(m, s, "");
		s->failure_cnt = 0;
		s->last_error[0] = '\0';
	}
	s->is_quiet = s->is_overridden;
}

static void watch_source(struct crl_manager *m, const struct crl_source *s)
{
	const struct alarm_spec stale = crl_alarm("crl-stale", s, ALARM_MAJOR);
	const struct alarm_spec ending = crl_alarm("crl-ending", s, ALARM_MINOR);
	bool is_ignored = s->is_overridden || s->is_age_ignored;
	enum crl_age age = is_ignored ? CRL_AGE_FRESH : crl_source_age(s, crl_wall_sec());
	char due[TIME_TEXT_LEN];

	if (age != CRL_AGE_FRESH)
		time_text(s->next_update, due);
	if (age == CRL_AGE_STALE)
		alarm_raise(m->d->alarms, &stale, "CRL %s is stale: its next update was due at %s",
			s->url, due);
	else
		alarm_clear(m->d->alarms, stale.kind, s->name);
	if (age == CRL_AGE_ENDING)
		alarm_raise(m->d->alarms, &ending,
			"CRL %s is soon stale: its next update is due by %s and has not come",
			s->url, due);
	else
		alarm_clear(m->d->alarms, ending.kind, s->name);
}

const struct alarm_spec crl_list_damaged = {
	.kind = "crl-list-damaged", .source = "master-list", .severity = ALARM_CRITICAL};

/* Over when the last fetch of every source, since the start, was good. */
static void watch_damage(struct crl_manager *m)
{
	if (!m->is_list_damaged || m->source_cnt == 0)
		return;
	for (size_t i = 0; i < m->source_cnt; i++) {
		const struct crl_source *s = m->source[i];

		/* Nobody asks for the others. Both times are of one second where a fetch fails
		 * right after a start. */
		if (!s->is_overridden && !s->is_early && !s->is_unfetched &&
			(s->last_try == 0 || s->failure_cnt > 0 || s->last_success != s->last_try))
			return;
	}
	m->is_list_damaged = false;
	alarm_clear(m->d->alarms, crl_list_damaged.kind, crl_list_damaged.source);
}

void crl_watch(struct crl_manager *m)
{
	watch_damage(m);
	/* By a clock that is wrong no list is fresh or stale: what stands, stands. */
	if (!watch_clock(m))
		return;
	for (size_t i = 0; i < m->source_cnt; i++) {
		watch_overridden(m, m->source[i]);
		watch_source(m, m->source[i]);
	}
}
