/* SPDX-License-Identifier: BSD-3-Clause */
/* Which addresses lead to this machine or its links: a URL in a certificate may not. */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

/*
 * Unspecified, loopback, link-local (and a cloud's fd00:ec2::/32), multicast, reserved and broadcast,
 * also where IPv6 wraps an IPv4 address (mapped, compatible, NAT64); any family but IPv4 and IPv6.
 */
bool address_is_local(int family, const struct sockaddr *address);
