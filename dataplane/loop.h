/* SPDX-License-Identifier: BSD-3-Clause */
/* The main thread's loop: sleeps in epoll until somebody has something to say. */
#pragma once

#include "dataplane/dataplane.h"

/*
 * Opens what main waits for: signals (blocked by the caller already), the workers' eventfd and the
 * channel. d->shared.wake_fd is open. 0 or -errno.
 */
struct loop;
int loop_new(struct dataplane *d, struct loop **out) RK_MUST_CHECK;
void loop_free(struct loop *l);
/* Until SIGTERM or SIGINT. */
void loop_run(struct loop *l);
