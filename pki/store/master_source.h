/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of the master list: sources and marks. For pki/store/master_*.c alone. */
#pragma once

#include <endian.h>
#include <stdatomic.h>
#include <string.h>

#include "pki/store/master_list.h"

/* Immutable once it is out of its builder, but for the count and the keys, which somebody takes. */
struct master_source {
	atomic_uint ref_cnt;
	_Atomic(struct master_keys *) keys; /* of all entries; or NULL */
	struct master_source_info info;     /* points into block */
	char *block;
	size_t serial_room; /* length of the longest serial, 1 when there is none */
	size_t entry_cnt;
	uint8_t *records;
};

/* The highest CRL number seen of an issuer and scope, of full lists or of deltas, by one key. */
struct master_mark {
	uint8_t *issuer;
	char *scope;
	bool is_delta;
	uint16_t issuer_len;
	uint8_t number_len;
	uint8_t number[MASTER_NUMBER_MAX];
	uint8_t key_len; /* 0: not known */
	uint8_t key[MASTER_KEY_LEN];
};

/* Immutable, but for the count. Sources ascend by master_source_compare, marks by master_mark_compare. */
struct master_list {
	atomic_uint ref_cnt;
	uint64_t generation;
	size_t source_cnt;
	struct master_source **source;
	size_t mark_cnt;
	struct master_mark *mark;
};

#define MASTER_TIME_MAX     INT64_C(253402300799) /* GeneralizedTime's last */
#define MASTER_DATE_LEN     6
#define MASTER_RECORD_FIXED (1 + 1 + MASTER_DATE_LEN) /* length, reason, date */

/* Bytes of a record whose serial has so much room. */
static inline size_t master_stride(size_t serial_room)
{
	return MASTER_RECORD_FIXED + serial_room;
}

/* serial.len <= room. */
void master_record_write(
	uint8_t *record, size_t room, struct rk_span serial, int64_t revoked_at, uint8_t reason);
/* The same for a serial that fills the room, so that every byte is known; a known room spares the calls. */
static inline void master_record_fill(uint8_t *record, size_t room, const struct pki_crl_entry *e)
{
	uint64_t end = htobe64((uint64_t)e->reason << (8 * MASTER_DATE_LEN) | (uint64_t)e->date);

	record[0] = (uint8_t)room;
	memcpy(record + room, &end, sizeof(end)); /* its first byte is the serial's last */
	memcpy(record + 1, e->serial, room);
}

/* A record of less room as one of more, or of as much; they do not overlap. */
static inline void master_record_widen(
	uint8_t *to, size_t room, const uint8_t *from, size_t from_room)
{
	memcpy(to, from, 1 + from_room);
	memset(to + 1 + from_room, 0, room - from_room);
	memcpy(to + 1 + room, from + 1 + from_room, 1 + MASTER_DATE_LEN);
}

/* The keys of records [at, at + cnt), of all that are there. */
void master_records_key(
	const uint8_t *records, size_t room, size_t at, size_t cnt, const struct master_keys *keys);

bool master_is_delta(const struct master_source_info *info);

/* A known one; and only a delta takes something back. */
static inline bool master_reason_fits(const struct master_source_info *info, uint8_t reason)
{
	return rk_revocation_reason_is_known(reason) &&
	       (reason != RK_REASON_REMOVED || master_is_delta(info));
}

/* Seconds since 1970, up to the end of the year 9999. */
static inline bool master_time_fits(int64_t t)
{
	return t >= 0 && t <= MASTER_TIME_MAX;
}

/* Without entries. 0; -EINVAL, -ENOMEM. */
int master_source_new(
	const struct master_source_info *info, struct master_source **out) RK_MUST_CHECK;

/* By length, then bytes. */
int span_compare(struct rk_span a, struct rk_span b);

/* Everything is within its bounds. */
bool master_info_is_sound(const struct master_source_info *info) RK_MUST_CHECK;
/* All of info into s, in one block of its own, so that it is freed with one call. 0, -ENOMEM. */
int master_info_copy(const struct master_source_info *from, struct master_source *s) RK_MUST_CHECK;
/* None, zero as one byte, or without leading zeros. */
bool master_number_is_sound(struct rk_span number) RK_MUST_CHECK;
/* Bytes of a record of this source. */
size_t master_source_stride(const struct master_source *s);
/* Copies records as they stand in a file. -EBADMSG when unsound or out of order; -ENOMEM. */
int master_source_from_records(const struct master_source_info *info, size_t serial_room,
	const uint8_t *records, size_t entry_cnt, struct master_source **out) RK_MUST_CHECK;
/* By URL, issuer, scope and kind: what one place has of one name. */
int master_source_compare_place(
	const struct master_source_info *a, const struct master_source_info *b);
/* The same and by key, which together name a CRL. */
int master_source_compare_crl(
	const struct master_source_info *a, const struct master_source_info *b);
/* The same and by subject, which together name a source. */
int master_source_compare(const struct master_source_info *a, const struct master_source_info *b);

/* An empty list of this generation with room for so many; entries are appended by the caller. */
int master_list_alloc(uint64_t generation, size_t source_room, size_t mark_room,
	struct master_list **out) RK_MUST_CHECK;
/* Appends a copy: issuer, scope, kind, key and number of info. */
int master_list_append_mark(
	struct master_list *l, const struct master_source_info *info) RK_MUST_CHECK;
/* By issuer, scope, kind and key. */
int master_mark_compare(const struct master_mark *m, const struct master_source_info *info);
