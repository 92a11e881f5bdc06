/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/log_sink.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define JSON_MAX_LEN 16384
#define JSON_TAIL    3 /* quote, brace, newline: there is always room for them */
#define CHAR_MAX_LEN 6 /* \u00XX */

bool rk_log_format_parse(const char *name, enum rk_log_format *out)
{
	static const char *const names[] = {
		[RK_LOG_AUTO] = "auto", [RK_LOG_TEXT] = "text", [RK_LOG_JSON] = "json"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0) {
			*out = (enum rk_log_format)i;
			return true;
		}
	}
	return false;
}

void rk_log_sink_open(struct rk_log_sink *s, enum rk_log_format format)
{
	s->format = format == RK_LOG_JSON ? RK_LOG_JSON : RK_LOG_TEXT;
	if (format == RK_LOG_AUTO && s->journal_fd < 0 && rk_journal_is_stderr())
		s->journal_fd = rk_journal_open(NULL);
}

/* ---- JSON: no library, for the data plane has none ----------------------------------------------- */

struct json {
	char text[JSON_MAX_LEN];
	size_t len;
};

/* Bytes of the character here, by RFC 3629; 0: it is none. */
static size_t utf8_len(const unsigned char *p)
{
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	if (p[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++) /* the end of the text is no continuation */
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
		(p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

static void put(struct json *j, const char *text, size_t len)
{
	memcpy(j->text + j->len, text, len);
	j->len += len;
}

/* One character of p, which others may have sent; how many bytes it took. */
static size_t put_char(struct json *j, const unsigned char *p)
{
	size_t len = utf8_len(p);
	char escaped[CHAR_MAX_LEN + 1] = {'\\', (char)p[0], '\0'};

	if (len == 0)
		put(j, "?", 1);
	else if (p[0] < 0x20)
		put(j, escaped, (size_t)snprintf(escaped, sizeof(escaped), "\\u%04x", p[0]));
	else if (p[0] == '"' || p[0] == '\\')
		put(j, escaped, 2);
	else
		put(j, (const char *)p, len);
	return len > 0 ? len : 1;
}

/* What there is no room for is cut off, a field as a whole where not even its name fits. */
static void put_field(struct json *j, const char *name, const char *value)
{
	size_t name_len = strlen(name);

	if (j->len + name_len + sizeof(",\"\":\"") + JSON_TAIL > JSON_MAX_LEN)
		return;
	put(j, j->len == 0 ? "{\"" : ",\"", 2);
	put(j, name, name_len);
	put(j, "\":\"", 3);
	while (*value != '\0' && j->len + CHAR_MAX_LEN + JSON_TAIL <= JSON_MAX_LEN)
		value += put_char(j, (const unsigned char *)value);
	put(j, "\"", 1);
}

static void put_time(struct json *j)
{
	struct timespec now;
	char when[64];
	struct tm tm;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(when + len, sizeof(when) - len, ".%03uZ", (unsigned)(now.tv_nsec / 1000000));
	put_field(j, "TIME", when);
}

/* One write, so that lines of several threads do not mix. */
static void say_as_json(const struct rk_journal_field *field, size_t cnt)
{
	struct json j;

	j.len = 0;
	put_time(&j);
	for (size_t i = 0; i < cnt; i++)
		if (field[i].value != NULL)
			put_field(&j, field[i].name, field[i].value);
	put(&j, "}\n", 2);
	if (write(STDERR_FILENO, j.text, j.len) < 0)
		return; /* nobody to tell */
}

bool rk_log_sink_say(
	const struct rk_log_sink *s, const struct rk_journal_field *field, size_t field_cnt)
{
	if (s->format == RK_LOG_JSON) {
		say_as_json(field, field_cnt);
		return true;
	}
	return s->journal_fd >= 0 && rk_journal_send(s->journal_fd, field, field_cnt) == 0;
}
