/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/wire.h"

static struct rk_span span_between(const uint8_t *from, const uint8_t *to)
{
	return (struct rk_span){from, (size_t)(to - from)};
}

const uint8_t *wire_read_fixed(struct rk_reader *r, uint16_t type, size_t len)
{
	struct rk_span s = wire_read_range(r, type, len, len);

	return s.data;
}

struct rk_span wire_read_range(struct rk_reader *r, uint16_t type, size_t min, size_t max)
{
	uint16_t got_type = rk_read_u16(r);
	uint16_t len = rk_read_u16(r);
	const uint8_t *data;

	if (got_type != type || len < min || len > max) {
		r->is_failed = true;
		return (struct rk_span){NULL, 0};
	}
	data = rk_read_bytes(r, len);
	return (struct rk_span){data, data == NULL ? 0 : len};
}

static void read_list(struct rk_reader *r, uint16_t type, struct wire_list *list)
{
	struct rk_span s = wire_read_range(r, type, 2, 2 * MSG_LIST_MAX);
	struct rk_reader in;

	list->cnt = 0;
	if (s.len % 2 != 0)
		r->is_failed = true;
	if (r->is_failed)
		return;
	rk_reader_init(&in, s.data, s.len);
	while (rk_reader_left(&in) > 0)
		list->id[list->cnt++] = rk_read_u16(&in);
}

bool wire_list_has(const struct wire_list *list, uint16_t id)
{
	for (unsigned i = 0; i < list->cnt; i++)
		if (list->id[i] == id)
			return true;
	return false;
}

/* RFC 8422 5.4: ECParameters with curve_type named_curve only, then opaque point<1..255>. */
static void read_share(struct rk_reader *r, struct wire_share *share)
{
	struct rk_span s = wire_read_range(
		r, MSG_TLV_SHARE, MSG_SHARE_HEAD_LEN + 1, MSG_SHARE_HEAD_LEN + MSG_POINT_MAX);
	struct rk_reader in;
	uint8_t curve_type, len;

	*share = (struct wire_share){0};
	if (r->is_failed)
		return;
	rk_reader_init(&in, s.data, s.len);
	curve_type = rk_read_u8(&in);
	share->group = rk_read_u16(&in);
	len = rk_read_u8(&in);
	share->point = (struct rk_span){rk_read_bytes(&in, len), len};
	if (curve_type != MSG_CURVE_TYPE_NAMED || len == 0 || !rk_reader_done(&in))
		r->is_failed = true;
}

static bool is_known_type(uint8_t type)
{
	switch (type) {
#define X(id, value, name) case MSG_##id:
		MSG_TYPES(X)
#undef X
		return true;
	default:
		return false;
	}
}

static bool is_sealed_type(uint8_t type)
{
	return type != MSG_HELLO && type != MSG_COOKIE;
}

static bool has_clear_body(uint8_t type)
{
	return type == MSG_HELLO || type == MSG_COOKIE || type == MSG_REPLY;
}

static enum reason parse_head(struct wire_packet *p, struct rk_reader *r)
{
	uint16_t tlv = rk_read_u16(r);
	uint16_t len = rk_read_u16(r);
	uint8_t version = rk_read_u8(r);
	uint16_t zero;

	p->type = rk_read_u8(r);
	zero = rk_read_u16(r);
	if (r->is_failed)
		return REASON_ENVELOPE;
	if (tlv != MSG_TLV_EXCHANGE && tlv != MSG_TLV_SESSION)
		return REASON_ENVELOPE;
	if (version != MSG_VERSION)
		return REASON_VERSION;
	if (!is_known_type(p->type) || (p->type >= MSG_SESSION_FIRST) != (tlv == MSG_TLV_SESSION))
		return REASON_TYPE;
	if (tlv == MSG_TLV_SESSION) {
		p->index = rk_read_u32(r);
	} else {
		p->receiver = rk_read_u64(r);
		p->sender = rk_read_u64(r);
	}
	if (r->is_failed || zero != 0 ||
		len != (tlv == MSG_TLV_SESSION ? MSG_SESSION_HEAD_LEN : MSG_EXCHANGE_HEAD_LEN))
		return REASON_FIELDS;
	return REASON_ACCEPTED;
}

static enum reason parse_sealed(struct wire_packet *p, const uint8_t *payload, size_t len)
{
	struct rk_reader r;
	struct rk_span s;

