/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a program's log goes: the systemd journal with fields, one JSON object a line on standard
 * error, or text, which each program forms itself. Any thread after rk_log_sink_open.
 */
#pragma once

#include "pki/view/journal.h"

enum rk_log_format { RK_LOG_AUTO, RK_LOG_TEXT, RK_LOG_JSON };

struct rk_log_sink {
	enum rk_log_format format;
	int journal_fd; /* -1: none */
};
#define RK_LOG_SINK_INIT        \
	{                       \
		RK_LOG_TEXT, -1 \
	}

/* "auto", "text", "json"; false: none of them. */
bool rk_log_format_parse(const char *name, enum rk_log_format *out) RK_MUST_CHECK;
/* Before threads start. AUTO: the journal where standard error leads there, else text. */
void rk_log_sink_open(struct rk_log_sink *s, enum rk_log_format format);
/* To the journal, or as JSON with the TIME in front; false: neither, it is to be said as text. */
bool rk_log_sink_say(const struct rk_log_sink *s, const struct rk_journal_field *field,
	size_t field_cnt) RK_MUST_CHECK;
