/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams and descriptors over the socket; what is in them is message.c's business. */
#include "pki/view/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Exactly RK_PART_CNT descriptors fit: the kernel closes what is beyond, and says so. */
union control_room {
	struct cmsghdr header;
	uint8_t bytes[CMSG_SPACE(RK_PART_CNT * sizeof(int))];
};

int rk_channel_send(int sock, const void *data, size_t len, const int *fds, size_t fd_cnt)
{
	union control_room room = {0};
	struct iovec iov = {.iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cmsg;
	ssize_t n;

	if (len == 0 || len > RK_CHANNEL_MSG_MAX || fd_cnt > RK_PART_CNT)
		return -EINVAL;
	memcpy(&iov.iov_base, &data, sizeof(data)); /* iovec has no const; sendmsg only reads */
	if (fd_cnt > 0) {
		msg.msg_control = room.bytes;
		msg.msg_controllen = CMSG_SPACE(fd_cnt * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(fd_cnt * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, fd_cnt * sizeof(int));
	}
	do {
		n = sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* Takes every descriptor out of the control message; false when anything else was in it. */
static bool take_fds(struct msghdr *msg, int fds[RK_PART_CNT], size_t *fd_cnt)
{
	bool is_good = true;

	*fd_cnt = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		size_t cnt = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
			is_good = false;
			continue;
		}
		for (size_t i = 0; i < cnt; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (*fd_cnt < RK_PART_CNT) {
				fds[(*fd_cnt)++] = fd;
			} else {
				close(fd);
				is_good = false;
			}
		}
	}
	return is_good;
}

ssize_t rk_channel_receive(int sock, void *buf, size_t size, int fds[RK_PART_CNT], size_t *fd_cnt)
{
	union control_room room = {0};
	struct iovec iov = {.iov_base = buf, .iov_len = size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int taken[RK_PART_CNT];
	size_t taken_cnt = 0;
	bool is_good;
	ssize_t n;

	msg.msg_control = room.bytes;
	msg.msg_controllen = sizeof(room.bytes);
	do {
		n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	is_good = take_fds(&msg, taken, &taken_cnt);
	if (n == 0 || !is_good || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		for (size_t i = 0; i < taken_cnt; i++)
			close(taken[i]);
		return n == 0 ? -ECONNRESET : -EBADMSG;
	}
	memcpy(fds, taken, taken_cnt * sizeof(int));
	*fd_cnt = taken_cnt;
	return n;
}

int rk_channel_check_peer(int sock, uid_t uid)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -errno;
	return len == sizeof(peer) && peer.uid == uid ? 0 : -EPERM;
}
