/* SPDX-License-Identifier: BSD-3-Clause */
/* The export of revocations, as long as a test wants it; and that no file is being read. */
#include "tests/unit/rest_doubles.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/configuration.h"
#include "control/publish.h"
#include "control/revocations_export.h"

bool configuration_is_reading(const struct configuration *c)
{
	(void)c;
	return false;
}

static atomic_uint export_pieces, export_ends;

struct revocations_export {
	enum revocations_format format;
	unsigned done;
};

bool revocations_format_parse(const char *text, enum revocations_format *out)
{
	*out = strcmp(text, "text") == 0 ? REVOCATIONS_TEXT : REVOCATIONS_JSON;
	return *out == REVOCATIONS_TEXT || strcmp(text, "json") == 0;
}

int revocations_export_new(struct master_list *list, enum revocations_format format,
	const char *origin, struct revocations_export **out)
{
	struct revocations_export *x = calloc(1, sizeof(*x));

	(void)list;
	assert(x != NULL && origin == NULL);
	x->format = format;
	*out = x;
	return 0;
}

ssize_t revocations_export_next(struct revocations_export *x, char *buf, size_t size)
{
	static const char json[] = "{\"generation\":1,\"entries\":[]}\n";
	unsigned cnt = x->format == REVOCATIONS_TEXT ? DOUBLES_EXPORT_PIECES : 1;

	if (x->done == cnt)
		return 0;
	x->done++;
	export_pieces++;
	if (x->format == REVOCATIONS_JSON)
		return snprintf(buf, size, "%s", json);
	memset(buf, 'x', size);
	return (ssize_t)size;
}

void revocations_export_free(struct revocations_export *x)
{
	export_ends++;
	free(x);
}

unsigned doubles_export_pieces(void)
{
	return export_pieces;
}

unsigned doubles_export_ends(void)
{
	return export_ends;
}

void publisher_tell_log_levels(struct publisher *p)
{
	(void)p;
}
