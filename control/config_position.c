/* SPDX-License-Identifier: BSD-3-Clause */
/* The parser keeps no positions, so a message's line is found by walking the text once more. */
#include "control/config_read.h"

#include <string.h>

struct scanner {
	const char *next;
	const char *end;
};

static void skip_blanks(struct scanner *s)
{
	while (s->next < s->end && strchr(" \t\r\n", *s->next) != NULL && *s->next != '\0')
		s->next++;
}

static bool take(struct scanner *s, char c)
{
	skip_blanks(s);
	if (s->next == s->end || *s->next != c)
		return false;
	s->next++;
	return true;
}

/* The characters between the quotes, escapes as written. */
static bool take_string(struct scanner *s, const char **start, size_t *len)
{
	if (!take(s, '"'))
		return false;
	*start = s->next;
	while (s->next < s->end && *s->next != '"')
		s->next += *s->next == '\\' && s->next + 1 < s->end ? 2 : 1;
	if (s->next >= s->end)
		return false;
	*len = (size_t)(s->next - *start);
	s->next++;
	return true;
}

/* Past one value, whatever it is: brackets are counted, strings stepped over. */
static bool skip_value(struct scanner *s)
{
	size_t level = 0, len;
	const char *start;

	skip_blanks(s);
	while (s->next < s->end) {
		if (*s->next == '"') {
			if (!take_string(s, &start, &len))
				return false;
			if (level == 0)
				return true;
			continue;
		}
		if (level == 0 && strchr(",]}", *s->next) != NULL)
			return true;
		if (*s->next == '{' || *s->next == '[')
			level++;
		if ((*s->next == '}' || *s->next == ']') && --level == 0) {
			s->next++;
			return true;
		}
		s->next++;
	}
	return level == 0;
}

static bool step_into_member(struct scanner *s, const char *key, const char **at)
{
	const char *start;
	size_t len;

	if (!take(s, '{'))
		return false;
	do {
		if (!take_string(s, &start, &len))
			return false;
		if (!take(s, ':'))
			return false;
		if (len == strlen(key) && memcmp(start, key, len) == 0) {
			*at = start;
			return true;
		}
		if (!skip_value(s))
			return false;
	} while (take(s, ','));
	return false;
}

static bool step_into_element(struct scanner *s, size_t index, const char **at)
{
	if (!take(s, '['))
		return false;
	for (size_t i = 0; i < index; i++)
		if (!skip_value(s) || !take(s, ','))
			return false;
	skip_blanks(s);
	*at = s->next;
	return true;
}

int config_position_line(
	const char *text, size_t len, const struct config_segment *segment, unsigned depth)
{
	struct scanner s = {.next = text, .end = text + len};
	const char *at;
	int line = 1;
	bool is_found;

	skip_blanks(&s);
	at = s.next;
	for (unsigned i = 0; i < depth; i++) {
		is_found = segment[i].key != NULL ? step_into_member(&s, segment[i].key, &at)
						  : step_into_element(&s, segment[i].index, &at);
		if (!is_found)
			break;
	}
	for (const char *p = text; p < at; p++)
		line += *p == '\n';
	return line;
}
