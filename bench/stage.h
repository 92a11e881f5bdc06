/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole data plane in one thread: main's half and one worker, as rekey-dataplane has them, on a
 * port that is a ring. The bench calls both in turn, plays the network at the ring's other end, and
 * measures the worker by its own CPU time: what the rest costs, or a busy neighbour, does not count.
 * One stage a process at a time.
 */
#pragma once

#include <rte_ring.h>

#include "bench/identity.h"
#include "dataplane/core/keyring.h"
#include "dataplane/core/session.h"
#include "dataplane/dataplane.h"

#define STAGE_GROUP_DEFAULT 23

/* A round of the worker. CPU time holds what the kernel did in the thread's name, too. */
struct stage_round {
	double ns;       /* CPU time */
	double switches; /* the kernel took the core away */
	double faults;   /* pages that were not there */
	double events;   /* that the worker counted in it */
};

struct stage {
	struct dataplane *d;
	struct worker *worker;
	const struct bench_pki *pki;
	unsigned peer_cnt; /* at most this many can be published */
	uint16_t group;
	struct stage_crypto *crypto; /* NULL: the worker does its asymmetric work itself */
	struct rk_verdict *verdict;  /* of each peer's certificate */
	struct rte_ring *to_worker, *from_worker; /* the port's queues */
	uint64_t view_cnt;
	struct far *network;        /* has its turns while a view is applied; NULL: all is silent */
	struct stage_round longest; /* since it and the longest hole were last forgotten */
	uint64_t round_cnt;
	double spent_ns;  /* CPU time of all its rounds: its clock */
	bool is_compared; /* a round with work is followed by as long a time of doing nothing */
	double hole_ns; /* in which this was the longest between two looks at the clock; likewise */
	double main_ns; /* CPU time of main's half of the last publication */
	int verdicts_fd, base_fd;
	struct rk_part_ref verdicts, base; /* sent once, then named */
};

struct stage_options {
	unsigned peer_cnt;
	uint16_t group;        /* 0: STAGE_GROUP_DEFAULT */
	unsigned cert;         /* which of bench_certs all routers have */
	bool has_verdicts;     /* published, of every peer's certificate */
	bool has_crypto_lcore; /* for asymmetric work: a core of its own on the worker's clock */
};
struct stage *stage_open(const struct stage_options *options);
void stage_close(struct stage *s);

/* Publishes peers first..first+cnt-1, and runs main and worker until it is applied. */
void stage_publish(struct stage *s, unsigned first, unsigned cnt);
/* The worker's clock: it stands still while the worker does not run. */
uint64_t stage_now_ns(void);
/* Lets time pass on it in which nothing happens: for who waits and does not measure. */
void stage_pass_ns(uint64_t ns);
/* One round of the worker; true when there was work. */
bool stage_round(struct stage *s);
void stage_forget_longest(struct stage *s);
/* What main's loop does between two sleeps. */
void stage_main(struct stage *s);
/* Gives every peer a key in force, as after a full exchange; the other half of it goes to got. */
void stage_give_keys(struct stage *s,
	void (*got)(void *ctx, unsigned peer, const struct keyslot *mirror), void *ctx);
struct session *stage_session(struct stage *s, unsigned peer);
void stage_peer_name(unsigned peer, char out[RK_NAME_MAX + 1]);
/* 10.0.0.0 + peer */
void stage_peer_address(unsigned peer, uint8_t out[16]);

/* Has the engine's fixed pools take their memory now. */
void stage_touch_pools(struct stage *s);

/* Of this process, in bytes: anonymous memory in use, and mapped files (views among them). */
double stage_anonymous_bytes(void);
double stage_mapped_bytes(void);
