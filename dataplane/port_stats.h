/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the device behind a port counts by itself, and whether it has a link. Main reads the device once
 * a second; any thread reads what main found. What is told only grows, also where the device's own
 * numbers begin anew, as at a restart.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "pki/view/snapshot.h"

/* X(id, name, help) */
#define PORT_STATS(X)                                                                      \
	X(RECEIVED, "received", "taken from the wire")                                     \
	X(SENT, "sent", "put on the wire")                                                 \
	X(MISSED, "missed", "dropped because its receive queue was full")                  \
	X(RECEIVE_ERRORS, "receive-errors", "damaged, or of a size that it does not take") \
	X(NO_BUFFER, "no-buffer", "dropped because there was no packet buffer")            \
	X(SEND_ERRORS, "send-errors", "not sent")

enum port_stat {
#define X(id, name, help) PORT_##id,
	PORT_STATS(X)
#undef X
		PORT_STAT_CNT
};
const char *port_stat_name(enum port_stat which);

struct port_stats {
	_Atomic bool is_set_up; /* main: w once, others: r before anything else */
	_Atomic bool is_up;     /* has a link; likewise, and so below */
	_Atomic uint64_t value[PORT_STAT_CNT];
	uint64_t told[PORT_STAT_CNT]; /* main: what the device said last */
	char name[RK_PORT_NAME_MAX + 1];
};

/* Main: the device is there from now on. */
void port_stats_open(struct port_stats *s, uint16_t id, const char *name);
/* Main: asks the device; one that does not answer leaves all as it was. */
void port_stats_note(struct port_stats *s, uint16_t id);

/* Any thread. */
static inline bool port_stats_is_set_up(const struct port_stats *s)
{
	return atomic_load_explicit(&s->is_set_up, memory_order_acquire);
}
static inline uint64_t port_stats_get(const struct port_stats *s, enum port_stat which)
{
	return atomic_load_explicit(&s->value[which], memory_order_relaxed);
}
static inline bool port_stats_is_up(const struct port_stats *s)
{
	return atomic_load_explicit(&s->is_up, memory_order_relaxed);
}
