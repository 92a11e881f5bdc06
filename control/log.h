/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The daemon's log: to the systemd journal with fields of its own when standard error leads there,
 * else one line a message on standard error, as text or as JSON. Control characters of what others
 * sent are replaced. Never a secret. Any thread.
 *
 * A message belongs to the module whose file it is in (control/crl/accept.c: "crl",
 * control/publish_link.c: "publish"); each module has a level of its own, changed at run time. How
 * often one place of the code speaks is limited (pki/view/log_limit.h).
 */
#pragma once

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pki/view/log_limit.h"

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

enum log_format { LOG_FORMAT_AUTO, LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* A place of the code that says something. */
struct log_site {
	const char *file;
	int line;
	enum log_level level;
	_Atomic int module; /* index + 1 once it is known */
	struct rk_log_limit limit;
};

/* A field of its own in the journal and in JSON; text shows the message alone. */
struct log_field {
	const char *name; /* upper-case; NULL value: left out */
	const char *value;
};

/* Before threads start. AUTO: the journal where standard error leads there, else text. */
void log_open(enum log_format format);
/* "auto", "text", "json". */
bool log_format_parse(const char *name, enum log_format *out);

/* Of every module, and of one; LOG_LEVEL_INFO before that. false: there is no such module. */
void log_set_level(enum log_level level);
bool log_set_module_level(const char *module, enum log_level level);
/* {"crl": "info", ...} */
json_t *log_levels_json(void);
/* "error", "warning", "info", "debug"; false when it is none of them. */
bool log_level_parse(const char *name, enum log_level *out);

void log_write(struct log_site *site, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Not limited: for what is said once a change. */
void log_write_fields(
	struct log_site *site, const struct log_field *field, size_t field_cnt, const char *text);

#define log_at(level_, ...)                                                           \
	do {                                                                          \
		static struct log_site log_site_ = {__FILE__, __LINE__, (level_), 0}; \
		log_write(&log_site_, __VA_ARGS__);                                   \
	} while (0)
#define log_error(...)   log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)
