/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pki/view/secret.h"

#define TEMPORARY_SUFFIX ".tmp"
#define RANDOM_DIGITS    16
#define CREATE_TRIES     8
#define SECRET_FILE_MAX  65536 /* no file with a secret is larger */

struct temporary {
	char name[NAME_MAX + 1];
	int fd;
};

static int check_name(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > RK_FILE_NAME_MAX || name[0] == '.' || strchr(name, '/') != NULL)
		return -EINVAL;
	return 0;
}

/* ".NAME.XXXXXXXXXXXXXXXX.tmp": no file of ours starts with a dot, so none is ever mistaken. */
static bool is_temporary(const char *name)
{
	const size_t tail = 1 + RANDOM_DIGITS + strlen(TEMPORARY_SUFFIX);
	size_t len = strlen(name);
	const char *dot;

	if (name[0] != '.' || len < 2 + tail)
		return false;
	dot = name + len - tail;
	return *dot == '.' && strspn(dot + 1, "0123456789abcdef") == RANDOM_DIGITS &&
	       strcmp(dot + 1 + RANDOM_DIGITS, TEMPORARY_SUFFIX) == 0;
}

static int name_temporary(const char *name, char out[NAME_MAX + 1])
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		return -EIO;
	snprintf(out, NAME_MAX + 1, ".%s.%016" PRIx64 TEMPORARY_SUFFIX, name, number);
	return 0;
}

static int temporary_open(int dir, const char *name, struct temporary *t)
{
	int ret;

	for (int i = 0; i < CREATE_TRIES; i++) {
		ret = name_temporary(name, t->name);
		if (ret < 0)
			return ret;
		t->fd = openat(
			dir, t->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (t->fd >= 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Closes the descriptor in any case; the file is complete and on disk when this returns 0. */
static int temporary_fill(struct temporary *t, mode_t mode, const struct iovec *iov, size_t iov_cnt)
{
	int ret = 0;

	for (size_t i = 0; i < iov_cnt && ret == 0; i++)
		ret = write_all(t->fd, iov[i].iov_base, iov[i].iov_len);
	if (ret == 0 && fchmod(t->fd, mode) < 0)
		ret = -errno;
	if (ret == 0 && fsync(t->fd) < 0)
		ret = -errno;
	if (close(t->fd) < 0 && ret == 0)
		ret = -errno;
	t->fd = -1;
	return ret;
}

static int sync_folder(int dir)
{
	return fsync(dir) < 0 ? -errno : 0;
}

static struct iovec one_run(const void *data, size_t len)
{
	struct iovec iov = {.iov_len = len};

	memcpy(&iov.iov_base, &data, sizeof(data)); /* iovec has no const; it is only read */
	return iov;
}

int rk_file_replace_v(
	int dir, const char *name, mode_t mode, const struct iovec *iov, size_t iov_cnt)
{
	struct temporary t;
	int ret = check_name(name);

	if (ret < 0)
		return ret;
	ret = temporary_open(dir, name, &t);
	if (ret < 0)
		return ret;
	ret = temporary_fill(&t, mode, iov, iov_cnt);
	if (ret == 0 && renameat(dir, t.name, dir, name) < 0)
		ret = -errno;
	if (ret < 0) {
		unlinkat(dir, t.name, 0);
		return ret;
	}
	return sync_folder(dir);
}

int rk_file_replace(int dir, const char *name, mode_t mode, const void *data, size_t len)
{
	struct iovec iov = one_run(data, len);

	return rk_file_replace_v(dir, name, mode, &iov, 1);
}

int rk_file_create(int dir, const char *name, mode_t mode, const void *data, size_t len)
{
	struct iovec iov = one_run(data, len);
	struct temporary t;
	int ret = check_name(name);

	if (ret < 0)
		return ret;
	ret = temporary_open(dir, name, &t);
	if (ret < 0)
		return ret;
	ret = temporary_fill(&t, mode, &iov, 1);
	/* A link, unlike a rename, fails when the name is taken. */
	if (ret == 0 && linkat(dir, t.name, dir, name, 0) < 0)
		ret = -errno;
	unlinkat(dir, t.name, 0);
	return ret < 0 ? ret : sync_folder(dir);
}

int rk_file_keep(int dir, const char *name, const char *previous)
{
	char temporary[NAME_MAX + 1];
	int ret = check_name(name);

	if (ret == 0)
		ret = check_name(previous);
	if (ret == 0)
		ret = name_temporary(previous, temporary);
	if (ret < 0)
		return ret;
	if (linkat(dir, name, dir, temporary, 0) < 0)
		return -errno;
	if (renameat(dir, temporary, dir, previous) < 0)
		ret = -errno;
	/* When both were one file already, rename leaves the temporary. */
	unlinkat(dir, temporary, 0);
	return ret < 0 ? ret : sync_folder(dir);
}

/* Non-blocking, so that a FIFO of that name does not hang us. */
static int open_regular(int dir, const char *name, size_t max, int *out, struct stat *st)
{
	int ret = check_name(name);
	int fd;

	if (ret < 0)
		return ret;
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, st) < 0)
		ret = -errno;
	else if (!S_ISREG(st->st_mode))
		ret = -EINVAL;
	else if ((uint64_t)st->st_size > max)
		ret = -EFBIG;
	if (ret < 0) {
		close(fd);
		return ret;
	}
	*out = fd;
	return 0;
}

static int read_all(int fd, uint8_t *buf, size_t size, size_t *len)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, buf + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	*len = done;
	return 0;
}

int rk_file_read(int dir, const char *name, size_t max, uint8_t **out, size_t *len)
{
	uint8_t *buf = NULL;
	size_t got = 0;
	struct stat st;
	int fd = -1;
	int ret = open_regular(dir, name, max, &fd, &st);

	if (ret < 0)
		return ret;
	buf = malloc((size_t)st.st_size + 1);
	if (buf == NULL) {
		ret = -ENOMEM;
		goto out;
	}
	ret = read_all(fd, buf, (size_t)st.st_size, &got);
	if (ret < 0)
		goto out;
	buf[got] = 0;
	*out = buf;
	*len = got;
	buf = NULL;
out:
	free(buf);
	close(fd);
	return ret;
}

int rk_file_read_secret(
	int dir, const char *name, size_t max, uint8_t **out, size_t *len, size_t *size)
{
	uint8_t *buf = NULL;
	size_t room = 0, got = 0;
	struct stat st;
	int fd = -1;
	int ret = open_regular(dir, name, max, &fd, &st);

	if (ret < 0)
		return ret;
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		ret = -EPERM;
		goto out;
	}
	room = (size_t)st.st_size + 1; /* the NUL byte after the data */
	buf = rk_secret_new(room);
	if (buf == NULL) {
		ret = -errno;
		goto out;
	}
	ret = read_all(fd, buf, (size_t)st.st_size, &got);
	if (ret < 0)
		goto out;
	*out = buf;
	*len = got;
	*size = room;
	buf = NULL;
out:
	rk_secret_free(buf, room);
	close(fd);
	return ret;
}

