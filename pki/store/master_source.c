/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One source of the master list. Its entries are one block of fixed-stride records, which is what
 * stands in the file too:
 *
 *   length of the serial (1) | serial, zero-padded to the longest of the source (S) |
 *   reason (1) | revocation date, seconds since 1970, big-endian (6)
 *
 * so that memcmp over the first 1 + S bytes orders by length and value, and a source with serials
 * of 16 bytes takes 24 bytes an entry.
 */
#include "pki/store/master_source.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pki/view/large_map.h"

#define PREFETCH_BYTES 2048 /* ahead of a walk over all records */

/* ---- records ---------------------------------------------------------------------------------- */

void master_record_write(
	uint8_t *record, size_t room, struct rk_span serial, int64_t revoked_at, uint8_t reason)
{
	memset(record, 0, master_stride(room));
	record[0] = (uint8_t)serial.len;
	memcpy(record + 1, serial.data, serial.len);
	record[1 + room] = reason;
	for (size_t i = 0; i < MASTER_DATE_LEN; i++)
		record[2 + room + i] = (uint8_t)(revoked_at >> (8 * (MASTER_DATE_LEN - 1 - i)));
}

static int64_t record_date(const uint8_t *record, size_t room)
{
	int64_t date = 0;

	for (size_t i = 0; i < MASTER_DATE_LEN; i++)
		date = date << 8 | record[2 + room + i];
	return date;
}

static void record_read(const uint8_t *record, size_t room, struct master_entry *out)
{
	memset(out, 0, sizeof(*out));
	out->serial_len = record[0];
	memcpy(out->serial, record + 1, out->serial_len);
	out->reason = record[1 + room];
	out->revoked_at = record_date(record, room);
}

static bool record_is_sound(
	const struct master_source_info *info, const uint8_t *record, size_t room)
{
	size_t len = record[0];

	return len >= 1 && len <= room && rk_bytes_are_zero(record + 1 + len, room - len) &&
	       master_reason_fits(info, record[1 + room]) &&
	       master_time_fits(record_date(record, room));
}

int master_source_new(const struct master_source_info *info, struct master_source **out)
{
	struct master_source *s;
	int ret;

	if (!master_info_is_sound(info))
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	atomic_init(&s->ref_cnt, 1);
	ret = master_info_copy(info, s);
	if (ret < 0) {
		free(s);
		return ret;
	}
	*out = s;
	return 0;
}

struct master_source *master_source_get(struct master_source *s)
{
	atomic_fetch_add_explicit(&s->ref_cnt, 1, memory_order_relaxed);
	return s;
}

void master_source_put(struct master_source *s)
{
	if (s == NULL || atomic_fetch_sub_explicit(&s->ref_cnt, 1, memory_order_acq_rel) != 1)
		return;
	master_keys_free(atomic_load(&s->keys));
	rk_large_free(s->records, s->entry_cnt * master_stride(s->serial_room));
	free(s->block);
	free(s);
}

/* ---- reading ---------------------------------------------------------------------------------- */

int master_source_from_records(const struct master_source_info *info, size_t serial_room,
	const uint8_t *records, size_t entry_cnt, struct master_source **out)
{
	size_t stride = master_stride(serial_room);
	struct master_source *s = NULL;
	int ret;

	if (serial_room < 1 || serial_room > MASTER_SERIAL_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < entry_cnt; i++) {
		const uint8_t *record = records + i * stride;

		if (!record_is_sound(info, record, serial_room) ||
			(i > 0 && memcmp(record - stride, record, 1 + serial_room) >= 0))
			return -EBADMSG;
	}
	ret = master_source_new(info, &s);
	if (ret < 0)
		return ret == -EINVAL ? -EBADMSG : ret;
	s->serial_room = serial_room;
	s->entry_cnt = entry_cnt;
	if (entry_cnt > 0) {
		s->records = malloc(entry_cnt * stride);
		if (s->records == NULL) {
			master_source_put(s);
			return -ENOMEM;
		}
		memcpy(s->records, records, entry_cnt * stride);
	}
	*out = s;
	return 0;
}

size_t master_source_stride(const struct master_source *s)
{
	return master_stride(s->serial_room);
}

const struct master_source_info *master_source_info(const struct master_source *s)
{
	return &s->info;
}

struct rk_span master_source_subject(const struct master_source *s)
{
	return s->info.subject.len > 0 ? s->info.subject : s->info.issuer;
}

size_t master_source_entry_cnt(const struct master_source *s)
{
	return s->entry_cnt;
}

void master_source_entry(const struct master_source *s, size_t i, struct master_entry *out)
{
	record_read(s->records + i * master_stride(s->serial_room), s->serial_room, out);
}

