/* SPDX-License-Identifier: BSD-3-Clause */
/* docs/protocol.md, "Bytes": what is built parses, and any deviation refuses the whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/wire.h"

static const uint8_t point[32] = {9};
static const struct wire_list list = {2, {0x0101, 0x0202}};

struct message {
	size_t len;
	uint8_t data[MSG_MAX];
};

/* HELLO as handshake_i.c builds it. */
static struct message hello(size_t padding, uint16_t group)
{
	static const uint8_t zeros[MSG_MAX];
	struct message m;
	struct rk_writer w;

	wire_begin_exchange(&w, m.data, sizeof(m.data), MSG_HELLO, 0, 7);
	wire_write_tlv(&w, MSG_TLV_RANDOM, zeros, MSG_RANDOM_LEN);
	wire_write_list(&w, MSG_TLV_GROUPS, &list);
	wire_write_list(&w, MSG_TLV_SUITES, &list);
	wire_write_list(&w, MSG_TLV_SCHEMES, &list);
	wire_write_share(&w, group, point, sizeof(point));
	wire_write_tlv(&w, MSG_TLV_COOKIE, zeros, 0);
	wire_write_tlv(&w, MSG_TLV_PADDING, zeros, padding);
	assert_non_null(wire_end_mac1(&w, &m.len));
	return m;
}

static enum reason parse_hello(const struct message *m, struct wire_hello *out)
{
	struct wire_packet p;
	enum reason reason = wire_parse_packet(&p, m->data, m->len);

	return reason == REASON_ACCEPTED ? wire_parse_hello(out, &p) : reason;
}

static void hello_comes_back_as_built(void **state)
{
	struct message m = hello(400, 29);
	struct wire_hello h;

	(void)state;
	assert_int_equal(parse_hello(&m, &h), REASON_ACCEPTED);
	assert_int_equal(h.share.group, 29);
	assert_int_equal(h.share.point.len, sizeof(point));
	assert_memory_equal(h.share.point.data, point, sizeof(point));
	assert_int_equal(h.groups.cnt, 2);
	assert_true(wire_list_has(&h.suites, 0x0202) && !wire_list_has(&h.suites, 0x0203));
	assert_int_equal(h.cookie.len, 0);
	assert_ptr_equal(h.core.data, m.data + MSG_ENVELOPE_LEN);
	assert_int_equal(h.maced.len, m.len - MSG_MAC_LEN);
}

/* The envelope by itself: cookie, version, header length, payload length. */
static void envelope_is_exact(void **state)
{
	struct message m = hello(400, 29);
	struct wire_hello h;

	(void)state;
	for (size_t i = 0; i < MSG_ENVELOPE_LEN; i++) {
		m.data[i] ^= 1;
		assert_int_equal(parse_hello(&m, &h), REASON_ENVELOPE);
		m.data[i] ^= 1;
	}
	m.len--;
	assert_int_equal(parse_hello(&m, &h), REASON_ENVELOPE);
	m.len = MSG_MIN - 1;
	assert_int_equal(parse_hello(&m, &h), REASON_SIZE);
}

static void head_is_exact(void **state)
{
	struct message m = hello(400, 29);
	struct wire_hello h;
	uint8_t *head = m.data + MSG_ENVELOPE_LEN;

	(void)state;
	head[4] = 2;
	assert_int_equal(parse_hello(&m, &h), REASON_VERSION);
	head[4] = MSG_VERSION;
	head[5] = 99;
	assert_int_equal(parse_hello(&m, &h), REASON_TYPE);
	head[5] = MSG_KEEP_ALIVE; /* wants the other head */
	assert_int_equal(parse_hello(&m, &h), REASON_TYPE);
	head[5] = MSG_HELLO;
	head[7] = 1;
	assert_int_equal(parse_hello(&m, &h), REASON_FIELDS);
	head[7] = 0;
	head[8] = 1; /* a receiver nobody gave out */
	assert_int_equal(parse_hello(&m, &h), REASON_FIELDS);
	head[8] = 0;
	assert_int_equal(parse_hello(&m, &h), REASON_ACCEPTED);
	head[0] = 0;
	assert_int_equal(parse_hello(&m, &h), REASON_ENVELOPE);
}

/* As if the sender had meant it: of what is left the payload is what lies behind the header. */
static void set_lengths(struct message *m)
{
	size_t header = (size_t)(m->data[8] & 0xf) << 8 | m->data[9];

	header = header < m->len ? header : m->len;
	m->data[8] = (uint8_t)(0x10 | header >> 8);
	m->data[9] = (uint8_t)header;
	m->data[10] = (uint8_t)((m->len - header) >> 8);
	m->data[11] = (uint8_t)(m->len - header);
}

