/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker: one thread on one core that polls its queues, runs the protocol of the peers it owns
 * and does nothing that could wait. Main talks to it through its inbox (messages.h) and the
 * published pointer; it talks to main through main's inbox.
 *
 * Several workers share nothing that one of them writes. A peer belongs to the worker that a hash of
 * its identity names. Whatever lands on another worker goes on by ring: packets to the worker in
 * their index or exchange id, answers of neighbours to everybody, frames for a device with fewer
 * queues than workers to the worker that has its queue; a verified FINISH goes by inbox.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/certificates.h"
#include "dataplane/clock.h"
#include "dataplane/counters.h"
#include "dataplane/crypto.h"
#include "dataplane/inbox.h"
#include "dataplane/messages.h"
#include "dataplane/neighbour.h"
#include "dataplane/peer_table.h"
#include "dataplane/port.h"
#include "dataplane/published.h"
#include "dataplane/queues.h"
#include "dataplane/timers.h"

#define WORKER_MAX          64     /* what an index can name */
#define WORKER_SESSION_MAX  131072 /* peers of one worker */
#define WORKER_COMMAND_STEP 64     /* commands an iteration: the rest keep their turn */
#define WORKER_REJUDGE_STEP 256
#define WORKER_STATUS_STEP  32
#define WORKER_ROTATE_STEP  8

/* What all workers and main share. */
struct shared {
	_Atomic(struct published *) published; /* main: w, workers: r */
	_Atomic bool is_control_connected;     /* main: w, workers: r */
	_Atomic bool is_stopping;              /* main: w, workers: r */
	struct peer_table peers;               /* main: w, workers: find */
	struct certificate_table certificates; /* main: w, workers: find */
	struct inbox to_main;                  /* workers: push, main: take */
	int wake_fd;                           /* main's eventfd */
	uint32_t idle_sleep_us;
	uint64_t (*clock_ns)(void); /* monotonic */
	struct port_set *ports;
	struct rte_mempool *buffers;       /* of ports */
	struct queue_depths depths;        /* of main's own; main: w, others: r */
	unsigned worker_cnt;               /* main, before the workers run */
	unsigned exchange_cnt;             /* half-open ones of a worker; likewise */
	struct worker *worker[WORKER_MAX]; /* likewise */
};
/* The worker of a peer, for its whole life. */
unsigned shared_owner_of(const struct shared *s, const char *identity, size_t len);

/* Packets of this iteration for one port. */
struct worker_queue {
	uint16_t cnt;
	struct rte_mbuf *packet[PORT_BURST];
};

/* What a stranger may cause, a second. */
struct token_bucket {
	unsigned tokens;
	uint64_t refill_ns;
};

/* A walk over the worker's own peers that survives removals. */
struct worker_walk {
	struct peer *next;
	uint32_t number;         /* judging goes by the engine's numbers instead */
	struct message *command; /* goes back when the walk is over; NULL: no walk, or a resync */
	bool is_running;
};

struct worker {
	struct shared *shared;
	unsigned id;              /* 0.. */
	struct inbox inbox;       /* main and workers: push, worker: take */
	struct rte_ring *passed;  /* workers: frames received elsewhere that are ours */
	struct rte_ring *leaving; /* workers: whole frames for a queue that we have */
	struct engine *engine;
	struct crypto_service *crypto;
	const struct published *published; /* this iteration's */
	uint64_t gateways_seq;             /* of the view whose gateways are kept */
	uint64_t now_ns;                   /* this iteration's */
	struct peer *peers;                /* own, linked by next */
	struct inbox_list commands;        /* of main, not executed yet */
	struct worker_walk judging;
	struct worker_walk telling;
	struct worker_walk rotating;
	bool is_resync_due; /* an event was lost */
	struct inbox_list free_reports;
	struct inbox_list free_certificates;
	struct inbox_list free_handovers;
	uint8_t *handovers; /* locked memory */
	struct token_bucket echo;
	struct token_bucket gossip; /* neighbours' news passed on */
	uint64_t idle_cnt;
	uint32_t sleep_us;
	struct counters counters;
	struct queue_depths depths;
	uint64_t depths_ns;          /* when they were last noted */
	uint64_t began_ns;           /* the round before this one; 0: it slept */
	_Atomic uint64_t round_ns;   /* when the last round began; worker: w, others: r */
	_Atomic uint64_t longest_ns; /* of a round since it was last told; worker: w, main: rw */
	struct timers timers;
	struct neighbour_table neighbours;
	uint64_t
		crypto_ns; /* what the last round spent on operations and what followed from them */
	struct worker_queue queue[RTE_MAX_ETHPORTS];
	struct message report[REPORT_CNT];
	struct certificate_message certificate[CERTIFICATE_CNT];
};

/*
 * Main, before and after the workers' threads run. Takes crypto always. cookie_secret is that of
 * the process: COOKIE_SECRET_LEN bytes, copied.
 */
int worker_new(struct shared *shared, unsigned id, struct crypto_service *crypto,
	const uint8_t *cookie_secret, struct worker **out) RK_MUST_CHECK;
void worker_free(struct worker *w); /* sessions have been removed */
/* Main: hands a command over; takes it until it comes back through to_main. */
void worker_command(struct worker *w, struct message *m);
/* How long ago its last round began. Any thread: it may begin one while we ask. */
static inline uint64_t worker_round_age_ns(const struct worker *w)
{
	uint64_t began = atomic_load_explicit(&w->round_ns, memory_order_relaxed);
	uint64_t now = clock_monotonic_ns();

	return now > began ? now - began : 0;
}
/* The thread: until shared->is_stopping. arg is the worker. */
int worker_main(void *arg);
/* One round of it, on a registered thread; true when there was any work. */
bool worker_run(struct worker *w);
