/* SPDX-License-Identifier: BSD-3-Clause */
/* How much a module of either program logs; those of the data plane are told by control (RK_MSG_LOG). */
#pragma once

#include <stdbool.h>

/* As in syslog(3). */
enum rk_log_level {
	RK_LOG_ERROR = 3,
	RK_LOG_WARNING = 4,
	RK_LOG_INFO = 6,
	RK_LOG_DEBUG = 7,
};

/* Modules of the data plane. X(id, name) */
#define RK_LOG_MODULES(X)               \
	X(DATAPLANE, "dataplane")       \
	X(CHANNEL, "dataplane-channel") \
	X(VIEW, "dataplane-view")       \
	X(PEERS, "dataplane-peers")     \
	X(PORTS, "dataplane-ports")

enum rk_log_module {
#define X(id, name) RK_LOG_MODULE_##id,
	RK_LOG_MODULES(X)
#undef X
		RK_LOG_MODULE_CNT
};

const char *rk_log_module_name(enum rk_log_module module);
bool rk_log_level_is_one(unsigned level);
/* "error", "warning", "info", "debug"; of another number "info". */
const char *rk_log_level_name(unsigned level);
/* false when it is none of them. */
bool rk_log_level_parse(const char *name, enum rk_log_level *out);
