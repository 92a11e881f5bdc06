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

#define RECORD_FIXED 8 /* length, reason, date */
#define DATE_LEN     6
#define GROW_MIN     64

#define PREFETCH_BYTES 2048 /* ahead of a walk over all records */

static size_t stride_of(size_t serial_room)
{
	return RECORD_FIXED + serial_room;
}

/* ---- records ---------------------------------------------------------------------------------- */

static void record_write(
	uint8_t *record, size_t room, struct rk_span serial, int64_t revoked_at, uint8_t reason)
{
	memset(record, 0, stride_of(room));
	record[0] = (uint8_t)serial.len;
	memcpy(record + 1, serial.data, serial.len);
	record[1 + room] = reason;
	for (size_t i = 0; i < DATE_LEN; i++)
		record[2 + room + i] = (uint8_t)(revoked_at >> (8 * (DATE_LEN - 1 - i)));
}

/* Nearly always the first eight bytes tell; a record has more. */
static bool is_before(const uint8_t *a, const uint8_t *b, size_t room)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	if (x != y && room >= sizeof(x))
		return be64toh(x) < be64toh(y);
	return memcmp(a, b, 1 + room) < 0;
}

static int64_t record_date(const uint8_t *record, size_t room)
{
	int64_t date = 0;

	for (size_t i = 0; i < DATE_LEN; i++)
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

/* Only a delta takes something back. */
static bool reason_fits(const struct master_source_info *info, uint8_t reason)
{
	return rk_revocation_reason_is_known(reason) &&
	       (reason != RK_REASON_REMOVED || master_is_delta(info));
}

static bool record_is_sound(
	const struct master_source_info *info, const uint8_t *record, size_t room)
{
	size_t len = record[0];

	return len >= 1 && len <= room && rk_bytes_are_zero(record + 1 + len, room - len) &&
	       reason_fits(info, record[1 + room]) && master_time_fits(record_date(record, room));
}

static int source_new(const struct master_source_info *info, struct master_source **out)
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
	free(s->records);
	free(s->block);
	free(s);
}

/* ---- building --------------------------------------------------------------------------------- */

struct master_builder {
	struct master_source *source; /* not shared yet */
	size_t room_cnt;              /* records that fit */
	bool is_sorted;               /* so far, and no serial twice */
	size_t repeated_cnt;
};

int master_builder_new(const struct master_source_info *info, struct master_builder **out)
{
	struct master_builder *b = calloc(1, sizeof(*b));
	int ret;

	if (b == NULL)
		return -ENOMEM;
	ret = source_new(info, &b->source);
	if (ret < 0) {
		free(b);
		return ret;
	}
	b->source->serial_room = 1;
	b->is_sorted = true;
	*out = b;
	return 0;
}

void master_builder_free(struct master_builder *b)
{
	if (b == NULL)
		return;
	master_source_put(b->source);
	free(b);
}

/* Room for the longest serials, of which memory is only used what is written. */
static int builder_make_room(struct master_builder *b, size_t cnt)
{
	uint8_t *records = reallocarray(b->source->records, cnt, stride_of(MASTER_SERIAL_MAX));

	if (records == NULL)
		return -ENOMEM;
	rk_bytes_are_many(records, cnt * stride_of(MASTER_SERIAL_MAX));
	b->source->records = records;
	b->room_cnt = cnt;
	return 0;
}

static int builder_grow(struct master_builder *b)
{
	return builder_make_room(
		b, b->room_cnt < GROW_MIN ? GROW_MIN : b->room_cnt + b->room_cnt / 2);
}

void master_builder_expect(struct master_builder *b, size_t cnt)
{
	if (cnt > b->room_cnt)
		(void)builder_make_room(b, cnt); /* else it grows, step by step */
}

