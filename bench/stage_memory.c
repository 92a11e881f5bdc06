/* SPDX-License-Identifier: BSD-3-Clause */
/* How much memory a stage's process takes. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness.h"
#include "bench/stage.h"
#include "dataplane/core/engine_state.h"

static double status_bytes(const char *field)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	double kb = -1;

	bench_must(f != NULL, "no /proc");
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, field, strlen(field)) == 0)
			kb = strtod(line + strlen(field), NULL);
	fclose(f);
	bench_must(kb >= 0, "/proc does not say");
	return kb * 1024;
}

void stage_touch_pools(struct stage *s)
{
	struct engine *e = s->worker->engine;

	memset(e->caches, 0, e->config.exchange_cnt * sizeof(*e->caches));
	memset(e->sessions, 0, e->config.session_cnt * sizeof(struct session *));
}

double stage_anonymous_bytes(void)
{
	malloc_trim(0);
	return status_bytes("RssAnon:");
}

double stage_mapped_bytes(void)
{
	return status_bytes("RssShmem:");
}
