/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who has an address on the link: the ARP and neighbour-discovery cache of one worker, with a few
 * packets parked per unanswered question. Fixed memory, no allocation, no DPDK: packets are opaque.
 * The gateways are kept: asked for before anything is sent, and again before they are stale, with room
 * for what all peers behind them send at once.
 *
 * Guarantees: N1 only an answer to a question that is open changes an entry, so an unasked
 * (gratuitous) announcement at most makes us ask. N2 the table and the parked packets are bounded;
 * unanswered questions take at most NEIGHBOUR_OPEN_MAX entries, the oldest making room, so that
 * nobody's flood drives out a neighbour that answered. N3 every parked packet is delivered or
 * dropped exactly once. N4 what is kept is never driven out nor given up, and its room for packets is
 * its own: nobody else's question takes it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/net.h"

#define NEIGHBOUR_CNT        1024
#define NEIGHBOUR_BUCKET_CNT 256
#define NEIGHBOUR_OPEN_MAX   128
#define NEIGHBOUR_PARKED_MAX 4
#define NEIGHBOUR_KEPT_MAX   64 /* gateways; more are neighbours like any other */
#define NEIGHBOUR_QUEUE_MAX \
	1024 /* packets for all that are kept: as many as we begin exchanges at once */
#define NEIGHBOUR_SLOT_CNT (NEIGHBOUR_OPEN_MAX * NEIGHBOUR_PARKED_MAX + NEIGHBOUR_QUEUE_MAX)
#define NEIGHBOUR_BURST    32 /* parked packets that go out in one round */
#define NEIGHBOUR_ASK_MAX  4
#define NEIGHBOUR_RETRY_NS UINT64_C(250000000)   /* doubles */
#define NEIGHBOUR_FRESH_NS UINT64_C(30000000000) /* then asked again at the next use */
#define NEIGHBOUR_IDLE_NS  UINT64_C(120000000000)
#define NEIGHBOUR_QUIET_NS UINT64_C(1000000000) /* after an answer: rumours wait */
#define NEIGHBOUR_SWEEP_NS UINT64_C(50000000)

struct neighbour_key {
	uint16_t port_id;
	uint8_t family;
	uint8_t pad;
	uint8_t address[16]; /* IPv4: the first 4, rest zero */
};

enum neighbour_state {
	NEIGHBOUR_FREE = 0,
	NEIGHBOUR_UNKNOWN, /* asked, never answered */
	NEIGHBOUR_KNOWN,
	NEIGHBOUR_PROBED, /* known, asked again */
};

/* A packet that waits. */
struct neighbour_slot {
	struct neighbour_slot *next;
	void *packet;
};

struct neighbour {
	struct neighbour *next; /* in its bucket, or free */
	struct neighbour_key key;
	uint8_t state;
	uint8_t ask_cnt;
	bool is_kept;
	bool is_listed; /* a gateway of the view that is being listed */
	bool is_doubted; /* KNOWN, and another MAC was heard: asked again once NEIGHBOUR_QUIET_NS is over */
	uint8_t mac[NET_MAC_LEN];
	uint8_t source[16]; /* of our question */
	uint64_t asked_ns;
	uint64_t answered_ns;
	uint64_t used_ns;
	unsigned parked_cnt;
	struct neighbour_slot *first; /* first in, first out */
	struct neighbour_slot **last;
};

struct neighbour_ops {
	/* Puts a question on the link. */
	void (*ask)(void *ctx, const struct neighbour_key *key, const uint8_t *source);
	/* Takes a packet that was parked. */
	void (*deliver)(void *ctx, void *packet, const uint8_t mac[NET_MAC_LEN]);
	void (*drop)(void *ctx, void *packet);
};

struct neighbour_table {
	const struct neighbour_ops *ops;
	void *ctx;
	struct neighbour *free;
	unsigned open_cnt;   /* entries in NEIGHBOUR_UNKNOWN that are not kept */
	unsigned listed_cnt; /* of the list that is being made */
	unsigned kept_cnt;
	struct neighbour
		*kept[2 * NEIGHBOUR_KEPT_MAX]; /* of the list before, too, until this one ends */
	unsigned queued_cnt;                   /* packets of those that are kept */
	unsigned ready_cnt; /* of them, whose neighbour has answered: they leave in bursts */
	struct neighbour_slot *free_slot;
	uint64_t swept_ns;
	struct neighbour *bucket[NEIGHBOUR_BUCKET_CNT];
	struct neighbour entry[NEIGHBOUR_CNT];
	struct neighbour_slot slot[NEIGHBOUR_SLOT_CNT];
};

void neighbour_init(
	struct neighbour_table *t, const struct neighbour_ops *ops, void *ctx, uint64_t now_ns);
void neighbour_fini(struct neighbour_table *t); /* drops what is parked */
/*
 * True: mac is filled in, the packet stays the caller's. False: the packet was taken, to be
 * delivered or dropped (perhaps at once). source = our address to ask from.
 */
bool neighbour_resolve(struct neighbour_table *t, const struct neighbour_key *key,
	const uint8_t *source, void *packet, uint64_t now_ns,
	uint8_t mac[NET_MAC_LEN]) RK_MUST_CHECK;
/* An answer. False: nobody had asked. */
bool neighbour_learn(struct neighbour_table *t, const struct neighbour_key *key,
	const uint8_t mac[NET_MAC_LEN], uint64_t now_ns);
/*
 * Somebody who asks, or announces himself, shows another MAC than the one known: he may have
 * restarted, or lie. We ask ourselves (N1).
 */
void neighbour_hear(struct neighbour_table *t, const struct neighbour_key *key,
	const uint8_t mac[NET_MAC_LEN], uint64_t now_ns);
/*
 * A new list of gateways: begin, each of them, end. Those that were on the list before go on as they
 * are; whoever is on it no longer becomes a neighbour like any other.
 */
void neighbour_list_begin(struct neighbour_table *t);
void neighbour_list_add(struct neighbour_table *t, const struct neighbour_key *key,
	const uint8_t *source, uint64_t now_ns);
void neighbour_list_end(struct neighbour_table *t);
/* Lets go of a burst; and once every NEIGHBOUR_SWEEP_NS asks again, gives up, forgets. */
void neighbour_run(struct neighbour_table *t, uint64_t now_ns);
