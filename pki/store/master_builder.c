/* SPDX-License-Identifier: BSD-3-Clause */
/* A source of the master list while its entries come: records, and keys where they are wanted. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pki/store/master_scatter.h"
#include "pki/store/master_sort.h"
#include "pki/store/master_source.h"
#include "pki/view/large_pages.h"

#define GROW_MIN 64

struct master_builder {
	struct master_source *source; /* not shared yet */
	size_t room_cnt;              /* records that fit */
	bool is_sorted;               /* so far, and no serial twice */
	size_t repeated_cnt;
	struct master_keys *keys;       /* NULL: not wanted, or memory was short */
	size_t expected;                /* octets of DER, from which entries come; 0: not known */
	const uint8_t *first;           /* serial, of those */
	struct master_scatter *scatter; /* NULL: not, or not yet */
	bool is_sampled;
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
	master_scatter_free(b->scatter);
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

static size_t thrown_cnt(const struct master_builder *b)
{
	return b->scatter != NULL ? master_scatter_cnt(b->scatter) : 0;
}

/* For so many more; and for what was thrown into runs, which may have to come back. */
static int builder_grow(struct master_builder *b, size_t cnt)
{
	size_t all = b->source->entry_cnt + thrown_cnt(b) + cnt;

	if (all <= b->room_cnt)
		return 0;
	return builder_make_room(b, all < GROW_MIN ? GROW_MIN : all + all / 2);
}

void master_builder_expect(struct master_builder *b, size_t octets)
{
	size_t cnt = octets / PKI_CRL_ENTRY_MIN;

	b->expected = octets;
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
		master_record_widen(to, room, copy, old);
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
	ret = builder_grow(b, 1);
	if (ret < 0)
		return ret;
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
		master_record_fill(record, 16, e);
	else if (room == 20)
		master_record_fill(record, 20, e);
	else
		master_record_fill(record, room, e);
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
}

static int add_in_turn(struct master_builder *b, const struct pki_crl_entry *entry, size_t cnt)
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

/* ---- in no order ------------------------------------------------------------------------------ */

/* How many entries all of the DER has, if it goes on as up to this serial. 0: who knows. */
static size_t guess_entries(const struct master_builder *b, const uint8_t *serial)
{
	size_t seen = (uintptr_t)serial - (uintptr_t)b->first; /* octets; of one DER, or nonsense */
	size_t most = b->expected / PKI_CRL_ENTRY_MIN, cnt = b->source->entry_cnt;

	if (seen == 0 || seen > b->expected || cnt > SIZE_MAX / b->expected)
		return 0;
	return b->expected * cnt / seen < most ? b->expected * cnt / seen : most;
}

/* Those that came already go first. false: one has no room. */
static bool throw_records(struct master_builder *b)
{
	for (size_t i = 0; i < b->source->entry_cnt; i++) {
		struct pki_crl_entry entry = {0};
		struct master_entry e;

		master_source_entry(b->source, i, &e);
		entry.serial = e.serial;
		entry.serial_len = e.serial_len;
		entry.date = e.revoked_at;
		entry.reason = e.reason;
		if (master_scatter_add(b->scatter, &entry, 1) == 0)
			return false;
	}
	b->source->entry_cnt = 0;
	return true;
}

/* Once, when a sample is there. Afterwards records are but those that do not go into a run. */
static void try_scatter(struct master_builder *b, const struct pki_crl_entry *next)
{
	struct master_source *s = b->source;

	if (s->entry_cnt < SCATTER_SAMPLE || b->is_sampled)
		return;
	b->is_sampled = true;
	if (b->is_sorted)
		return;
	b->scatter = master_scatter_new(
		&s->info, s->records, s->entry_cnt, s->serial_room, guess_entries(b, next->serial));
	if (b->scatter != NULL && !throw_records(b)) {
		master_scatter_free(b->scatter);
		b->scatter = NULL;
	}
}

static int add_to_runs(struct master_builder *b, const struct pki_crl_entry *entry, size_t cnt)
{
	int ret = builder_grow(b, cnt);
	size_t i = 0;

	while (ret == 0) {
		i += master_scatter_add(b->scatter, entry + i, cnt - i);
		if (i == cnt)
			break;
		ret = add_in_turn(b, &entry[i++], 1);
	}
	return ret;
}

int master_builder_add_entries(
	struct master_builder *b, const struct pki_crl_entry *entry, size_t cnt)
{
	if (cnt == 0)
		return 0;
	if (b->source->entry_cnt == 0 && b->scatter == NULL)
		b->first = entry->serial;
	try_scatter(b, entry);
	return b->scatter != NULL ? add_to_runs(b, entry, cnt) : add_in_turn(b, entry, cnt);
}

/* ---- the end ---------------------------------------------------------------------------------- */

/*
 * Two records that stand next to each other are about one serial. Nearly always the first eight bytes
 * tell, where all of them are length and serial.
 */
static bool is_repeated(const uint8_t *record, size_t room)
{
	const uint8_t *before = record - master_stride(room);

	if (1 + room >= sizeof(uint64_t) && memcmp(before, record, sizeof(uint64_t)) != 0)
		return false;
	return memcmp(before, record, 1 + room) == 0;
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

/* Runs become the records, in order. How many repeat a serial. */
static size_t sort_runs(struct master_builder *b)
{
	struct master_source *s = b->source;
	size_t cnt = master_scatter_cnt(b->scatter), repeated;

	if (b->keys != NULL && master_keys_begin(b->keys, cnt) < 0)
		drop_keys(b);
	repeated = master_scatter_sort(b->scatter, b->keys);
	if (b->keys != NULL)
		master_keys_end(b->keys, cnt);
	free(s->records);
	s->records = master_scatter_take(b->scatter);
	s->entry_cnt = b->room_cnt = cnt;
	return repeated;
}

/* Where some have no run: all go where these are. */
static void gather_runs(struct master_builder *b)
{
	struct master_source *s = b->source;

	master_scatter_gather(b->scatter, s->records + s->entry_cnt * master_stride(s->serial_room),
		s->serial_room);
	s->entry_cnt += master_scatter_cnt(b->scatter);
}

static void sort_all(struct master_builder *b)
{
	struct master_source *s = b->source;
	bool is_repeated = true; /* somebody may be */

	if (b->scatter != NULL && s->entry_cnt == 0) {
		is_repeated = sort_runs(b) > 0;
	} else {
		if (b->scatter != NULL)
			gather_runs(b);
		master_records_sort(s->records, s->entry_cnt, master_stride(s->serial_room));
	}
	master_scatter_free(b->scatter);
	b->scatter = NULL;
	if (is_repeated)
		drop_repeated(b);
}

size_t master_builder_repeated(struct master_builder *b)
{
	if (!b->is_sorted)
		sort_all(b);
	b->is_sorted = true;
	return b->repeated_cnt;
}

int master_builder_finish(struct master_builder *b, struct master_source **out)
{
	struct master_source *s = b->source;
	uint8_t *fitting;

	if (master_builder_repeated(b) > 0)
		drop_keys(b); /* they may be those of more entries */
	atomic_init(&s->keys, b->keys);
	if (s->entry_cnt > 0) {
		fitting = realloc(s->records, s->entry_cnt * master_stride(s->serial_room));
		if (fitting != NULL)
			s->records = fitting;
	}
	free(b);
	*out = s;
	return 0;
}
