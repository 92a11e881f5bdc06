/* SPDX-License-Identifier: BSD-3-Clause */
/* The Internet checksum (RFC 1071), in software. Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Adds bytes to a running sum; only the last piece may have an odd length. */
uint32_t net_sum_add(uint32_t sum, const uint8_t *data, size_t len);
/* Folds and complements: the value for the checksum field; 0 over bytes that include a right one. */
uint16_t net_sum_finish(uint32_t sum);
/* UDP or ICMPv6 with its pseudo header (RFC 768, RFC 8200 8.1). */
uint16_t net_transport_checksum(uint8_t family, const uint8_t *src, const uint8_t *dst,
	uint8_t protocol, const uint8_t *data, size_t len);
