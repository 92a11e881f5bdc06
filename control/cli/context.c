/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/context.h"

#include <stdio.h>
#include <string.h>

void context_init(struct context *c)
{
	*c = (struct context){.path = json_array()};
}

void context_fini(struct context *c)
{
	json_decref(c->path);
	c->path = NULL;
}

static const char *segment(const struct context *c, size_t i)
{
	const char *text = json_string_value(json_array_get(c->path, i));

	return text != NULL ? text : "";
}

/* "authority", "trusted-ca-certificate[name=x]", "path[0]". */
static void write_label(struct context *c, const char *key)
{
	size_t first = c->level[c->depth - 1];

	if (first + 1 >= json_array_size(c->path))
		snprintf(c->label, sizeof(c->label), "%s", segment(c, first));
	else if (key != NULL)
		snprintf(c->label, sizeof(c->label), "%s[%s=%s]", segment(c, first), key,
			segment(c, first + 1));
	else
		snprintf(c->label, sizeof(c->label), "%s[%s]", segment(c, first),
			segment(c, first + 1));
}

void context_set(
	struct context *c, json_t *path, const size_t *level, size_t depth, const char *key)
{
	json_decref(c->path);
	c->path = path;
	c->depth = depth;
	memcpy(c->level, level, depth * sizeof(*level));
	c->label[0] = '\0';
	if (depth > 0)
		write_label(c, key);
}

void context_top(struct context *c)
{
	json_array_clear(c->path);
	c->depth = 0;
	c->label[0] = '\0';
}
