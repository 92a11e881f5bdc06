/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/memory_peak.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/harness.h"

static pthread_t sampler;
static atomic_bool is_over;
static size_t first[2], most[2]; /* anonymous, shared */

static size_t line_of(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at != NULL ? strtoull(at + strlen(name), NULL, 10) * 1024 : 0;
}

static void look(size_t now[2])
{
	char text[4096];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	now[0] = line_of(text, "RssAnon:");
	now[1] = line_of(text, "RssShmem:");
}

static void *sample(void *arg)
{
	size_t now[2];

	(void)arg;
	while (!atomic_load(&is_over)) {
		look(now);
		for (int i = 0; i < 2; i++)
			if (now[i] > most[i])
				most[i] = now[i];
		usleep(2000);
	}
	return NULL;
}

void memory_peak_begin(void)
{
	look(first);
	memcpy(most, first, sizeof(most));
	atomic_store(&is_over, false);
	bench_must(pthread_create(&sampler, NULL, sample, NULL) == 0, "a thread");
}

void memory_peak_end(size_t *anonymous, size_t *shared)
{
	atomic_store(&is_over, true);
	pthread_join(sampler, NULL);
	*anonymous = most[0] - first[0];
	*shared = most[1] - first[1];
}
