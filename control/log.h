/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The daemon's log: one line a message on standard error, with the syslog priority prefix that
 * systemd understands when standard error is its journal. Control characters of what others sent
 * are replaced. Never a secret. Any thread.
 */
#pragma once

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/* Set once, before threads start; LOG_LEVEL_INFO before that. */
void log_set_level(enum log_level level);
/* "error", "warning", "info", "debug"; false when it is none of them. */
bool log_level_parse(const char *name, enum log_level *out);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
