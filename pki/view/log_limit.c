/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/log_limit.h"

#include <time.h>

int rk_log_pass_at(struct rk_log_limit *limit, int64_t now_sec)
{
	int64_t window = now_sec / RK_LOG_WINDOW_SEC + 1;

	if (atomic_exchange_explicit(&limit->window, window, memory_order_relaxed) != window)
		atomic_store_explicit(&limit->said_cnt, 0, memory_order_relaxed);
	if (atomic_fetch_add_explicit(&limit->said_cnt, 1, memory_order_relaxed) >= RK_LOG_BURST) {
		atomic_fetch_add_explicit(&limit->left_out_cnt, 1, memory_order_relaxed);
		return -1;
	}
	return (int)atomic_exchange_explicit(&limit->left_out_cnt, 0, memory_order_relaxed);
}

int rk_log_pass(struct rk_log_limit *limit)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return rk_log_pass_at(limit, now.tv_sec);
}
