/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pki/view/plain_text.h"

#define LINE_MAX_LEN 1024
#define FIELD_CNT    10 /* a line's own ones, with those of the caller */
#define PROGRAM      "rekey-control"

/* What a file's name begins with, and its module; the last one takes the rest. */
static const struct {
	const char *stem;
	const char *name;
} modules[] = {{"crl/", "crl"}, {"enrol/", "enrol"}, {"rest/", "rest"}, {"alarm", "alarms"},
	{"audit", "audit"}, {"config", "config"}, {"credential", "credential"}, {"peer", "peers"},
	{"provision", "provision"}, {"publish", "publish"}, {"revocations", "crl"},
	{"trust", "trust"}, {"verdicts", "verdicts"}, {"", "daemon"}};
#define MODULE_CNT (sizeof(modules) / sizeof(modules[0]))

/* 0 = not set: info. */
static _Atomic int level_of[MODULE_CNT];
static _Atomic int dataplane_level[RK_LOG_MODULE_CNT];
static struct rk_log_sink sink = RK_LOG_SINK_INIT;

void log_open(enum rk_log_format format)
{
	rk_log_sink_open(&sink, format);
}

static void set_level(_Atomic int *of, enum rk_log_level level)
{
	atomic_store_explicit(of, (int)level, memory_order_relaxed);
}

static int level_max(_Atomic int *of)
{
	int level = atomic_load_explicit(of, memory_order_relaxed);

	return level != 0 ? level : RK_LOG_INFO;
}

void log_set_level(enum rk_log_level level)
{
	for (size_t i = 0; i < MODULE_CNT; i++)
		set_level(&level_of[i], level);
	for (size_t i = 0; i < RK_LOG_MODULE_CNT; i++)
		set_level(&dataplane_level[i], level);
}

bool log_set_module_level(const char *module, enum rk_log_level level)
{
	bool is_known = false;

	for (size_t i = 0; i < MODULE_CNT; i++) {
		if (strcmp(module, modules[i].name) != 0)
			continue;
		set_level(&level_of[i], level);
		is_known = true;
	}
	for (unsigned i = 0; i < RK_LOG_MODULE_CNT; i++) {
		if (strcmp(module, rk_log_module_name((enum rk_log_module)i)) != 0)
			continue;
		set_level(&dataplane_level[i], level);
		is_known = true;
	}
	return is_known;
}

static void add_level(json_t *out, const char *module, _Atomic int *of)
{
	const char *level = rk_log_level_name((unsigned)level_max(of));

	json_object_set_new(out, module, json_string(level));
}

json_t *log_levels_json(void)
{
	json_t *out = json_object();

	for (size_t i = 0; i < MODULE_CNT; i++)
		add_level(out, modules[i].name, &level_of[i]);
	for (unsigned i = 0; i < RK_LOG_MODULE_CNT; i++)
		add_level(out, rk_log_module_name((enum rk_log_module)i), &dataplane_level[i]);
	return out;
}

void log_dataplane_levels(uint8_t level[RK_LOG_MODULE_CNT])
{
	for (size_t i = 0; i < RK_LOG_MODULE_CNT; i++)
		level[i] = (uint8_t)level_max(&dataplane_level[i]);
}

static size_t find_module(const char *file)
{
	const char *name = strstr(file, "control/");
	size_t i = 0;

	name = name != NULL ? name + strlen("control/") : "";
	while (strncmp(name, modules[i].stem, strlen(modules[i].stem)) != 0)
		i++;
	return i;
}

static size_t module_of(struct log_site *site)
{
	int known = atomic_load_explicit(&site->module, memory_order_relaxed);

	if (known == 0) {
		known = (int)find_module(site->file) + 1;
		atomic_store_explicit(&site->module, known, memory_order_relaxed);
	}
	return (size_t)known - 1;
}

void log_write_fields(struct log_site *site, const struct rk_journal_field *field, size_t field_cnt,
	const char *text)
{
	char priority[4], line[16], message[LINE_MAX_LEN];
	size_t module = module_of(site), cnt = 6;
	struct rk_journal_field all[FIELD_CNT] = {{"MESSAGE", message}, {"PRIORITY", priority},
		{"SYSLOG_IDENTIFIER", PROGRAM}, {"REKEY_MODULE", modules[module].name},
		{"CODE_FILE", site->file}, {"CODE_LINE", line}};

	if ((int)site->level > level_max(&level_of[module]))
		return;
	snprintf(message, sizeof(message), "%s", text);
	rk_make_plain(message, strlen(message), "");
	snprintf(priority, sizeof(priority), "%d", (int)site->level);
	snprintf(line, sizeof(line), "%d", site->line);
	for (size_t i = 0; i < field_cnt && cnt < FIELD_CNT; i++)
		all[cnt++] = field[i];
	if (!rk_log_sink_say(&sink, all, cnt))
		/* One write, so that lines of several threads do not mix. */
		dprintf(STDERR_FILENO, "%s%s\n",
			getenv("JOURNAL_STREAM") == NULL ? ""
			: site->level == RK_LOG_ERROR    ? "<3>"
			: site->level == RK_LOG_WARNING  ? "<4>"
			: site->level == RK_LOG_INFO     ? "<6>"
							 : "<7>",
			message);
}

void log_write(struct log_site *site, const char *format, ...)
{
	char text[LINE_MAX_LEN];
	va_list args;
	int left_out, len;

	if ((int)site->level > level_max(&level_of[module_of(site)]))
		return;
	left_out = rk_log_pass(&site->limit);
	if (left_out < 0)
		return;
	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0)
		return;
	if (left_out > 0 && (size_t)len < sizeof(text))
		snprintf(text + len, sizeof(text) - (size_t)len, " (and %d such lines left out)",
			left_out);
	log_write_fields(site, NULL, 0, text);
}
