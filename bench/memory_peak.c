/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/memory_peak.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/harness.h"
#include "pki/view/large_pages.h"

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

void memory_touch(size_t len)
{
	uint8_t *memory =
		mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	bench_must(memory != MAP_FAILED, "memory");
	rk_bytes_are_many(memory, len); /* as fast as it goes */
	for (size_t i = 0; i < len; i += 4096)
		memory[i] = 1;
	munmap(memory, len);
}

/* ---- two processes ---------------------------------------------------------------------------- */

static pid_t other_process;
static struct memory_both both;

static size_t held_by(const char *path)
{
	static const char *const line[] = {
		"Pss_Anon:", "Pss_Shmem:", "Shared_Hugetlb:", "Private_Hugetlb:"};
	char text[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
	size_t sum = 0;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	for (size_t i = 0; i < 4; i++) /* two processes hold what is shared */
		sum += line_of(text, line[i]) / (strncmp(line[i], "Shared", 6) == 0 ? 2 : 1);
	return sum;
}

size_t memory_of(pid_t process)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)process);
	return held_by(path);
}

static size_t held_by_both(void)
{
	return held_by("/proc/self/smaps_rollup") + memory_of(other_process);
}

static void *sample_both(void *arg)
{
	(void)arg;
	while (!atomic_load(&is_over)) {
		size_t now = held_by_both();

		if (now > both.most)
			both.most = now;
		usleep(10000);
	}
	return NULL;
}

void memory_both_begin(pid_t other)
{
	other_process = other;
	both.before = both.most = held_by_both();
	atomic_store(&is_over, false);
	bench_must(pthread_create(&sampler, NULL, sample_both, NULL) == 0, "a thread");
}

void memory_both_end(struct memory_both *out)
{
	atomic_store(&is_over, true);
	pthread_join(sampler, NULL);
	*out = both;
}
