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

#include "pki/view/log_level.h"
#include "pki/view/log_limit.h"
#include "pki/view/log_sink.h"

/* A place of the code that says something. */
struct log_site {
	const char *file;
	int line;
	enum rk_log_level level;
	_Atomic int module; /* index + 1 once it is known */
	struct rk_log_limit limit;
};

/* Before threads start. */
void log_open(enum rk_log_format format);

/*
 * Of every module, those of the data plane included, and of one; RK_LOG_INFO before that. false: there
 * is no such module.
 */
void log_set_level(enum rk_log_level level);
bool log_set_module_level(const char *module, enum rk_log_level level);
/* {"crl": "info", ...} */
json_t *log_levels_json(void);
/* What the data plane is to be told. */
void log_dataplane_levels(uint8_t level[RK_LOG_MODULE_CNT]);

void log_write(struct log_site *site, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Not limited: for what is said once a change. Text shows the message alone, without the fields. */
void log_write_fields(struct log_site *site, const struct rk_journal_field *field, size_t field_cnt,
	const char *text);

#define log_at(level_, ...)                                                           \
	do {                                                                          \
		static struct log_site log_site_ = {__FILE__, __LINE__, (level_), 0}; \
		log_write(&log_site_, __VA_ARGS__);                                   \
	} while (0)
#define log_error(...)   log_at(RK_LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(RK_LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_at(RK_LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_at(RK_LOG_DEBUG, __VA_ARGS__)
