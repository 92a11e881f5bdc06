/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The DPDK devices: found by name, set up once, kept running until the end. A device that spreads
 * its packets by flow (RSS) gets a pair of queues for each worker, any other one pair. Main thread,
 * but for receive and transmit, which are the worker's that has the queue.
 *
 * A device that connects to another process (a memif client) does not connect again by itself.
 * While its link is down it is stopped and started anew: it is paused, one grace period later no
 * worker is inside it, then main restarts it.
 */
#pragma once

#include <stdint.h>

#include "dataplane/graveyard.h"
#include "dataplane/net.h"
#include "dataplane/port_stats.h"

#define PORT_BURST       32
#define PORT_RECEIVE_LEN 2048 /* frames that a queue holds, where the device lets us choose */
#define PORT_RING_LEN    1024 /* frames under way from one worker to another */
#define PORT_WATCH_NS    UINT64_C(200000000)
#define PORT_COUNT_NS    UINT64_C(1000000000)

struct rte_mbuf;
struct rte_mempool;
struct port_set;

/* A frame lies in one buffer: ports with a larger MTU than mtu_max are held to it, which is logged. */
int port_set_new(struct graveyard *g, unsigned worker_cnt, uint16_t mtu_max,
	struct port_set **out) RK_MUST_CHECK;
void port_set_free(struct port_set *s); /* stops and closes every port */
struct rte_mempool *port_set_buffers(const struct port_set *s);
/* A published_find_port; ctx is a struct port_set. A device that fails is logged once. */
uint16_t port_find(void *ctx, const char *name, uint16_t mtu, uint8_t mac[NET_MAC_LEN]);

/* Looks after devices that have to connect again; at least at every deadline. */
void port_set_watch(struct port_set *s, uint64_t now_ns);
uint64_t port_set_deadline_ns(const struct port_set *s);

/* Reads what the devices count, once every PORT_COUNT_NS. */
void port_set_count(struct port_set *s, uint64_t now_ns);
/* Any thread. The first port from *id on, which then is behind it; NULL: there is none, or no set. */
const struct port_stats *port_set_next(const struct port_set *s, unsigned *id);

/* Pairs of queues that a published port has. Any worker. */
uint16_t port_queue_cnt(const struct port_set *s, uint16_t id);
/* The queue's worker: whole bursts. What was not sent stays the caller's. */
uint16_t port_receive(
	const struct port_set *s, uint16_t id, uint16_t queue, struct rte_mbuf **packets);
uint16_t port_transmit(const struct port_set *s, uint16_t id, uint16_t queue,
	struct rte_mbuf **packets, uint16_t cnt);
