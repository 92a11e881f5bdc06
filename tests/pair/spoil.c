/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/pair/spoil.h"

#include <string.h>

static unsigned tlv_len(const uint8_t *at)
{
	return MSG_TLV_LEN + ((unsigned)at[2] << 8 | at[3]);
}

static unsigned tlv_type(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static uint8_t *find(struct tlvs *t, unsigned number)
{
	size_t at = 0;

	while (number-- > 0 && at < t->len)
		at += tlv_len(t->data + at);
	return at < t->len ? t->data + at : NULL;
}

static void set_len(uint8_t *at, unsigned len)
{
	at[2] = (uint8_t)(len >> 8);
	at[3] = (uint8_t)len;
}

static void move_rest(struct tlvs *t, uint8_t *from, ptrdiff_t by)
{
	memmove(from + by, from, (size_t)(t->data + t->len - from));
	t->len = (size_t)((ptrdiff_t)t->len + by);
}

/* What cannot be told from honest content at once, or is honest. */
static bool may_differ(uint8_t message, unsigned tlv)
{
	switch (tlv) {
	case MSG_TLV_RANDOM:
	case MSG_TLV_GROUPS:
	case MSG_TLV_SUITES:
	case MSG_TLV_SCHEMES:
	case MSG_TLV_MAC1: /* is made good again */
	case MSG_TLV_PENDING:
	case MSG_TLV_MISSING:
		return message != MSG_REPLY;
	case MSG_TLV_INDEX:
		return message == MSG_FINISH || message == MSG_ACK; /* the sender's to choose */
	case MSG_TLV_CHALLENGE:
		return message == MSG_PATH_CHALLENGE;
	default:
		return false;
	}
}

/* The byte whose change is told: a share's curve type, a rekey's base slot, a fragment's length. */
static unsigned telling_byte(unsigned tlv)
{
	return MSG_TLV_LEN + (tlv == MSG_TLV_REKEY ? 8 : 0);
}

static bool spoil_one(uint8_t message, struct tlvs *t, uint8_t *at, enum way way)
{
	unsigned len = tlv_len(at), type = tlv_type(at);
	uint8_t copy[MSG_MAX];

	switch (way) {
	case OTHER_TYPE:
		at[1] ^= 0x40;
		return true;
	case CUT:
		if (len == MSG_TLV_LEN)
			return false;
		move_rest(t, at + len, -1);
		set_len(at, len - MSG_TLV_LEN - 1);
		return true;
	case LENGTHENED:
		if (type == MSG_TLV_PADDING)
			return false; /* any length of zeros will do */
		move_rest(t, at + len, 1);
		at[len] = 0;
		set_len(at, len - MSG_TLV_LEN + 1);
		return true;
	case LEFT_OUT:
		move_rest(t, at + len, -(ptrdiff_t)len);
		return true;
	case REPEATED:
		if (t->len + len > 900)
			return false; /* two of them do not fit a datagram */
		move_rest(t, at, len);
		memcpy(at, at + len, len);
		return true;
	case SWAPPED:
		if (at + len >= t->data + t->len)
			return false;
		memcpy(copy, at, len);
		memmove(at, at + len, tlv_len(at + len));
		memcpy(at + tlv_len(at), copy, len);
		return true;
	case OTHER_CONTENT:
		if (len == MSG_TLV_LEN || may_differ(message, type))
			return false;
		at[telling_byte(type)] ^= 0x55;
		return true;
	default:
		return false;
	}
}

bool spoil(uint8_t message, struct tlvs *t, unsigned number, enum way way)
{
	uint8_t *at = find(t, number);

	if (at == NULL)
		return false;
	if (way < TRAILING)
		return spoil_one(message, t, at, way);
	if (number != 0)
		return false;
	if (way == TRAILING)
		t->data[t->len++] = 0;
	else
		t->len = 0;
	return true;
}
