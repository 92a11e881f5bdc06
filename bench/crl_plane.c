/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/crl_plane.h"

#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/harness.h"
#include "pki/view/revocation.h"
#include "pki/view/snapshot.h"

#define PROGRAM "dataplane/rekey-dataplane" /* below the build folder, as we are */

static cpu_set_t all;
static int first_cpu, last_cpu;

void crl_plane_reserve(void)
{
	cpu_set_t others;

	bench_must(sched_getaffinity(0, sizeof(all), &all) == 0, "the CPUs");
	first_cpu = -1;
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &all))
			continue;
		if (first_cpu < 0)
			first_cpu = i;
		last_cpu = i;
	}
	others = all;
	if (first_cpu != last_cpu)
		CPU_CLR(last_cpu, &others);
	bench_must(sched_setaffinity(0, sizeof(others), &others) == 0, "a CPU");
}

void crl_plane_release(void)
{
	(void)sched_setaffinity(0, sizeof(all), &all);
}

static const char *find_program(char out[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	bench_must(n > 0, "where this program lies");
	self[n] = '\0';
	snprintf(out, PATH_MAX, "%s", dirname(self));
	n = (ssize_t)strlen(dirname(out));
	snprintf(out + n, PATH_MAX - (size_t)n, "/%s", PROGRAM);
	bench_must(access(out, X_OK) == 0, PROGRAM);
	return out;
}

static _Noreturn void run(const char *program, const char *dir)
{
	char run_dir[96], state_dir[96], log[96], prefix[32], lcores[32];
	char *const argv[] = {"rekey-dataplane", "--no-huge", "-m", "64", "--no-pci",
		"--no-telemetry", "--file-prefix", prefix, "--lcores", lcores, "--vdev",
		"net_ring0", "--", "--run-dir", run_dir, "--state-dir", state_dir, NULL};
	int fd;

	snprintf(run_dir, sizeof(run_dir), "%s/run", dir);
	snprintf(state_dir, sizeof(state_dir), "%s/plane", dir);
	snprintf(log, sizeof(log), "%s/plane.log", dir);
	snprintf(prefix, sizeof(prefix), "rekey-bench-%d", (int)getpid());
	snprintf(lcores, sizeof(lcores), "0@%d,1@%d", first_cpu, last_cpu);
	fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || mkdir(state_dir, 0700) < 0 || dup2(fd, STDOUT_FILENO) < 0 ||
		dup2(fd, STDERR_FILENO) < 0)
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTERM, SIG_DFL);
	(void)sched_setaffinity(0, sizeof(all), &all);
	execv(program, argv);
	_exit(127);
}

pid_t crl_plane_start(const char *dir)
{
	char program[PATH_MAX];
	const char *path = find_program(program);
	pid_t child;

	fflush(stdout);
	child = fork();
	bench_must(child >= 0, "a process");
	if (child == 0)
		run(path, dir);
	return child;
}

double crl_plane_kept_off_ms(pid_t plane)
{
	unsigned long long ran, waited, most = 0;
	double ms = 0;
	char path[300];
	struct dirent *task;
	FILE *f;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)plane);
	dir = opendir(path);
	bench_must(dir != NULL, "the data plane's threads");
	while ((task = readdir(dir)) != NULL) {
		snprintf(
			path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)plane, task->d_name);
		f = fopen(path, "r");
		if (f == NULL)
			continue;
		/* The one that never sleeps. */
		if (fscanf(f, "%llu %llu", &ran, &waited) == 2 && ran > most) {
			most = ran;
			ms = (double)waited / 1e6;
		}
		fclose(f);
	}
	closedir(dir);
	return ms;
}

uint8_t crl_plane_finds(const struct compile_part *part, const struct rk_revocation_key *key)
{
	const uint8_t *map =
		mmap(NULL, part->size, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, part->fd, 0);
	const struct rk_section *lines =
		(const struct rk_section *)(map + sizeof(struct rk_part_header));
	uint8_t state;

	bench_must(map != MAP_FAILED, "a part");
	state = rk_revocation_find((const struct rk_revocation_line *)(map + lines->offset),
		(size_t)lines->count, key);
	munmap((void *)(uintptr_t)map, part->size);
	return state;
}

void crl_plane_stop(pid_t plane)
{
	kill(plane, SIGTERM);
	waitpid(plane, NULL, 0);
}
