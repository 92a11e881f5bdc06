/* SPDX-License-Identifier: BSD-3-Clause */
/* A source of the master list while its entries come: records, and keys where they are wanted. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pki/store/master_source.h"
#include "pki/view/large_pages.h"

#define GROW_MIN 64

struct master_builder {
	struct master_source *source; /* not shared yet */
	size_t room_cnt;              /* records that fit */
	bool is_sorted;               /* so far, and no serial twice */
	size_t repeated_cnt;
	struct master_keys *keys; /* NULL: not wanted, or memory was short */
};

int master_builder_new(const struct master_source_info *info, struct master_builder **out)
{
	struct master_builder *b = calloc(1, sizeof(*b));
	int ret;

	if (b == NULL)
		return -ENOMEM;
	ret = master_source_new(info, &b->source);
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
	master_keys_free(b->keys);
	master_source_put(b->source);
	free(b);
}

/* Room for the longest serials, of which memory is only used what is written. */
static int builder_make_room(struct master_builder *b, size_t cnt)
{
	uint8_t *records = reallocarray(b->source->records, cnt, master_stride(MASTER_SERIAL_MAX));

	if (records == NULL)
		return -ENOMEM;
	rk_bytes_are_many(records, cnt * master_stride(MASTER_SERIAL_MAX));
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
	uint8_t copy[MASTER_RECORD_FIXED + MASTER_SERIAL_MAX];

	for (size_t i = s->entry_cnt; i-- > 0;) {
		uint8_t *to = s->records + i * master_stride(room);

		memcpy(copy, s->records + i * master_stride(old), master_stride(old));
		memset(to, 0, master_stride(room));
		memcpy(to, copy, 1 + old);
		memcpy(to + 1 + room, copy + 1 + old, 1 + MASTER_DATE_LEN);
	}
	s->serial_room = room;
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

int master_builder_add(
	struct master_builder *b, struct rk_span serial, int64_t revoked_at, uint8_t reason)
{
	struct master_source *s = b->source;
	uint8_t *record;
	int ret;

	if (serial.len == 0 || serial.len > MASTER_SERIAL_MAX ||
		!master_reason_fits(&s->info, reason) || !master_time_fits(revoked_at))
		return -EINVAL;
	if (s->entry_cnt == b->room_cnt) {
		ret = builder_grow(b);
		if (ret < 0)
			return ret;
	}
	if (serial.len > s->serial_room)
		builder_widen(b, serial.len);
	record = s->records + s->entry_cnt * master_stride(s->serial_room);
	master_record_write(record, s->serial_room, serial, revoked_at, reason);
	if (s->entry_cnt > 0 && b->is_sorted)
		b->is_sorted =
			is_before(record - master_stride(s->serial_room), record, s->serial_room);
	s->entry_cnt++;
	return 0;
}

/* The serial fills the record's room, so every byte of it is known; a known room spares the calls. */
static inline void record_fill(uint8_t *record, size_t room, const struct pki_crl_entry *e)
{
	uint64_t end = htobe64((uint64_t)e->reason << (8 * MASTER_DATE_LEN) | (uint64_t)e->date);

	record[0] = (uint8_t)room;
	memcpy(record + room, &end, sizeof(end)); /* its first byte is the serial's last */
	memcpy(record + 1, e->serial, room);
}

/* As nearly all are that come after another one. false: for master_builder_add to say. */
static inline bool add_like_the_last(struct master_builder *b, const struct pki_crl_entry *e)
{
	struct master_source *s = b->source;
	size_t room = s->serial_room;
	uint8_t *record = s->records + s->entry_cnt * master_stride(room);

	if (s->entry_cnt == 0 || s->entry_cnt == b->room_cnt || e->serial_len != room ||
		!master_reason_fits(&s->info, (uint8_t)e->reason) || !master_time_fits(e->date))
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

static void drop_keys(struct master_builder *b)
{
	master_keys_free(b->keys);
	b->keys = NULL;
}

void master_builder_key(struct master_builder *b, struct master_keys *keys)
{
	b->keys = keys;
	master_keys_expect(keys, b->room_cnt);
}

/*
 * Of a list in no order the core that walks has to sort, too, while the other one hashes: whoever wants
 * the keys makes them, and where memory is short.
 */
static void key_entries(struct master_builder *b, const struct pki_crl_entry *entry, size_t cnt)
{
	if (!b->is_sorted)
		drop_keys(b);
	if (b->keys != NULL && master_keys_add(b->keys, entry, cnt) < 0)
		drop_keys(b);
}

/* To the source, when they are those of its entries. */
static void give_keys(struct master_builder *b)
{
	size_t cnt;

	if (b->keys == NULL)
		return;
	master_keys_end(b->keys);
	(void)master_keys_entries(b->keys, &cnt);
	if (cnt != b->source->entry_cnt || b->repeated_cnt > 0)
		drop_keys(b);
	atomic_init(&b->source->keys, b->keys);
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
	if (ret == 0)
		key_entries(b, entry, cnt);
	return ret;
}

/* Two records that stand next to each other are about one serial. */
static bool is_repeated(const uint8_t *record, size_t room)
{
	return memcmp(record - master_stride(room), record, sizeof(uint64_t)) == 0 &&
	       memcmp(record - master_stride(room), record, 1 + room) == 0;
}

static void drop_repeated(struct master_builder *b)
{
	struct master_source *s = b->source;
	size_t stride = master_stride(s->serial_room), kept = 1, i = 1;

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
		master_records_sort(s->records, s->entry_cnt, master_stride(s->serial_room));
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
	give_keys(b);
	if (s->entry_cnt > 0) {
		fitting = realloc(s->records, s->entry_cnt * master_stride(s->serial_room));
		if (fitting != NULL)
			s->records = fitting;
	}
	free(b);
	*out = s;
	return 0;
}
