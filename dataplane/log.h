/* SPDX-License-Identifier: BSD-3-Clause */
/* One line a message on standard error, never a secret, never from a worker's loop. */
#pragma once

/* level: "error", "warning", "info". Any thread but workers. */
void log_line(const char *level, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define log_error(...)   log_line("error", __VA_ARGS__)
#define log_warning(...) log_line("warning", __VA_ARGS__)
#define log_info(...)    log_line("info", __VA_ARGS__)
