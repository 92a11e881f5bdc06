/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the race tests share. They mean something only where ThreadSanitizer watches, reclaim is
 * synchronous and windows are wide (docs/rcu.md); elsewhere they skip and say so.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_THREAD__)
#define RACE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RACE_TSAN 1
#endif
#endif

#if defined(RACE_TSAN) && defined(REKEY_SYNC_RECLAIM)
#define RACE_SKIP() ((void)0)
#else
#define RACE_SKIP()                                                             \
	do {                                                                    \
		puts("skipped: needs -Db_sanitize=thread -Dsync_reclaim=true"); \
		exit(77);                                                       \
	} while (0)
#endif

#define RACE_READERS 2

/* Always on, unlike assert. */
#define RACE_CHECK(fact)                                                                     \
	do {                                                                                 \
		if (!(fact)) {                                                               \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #fact); \
			abort();                                                             \
		}                                                                            \
	} while (0)

struct race {
	_Atomic bool is_over;
	_Atomic unsigned running_cnt;
	_Atomic uint64_t read_cnt;
	pthread_t thread[RACE_READERS];
};

/* body registers, loops until is_over and unregisters. */
static inline void race_start(struct race *r, void *(*body)(void *), void *arg)
{
	unsigned i;

	for (i = 0; i < RACE_READERS; i++)
		RACE_CHECK(pthread_create(&r->thread[i], NULL, body, arg) == 0);
	while (atomic_load(&r->running_cnt) < RACE_READERS)
		;
}

static inline void race_stop(struct race *r)
{
	unsigned i;

	atomic_store(&r->is_over, true);
	for (i = 0; i < RACE_READERS; i++)
		pthread_join(r->thread[i], NULL);
	RACE_CHECK(atomic_load(&r->read_cnt) > 0);
}
