/* SPDX-License-Identifier: BSD-3-Clause */
/* An address and a port as text. No state. */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "control/config.h"

#define ENDPOINT_TEXT_LEN (INET6_ADDRSTRLEN + 8)

/* "192.0.2.9:1280", "[2001:db8::9]:1280" */
void endpoint_text(
	const struct config_address *address, unsigned port, char out[ENDPOINT_TEXT_LEN]);
/* "1.2.3.4:443" or "[::]:443"; numbers only. 0 or -EINVAL. */
int endpoint_parse(const char *text, struct sockaddr_storage *out, socklen_t *len)
	__attribute__((warn_unused_result));
