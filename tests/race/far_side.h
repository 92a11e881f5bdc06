/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Routers beyond the workers under test, each an engine of its own, all on one thread, and the network
 * in between: mailboxes instead of ports, in the place of worker_send and worker_receive.
 */
#pragma once

#include "tests/pair/pair.h"

#define FAR_CNT        6
#define FAR_WORKER_CNT 2

/* Main. own: of the workers' router. */
void far_open(const struct pair_identity *own);
void far_close(void);
const struct pair_identity *far_identity(unsigned router);
/* How the workers' router sees that one. */
struct endpoint far_path(unsigned router);
/* The thread, until far_stop. */
void *far_main(void *arg);
void far_stop(void);
