/* SPDX-License-Identifier: BSD-3-Clause */
/* The KEY message. Apart from the others, so that key bytes never lie in a struct rk_message. */
#include "pki/view/channel.h"

#include <errno.h>
#include <string.h>

#include "pki/view/secret.h"

/* EC: octets of a field element; 0 = not an EC key. */
static uint16_t field_len(uint8_t type)
{
	switch (type) {
	case RK_KEY_P256:
		return 32;
	case RK_KEY_P384:
		return 48;
	case RK_KEY_P521:
		return 66;
	default:
		return 0;
	}
}

static bool rsa_numbers_fit(const struct rk_private_key *key)
{
	uint16_t modulus = key->len[RK_NUM_RSA_N];

	if (key->number_cnt != RK_NUM_CNT || modulus > RK_PRIVATE_NUMBER_MAX)
		return false;
	for (size_t i = 0; i < RK_NUM_CNT; i++) {
		if (key->len[i] == 0 || key->len[i] > modulus)
			return false;
	}
	return true;
}

/* Counts and lengths fit the type; whether the numbers are a key is for libcrypto to say. */
static bool key_is_sound(const struct rk_private_key *key)
{
	uint16_t field = field_len(key->type);

	if (key->type == RK_KEY_RSA || key->type == RK_KEY_RSA_PSS)
		return rsa_numbers_fit(key);
	if (key->number_cnt != 2)
		return false;
	if (key->type == RK_KEY_ED25519)
		return key->len[RK_NUM_PUBLIC] == 32 && key->len[RK_NUM_SECRET] == 32;
	return field != 0 && key->len[RK_NUM_PUBLIC] == 1 + 2 * field &&
	       key->len[RK_NUM_SECRET] >= 1 && key->len[RK_NUM_SECRET] <= field;
}

int rk_private_key_parse(struct rk_private_key *key, const void *data, size_t len)
{
	struct rk_reader r;

	rk_reader_init(&r, data, len);
	rk_wipe(key, sizeof(*key));
	if (rk_read_u16(&r) != RK_MSG_KEY || rk_read_u16(&r) != 0)
		goto bad;
	rk_read_copy(&r, key->public_key_hash, sizeof(key->public_key_hash));
	key->type = rk_read_u8(&r);
	key->number_cnt = rk_read_u8(&r);
	if (key->number_cnt > RK_NUM_CNT)
		goto bad;
	for (size_t i = 0; i < key->number_cnt; i++) {
		key->len[i] = rk_read_u16(&r);
		if (key->len[i] > RK_PRIVATE_NUMBER_MAX)
			goto bad;
		rk_read_copy(&r, key->number[i], key->len[i]);
	}
	if (rk_reader_done(&r) && key_is_sound(key))
		return 0;
bad:
	rk_wipe(key, sizeof(*key));
	return -EBADMSG;
}

size_t rk_private_key_build(const struct rk_private_key *key, void *buf, size_t size)
{
	struct rk_writer w;

	if (!key_is_sound(key))
		return 0;
	rk_writer_init(&w, buf, size);
	rk_write_u16(&w, RK_MSG_KEY);
	rk_write_u16(&w, 0);
	rk_write_bytes(&w, key->public_key_hash, sizeof(key->public_key_hash));
	rk_write_u8(&w, key->type);
	rk_write_u8(&w, key->number_cnt);
	for (size_t i = 0; i < key->number_cnt; i++) {
		rk_write_u16(&w, key->len[i]);
		rk_write_bytes(&w, key->number[i], key->len[i]);
	}
	if (!w.is_failed)
		return rk_writer_len(&w);
	rk_wipe(buf, rk_writer_len(&w)); /* no half a key is left behind */
	return 0;
}
