/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/route.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static const struct {
	enum evhttp_cmd_type type;
	const char *name;
} methods[] = {
	{EVHTTP_REQ_GET, "GET"},
	{EVHTTP_REQ_POST, "POST"},
	{EVHTTP_REQ_PUT, "PUT"},
	{EVHTTP_REQ_DELETE, "DELETE"},
	{EVHTTP_REQ_HEAD, "HEAD"},
	{EVHTTP_REQ_OPTIONS, "OPTIONS"},
	{EVHTTP_REQ_TRACE, "TRACE"},
	{EVHTTP_REQ_CONNECT, "CONNECT"},
	{EVHTTP_REQ_PATCH, "PATCH"},
};

#define METHOD_CNT (sizeof(methods) / sizeof(methods[0]))

const char *route_method_name(enum evhttp_cmd_type method)
{
	for (size_t i = 0; i < METHOD_CNT; i++)
		if (methods[i].type == method)
			return methods[i].name;
	return "?";
}

void route_print_methods(unsigned mask, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < METHOD_CNT && len < size; i++)
		if (mask & methods[i].type)
			len += (size_t)snprintf(out + len, size - len, "%s%s", len > 0 ? ", " : "",
				methods[i].name);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Names are text: what is none could not be recorded, nor said in an answer. */
static bool is_text(const char *name)
{
	json_t *text = json_string(name);

	json_decref(text);
	return text != NULL;
}

/*
 * Decodes the segment that starts at path into out; false when it is empty, too long, badly
 * encoded, is no UTF-8, or holds a slash, a control character or a NUL. *end is where it stops.
 */
static bool take_segment(const char *path, char out[ROUTE_PARAM_MAX + 1], const char **end)
{
	size_t n = 0;

	for (; *path != '\0' && *path != '/'; path++) {
		char c = *path;

		if (c == '%') {
			int high = hex_value(path[1]);
			int low = high < 0 ? -1 : hex_value(path[2]);

			if (low < 0)
				return false;
			c = (char)(high * 16 + low);
			path += 2;
		}
		if ((unsigned char)c < 0x20 || c == 0x7f || c == '/' || n == ROUTE_PARAM_MAX)
			return false;
		out[n++] = c;
	}
	out[n] = '\0';
	*end = path;
	return n > 0 && is_text(out);
}

/* "/WORD/SEGMENT" off *path. */
static bool take_pair(const char **path, const char *word, char out[ROUTE_PARAM_MAX + 1])
{
	size_t len = strlen(word);

	if (strncmp(*path, word, len) != 0 || !take_segment(*path + len, out, path))
		return false;
	return true;
}

enum route_scope route_take_scope(
	const char *path, const char *router, const char *node, const char **rest)
{
	char router_asked[ROUTE_PARAM_MAX + 1], node_asked[ROUTE_PARAM_MAX + 1];
	size_t len = strlen(ROUTE_BASE);

	if (strncmp(path, ROUTE_BASE "/", len + 1) != 0)
		return ROUTE_SCOPE_NO_NODE;
	path += len;
	if (strncmp(path, "/router/", 8) == 0) {
		if (!take_pair(&path, "/router/", router_asked) ||
			!take_pair(&path, "/node/", node_asked) || *path != '/')
			return ROUTE_SCOPE_NO_NODE;
		if (strcmp(router_asked, router) != 0 || strcmp(node_asked, node) != 0)
			return ROUTE_SCOPE_OTHER;
	}
	*rest = path;
	return ROUTE_SCOPE_HERE;
}

static bool matches(const char *pattern, const char *path, char param[ROUTE_PARAM_MAX + 1])
{
	while (*pattern != '\0') {
		if (*pattern == '{') {
			if (!take_segment(path, param, &path))
				return false;
			pattern += strcspn(pattern, "}") + 1;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return *path == '\0';
}

void route_find(const struct route *table, size_t cnt, enum evhttp_cmd_type method,
	const char *rest, struct route_match *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < cnt; i++) {
		char param[ROUTE_PARAM_MAX + 1] = "";

		if (!matches(table[i].path, rest, param))
			continue;
		out->allowed |= table[i].method;
		if (table[i].method == method && out->route == NULL) {
			out->route = &table[i];
			memcpy(out->param, param, sizeof(param));
		}
	}
}
