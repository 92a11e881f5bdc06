/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For who wants to see all that a test wrote: with REKEY_KEEP=FOLDER in the environment what a fixture
 * would remove goes to FOLDER/XXXXXX/PLACE (tests/smoke/unit-secrets).
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* False: nobody asked, or it cannot be moved. */
static inline bool keep_folder(const char *path, const char *place)
{
	const char *keep = getenv("REKEY_KEEP");
	char to[256];
	size_t len;

	if (keep == NULL)
		return false;
	snprintf(to, sizeof(to), "%s/XXXXXX", keep);
	if (mkdtemp(to) == NULL)
		return false;
	len = strlen(to);
	for (const char *at = place; (at = strchr(at, '/')) != NULL; at++) {
		snprintf(to + len, sizeof(to) - len, "/%.*s", (int)(at - place), place);
		mkdir(to, 0700);
	}
	snprintf(to + len, sizeof(to) - len, "/%s", place);
	return rename(path, to) == 0;
}
