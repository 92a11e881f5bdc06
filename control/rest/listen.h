/* SPDX-License-Identifier: BSD-3-Clause */
/* Sockets to listen on. No state. */
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

/* A non-blocking listening socket and the port it got. The fd, or -errno. */
int listen_tcp(const struct sockaddr *address, socklen_t len, unsigned *port)
	__attribute__((warn_unused_result));
/*
 * A listening Unix socket (0660) at dir/name. A stale one is replaced; one that answers is
 * -EADDRINUSE. The fd, or -errno.
 */
int listen_unix(const char *dir, const char *name) __attribute__((warn_unused_result));
