/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The channel's messages as bytes. Each type has one pair of functions; both go over the fields in
 * one order, so that docs/snapshot.md can be checked against either. A text is sent with its whole
 * array, zeros after the end: one message has one encoding.
 */
#include "pki/view/channel.h"

#include <errno.h>
#include <string.h>

#include "pki/view/part.h"

/* ---- fields --------------------------------------------------------------------------------- */

/* A text of at most size - 1 bytes; fails the reader when it is anything else. */
static void read_text(struct rk_reader *r, char *out, size_t size, bool may_be_empty)
{
	size_t len;

	rk_read_copy(r, out, size);
	len = strnlen(out, size);
	if (len == size || !rk_bytes_are_zero(out + len, size - len) ||
		(len > 0 && !rk_name_is_sound(out, len, size - 1)) || (len == 0 && !may_be_empty))
		r->is_failed = true;
}

/* The rest of the array is written as zeros, whatever the sender left in it. */
static void write_text(struct rk_writer *w, const char *text, size_t size)
{
	size_t len = strnlen(text, size - 1);
	uint8_t *p = rk_write_reserve(w, size);

	if (p == NULL)
		return;
	memset(p, 0, size);
	memcpy(p, text, len);
}

static uint8_t read_below(struct rk_reader *r, unsigned limit)
{
	uint8_t v = rk_read_u8(r);

	if (v >= limit) {
		r->is_failed = true;
		v = 0;
	}
	return v;
}

static void read_generation(struct rk_reader *r, struct rk_generation *g)
{
	g->incarnation = rk_read_u64(r);
	g->counter = rk_read_u64(r);
}

static void write_generation(struct rk_writer *w, struct rk_generation g)
{
	rk_write_u64(w, g.incarnation);
	rk_write_u64(w, g.counter);
}

static bool ref_is_sound(const struct rk_part_ref *ref, bool may_have_fd)
{
	if (!ref->is_present)
		return !ref->has_fd && ref->size == 0 &&
		       rk_bytes_are_zero(ref->digest, sizeof(ref->digest));
	return ref->size >= sizeof(struct rk_part_header) && ref->size <= RK_PART_SIZE_MAX &&
	       ref->size % RK_PART_ALIGN == 0 && (may_have_fd || !ref->has_fd);
}

static void read_ref(struct rk_reader *r, struct rk_part_ref *ref, bool may_have_fd)
{
	ref->is_present = read_below(r, 2);
	ref->has_fd = read_below(r, 2);
	ref->size = rk_read_u64(r);
	rk_read_copy(r, ref->digest, sizeof(ref->digest));
	if (!ref_is_sound(ref, may_have_fd))
		r->is_failed = true;
}

static void write_ref(struct rk_writer *w, const struct rk_part_ref *ref)
{
	rk_write_u8(w, ref->is_present);
	rk_write_u8(w, ref->has_fd);
	rk_write_u64(w, ref->size);
	rk_write_bytes(w, ref->digest, sizeof(ref->digest));
}

/* ---- data plane -> control ------------------------------------------------------------------ */

static void read_hello(struct rk_reader *r, struct rk_msg_hello *m)
{
	m->version = rk_read_u32(r);
	if (m->version != RK_CHANNEL_VERSION)
		r->is_failed = true;
	read_generation(r, &m->active);
	for (size_t i = 0; i < RK_PART_CNT; i++)
		read_ref(r, &m->held[i], false);
	rk_read_copy(r, m->key_held, sizeof(m->key_held));
}

static void write_hello(struct rk_writer *w, const struct rk_msg_hello *m)
{
	rk_write_u32(w, m->version);
	write_generation(w, m->active);
	for (size_t i = 0; i < RK_PART_CNT; i++)
		write_ref(w, &m->held[i]);
	rk_write_bytes(w, m->key_held, sizeof(m->key_held));
}

static void read_refused(struct rk_reader *r, struct rk_msg_generation *m)
{
	read_generation(r, &m->generation);
	read_text(r, m->reason, sizeof(m->reason), true);
}

static void write_refused(struct rk_writer *w, const struct rk_msg_generation *m)
{
	write_generation(w, m->generation);
	write_text(w, m->reason, sizeof(m->reason));
}

static void read_validate(struct rk_reader *r, struct rk_msg_validate *m)
{
	size_t len;

	m->request = rk_read_u64(r);
	len = rk_read_u16(r);
	if (len == 0 || len > RK_CERT_DER_MAX)
		r->is_failed = true;
	m->der = (struct rk_span){rk_read_bytes(r, len), len};
}

static void write_validate(struct rk_writer *w, const struct rk_msg_validate *m)
{
	if (m->der.len == 0 || m->der.len > RK_CERT_DER_MAX) {
		w->is_failed = true;
		return;
	}
	rk_write_u64(w, m->request);
	rk_write_u16(w, (uint16_t)m->der.len);
	rk_write_bytes(w, m->der.data, m->der.len);
}

