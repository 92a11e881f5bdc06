/* SPDX-License-Identifier: BSD-3-Clause */
/* A folder of its own for a test, under the system's folder for temporaries; gone at the end. */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder {
	char path[64];
	int fd;
};

static inline void folder_init(struct folder *f)
{
	snprintf(f->path, sizeof(f->path), "/tmp/rekey-test.XXXXXX");
	f->fd = -1;
	if (mkdtemp(f->path) != NULL)
		f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->fd < 0)
		abort();
}

/* How many entries; with remove, all of them are removed. */
static inline int folder_scan(struct folder *f, int remove)
{
	DIR *dir = opendir(f->path);
	struct dirent *entry;
	int cnt = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		cnt++;
		if (remove)
			unlinkat(f->fd, entry->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
	return cnt;
}

static inline void folder_fini(struct folder *f)
{
	folder_scan(f, 1);
	close(f->fd);
	rmdir(f->path);
}
