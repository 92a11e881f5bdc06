/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/journal.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define JOURNAL_SOCKET  "/run/systemd/journal/socket"
#define IOV_A_FIELD_MAX 5

bool rk_journal_is_stderr(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;

	return stream != NULL && sscanf(stream, "%" SCNuMAX ":%" SCNuMAX, &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

int rk_journal_open(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, ret;

	if (path == NULL)
		path = JOURNAL_SOCKET;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static struct iovec run_of(const void *data, size_t len)
{
	union {
		const void *in;
		void *out;
	} p = {data};

	return (struct iovec){p.out, len};
}

/* "NAME=value\n", or with the length in front where the value has lines of its own. */
static size_t add_field(struct iovec *iov, const struct rk_journal_field *f, uint64_t *len)
{
	size_t n = 0;

	iov[n++] = run_of(f->name, strlen(f->name));
	if (strchr(f->value, '\n') == NULL) {
		iov[n++] = run_of("=", 1);
	} else {
		*len = htole64(strlen(f->value));
		iov[n++] = run_of("\n", 1);
		iov[n++] = run_of(len, sizeof(*len));
	}
	iov[n++] = run_of(f->value, strlen(f->value));
	iov[n++] = run_of("\n", 1);
	return n;
}

int rk_journal_send(int fd, const struct rk_journal_field *field, size_t field_cnt)
{
	struct iovec iov[RK_JOURNAL_FIELD_MAX * IOV_A_FIELD_MAX];
	struct msghdr msg = {.msg_iov = iov};
	uint64_t len[RK_JOURNAL_FIELD_MAX];

	if (field_cnt > RK_JOURNAL_FIELD_MAX)
		return -E2BIG;
	for (size_t i = 0; i < field_cnt; i++)
		if (field[i].value != NULL)
			msg.msg_iovlen += add_field(iov + msg.msg_iovlen, &field[i], &len[i]);
	return sendmsg(fd, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}