/* From the last to the first, because each record moves up. */
static void builder_widen(struct master_builder *b, size_t room)
{
	struct master_source *s = b->source;
	size_t old = s->serial_room;
	uint8_t copy[RECORD_FIXED + MASTER_SERIAL_MAX];

	for (size_t i = s->entry_cnt; i-- > 0;) {
		uint8_t *to = s->records + i * stride_of(room);

		memcpy(copy, s->records + i * stride_of(old), stride_of(old));
		memset(to, 0, stride_of(room));
		memcpy(to, copy, 1 + old);
		memcpy(to + 1 + room, copy + 1 + old, 1 + DATE_LEN);
	}
	s->serial_room = room;
}

int master_builder_add(
	struct master_builder *b, struct rk_span serial, int64_t revoked_at, uint8_t reason)
{
	struct master_source *s = b->source;
	uint8_t *record;
	int ret;

	if (serial.len == 0 || serial.len > MASTER_SERIAL_MAX || !reason_fits(&s->info, reason) ||
		!master_time_fits(revoked_at))
		return -EINVAL;
	if (s->entry_cnt == b->room_cnt) {
		ret = builder_grow(b);
		if (ret < 0)
			return ret;
	}
	if (serial.len > s->serial_room)
		builder_widen(b, serial.len);
	record = s->records + s->entry_cnt * stride_of(s->serial_room);
	record_write(record, s->serial_room, serial, revoked_at, reason);
	if (s->entry_cnt > 0 && b->is_sorted)
		b->is_sorted =
			is_before(record - stride_of(s->serial_room), record, s->serial_room);
	s->entry_cnt++;
	return 0;
}

/* The serial fills the record's room, so every byte of it is known; a known room spares the calls. */
static inline void record_fill(uint8_t *record, size_t room, const struct pki_crl_entry *e)
{
	uint64_t end = htobe64((uint64_t)e->reason << (8 * DATE_LEN) | (uint64_t)e->date);

	record[0] = (uint8_t)room;
	memcpy(record + room, &end, sizeof(end)); /* its first byte is the serial's last */
	memcpy(record + 1, e->serial, room);
}

/* As nearly all are that come after another one. false: for master_builder_add to say. */
static inline bool add_like_the_last(struct master_builder *b, const struct pki_crl_entry *e)
{
	struct master_source *s = b->source;
	size_t room = s->serial_room;
	uint8_t *record = s->records + s->entry_cnt * stride_of(room);

	if (s->entry_cnt == 0 || s->entry_cnt == b->room_cnt || e->serial_len != room ||
		!reason_fits(&s->info, (uint8_t)e->reason) || !master_time_fits(e->date))
		return false;
	if (room == 16)
		record_fill(record, 16, e);
	else if (room == 20)
		record_fill(record, 20, e);
	else
		record_fill(record, room, e);
	s->entry_cnt++;
	return true;
}

/* As the records stand; read where it lies, because what was just written is slow to read. */
static inline bool is_entry_before(const struct pki_crl_entry *a, const struct pki_crl_entry *b)
{
	uint64_t x, y;

	if (a->serial_len != b->serial_len || a->serial_len < sizeof(x))
		return span_compare((struct rk_span){a->serial, a->serial_len},
			       (struct rk_span){b->serial, b->serial_len}) < 0;
	memcpy(&x, a->serial, sizeof(x));
	memcpy(&y, b->serial, sizeof(y));
	return x != y ? be64toh(x) < be64toh(y) : memcmp(a->serial, b->serial, a->serial_len) < 0;
}

int master_builder_add_entries(
	struct master_builder *b, const struct pki_crl_entry *entry, size_t cnt)
{
	int ret = 0;

	for (size_t i = 0; i < cnt && ret == 0; i++) {
		const struct rk_span serial = {entry[i].serial, entry[i].serial_len};

		if (i > 0 && add_like_the_last(b, &entry[i])) {
			if (b->is_sorted)
				b->is_sorted = is_entry_before(&entry[i - 1], &entry[i]);
			continue;
		}
		ret = master_builder_add(b, serial, entry[i].date, (uint8_t)entry[i].reason);
	}
	return ret;
}

/* Two records that stand next to each other are about one serial. */
static bool is_repeated(const uint8_t *record, size_t room)
{
	return memcmp(record - stride_of(room), record, sizeof(uint64_t)) == 0 &&
	       memcmp(record - stride_of(room), record, 1 + room) == 0;
}

