/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stands in for libFuzzer: feeds the fuzz target an empty input and every file of the folders
 * given. A corpus is then a regression test of every run. A missing or empty folder is a failure:
 * a test that feeds nothing proves nothing.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUT_MAX (16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

/* A copy of exactly the input's size, so that the sanitizer sees a read past its end. */
static void feed(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	if (copy == NULL)
		abort();
	if (len > 0)
		memcpy(copy, data, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static int feed_file(int dir, const char *name)
{
	static uint8_t buf[INPUT_MAX];
	size_t len = 0;
	ssize_t n = 0;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	while (len < sizeof(buf) && (n = read(fd, buf + len, sizeof(buf) - len)) > 0)
		len += (size_t)n;
	close(fd);
	if (n < 0)
		return -1;
	feed(buf, len);
	return 0;
}

static long feed_folder(const char *path)
{
	struct dirent *entry;
	struct stat st;
	long cnt = 0;
	DIR *dir = opendir(path);

	if (dir == NULL) {
		perror(path);
		return -1;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (fstatat(dirfd(dir), entry->d_name, &st, 0) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (feed_file(dirfd(dir), entry->d_name) < 0) {
			perror(entry->d_name);
			closedir(dir);
			return -1;
		}
		cnt++;
	}
	closedir(dir);
	if (cnt == 0) {
		fprintf(stderr, "%s: no input\n", path);
		return -1;
	}
	return cnt;
}

int main(int argc, char **argv)
{
	long total = 0, cnt;

	if (LLVMFuzzerInitialize != NULL)
		LLVMFuzzerInitialize(&argc, &argv);
	feed(NULL, 0);
	for (int i = 1; i < argc; i++) {
		cnt = feed_folder(argv[i]);
		if (cnt < 0)
			return 1;
		total += cnt;
	}
	printf("%ld inputs replayed\n", total);
	return total > 0 ? 0 : 1;
}
