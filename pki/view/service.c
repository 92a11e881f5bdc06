/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/service.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int fd, ret;

	if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof(address.sun_path))
		return -EINVAL;
	memcpy(address.sun_path, path, len);
	if (path[0] == '@')
		address.sun_path[0] = '\0'; /* an abstract socket */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static uint64_t watchdog_of_environment(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");

	if (usec == NULL || (pid != NULL && strtoll(pid, NULL, 10) != (long long)getpid()))
		return 0;
	return strtoull(usec, NULL, 10) * 1000 / 2;
}

int rk_service_open(uint64_t *watchdog_ns)
{
	const char *path = getenv("NOTIFY_SOCKET");
	int fd = path != NULL ? connect_to(path) : -1;

	*watchdog_ns = fd >= 0 ? watchdog_of_environment() : 0;
	return fd;
}

void rk_service_tell(int fd, const char *state)
{
	if (fd >= 0 && send(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return; /* the manager's limit will tell it that something is wrong */
}
