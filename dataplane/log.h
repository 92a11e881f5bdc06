/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data plane's log: to the systemd journal with fields where standard error leads there, else a
 * line a message on standard error, as text or as JSON. Never a secret, never from a worker's loop.
 *
 * A message belongs to the module whose file it is in (dataplane/channel.c: "dataplane-channel");
 * control says how much each logs (RK_MSG_LOG). How often one place of the code speaks is limited
 * (pki/view/log_limit.h).
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "pki/view/log_level.h"
#include "pki/view/log_limit.h"
#include "pki/view/log_sink.h"

/* A place of the code that says something. */
struct log_site {
	const char *file;
	int line;
	enum rk_log_level level;
	struct rk_log_limit limit;
};

/* Before threads start; text on standard error before that. */
void log_line_open(enum rk_log_format format);
/* From now on; RK_LOG_INFO before that. Any thread. */
void log_line_set_levels(const uint8_t level[RK_LOG_MODULE_CNT]);
/* Any thread but workers. */
void log_line(struct log_site *site, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define log_at(level_, ...)                                                             \
	do {                                                                            \
		static struct log_site log_site_ = {__FILE__, __LINE__, (level_), {0}}; \
		log_line(&log_site_, __VA_ARGS__);                                      \
	} while (0)
#define log_error(...)   log_at(RK_LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(RK_LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_at(RK_LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_at(RK_LOG_DEBUG, __VA_ARGS__)