	if (!is_sealed_type(p->type)) {
		p->open = (struct rk_span){payload, len};
		return REASON_ACCEPTED;
	}
	rk_reader_init(&r, payload, len);
	s = wire_read_range(&r, MSG_TLV_SEALED, MSG_COUNTER_LEN + MSG_TAG_LEN, MSG_MAX);
	if (!rk_reader_done(&r))
		return REASON_FIELDS;
	rk_reader_init(&r, s.data, s.len);
	p->counter = rk_read_u64(&r);
	p->aad = span_between(p->whole.data, s.data + MSG_COUNTER_LEN);
	p->sealed = (struct rk_span){s.data + MSG_COUNTER_LEN, s.len - MSG_COUNTER_LEN};
	return REASON_ACCEPTED;
}

enum reason wire_parse_packet(struct wire_packet *p, const uint8_t *data, size_t len)
{
	struct rk_reader r;
	enum reason reason;
	uint16_t version_len, header_len, payload_len;

	*p = (struct wire_packet){.whole = {data, len}};
	if (len < MSG_MIN || len > MSG_MAX)
		return REASON_SIZE;
	rk_reader_init(&r, data, len);
	if (rk_read_u64(&r) != MSG_ENVELOPE_COOKIE)
		return REASON_ENVELOPE;
	version_len = rk_read_u16(&r);
	payload_len = rk_read_u16(&r);
	header_len = version_len & MSG_HEADER_LEN_MAX;
	if (version_len >> 12 != MSG_ENVELOPE_VERSION || header_len < MSG_ENVELOPE_LEN ||
		(size_t)header_len + payload_len != len)
		return REASON_ENVELOPE;
	rk_reader_init(&r, data + MSG_ENVELOPE_LEN, (size_t)header_len - MSG_ENVELOPE_LEN);
	reason = parse_head(p, &r);
	if (reason != REASON_ACCEPTED)
		return reason;
	p->body = (struct rk_span){r.next, rk_reader_left(&r)};
	p->clear = span_between(data + MSG_ENVELOPE_LEN, data + header_len);
	if (!has_clear_body(p->type) && p->body.len != 0)
		return REASON_FIELDS;
	return parse_sealed(p, data + header_len, payload_len);
}

enum reason wire_find_mac1(const struct wire_packet *p, struct rk_span *maced, const uint8_t **mac1)
{
	struct rk_reader r;

	if (p->whole.len < MSG_HELLO_MIN || p->open.len < MSG_TLV_LEN + MSG_MAC_LEN)
		return REASON_FIELDS;
	rk_reader_init(&r, p->open.data + p->open.len - MSG_TLV_LEN - MSG_MAC_LEN,
		MSG_TLV_LEN + MSG_MAC_LEN);
	*mac1 = wire_read_fixed(&r, MSG_TLV_MAC1, MSG_MAC_LEN);
	if (!rk_reader_done(&r))
		return REASON_FIELDS;
	*maced = span_between(p->whole.data, *mac1);
	return REASON_ACCEPTED;
}

enum reason wire_parse_hello(struct wire_hello *m, const struct wire_packet *p)
{
	struct rk_reader r, open;
	struct rk_span padding;

	*m = (struct wire_hello){0};
	rk_reader_init(&r, p->body.data, p->body.len);
	m->random = wire_read_fixed(&r, MSG_TLV_RANDOM, MSG_RANDOM_LEN);
	read_list(&r, MSG_TLV_GROUPS, &m->groups);
	read_list(&r, MSG_TLV_SUITES, &m->suites);
	read_list(&r, MSG_TLV_SCHEMES, &m->schemes);
	read_share(&r, &m->share);
	m->core = span_between(p->clear.data, r.next);
	m->cookie = wire_read_range(&r, MSG_TLV_COOKIE, 0, MSG_COOKIE_LEN);
	rk_reader_init(&open, p->open.data, p->open.len);
	padding = wire_read_range(&open, MSG_TLV_PADDING, 0, MSG_MAX);
	m->mac1 = wire_read_fixed(&open, MSG_TLV_MAC1, MSG_MAC_LEN);
	if (!rk_reader_done(&r) || !rk_reader_done(&open) || p->receiver != 0 || p->sender == 0 ||
		p->whole.len < MSG_HELLO_MIN ||
		(m->cookie.len != 0 && m->cookie.len != MSG_COOKIE_LEN) ||
		!rk_bytes_are_zero(padding.data, padding.len))
		return REASON_FIELDS;
	m->maced = span_between(p->whole.data, m->mac1);
	return REASON_ACCEPTED;
}

enum reason wire_parse_reply(struct wire_reply *m, const struct wire_packet *p)
{
	struct rk_reader r;
	const uint8_t *suite;

