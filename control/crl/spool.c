/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/crl/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define NAME "crl.fetch"

int spool_open(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return -errno;
	unlinkat(dir_fd, NAME, 0); /* of a process that was killed between these lines */
	fd = openat(dir_fd, NAME, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	unlinkat(dir_fd, NAME, 0);
	return fd;
}

int spool_copy(int dir_fd, int *fd, size_t len)
{
	int to = spool_open(dir_fd), ret = 0;
	off_t at = 0;

	if (to < 0)
		return to;
	while ((size_t)at < len && ret == 0) {
		ssize_t n = sendfile(to, *fd, &at, len - (size_t)at);

		if (n == 0)
			ret = -EBADMSG;
		else if (n < 0 && errno != EINTR)
			ret = -errno;
	}
	if (ret < 0) {
		close(to);
		return ret;
	}
	close(*fd);
	*fd = to;
	return 0;
}