/* Cut anywhere, with the lengths of the envelope made good again. */
static void every_cut_is_refused(void **state)
{
	struct message whole = hello(400, 29), m;
	struct wire_hello h;

	(void)state;
	for (size_t len = MSG_MIN; len < whole.len; len++) {
		m = whole;
		m.len = len;
		set_lengths(&m);
		assert_int_not_equal(parse_hello(&m, &h), REASON_ACCEPTED);
	}
	m = whole;
	m.data[m.len++] = 0; /* one byte too many */
	set_lengths(&m);
	assert_int_equal(parse_hello(&m, &h), REASON_FIELDS);
}

/* Each TLV's type and length, one after the other. */
static void every_tlv_header_counts(void **state)
{
	struct message m = hello(400, 29);
	struct wire_hello h;
	size_t at = MSG_ENVELOPE_LEN;

	(void)state;
	while (at < m.len) {
		size_t len = (size_t)m.data[at + 2] << 8 | m.data[at + 3];

		for (size_t i = 0; i < MSG_TLV_LEN; i++) {
			m.data[at + i] ^= 1;
			assert_int_not_equal(parse_hello(&m, &h), REASON_ACCEPTED);
			m.data[at + i] ^= 1;
		}
		at += MSG_TLV_LEN + len;
	}
	assert_int_equal(at, m.len);
}

/* P8 rests on it: a small HELLO gets nothing. */
static void short_hello_is_refused(void **state)
{
	struct message m = hello(0, 29);
	struct wire_hello h;

	(void)state;
	assert_true(m.len < MSG_HELLO_MIN);
	assert_int_equal(parse_hello(&m, &h), REASON_FIELDS);
}

static void padding_is_zeros(void **state)
{
	struct message m = hello(400, 29);
	struct wire_hello h;

	(void)state;
	m.data[m.len - 30] = 1;
	assert_int_equal(parse_hello(&m, &h), REASON_FIELDS);
}

/* RFC 8422 5.4: named_curve only; opaque point<1..255> of its own length. */
static void share_is_named_curve_only(void **state)
{
	struct message m = hello(400, 29);
	struct wire_hello h;
	uint8_t *share;

	(void)state;
	assert_int_equal(parse_hello(&m, &h), REASON_ACCEPTED);
	share = m.data + (h.share.point.data - m.data) - MSG_SHARE_HEAD_LEN;
	for (unsigned type = 0; type < 256; type++) {
		share[0] = (uint8_t)type;
		assert_int_equal(parse_hello(&m, &h), type == 3 ? REASON_ACCEPTED : REASON_FIELDS);
	}
	share[0] = 3;
	for (unsigned len = 0; len < 256; len++) {
		share[3] = (uint8_t)len;
		assert_int_equal(parse_hello(&m, &h),
			len == sizeof(point) ? REASON_ACCEPTED : REASON_FIELDS);
	}
}

static void sealed_part_is_the_whole_payload(void **state)
{
	struct message m;
	struct rk_writer w;
	struct wire_packet p;
	uint8_t *out;

	(void)state;
	wire_begin_session(&w, m.data, sizeof(m.data), MSG_KEEP_ALIVE, 0x01020304);
	out = wire_end_sealed(&w, 5, 10, &m.len);
	assert_non_null(out);
	memset(out, 0, 10 + MSG_TAG_LEN);
	assert_int_equal(wire_parse_packet(&p, m.data, m.len), REASON_ACCEPTED);
	assert_int_equal(p.index, 0x01020304);
	assert_int_equal(p.counter, 5);
	assert_int_equal(p.sealed.len, 10 + MSG_TAG_LEN);
	assert_ptr_equal(p.sealed.data, out);
	assert_int_equal(p.aad.len, (size_t)(out - m.data));
	m.data[m.len - 26 - 8 - 1]--; /* SEALED's length: one byte is left over */
	assert_int_equal(wire_parse_packet(&p, m.data, m.len), REASON_FIELDS);
}

static void building_too_much_fails(void **state)
{
	static const uint8_t zeros[MSG_MAX];
	uint8_t buf[64];
	struct rk_writer w;
	size_t len;

	(void)state;
	wire_begin_exchange(&w, buf, sizeof(buf), MSG_HELLO, 0, 7);
	wire_write_tlv(&w, MSG_TLV_PADDING, zeros, 60);
	assert_null(wire_end_mac1(&w, &len));
	assert_null(wire_end_sealed(&w, 0, 1, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_comes_back_as_built),
		cmocka_unit_test(envelope_is_exact),
		cmocka_unit_test(head_is_exact),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(every_tlv_header_counts),
		cmocka_unit_test(short_hello_is_refused),
		cmocka_unit_test(padding_is_zeros),
		cmocka_unit_test(share_is_named_curve_only),
		cmocka_unit_test(sealed_part_is_the_whole_payload),
		cmocka_unit_test(building_too_much_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
