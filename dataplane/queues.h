/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How full the data plane's queues are, beside what they hold at most. Whoever owns a queue notes its
 * depth once a millisecond; a queue that each worker has is told as the sum of all. Depths may be read
 * by any thread: each is right, all of them together are no snapshot.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* X(id, name, help) */
#define QUEUE_LIST(X)                                                                         \
	X(EXCHANGES, "exchanges", "full exchanges and rekeys under way")                      \
	X(PARKED, "parked", "certificates of exchanges that wait for fragments or a verdict") \
	X(CRYPTO, "crypto", "public-key operations that are not done")                        \
	X(PASSED, "passed", "frames received by another worker than theirs")                  \
	X(LEAVING, "leaving", "frames that another worker has to send")                       \
	X(NEIGHBOURS, "neighbours", "addresses on the link that have not answered")           \
	X(VALIDATIONS, "validations", "certificates that control is asked to judge")          \
	X(CHANNEL, "channel", "messages that control has not taken")                          \
	X(BUFFERS, "buffers",                                                                 \
		"packet buffers in use, those that ports hold to receive into included")

enum queue {
#define X(id, name, help) QUEUE_##id,
	QUEUE_LIST(X)
#undef X
		QUEUE_CNT
};

struct queue_depths {
	_Atomic uint32_t value[QUEUE_CNT]; /* its owner: w, others: r */
};

static inline void queue_note(struct queue_depths *d, enum queue which, uint32_t depth)
{
	atomic_store_explicit(&d->value[which], depth, memory_order_relaxed);
}

static inline uint32_t queue_depth(const struct queue_depths *d, enum queue which)
{
	return atomic_load_explicit(&d->value[which], memory_order_relaxed);
}

#define QUEUE_NOTE_NS UINT64_C(1000000)

const char *queue_name(enum queue which);

struct shared;
/* Over all workers and main. */
uint64_t queues_depth(const struct shared *shared, enum queue which);
/* How deep it may become before something is refused or dropped. */
uint64_t queues_limit(const struct shared *shared, enum queue which);
