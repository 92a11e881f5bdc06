/* SPDX-License-Identifier: BSD-3-Clause */
/* An address and a port as text. No state. */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

/* "1.2.3.4:443" or "[::]:443"; numbers only. 0 or -EINVAL. */
int endpoint_parse(const char *text, struct sockaddr_storage *out, socklen_t *len)
	__attribute__((warn_unused_result));
