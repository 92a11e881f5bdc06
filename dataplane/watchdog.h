/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who runs. Each worker and each crypto lcore notes when it began a round of its loop; main looks once
 * a second, and logs who has not for WATCHDOG_HUNG_NS and who does again. While main itself did not run
 * (the process was stopped, the machine slept) nobody is blamed. Main thread only.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/clock.h"

#define WATCHDOG_HUNG_NS    (10 * NS_PER_SEC)
#define WATCHDOG_LOOK_NS    NS_PER_SEC
#define WATCHDOG_NAME_LEN   32
#define WATCHDOG_THREAD_MAX 192

struct watchdog_thread {
	char name[WATCHDOG_NAME_LEN];     /* worker-0-lcore-1, crypto-lcore-2 */
	const _Atomic uint64_t *round_ns; /* when it last began a round; the thread: w */
	uint64_t hung_ns;                 /* for how long it has not; 0: it runs */
};

struct watchdog {
	unsigned cnt;
	unsigned hung_cnt;
	uint64_t looked_ns;
	uint64_t since_ns; /* main has run since then */
	struct watchdog_thread thread[WATCHDOG_THREAD_MAX];
};

/* round_ns is borrowed. */
void watchdog_add(struct watchdog *w, const _Atomic uint64_t *round_ns, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* At least at every deadline. */
void watchdog_look(struct watchdog *w, uint64_t now_ns);
uint64_t watchdog_deadline_ns(const struct watchdog *w);
