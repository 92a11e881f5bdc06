/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The CRL manager's own state, shared by its files: manager.c (open, refresh, answers), discovery.c
 * (which sources there are), relate.c (how they stand to each other), schedule.c (when each is fetched), accept.c (what becomes of a fetched
 * list), watch.c (what time does to lists), list.c (what
 * people are told) and save.c (the list on disk). Loop thread only.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/crl/clock.h"
#include "control/crl/fetch.h"
#include "control/crl/manager.h"
#include "control/alarms.h"
#include "control/config.h"
#include "control/crl/source.h"
#include "control/daemon.h"
#include "pki/store/master_list.h"

#define CRL_SOURCE_MAX  CONFIG_CRL_URL_MAX /* those of certificates among them */
#define CRL_RUNNING_MAX 4

struct crl_waiter {
	struct crl_waiter *next;
	answer_cb cb;
	void *arg;
};

struct crl_manager {
	struct daemon *d;
	struct fetcher *fetcher;
	struct event *timer;
	struct master_list *list;   /* counted */
	struct crl_source **source; /* in the order they were met, by their nth */
	uint64_t met_cnt;           /* ever */
	struct crl_source **by_url; /* the same */
	size_t source_cnt;
	size_t source_capacity;
	unsigned running_cnt;
	uint64_t pause_until_ns; /* backoff-interval between endpoints */
	uint64_t delta_until_ns; /* a delta is on its way: large full lists wait; 0: none */
	struct crl_waiter *waiter;
	struct crl_listing *listing; /* under way */
	struct crl_clock clock;
	size_t waiting_cnt; /* deltas that wait for their full lists */
	bool is_full;       /* there is a source that was not taken for want of room: it was said */
	bool is_unrelated;  /* since crl_relate there is a new source, or one's issuer is known */
	bool is_list_damaged; /* as it was found at the start; not every source has told since */
	bool is_starting;     /* of fetches, in crl_schedule */
	bool is_saving;
	bool is_save_due;
	bool is_closing;
};

uint64_t crl_now_ns(void); /* monotonic */
int64_t crl_wall_sec(void);

/* discovery.c */
/* The source of that URL, made when it is new; NULL when there are too many or memory is short. */
struct crl_source *crl_source_get(struct crl_manager *m, const char *name, const char *url);
/* The places of its deltas that a full list names become sources (RFC 5280 5.2.6), learnt ones. */
void crl_learn_deltas(struct crl_manager *m, const struct crl_source *full);

/* relate.c */
/* The full list at the endpoint whose delta this is; of learnt ones, of its issuer and scope. */
bool crl_source_belongs_to(const struct crl_source *delta, const struct crl_source *full);
/* Says of every source anew whether it is overridden or early; due when one or its list is another. */
void crl_relate(struct crl_manager *m);

/* schedule.c */
/* Starts what is due, and sets the timer for what comes next. */
void crl_schedule(struct crl_manager *m);
/* The source's run is over, for better or worse. */
void crl_run_ended(struct crl_manager *m, struct crl_source *s);

/* accept.c */
void crl_on_fetched(void *run, struct fetch_result *result);
/* What a fetch carries through fetcher and helper. */
struct crl_run {
	struct crl_manager *m;
	struct crl_source *source;
};
void crl_fail(struct crl_manager *m, struct crl_source *s, const char *kind, const char *reason);
/* Its alarms for what could not be fetched or taken end, but for those of one kind. */
void crl_clear_failures(struct crl_manager *m, const struct crl_source *s, const char *but);
struct alarm_spec crl_alarm(
	const char *kind, const struct crl_source *s, enum alarm_severity severity);

/* list.c: those that are under way are refused. */
void crl_end_listings(struct crl_manager *m);

/* save.c: writes the list in a helper; again when it changed meanwhile. */
void crl_save(struct crl_manager *m);

/* watch.c: the clock and the lists' age, and whether a damaged list is whole again; their alarms. */
extern const struct alarm_spec crl_list_damaged;
extern const struct alarm_spec crl_not_saved;
void crl_watch(struct crl_manager *m);