	*m = (struct wire_reply){0};
	rk_reader_init(&r, p->body.data, p->body.len);
	m->random = wire_read_fixed(&r, MSG_TLV_RANDOM, MSG_RANDOM_LEN);
	suite = wire_read_fixed(&r, MSG_TLV_SUITE, 2);
	read_list(&r, MSG_TLV_SCHEMES, &m->schemes);
	read_share(&r, &m->share);
	if (!rk_reader_done(&r) || p->receiver == 0 || p->sender == 0)
		return REASON_FIELDS;
	m->suite = (uint16_t)(suite[0] << 8 | suite[1]);
	return REASON_ACCEPTED;
}

enum reason wire_parse_cookie(struct wire_cookie *m, const struct wire_packet *p)
{
	struct rk_reader r, open;
	const uint8_t *cookie;

	*m = (struct wire_cookie){0};
	rk_reader_init(&r, p->body.data, p->body.len);
	cookie = wire_read_fixed(&r, MSG_TLV_COOKIE, MSG_COOKIE_LEN);
	rk_reader_init(&open, p->open.data, p->open.len);
	m->mac1 = wire_read_fixed(&open, MSG_TLV_MAC1, MSG_MAC_LEN);
	if (!rk_reader_done(&r) || !rk_reader_done(&open) || p->receiver == 0 || p->sender != 0)
		return REASON_FIELDS;
	m->cookie = (struct rk_span){cookie, MSG_COOKIE_LEN};
	m->group = (uint16_t)(cookie[0] << 8 | cookie[1]);
	m->maced = span_between(p->whole.data, m->mac1);
	return REASON_ACCEPTED;
}

bool wire_parse_proof(struct wire_proof *m, struct rk_span plain, bool has_index)
{
	struct rk_reader r, in;
	const uint8_t *at = plain.data;

	*m = (struct wire_proof){0};
	rk_reader_init(&r, plain.data, plain.len);
	m->fingerprint = wire_read_fixed(&r, MSG_TLV_FINGERPRINT, RK_FINGERPRINT_LEN);
	m->fingerprint_tlv = span_between(at, r.next);
	at = r.next;
	m->signature = wire_read_range(&r, MSG_TLV_SIGNATURE, 2 + 1, 2 + MSG_SIGNATURE_MAX);
	m->signature_tlv = span_between(at, r.next);
	at = r.next;
	m->confirmation = wire_read_range(&r, MSG_TLV_CONFIRMATION, 32, MSG_HASH_MAX);
	m->confirmation_tlv = span_between(at, r.next);
	if (has_index) {
		const uint8_t *index = wire_read_fixed(&r, MSG_TLV_INDEX, 4);

		rk_reader_init(&in, index, index == NULL ? 0 : 4);
		m->index = rk_read_u32(&in);
	}
	if (!rk_reader_done(&r) || (has_index && m->index == 0))
		return false;
	rk_reader_init(&in, m->signature.data, m->signature.len);
	m->scheme = rk_read_u16(&in);
	m->signature = (struct rk_span){in.next, rk_reader_left(&in)};
	return true;
}

bool wire_parse_rekey(struct wire_rekey *m, struct rk_span plain)
{
	struct rk_reader r, in;
	const uint8_t *head;

	*m = (struct wire_rekey){0};
	rk_reader_init(&r, plain.data, plain.len);
	head = wire_read_fixed(&r, MSG_TLV_REKEY, 16);
	m->random = wire_read_fixed(&r, MSG_TLV_RANDOM, MSG_RANDOM_LEN);
	read_share(&r, &m->share);
	if (!rk_reader_done(&r))
		return false;
	rk_reader_init(&in, head, 16);
	m->exchange = rk_read_u64(&in);
	m->base_index = rk_read_u32(&in);
	m->new_index = rk_read_u32(&in);
	return m->exchange != 0 && m->base_index != 0 && m->new_index != 0;
}

bool wire_parse_fragment(struct wire_fragment *m, struct rk_span plain)
{
	struct rk_reader r, in;
	struct rk_span s;

	*m = (struct wire_fragment){0};
	rk_reader_init(&r, plain.data, plain.len);
	m->fingerprint = wire_read_fixed(&r, MSG_TLV_FINGERPRINT, RK_FINGERPRINT_LEN);
	s = wire_read_range(
		&r, MSG_TLV_FRAGMENT, MSG_FRAGMENT_HEAD + 1, MSG_FRAGMENT_HEAD + FRAGMENT_LEN);
	if (!rk_reader_done(&r))
		return false;
	rk_reader_init(&in, s.data, s.len);
	m->total_len = rk_read_u16(&in);
	m->number = rk_read_u8(&in);
	m->data = (struct rk_span){in.next, rk_reader_left(&in)};
	return true;
}
