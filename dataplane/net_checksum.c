/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/net_checksum.h"

#include "dataplane/net.h"

uint32_t net_sum_add(uint32_t sum, const uint8_t *data, size_t len)
{
	uint64_t wide = sum;
	size_t i;

	for (i = 0; i + 1 < len; i += 2)
		wide += (uint32_t)data[i] << 8 | data[i + 1];
	if (i < len)
		wide += (uint32_t)data[i] << 8;
	while (wide >> 16 != 0)
		wide = (wide & 0xffff) + (wide >> 16);
	return (uint32_t)wide;
}

uint16_t net_sum_finish(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint16_t net_transport_checksum(uint8_t family, const uint8_t *src, const uint8_t *dst,
	uint8_t protocol, const uint8_t *data, size_t len)
{
	size_t address_len = net_address_len(family);
	uint32_t sum = 0;

	sum = net_sum_add(sum, src, address_len);
	sum = net_sum_add(sum, dst, address_len);
	sum += protocol + (uint32_t)len; /* len < 65536: no carry is lost */
	return net_sum_finish(net_sum_add(sum, data, len));
}