static void read_event(struct rk_reader *r, struct rk_msg_event *m)
{
	read_text(r, m->peer, sizeof(m->peer), false);
	m->state = read_below(r, RK_PEER_DOWN + 1);
	m->verdict = read_below(r, RK_VERDICT_STATUS_CNT);
	rk_read_copy(r, m->fingerprint, sizeof(m->fingerprint));
	m->path_down = rk_read_u16(r);
	read_text(r, m->reason, sizeof(m->reason), true);
}

static void write_event(struct rk_writer *w, const struct rk_msg_event *m)
{
	write_text(w, m->peer, sizeof(m->peer));
	rk_write_u8(w, m->state);
	rk_write_u8(w, m->verdict);
	rk_write_bytes(w, m->fingerprint, sizeof(m->fingerprint));
	rk_write_u16(w, m->path_down);
	write_text(w, m->reason, sizeof(m->reason));
}

static void read_status_peer(struct rk_reader *r, struct rk_msg_status_peer *m)
{
	read_text(r, m->peer, sizeof(m->peer), false);
	m->state = read_below(r, RK_PEER_DOWN + 1);
	m->verdict = read_below(r, RK_VERDICT_STATUS_CNT);
	m->group = rk_read_u16(r);
	m->suite = rk_read_u16(r);
	m->path_down = rk_read_u16(r);
	m->local_index = rk_read_u32(r);
	m->peer_index = rk_read_u32(r);
	m->full_exchange_cnt = rk_read_u64(r);
	m->rekey_cnt = rk_read_u64(r);
	m->key_age_ms = rk_read_u64(r);
	m->next_rekey_ms = rk_read_u64(r);
	m->keep_alive_sent_cnt = rk_read_u64(r);
	m->keep_alive_received_cnt = rk_read_u64(r);
	rk_read_copy(r, m->exported, sizeof(m->exported));
	rk_read_copy(r, m->fingerprint, sizeof(m->fingerprint));
	m->not_after = (int64_t)rk_read_u64(r);
}

static void write_status_peer(struct rk_writer *w, const struct rk_msg_status_peer *m)
{
	write_text(w, m->peer, sizeof(m->peer));
	rk_write_u8(w, m->state);
	rk_write_u8(w, m->verdict);
	rk_write_u16(w, m->group);
	rk_write_u16(w, m->suite);
	rk_write_u16(w, m->path_down);
	rk_write_u32(w, m->local_index);
	rk_write_u32(w, m->peer_index);
	rk_write_u64(w, m->full_exchange_cnt);
	rk_write_u64(w, m->rekey_cnt);
	rk_write_u64(w, m->key_age_ms);
	rk_write_u64(w, m->next_rekey_ms);
	rk_write_u64(w, m->keep_alive_sent_cnt);
	rk_write_u64(w, m->keep_alive_received_cnt);
	rk_write_bytes(w, m->exported, sizeof(m->exported));
	rk_write_bytes(w, m->fingerprint, sizeof(m->fingerprint));
	rk_write_u64(w, (uint64_t)m->not_after);
}

static void read_counters(struct rk_reader *r, struct rk_msg_counters *m)
{
	m->cnt = rk_read_u32(r);
	if (m->cnt > RK_COUNTERS_PER_MSG) {
		r->is_failed = true;
		m->cnt = 0;
	}
	for (uint32_t i = 0; i < m->cnt; i++) {
		read_text(r, m->counter[i].name, sizeof(m->counter[i].name), false);
		m->counter[i].value = rk_read_u64(r);
	}
}

static void write_counters(struct rk_writer *w, const struct rk_msg_counters *m)
{
	if (m->cnt > RK_COUNTERS_PER_MSG) {
		w->is_failed = true;
		return;
	}
	rk_write_u32(w, m->cnt);
	for (uint32_t i = 0; i < m->cnt; i++) {
		write_text(w, m->counter[i].name, sizeof(m->counter[i].name));
		rk_write_u64(w, m->counter[i].value);
	}
}

/* ---- control -> data plane ------------------------------------------------------------------ */

static void read_view(struct rk_reader *r, struct rk_msg_view *m)
{
	read_generation(r, &m->generation);
	for (size_t i = 0; i < RK_PART_CNT; i++)
		read_ref(r, &m->part[i], true);
}

static void write_view(struct rk_writer *w, const struct rk_msg_view *m)
{
	write_generation(w, m->generation);
	for (size_t i = 0; i < RK_PART_CNT; i++)
		write_ref(w, &m->part[i]);
}

static void read_verdict(struct rk_reader *r, struct rk_msg_verdict *m)
{
	m->request = rk_read_u64(r);
	rk_read_copy(r, &m->verdict, sizeof(m->verdict));
	if (!rk_verdict_is_sound(&m->verdict))
		r->is_failed = true;
}

static void write_verdict(struct rk_writer *w, const struct rk_msg_verdict *m)
{
	rk_write_u64(w, m->request);
	rk_write_bytes(w, &m->verdict, sizeof(m->verdict));
}

