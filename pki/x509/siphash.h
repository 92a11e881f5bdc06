/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SipHash-2-4 with 128 bits of output (Aumasson, Bernstein, 2012), for the keys of the revocation
 * set. OpenSSL has it too and is the reference of the test; its interface costs ten times what the
 * hash does, which a list of ten million entries pays ten million times. A state is copied freely:
 * a common beginning of many messages is taken in once. Wiping it is the holder's business.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PKI_SIPHASH_KEY_LEN 16
#define PKI_SIPHASH_LEN     16

struct pki_siphash {
	uint64_t v[4];
	size_t len; /* taken in; a multiple of 8 until the end */
};

void pki_siphash_init(struct pki_siphash *s, const uint8_t key[PKI_SIPHASH_KEY_LEN]);
/* len is a multiple of 8. */
void pki_siphash_blocks(struct pki_siphash *s, const uint8_t *data, size_t len);
/* The last of the message, of any length. s is not changed. */
void pki_siphash_final(
	const struct pki_siphash *s, const uint8_t *data, size_t len, uint8_t out[PKI_SIPHASH_LEN]);

#define PKI_SIPHASH_LANES    8
#define PKI_SIPHASH_LANE_MAX 32

/*
 * pki_siphash_final of PKI_SIPHASH_LANES messages at once, whose last bytes are all of one length, at
 * most PKI_SIPHASH_LANE_MAX: in vector registers, where the machine has wide ones. out[0] are the
 * first halves as little-endian numbers, out[1] the second ones.
 */
void pki_siphash_final_lanes(const struct pki_siphash *s,
	const uint8_t *const data[PKI_SIPHASH_LANES], size_t len,
	uint64_t out[2][PKI_SIPHASH_LANES]);
