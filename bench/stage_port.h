/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The port of a stage: a device whose queues are two rings, and EAL for it. What the worker's queue
 * cannot hold is lost, as on any port; what it sends always finds room.
 */
#pragma once

#include <stdint.h>

#include <rte_ring.h>

#define STAGE_PORT_NAME "net_ring_bench"

/* The first call starts EAL and RCU; every call leaves both rings empty. */
void stage_port_open(struct rte_ring **to_worker, struct rte_ring **from_worker);
/* Has each frame bear when it left the worker, in tx_offload; once is enough. */
void stage_port_stamp(uint16_t id);
