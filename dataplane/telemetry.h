/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands of DPDK's telemetry socket (dpdk-telemetry.py): /rekey/counters, all workers together,
 * /rekey/workers, /rekey/queues and /rekey/ports. They run on DPDK's telemetry thread and read counters
 * alone. Main calls these.
 */
#pragma once

#include "dataplane/worker.h"

/* Between rte_eal_init and rte_eal_cleanup, once; commands answer nothing before and after. */
void telemetry_open(struct shared *shared);
/* Afterwards no command looks at a worker any more. */
void telemetry_close(void);
