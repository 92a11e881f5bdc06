/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pki/view/journal.h"
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

static const struct {
	const char *name;
	enum log_level level;
} levels[] = {{"error", LOG_LEVEL_ERROR}, {"warning", LOG_LEVEL_WARNING}, {"info", LOG_LEVEL_INFO},
	{"debug", LOG_LEVEL_DEBUG}};
#define LEVEL_CNT (sizeof(levels) / sizeof(levels[0]))

/* 0 = not set: info. */
static _Atomic int level_of[MODULE_CNT];
static enum log_format form = LOG_FORMAT_TEXT;
static int journal_fd = -1;

void log_open(enum log_format format)
{
	form = format == LOG_FORMAT_JSON ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
	if (format == LOG_FORMAT_AUTO && journal_fd < 0 && rk_journal_is_stderr())
		journal_fd = rk_journal_open(NULL);
}

bool log_format_parse(const char *name, enum log_format *out)
{
	static const char *const names[] = {
		[LOG_FORMAT_AUTO] = "auto", [LOG_FORMAT_TEXT] = "text", [LOG_FORMAT_JSON] = "json"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0) {
			*out = (enum log_format)i;
			return true;
		}
	}
	return false;
}

void log_set_level(enum log_level level)
{
	for (size_t i = 0; i < MODULE_CNT; i++)
		atomic_store_explicit(&level_of[i], (int)level, memory_order_relaxed);
}

bool log_set_module_level(const char *module, enum log_level level)
{
	bool is_known = false;

	for (size_t i = 0; i < MODULE_CNT; i++) {
		if (strcmp(module, modules[i].name) != 0)
			continue;
		atomic_store_explicit(&level_of[i], (int)level, memory_order_relaxed);
		is_known = true;
	}
	return is_known;
}

static int level_max(size_t module)
{
	int level = atomic_load_explicit(&level_of[module], memory_order_relaxed);

	return level != 0 ? level : LOG_LEVEL_INFO;
}

bool log_level_parse(const char *name, enum log_level *out)
{
	for (size_t i = 0; i < LEVEL_CNT; i++) {
		if (strcmp(name, levels[i].name) == 0) {
			*out = levels[i].level;
			return true;
		}
	}
	return false;
}

static const char *level_name(int level)
{
	for (size_t i = 0; i < LEVEL_CNT; i++)
		if ((int)levels[i].level == level)
			return levels[i].name;
	return "info";
}

json_t *log_levels_json(void)
{
	json_t *out = json_object();

	for (size_t i = 0; i < MODULE_CNT; i++)
		json_object_set_new(out, modules[i].name, json_string(level_name(level_max(i))));
	return out;
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

static bool say_to_journal(const struct log_field *field, size_t cnt)
{
	struct rk_journal_field out[FIELD_CNT];

	for (size_t i = 0; i < cnt; i++)
		out[i] = (struct rk_journal_field){field[i].name, field[i].value};
	return journal_fd >= 0 && rk_journal_send(journal_fd, out, cnt) == 0;
}

/* What others sent need not be UTF-8. */
static json_t *text_json(const char *text)
{
	json_t *out = json_string(text);
	char ascii[LINE_MAX_LEN];

	if (out != NULL)
		return out;
	snprintf(ascii, sizeof(ascii), "%s", text);
	for (char *p = ascii; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return json_string(ascii);
}

static void say_as_json(const struct log_field *field, size_t cnt)
{
	json_t *line = json_object();
	struct timespec now;
	char *text, when[64];
	struct tm tm;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(when + len, sizeof(when) - len, ".%03uZ", (unsigned)(now.tv_nsec / 1000000));
	json_object_set_new(line, "TIME", json_string(when));
	for (size_t i = 0; i < cnt; i++)
		if (field[i].value != NULL)
			json_object_set_new(line, field[i].name, text_json(field[i].value));
	text = json_dumps(line, JSON_COMPACT);
	if (text != NULL)
		dprintf(STDERR_FILENO, "%s\n", text);
	free(text);
	json_decref(line);
}

void log_write_fields(
	struct log_site *site, const struct log_field *field, size_t field_cnt, const char *text)
{
	char priority[4], line[16], message[LINE_MAX_LEN];
	size_t module = module_of(site), cnt = 6;
	struct log_field all[FIELD_CNT] = {{"MESSAGE", message}, {"PRIORITY", priority},
		{"SYSLOG_IDENTIFIER", PROGRAM}, {"REKEY_MODULE", modules[module].name},
		{"CODE_FILE", site->file}, {"CODE_LINE", line}};

	if ((int)site->level > level_max(module))
		return;
	snprintf(message, sizeof(message), "%s", text);
	rk_make_plain(message, strlen(message), "");
	snprintf(priority, sizeof(priority), "%d", (int)site->level);
	snprintf(line, sizeof(line), "%d", site->line);
	for (size_t i = 0; i < field_cnt && cnt < FIELD_CNT; i++)
		all[cnt++] = field[i];
	if (form == LOG_FORMAT_JSON)
		say_as_json(all, cnt);
	else if (!say_to_journal(all, cnt))
		/* One write, so that lines of several threads do not mix. */
		dprintf(STDERR_FILENO, "%s%s\n",
			getenv("JOURNAL_STREAM") == NULL   ? ""
			: site->level == LOG_LEVEL_ERROR   ? "<3>"
			: site->level == LOG_LEVEL_WARNING ? "<4>"
			: site->level == LOG_LEVEL_INFO    ? "<6>"
							   : "<7>",
			message);
}

void log_write(struct log_site *site, const char *format, ...)
{
	char text[LINE_MAX_LEN];
	va_list args;
	int left_out, len;

	if ((int)site->level > level_max(module_of(site)))
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
