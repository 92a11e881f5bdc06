/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One line a message on standard error, or in the journal where that leads there; never a secret, never
 * from a worker's loop. How often one place of the code speaks is limited (pki/view/log_limit.h).
 */
#pragma once

#include "pki/view/log_limit.h"

/* level: "error", "warning", "info". Any thread but workers. */
void log_line(struct rk_log_limit *limit, const char *level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
#define log_at(level_, ...)                                 \
	do {                                                \
		static struct rk_log_limit log_limit_;      \
		log_line(&log_limit_, level_, __VA_ARGS__); \
	} while (0)
#define log_error(...)   log_at("error", __VA_ARGS__)
#define log_warning(...) log_at("warning", __VA_ARGS__)
#define log_info(...)    log_at("info", __VA_ARGS__)