static void drop_repeated(struct master_builder *b)
{
	struct master_source *s = b->source;
	size_t stride = stride_of(s->serial_room), kept = 1, i = 1;

	while (i < s->entry_cnt && !is_repeated(s->records + i * stride, s->serial_room))
		i++;
	kept = i;
	for (; i < s->entry_cnt; i++) {
		const uint8_t *record = s->records + i * stride;

		if (memcmp(s->records + (kept - 1) * stride, record, 1 + s->serial_room) == 0)
			continue;
		memmove(s->records + kept * stride, record, stride);
		kept++;
	}
	if (s->entry_cnt == 0)
		return;
	b->repeated_cnt += s->entry_cnt - kept;
	s->entry_cnt = kept;
}

size_t master_builder_repeated(struct master_builder *b)
{
	struct master_source *s = b->source;

	if (!b->is_sorted) {
		master_records_sort(s->records, s->entry_cnt, stride_of(s->serial_room));
		drop_repeated(b);
		b->is_sorted = true;
	}
	return b->repeated_cnt;
}

int master_builder_finish(struct master_builder *b, struct master_source **out)
{
	struct master_source *s = b->source;
	uint8_t *fitting;

	(void)master_builder_repeated(b);
	if (s->entry_cnt > 0) {
		fitting = realloc(s->records, s->entry_cnt * stride_of(s->serial_room));
		if (fitting != NULL)
			s->records = fitting;
	}
	free(b);
	*out = s;
	return 0;
}

/* ---- reading ---------------------------------------------------------------------------------- */

int master_source_from_records(const struct master_source_info *info, size_t serial_room,
	const uint8_t *records, size_t entry_cnt, struct master_source **out)
{
	size_t stride = stride_of(serial_room);
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
	ret = source_new(info, &s);
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
	return stride_of(s->serial_room);
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
	record_read(s->records + i * stride_of(s->serial_room), s->serial_room, out);
}

void master_source_serials(const struct master_source *s, size_t i, size_t cnt,
	struct rk_span *serial, uint8_t *reason)
{
	const size_t room = s->serial_room, stride = stride_of(room);
	const uint8_t *record = s->records + i * stride;

	for (size_t k = 0; k < cnt; k++, record += stride) {
		__builtin_prefetch(record + PREFETCH_BYTES); /* past the end it does no harm */
		serial[k] = (struct rk_span){record + 1, record[0]};
		reason[k] = record[1 + room];
	}
}

#define RUN_STEP 64 /* records compared at once */

size_t master_source_equal_run(
	const struct master_source *a, size_t i, const struct master_source *b, size_t n)
{
	size_t stride = stride_of(a->serial_room), run = 0, step = RUN_STEP;
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
	uint8_t wanted[RECORD_FIXED + MASTER_SERIAL_MAX];
	size_t stride = stride_of(s->serial_room);
	size_t low = 0, high = s->entry_cnt;

	if (serial.len == 0 || serial.len > s->serial_room)
		return false;
	record_write(wanted, s->serial_room, serial, 0, 0);
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
	return span_compare(x->issuer, y->issuer) == 0 && strcmp(x->ca_name, y->ca_name) == 0 &&
	       strcmp(x->url, y->url) == 0 && strcmp(x->scope, y->scope) == 0 &&
	       span_compare(x->idp, y->idp) == 0 && span_compare(x->subject, y->subject) == 0 &&
	       span_compare(x->number, y->number) == 0 &&
	       span_compare(x->base_number, y->base_number) == 0 &&
	       x->this_update == y->this_update && x->next_update == y->next_update &&
	       a->serial_room == b->serial_room && a->entry_cnt == b->entry_cnt &&
	       (a->entry_cnt == 0 || memcmp(a->records, b->records,
					     a->entry_cnt * stride_of(a->serial_room)) == 0);
}

int master_source_order(const struct master_source *a, const struct master_source *b)
{
	return master_source_compare(&a->info, &b->info);
}
