/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The publisher's own state, shared by its four files: publish.c (build and send),
 * publish_revocations.c (the parts that may be large), publish_wait.c (who waits for the workers)
 * and publish_events.c (what the data plane says). Loop thread only.
 */
#pragma once

#include <sys/queue.h>

#include "control/alarms.h"
#include "control/publish.h"
#include "control/publish_link.h"
#include "pki/store/compile.h"

#define PUBLISH_ABSENT_SECONDS 10
#define PUBLISH_BEHIND_SECONDS 30
#define PUBLISH_RETRY_USEC     2000000               /* what cannot be built is tried again */
#define PUBLISH_REFUSED        "publication-refused" /* code of the answer */

struct waiter {
	TAILQ_ENTRY(waiter) next;
	struct publisher *publisher;
	struct rk_generation generation;
	bool is_building; /* of what it waits for the generation is not known yet */
	bool is_partial;  /* or not all of it is in that generation */
	struct event *timer;
	answer_cb cb;
	void *arg;
};
TAILQ_HEAD(waiter_list, waiter);

struct publisher {
	struct daemon *daemon;
	struct publish_link *link;
	struct event *build_event;  /* end of the iteration in which something was marked */
	struct event *absent_timer; /* no data plane for so long: alarm */
	struct event *behind_timer; /* the newest generation has to be applied until then */
	bool is_marked[RK_PART_CNT];
	bool has_part[RK_PART_CNT];
	bool is_failed[RK_PART_CNT]; /* could not be built: in force is what was there before */
	struct compile_part part[RK_PART_CNT];
	/* Of the revocations (publish_revocations.c). */
	struct revocations *base; /* counted: what the base in force was compiled from, or NULL */
	struct revocations_overlay *overlay; /* counted: the one in force, or NULL */
	struct compiling *merged;            /* a base that waits for the compilation under way */
	bool is_compiling;                   /* a helper is at it, and publishes when it is done */
	bool is_merging;                     /* a helper makes a new base */
	struct rk_generation published;
	struct rk_generation applied;  /* by this connection's data plane */
	struct rk_generation recorded; /* in the audit log, as applied or refused */
	bool is_greeted;               /* its generation is known: from here on views may be sent */
	/* What this connection's data plane holds, as far as it said or was sent it. */
	bool is_held[RK_PART_CNT];
	uint8_t held[RK_PART_CNT][RK_DIGEST_LEN];
	uint8_t key_held[RK_DIGEST_LEN];
	unsigned need_all_cnt;
	struct waiter_list waiters;
	char last_refusal[RK_REFUSAL_MAX];
};

void publisher_set_alarm(
	struct publisher *p, const char *kind, enum alarm_severity severity, const char *text);
void publisher_clear_alarm(struct publisher *p, const char *kind);
/* The published generation, with descriptors of what the data plane does not hold. */
void publisher_send_view(struct publisher *p);
int publisher_save_incarnation(const struct publisher *p, uint64_t incarnation) RK_MUST_CHECK;

/* The kind could not be built: an alarm, and it is tried again. */
void publisher_fail(struct publisher *p, enum rk_part_kind kind, const char *text);
/* It could. The alarm ends when all can. */
void publisher_built(struct publisher *p, enum rk_part_kind kind);
/* Something that was asked for is not in what is published. */
bool publisher_has_failed(const struct publisher *p);
/* A generation for the parts as they are, to the data plane. */
void publisher_publish(struct publisher *p);
/*
 * The parts of the revocations as they are now. True when they changed; false also when a helper
 * has them in work, and will publish them.
 */
bool publisher_compile_revocations(struct publisher *p);
void publisher_close_revocations(struct publisher *p);
/* Nothing is being compiled any more: whoever waited for that waits for the workers now. */
void publisher_settle_waiters(struct publisher *p);

/* Takes what is in a. */
void publisher_end_waiter(struct waiter *w, struct answer *a);
/* But for one of a partial publication, which hears that. */
void publisher_succeed_waiter(struct waiter *w, const char *how);

void publisher_on_message(void *publisher, const struct rk_message *msg);
void publisher_on_closed(void *publisher);
