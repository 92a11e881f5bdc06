/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/address.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

static bool is_local_v4(uint32_t a)
{
	return a >> 24 == 0 || a >> 24 == 127 ||   /* this host */
	       a >> 16 == 0xa9fe || a >> 28 >= 14; /* link-local, multicast, reserved, broadcast */
}

static bool wraps_v4(const struct in6_addr *a)
{
	static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};             /* RFC 6052 2.1 */
	static const uint8_t own_nat64[6] = {0x00, 0x64, 0xff, 0x9b, 0, 0x01}; /* RFC 8215 */

	return IN6_IS_ADDR_V4MAPPED(a) || IN6_IS_ADDR_V4COMPAT(a) ||
	       memcmp(a->s6_addr, nat64, sizeof(nat64)) == 0 ||
	       memcmp(a->s6_addr, own_nat64, sizeof(own_nat64)) == 0;
}

/* Of a cloud, where a machine asks who it is: as link-local as 169.254.169.254. */
static bool is_metadata(const struct in6_addr *a)
{
	static const uint8_t amazon[4] = {0xfd, 0x00, 0x0e, 0xc2};

	return memcmp(a->s6_addr, amazon, sizeof(amazon)) == 0;
}

static bool is_local_v6(const struct in6_addr *a)
{
	uint32_t v4;

	if (wraps_v4(a)) {
		memcpy(&v4, &a->s6_addr[12], sizeof(v4));
		return is_local_v4(ntohl(v4));
	}
	return IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_UNSPECIFIED(a) || IN6_IS_ADDR_LINKLOCAL(a) ||
	       IN6_IS_ADDR_MULTICAST(a) || is_metadata(a);
}

bool address_is_local(int family, const struct sockaddr *address)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	switch (family) {
	case AF_INET:
		memcpy(&v4, address, sizeof(v4));
		return is_local_v4(ntohl(v4.sin_addr.s_addr));
	case AF_INET6:
		memcpy(&v6, address, sizeof(v6));
		return is_local_v6(&v6.sin6_addr);
	default:
		return true;
	}
}
