/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop's longest pause while a list is fetched, taken in and published. */
#pragma once

#include "bench/crl_daemon.h"

/* The row of what happened since the last crl_daemon_refuse, of that suite. */
void crl_pause_print(struct crl_daemon *l, const char *suite);