static void read_serials(
	const uint8_t *record, size_t room, size_t cnt, struct rk_span *serial, uint8_t *reason)
{
	for (size_t k = 0; k < cnt; k++, record += master_stride(room)) {
		__builtin_prefetch(record + PREFETCH_BYTES); /* past the end it does no harm */
		serial[k] = (struct rk_span){record + 1, record[0]};
		reason[k] = record[1 + room];
	}
}

void master_source_serials(const struct master_source *s, size_t i, size_t cnt,
	struct rk_span *serial, uint8_t *reason)
{
	read_serials(s->records + i * master_stride(s->serial_room), s->serial_room, cnt, serial,
		reason);
}

/* ---- keys ------------------------------------------------------------------------------------- */

void master_records_key(
	const uint8_t *records, size_t room, size_t at, size_t cnt, const struct master_keys *keys)
{
	struct rk_span serial[PKI_CRL_VISIT_MAX];
	uint8_t reason[PKI_CRL_VISIT_MAX];
	size_t n;

	for (; cnt > 0; at += n, cnt -= n) {
		n = cnt < PKI_CRL_VISIT_MAX ? cnt : PKI_CRL_VISIT_MAX;
		read_serials(records + at * master_stride(room), room, n, serial, reason);
		master_keys_fill(keys, at, serial, reason, n);
	}
}

void master_source_make_keys(struct master_source *s, bool (*is_enough)(void *ctx), void *ctx)
{
	struct master_keys *keys = atomic_load(&s->keys);
	size_t done = 0, cnt;

	if (keys == NULL || master_keys_are_ended(keys))
		return;
	if (s->entry_cnt > 0 && master_keys_begin(keys, s->entry_cnt) == 0) {
		for (; done < s->entry_cnt && !is_enough(ctx); done += cnt) {
			cnt = s->entry_cnt - done;
			cnt = cnt < PKI_CRL_VISIT_MAX ? cnt : PKI_CRL_VISIT_MAX;
			master_records_key(s->records, s->serial_room, done, cnt, keys);
		}
	}
	master_keys_end(keys, done);
}

struct master_keys *master_source_take_keys(const struct master_source *s)
{
	return atomic_exchange(&((struct master_source *)(uintptr_t)s)->keys, NULL);
}

/* ---- comparing -------------------------------------------------------------------------------- */

#define RUN_STEP 64 /* records compared at once */

size_t master_source_equal_run(
	const struct master_source *a, size_t i, const struct master_source *b, size_t n)
{
	size_t stride = master_stride(a->serial_room), run = 0, step = RUN_STEP;
	size_t left = a->entry_cnt - i < b->entry_cnt - n ? a->entry_cnt - i : b->entry_cnt - n;
	const uint8_t *x = a->records + i * stride, *y = b->records + n * stride;

	if (a->serial_room != b->serial_room)
		return 0;
	while (run < left) {
		if (step > left - run)
			step = left - run;
		if (memcmp(x + run * stride, y + run * stride, step * stride) == 0)
			run += step;
		else if (step == 1)
			break;
		else
			step = 1;
	}
	return run;
}

int master_entry_compare(const struct master_entry *a, const struct master_entry *b)
{
	return span_compare((struct rk_span){a->serial, a->serial_len},
		(struct rk_span){b->serial, b->serial_len});
}

bool master_source_find(
	const struct master_source *s, struct rk_span serial, struct master_entry *out)
{
	uint8_t wanted[MASTER_RECORD_FIXED + MASTER_SERIAL_MAX];
	size_t stride = master_stride(s->serial_room);
	size_t low = 0, high = s->entry_cnt;

	if (serial.len == 0 || serial.len > s->serial_room)
		return false;
	master_record_write(wanted, s->serial_room, serial, 0, 0);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const uint8_t *record = s->records + middle * stride;
		int order = memcmp(record, wanted, 1 + s->serial_room);

		if (order == 0) {
			record_read(record, s->serial_room, out);
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

bool master_source_is_same(const struct master_source *a, const struct master_source *b)
{
	const struct master_source_info *x = &a->info, *y = &b->info;

	if (a == b)
		return true;
	return span_compare(x->issuer, y->issuer) == 0 && span_compare(x->key, y->key) == 0 &&
	       strcmp(x->ca_name, y->ca_name) == 0 && strcmp(x->url, y->url) == 0 &&
	       strcmp(x->scope, y->scope) == 0 && span_compare(x->idp, y->idp) == 0 &&
	       span_compare(x->subject, y->subject) == 0 &&
	       span_compare(x->number, y->number) == 0 &&
	       span_compare(x->base_number, y->base_number) == 0 &&
	       x->this_update == y->this_update && x->next_update == y->next_update &&
	       a->serial_room == b->serial_room && a->entry_cnt == b->entry_cnt &&
	       (a->entry_cnt == 0 || memcmp(a->records, b->records,
					     a->entry_cnt * master_stride(a->serial_room)) == 0);
}

int master_source_order(const struct master_source *a, const struct master_source *b)
{
	return master_source_compare(&a->info, &b->info);
}