int rk_file_remove(int dir, const char *name)
{
	int ret = check_name(name);

	if (ret < 0)
		return ret;
	if (unlinkat(dir, name, 0) < 0)
		return -errno;
	return sync_folder(dir);
}

int rk_file_hold(int dir, const char *name)
{
	return openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

static int overwrite(int fd, off_t len)
{
	static const uint8_t zeros[4096];

	for (off_t at = 0, n; at < len; at += n) {
		n = len - at < (off_t)sizeof(zeros) ? len - at : (off_t)sizeof(zeros);
		if (pwrite(fd, zeros, (size_t)n, at) != n)
			return -EIO;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int rk_file_erase(int fd)
{
	struct stat st;
	int ret = 0;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0)
		ret = -errno;
	else if (S_ISREG(st.st_mode) && st.st_nlink == 0 && st.st_size <= SECRET_FILE_MAX)
		ret = overwrite(fd, st.st_size);
	close(fd);
	return ret;
}

static int remove_temporary(int dir, const char *name)
{
	int fd = rk_file_hold(dir, name);
	int ret = unlinkat(dir, name, 0) < 0 ? -errno : 0;

	rk_file_erase(fd); /* gone it is, whether or not that works */
	return ret;
}

int rk_file_clean(int dir)
{
	struct dirent *entry;
	DIR *list;
	int removed = 0, ret = 0, error;
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	list = fdopendir(fd);
	if (list == NULL) {
		ret = -errno;
		close(fd);
		return ret;
	}
	while (errno = 0, (entry = readdir(list)) != NULL) {
		if (!is_temporary(entry->d_name))
			continue;
		error = remove_temporary(dir, entry->d_name);
		if (error == 0)
			removed++;
		else if (ret == 0)
			ret = error;
	}
	if (errno != 0 && ret == 0)
		ret = -errno;
	closedir(list);
	return ret < 0 ? ret : removed;
}
