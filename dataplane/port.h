/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The DPDK devices: found by name, set up once with one receive and one transmit queue, kept
 * running until the end. Main thread, but for receive and transmit, which are the worker's.
 */
#pragma once

#include <stdint.h>

#include "dataplane/net.h"

#define PORT_BURST   32
#define PORT_MTU_MAX 2000 /* a frame lies in one buffer; larger views are held to this */

struct rte_mbuf;
struct rte_mempool;
struct port_set;

int port_set_new(struct port_set **out) RK_MUST_CHECK;
void port_set_free(struct port_set *s); /* stops and closes every port */
struct rte_mempool *port_set_buffers(const struct port_set *s);
/* A published_find_port; ctx is a struct port_set. A device that fails is logged once. */
uint16_t port_find(void *ctx, const char *name, uint16_t mtu, uint8_t mac[NET_MAC_LEN]);

/* The worker's: whole bursts, and what did not fit is freed. Returns how many were sent. */
uint16_t port_receive(uint16_t id, struct rte_mbuf **packets);
uint16_t port_transmit(uint16_t id, struct rte_mbuf **packets, uint16_t cnt);
