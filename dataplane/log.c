/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pki/view/plain_text.h"

#define LINE_MAX_LEN 480
#define FIELD_CNT    6
#define PROGRAM      "rekey-dataplane"

/* What a file's name begins with, and its module; the last one takes the rest. */
static const struct {
	const char *stem;
	enum rk_log_module module;
} files[] = {{"channel", RK_LOG_MODULE_CHANNEL}, {"activate", RK_LOG_MODULE_VIEW},
	{"published", RK_LOG_MODULE_VIEW}, {"state", RK_LOG_MODULE_VIEW},
	{"peer", RK_LOG_MODULE_PEERS}, {"reports", RK_LOG_MODULE_PEERS},
	{"port", RK_LOG_MODULE_PORTS}, {"", RK_LOG_MODULE_DATAPLANE}};

static _Atomic uint8_t level_of[RK_LOG_MODULE_CNT]; /* 0 = not set: info */
static struct rk_log_sink sink = RK_LOG_SINK_INIT;

void log_line_open(enum rk_log_format format)
{
	rk_log_sink_open(&sink, format);
}

void log_line_set_levels(const uint8_t level[RK_LOG_MODULE_CNT])
{
	for (size_t i = 0; i < RK_LOG_MODULE_CNT; i++)
		atomic_store_explicit(&level_of[i], level[i], memory_order_relaxed);
}

static enum rk_log_module module_of(const char *file)
{
	const char *name = strstr(file, "dataplane/");
	size_t i = 0;

	name = name != NULL ? name + strlen("dataplane/") : "";
	while (strncmp(name, files[i].stem, strlen(files[i].stem)) != 0)
		i++;
	return files[i].module;
}

static bool is_wanted(const struct log_site *site, enum rk_log_module module)
{
	uint8_t max = atomic_load_explicit(&level_of[module], memory_order_relaxed);

	return (int)site->level <= (max != 0 ? (int)max : (int)RK_LOG_INFO);
}

static void say(const struct log_site *site, enum rk_log_module module, const char *message)
{
	char priority[4], code_line[16], line[LINE_MAX_LEN + 64];
	const struct rk_journal_field field[FIELD_CNT] = {{"MESSAGE", message},
		{"PRIORITY", priority}, {"SYSLOG_IDENTIFIER", PROGRAM},
		{"REKEY_MODULE", rk_log_module_name(module)}, {"CODE_FILE", site->file},
		{"CODE_LINE", code_line}};
	int len;

	snprintf(priority, sizeof(priority), "%d", (int)site->level);
	snprintf(code_line, sizeof(code_line), "%d", site->line);
	if (rk_log_sink_say(&sink, field, FIELD_CNT))
		return;
	len = snprintf(line, sizeof(line), PROGRAM ": %s: %s\n",
		rk_log_level_name((unsigned)site->level), message);
	if (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0)
		return; /* nobody to tell */
}

void log_line(struct log_site *site, const char *format, ...)
{
	enum rk_log_module module = module_of(site->file);
	char message[LINE_MAX_LEN];
	int len, left_out;
	va_list args;

	if (!is_wanted(site, module))
		return;
	left_out = rk_log_pass(&site->limit);
	if (left_out < 0)
		return;
	va_start(args, format);
	len = vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (len < 0)
		return;
	if (left_out > 0 && (size_t)len < sizeof(message))
		snprintf(message + len, sizeof(message) - (size_t)len,
			" (and %d such lines left out)", left_out);
	/* Names and reasons come from outside: one message stays one line. */
	rk_make_plain(message, strlen(message), "");
	say(site, module, message);
}
