/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/crl/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define NAME "crl.fetch"

static int open_on_disk(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd;
	unlinkat(dir_fd, NAME, 0); /* of a process that was killed between these lines */
	fd = openat(dir_fd, NAME, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		unlinkat(dir_fd, NAME, 0);
	return fd;
}

static int open_in_memory(void)
{
	int fd = memfd_create(NAME, MFD_CLOEXEC);

	return fd >= 0 ? fd : -errno;
}

int spool_open(int dir_fd)
{
	int fd = open_on_disk(dir_fd);

	return fd >= 0 ? fd : open_in_memory();
}

/* The first len bytes of from to the end of to. */
static int append(int to, int from, size_t len)
{
	off_t at = 0;

	while ((size_t)at < len) {
		ssize_t n = sendfile(to, from, &at, len - (size_t)at);

		if (n == 0)
			return -EBADMSG;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
	return 0;
}

static bool is_disk_error(int error)
{
	return error == -ENOSPC || error == -EDQUOT || error == -EIO;
}

static void replace(int *fd, int by)
{
	close(*fd);
	*fd = by;
}

static int move_to_memory(int *fd)
{
	off_t len = lseek(*fd, 0, SEEK_END);
	int to = open_in_memory(), ret;

	if (to < 0)
		return to;
	ret = len >= 0 ? append(to, *fd, (size_t)len) : -errno;
	if (ret < 0)
		close(to);
	else
		replace(fd, to);
	return ret;
}

int spool_write(int *fd, const void *data, size_t len)
{
	const char *next = data;
	bool is_moved = false;

	while (len > 0) {
		ssize_t n = write(*fd, next, len);
		int ret = n < 0 ? -errno : 0;

		if (n < 0 && is_disk_error(ret) && !is_moved) {
			is_moved = true;
			ret = move_to_memory(fd);
		}
		if (ret < 0 && ret != -EINTR)
			return ret;
		if (n > 0) {
			next += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

int spool_copy(int dir_fd, int *fd, size_t len)
{
	int to = spool_open(dir_fd), ret;

	if (to < 0)
		return to;
	ret = append(to, *fd, len);
	if (is_disk_error(ret)) {
		close(to);
		to = open_in_memory();
		ret = to < 0 ? to : append(to, *fd, len);
	}
	if (ret == 0)
		replace(fd, to);
	else if (to >= 0)
		close(to);
	return ret;
}
