/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One place of the code says at most RK_LOG_BURST lines in RK_LOG_WINDOW_SEC seconds; what it would
 * have said more is counted, and told with its next line. Any thread.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#define RK_LOG_BURST      20
#define RK_LOG_WINDOW_SEC 10

struct rk_log_limit {           /* zeroed */
	_Atomic int64_t window; /* the present one's number */
	_Atomic unsigned said_cnt;
	_Atomic unsigned left_out_cnt;
};

/* How many were left out before this one; -1: this one is, too. */
int rk_log_pass(struct rk_log_limit *limit);
/* The same at this time, of a clock that only goes on. */
int rk_log_pass_at(struct rk_log_limit *limit, int64_t now_sec);
