/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "dataplane/core/wire.h"

static void begin(struct rk_writer *w, void *buf, size_t size)
{
	rk_writer_init(w, buf, size);
	rk_write_u64(w, MSG_ENVELOPE_COOKIE);
	rk_write_u32(w, 0); /* lengths: when they are known */
}

void wire_begin_exchange(struct rk_writer *w, void *buf, size_t size, enum msg_type type,
	uint64_t receiver, uint64_t sender)
{
	begin(w, buf, size);
	rk_write_u16(w, MSG_TLV_EXCHANGE);
	rk_write_u16(w, MSG_EXCHANGE_HEAD_LEN);
	rk_write_u8(w, MSG_VERSION);
	rk_write_u8(w, (uint8_t)type);
	rk_write_u16(w, 0);
	rk_write_u64(w, receiver);
	rk_write_u64(w, sender);
}

void wire_begin_session(
	struct rk_writer *w, void *buf, size_t size, enum msg_type type, uint32_t index)
{
	begin(w, buf, size);
	rk_write_u16(w, MSG_TLV_SESSION);
	rk_write_u16(w, MSG_SESSION_HEAD_LEN);
	rk_write_u8(w, MSG_VERSION);
	rk_write_u8(w, (uint8_t)type);
	rk_write_u16(w, 0);
	rk_write_u32(w, index);
}

void wire_write_tlv(struct rk_writer *w, uint16_t type, const void *data, size_t len)
{
	rk_write_u16(w, type);
	rk_write_u16(w, (uint16_t)len);
	rk_write_bytes(w, data, len);
}

void wire_write_list(struct rk_writer *w, uint16_t type, const struct wire_list *list)
{
	rk_write_u16(w, type);
	rk_write_u16(w, (uint16_t)(2 * list->cnt));
	for (unsigned i = 0; i < list->cnt; i++)
		rk_write_u16(w, list->id[i]);
}

void wire_write_share(struct rk_writer *w, uint16_t group, const uint8_t *point, size_t len)
{
	rk_write_u16(w, MSG_TLV_SHARE);
	rk_write_u16(w, (uint16_t)(MSG_SHARE_HEAD_LEN + len));
	rk_write_u8(w, MSG_CURVE_TYPE_NAMED);
	rk_write_u16(w, group);
	rk_write_u8(w, (uint8_t)len);
	rk_write_bytes(w, point, len);
}

static void set_lengths(struct rk_writer *w, size_t header_len, size_t payload_len)
{
	struct rk_writer at;

	rk_writer_init(&at, w->start + 8, 4);
	rk_write_u16(&at, (uint16_t)(MSG_ENVELOPE_VERSION << 12 | header_len));
	rk_write_u16(&at, (uint16_t)payload_len);
}

uint8_t *wire_end_sealed(struct rk_writer *w, uint64_t counter, size_t plain_len, size_t *len)
{
	size_t header_len = rk_writer_len(w);
	uint8_t *out;

	rk_write_u16(w, MSG_TLV_SEALED);
	rk_write_u16(w, (uint16_t)(MSG_COUNTER_LEN + plain_len + MSG_TAG_LEN));
	rk_write_u64(w, counter);
	out = rk_write_reserve(w, plain_len + MSG_TAG_LEN);
	if (out == NULL || header_len > MSG_HEADER_LEN_MAX)
		return NULL;
	*len = rk_writer_len(w);
	set_lengths(w, header_len, *len - header_len);
	return out;
}

/* Where the header ends: before PADDING or MAC1. */
static size_t find_payload(const struct rk_writer *w)
{
	struct rk_reader r;
	size_t total = rk_writer_len(w), at = MSG_ENVELOPE_LEN;

	rk_reader_init(&r, w->start + at, total - at);
	for (;;) {
		uint16_t type = rk_read_u16(&r);
		uint16_t len = rk_read_u16(&r);

		if (r.is_failed || type == MSG_TLV_PADDING || type == MSG_TLV_MAC1)
			return at;
		(void)rk_read_bytes(&r, len);
		at = total - rk_reader_left(&r);
	}
}

uint8_t *wire_end_mac1(struct rk_writer *w, size_t *len)
{
	size_t header_len;
	uint8_t *mac;

	rk_write_u16(w, MSG_TLV_MAC1);
	rk_write_u16(w, MSG_MAC_LEN);
	mac = rk_write_reserve(w, MSG_MAC_LEN);
	if (mac == NULL)
		return NULL;
	header_len = find_payload(w);
	*len = rk_writer_len(w);
	set_lengths(w, header_len, *len - header_len);
	return mac;
}