static void read_log(struct rk_reader *r, struct rk_msg_log *m)
{
	for (size_t i = 0; i < RK_LOG_MODULE_CNT; i++) {
		m->level[i] = rk_read_u8(r);
		if (!rk_log_level_is_one(m->level[i]))
			r->is_failed = true;
	}
}

/* ---- all -------------------------------------------------------------------------------------- */

static void read_body(struct rk_reader *r, struct rk_message *m)
{
	switch (m->type) {
	case RK_MSG_HELLO:
		read_hello(r, &m->hello);
		break;
	case RK_MSG_APPLIED:
	case RK_MSG_NEED_ALL:
		read_generation(r, &m->generation.generation);
		break;
	case RK_MSG_REFUSED:
		read_refused(r, &m->generation);
		break;
	case RK_MSG_KEY_HELD:
		rk_read_copy(r, m->key_held.hash, sizeof(m->key_held.hash));
		break;
	case RK_MSG_VALIDATE:
		read_validate(r, &m->validate);
		break;
	case RK_MSG_EVENT:
		read_event(r, &m->event);
		break;
	case RK_MSG_STATUS_PEER:
		read_status_peer(r, &m->status_peer);
		break;
	case RK_MSG_COUNTERS:
		read_counters(r, &m->counters);
		break;
	case RK_MSG_CONFIRMED:
		rk_read_copy(r, m->confirmed.fingerprint, sizeof(m->confirmed.fingerprint));
		break;
	case RK_MSG_VIEW:
		read_view(r, &m->view);
		break;
	case RK_MSG_VERDICT:
		read_verdict(r, &m->verdict);
		break;
	case RK_MSG_ROTATE:
		read_text(r, m->rotate.peer, sizeof(m->rotate.peer), true);
		break;
	case RK_MSG_LOG:
		read_log(r, &m->log);
		break;
	case RK_MSG_STATUS_END:
	case RK_MSG_STATUS:
		break;
	default: /* KEY has a parser of its own */
		r->is_failed = true;
		break;
	}
}

static void write_body(struct rk_writer *w, const struct rk_message *m)
{
	switch (m->type) {
	case RK_MSG_HELLO:
		write_hello(w, &m->hello);
		break;
	case RK_MSG_APPLIED:
	case RK_MSG_NEED_ALL:
		write_generation(w, m->generation.generation);
		break;
	case RK_MSG_REFUSED:
		write_refused(w, &m->generation);
		break;
	case RK_MSG_KEY_HELD:
		rk_write_bytes(w, m->key_held.hash, sizeof(m->key_held.hash));
		break;
	case RK_MSG_VALIDATE:
		write_validate(w, &m->validate);
		break;
	case RK_MSG_EVENT:
		write_event(w, &m->event);
		break;
	case RK_MSG_STATUS_PEER:
		write_status_peer(w, &m->status_peer);
		break;
	case RK_MSG_COUNTERS:
		write_counters(w, &m->counters);
		break;
	case RK_MSG_CONFIRMED:
		rk_write_bytes(w, m->confirmed.fingerprint, sizeof(m->confirmed.fingerprint));
		break;
	case RK_MSG_VIEW:
		write_view(w, &m->view);
		break;
	case RK_MSG_VERDICT:
		write_verdict(w, &m->verdict);
		break;
	case RK_MSG_ROTATE:
		write_text(w, m->rotate.peer, sizeof(m->rotate.peer));
		break;
	case RK_MSG_LOG:
		rk_write_bytes(w, m->log.level, sizeof(m->log.level));
		break;
	case RK_MSG_STATUS_END:
	case RK_MSG_STATUS:
		break;
	default:
		w->is_failed = true;
		break;
	}
}

unsigned rk_message_type(const void *data, size_t len)
{
	struct rk_reader r;

	rk_reader_init(&r, data, len);
	return rk_read_u16(&r); /* 0 when it did not fit */
}

uint32_t rk_message_hello_version(const void *data, size_t len)
{
	struct rk_reader r;

	rk_reader_init(&r, data, len);
	if (rk_read_u16(&r) != RK_MSG_HELLO || rk_read_u16(&r) != 0)
		return 0;
	return rk_read_u32(&r); /* 0 when it did not fit */
}

int rk_message_parse(struct rk_message *msg, const void *data, size_t len)
{
	struct rk_reader r;

	rk_reader_init(&r, data, len);
	memset(msg, 0, sizeof(*msg));
	msg->type = (enum rk_channel_type)rk_read_u16(&r);
	if (rk_read_u16(&r) != 0)
		r.is_failed = true;
	read_body(&r, msg);
	if (rk_reader_done(&r))
		return 0;
	memset(msg, 0, sizeof(*msg));
	return -EBADMSG;
}

size_t rk_message_build(const struct rk_message *msg, void *buf, size_t size)
{
	struct rk_writer w;

	rk_writer_init(&w, buf, size);
	rk_write_u16(&w, (uint16_t)msg->type);
	rk_write_u16(&w, 0);
	write_body(&w, msg);
	return w.is_failed ? 0 : rk_writer_len(&w);
}
