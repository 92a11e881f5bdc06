/* SPDX-License-Identifier: BSD-3-Clause */
/* A request's path and headers: the first line is the path, the others are "Name: value". */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/http.h>

#include "control/rest/head_check.h"
#include "control/rest/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct route table[] = {
	{.method = EVHTTP_REQ_GET, .path = "/peer"},
	{.method = EVHTTP_REQ_GET, .path = "/peer/{name}/security"},
};

static void find_path(const char *path)
{
	struct route_match m;
	const char *rest = NULL;

	if (route_take_scope(path, "east", "node0", &rest) != ROUTE_SCOPE_HERE)
		return;
	if (rest < path || rest > path + strlen(path))
		abort();
	route_find(table, 2, EVHTTP_REQ_GET, rest, &m);
	/* What a service is given as a name is a name. */
	if (m.route != NULL && strpbrk(m.param, "/\n\r\x1b") != NULL)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1), *save = NULL, *line;
	char id[REQUEST_ID_MAX + 1];
	struct evkeyvalq headers;

	if (text == NULL)
		abort();
	memcpy(text, data, size);
	TAILQ_INIT(&headers);
	line = strtok_r(text, "\n", &save);
	if (line != NULL)
		find_path(line);
	while ((line = strtok_r(NULL, "\n", &save)) != NULL) {
		char *value = strchr(line, ':');

		if (value == NULL)
			continue;
		*value++ = '\0';
		evhttp_add_header(&headers, line, value);
		head_is_json(value);
		head_copy_request_id(value, id);
		if (strpbrk(id, " <>\"\\\t\x1b") != NULL)
			abort();
	}
	if (head_check(&headers, 1, 1) == NULL && evhttp_find_header(&headers, "Host") == NULL)
		abort();
	evhttp_clear_headers(&headers);
	free(text);
	return 0;
}
