/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse_port(const char *text, in_port_t *out)
{
	unsigned long port;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	port = strtoul(text, &end, 10);
	if (*end != '\0' || port > 65535)
		return -EINVAL;
	*out = htons((in_port_t)port);
	return 0;
}

void endpoint_text(const struct config_address *address, unsigned port, char out[ENDPOINT_TEXT_LEN])
{
	char host[INET6_ADDRSTRLEN] = "";

	inet_ntop(address->family == 4 ? AF_INET : AF_INET6, address->bytes, host, sizeof(host));
	snprintf(out, ENDPOINT_TEXT_LEN, address->family == 4 ? "%s:%u" : "[%s]:%u", host, port);
}

int endpoint_parse(const char *text, struct sockaddr_storage *out, socklen_t *len)
{
	struct sockaddr_storage ss = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ss;
	char host[64];
	const char *colon = strrchr(text, ':');
	size_t host_len = colon != NULL ? (size_t)(colon - text) : 0;
	int ret;

	if (host_len == 0 || host_len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, host_len);
	host[host_len] = '\0';
	if (host[0] == '[' && host[host_len - 1] == ']') {
		host[host_len - 1] = '\0';
		if (inet_pton(AF_INET6, host + 1, &v6->sin6_addr) != 1)
			return -EINVAL;
		v6->sin6_family = AF_INET6;
		ret = parse_port(colon + 1, &v6->sin6_port);
	} else {
		if (inet_pton(AF_INET, host, &v4->sin_addr) != 1)
			return -EINVAL;
		v4->sin_family = AF_INET;
		ret = parse_port(colon + 1, &v4->sin_port);
	}
	if (ret < 0)
		return ret;
	*len = ss.ss_family == AF_INET6 ? sizeof(*v6) : sizeof(*v4);
	*out = ss;
	return 0;
}
