/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/net_checksum.h"

#include <arpa/inet.h>
#include <string.h>

#include "dataplane/net.h"

/*
 * RFC 1071: the sum may be taken over larger words in the machine's own order, and be swapped at the
 * end. An unsigned 64-bit sum of 32-bit words does not overflow for anything that fits a frame.
 */
uint32_t net_sum_add(uint32_t sum, const uint8_t *data, size_t len)
{
	uint64_t wide = 0;
	uint16_t half = 0;
	uint32_t word;

	for (; len >= sizeof(word); len -= sizeof(word), data += sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		wide += word;
	}
	if (len >= sizeof(half)) {
		memcpy(&half, data, sizeof(half));
		wide += half;
		len -= sizeof(half);
		data += sizeof(half);
	}
	if (len > 0) {
		half = 0;
		memcpy(&half, data, 1); /* as if a zero followed */
		wide += half;
	}
	while (wide >> 16 != 0)
		wide = (wide & 0xffff) + (wide >> 16);
	sum += ntohs((uint16_t)wide);
	return (sum & 0xffff) + (sum >> 16);
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
