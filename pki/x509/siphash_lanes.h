/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of pki_siphash_final_lanes for one instruction set: FUNCTION is its name there, TARGET its
 * attribute. Not an inline function: what is inlined was made for less before. For siphash.c alone.
 */
TARGET static void FUNCTION(const struct pki_siphash *s,
	const uint8_t *const data[PKI_SIPHASH_LANES], size_t len,
	uint64_t out[2][PKI_SIPHASH_LANES])
{
	typedef uint64_t lanes __attribute__((vector_size(8 * PKI_SIPHASH_LANES)));
	lanes v0 = s->v[0] + (lanes){0}, v1 = s->v[1] + (lanes){0};
	lanes v2 = s->v[2] + (lanes){0}, v3 = s->v[3] + (lanes){0};
	const uint64_t length_octet = (uint64_t)(s->len + len) << 56;
	lanes m;

	for (size_t i = 0; i + 8 <= len; i += 8) {
		m = LANES_OF(load, i);
		v3 ^= m;
		ROUND;
		ROUND;
		v0 ^= m;
	}
	m = length_octet + (lanes){0};
	if (len % 8 == 4) /* of a serial of 20 bytes */
		m |= LANES_OF(load_half, len - 4);
	else if (len % 8 != 0)
		m |= LANES_OF(load_last, len / 8 * 8, len % 8);
	v3 ^= m;
	ROUND;
	ROUND;
	v0 ^= m;
	v2 ^= 0xee;
	for (unsigned h = 0; h < 2; h++) {
		lanes half;

		ROUND;
		ROUND;
		ROUND;
		ROUND;
		half = v0 ^ v1 ^ v2 ^ v3;
		memcpy(out[h], &half, sizeof(half));
		v1 ^= 0xdd;
	}
}

#undef FUNCTION
#undef TARGET
