/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a service tells the manager that started it (sd_notify(3)): ready, still alive, stopping.
 * Without a manager (NOTIFY_SOCKET unset) nothing happens.
 */
#pragma once

#include <stdint.h>

#include "pki/view/bytes.h"

/*
 * Looks into the environment: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID. *watchdog_ns: how
 * often "WATCHDOG=1" is due (half the limit), 0 = never. A socket, -1 without a manager, or another
 * -errno.
 */
int rk_service_open(uint64_t *watchdog_ns) RK_MUST_CHECK;
/* state: "READY=1", "WATCHDOG=1", "STOPPING=1", "STATUS=..."; fd -1 is fine. */
void rk_service_tell(int fd, const char *state);
