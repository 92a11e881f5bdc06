/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records that come in no order, thrown into runs as they come: serial numbers are random as a rule, so
 * a sample tells between which numbers they fall, and how many fall where. What is left to do is within
 * a core's cache then.
 *
 *	master_scatter_new     a sample: what bounds the runs have
 *	master_scatter_add     ... entries
 *	master_scatter_sort    or master_scatter_gather, where one had to be left out
 *	master_scatter_take
 *
 * For pki/store/master_*.c alone. One thread at a time; sort uses one more.
 */
#pragma once

#include "pki/store/master_source.h"

#define SCATTER_SAMPLE ((size_t)8192)
#define SCATTER_MIN    (8 * SCATTER_SAMPLE) /* fewer are sorted as fast without */

struct master_scatter;

/*
 * sample: SCATTER_SAMPLE records or more of so many expected ones, with room for serials of so many octets.
 * They are looked at, not added. info is borrowed. NULL: those of a length that many have fall unevenly, or
 * these are too short, or memory is.
 */
struct master_scatter *master_scatter_new(const struct master_source_info *info,
	const uint8_t *sample, size_t sample_cnt, size_t serial_room, size_t expected);
void master_scatter_free(struct master_scatter *s); /* NULL is fine */
/*
 * As many as go in, from the first on: up to one whose serial is longer than there is room, whose run is
 * full, or whose reason or date is none, which is the caller's to keep or refuse.
 */
size_t master_scatter_add(struct master_scatter *s, const struct pki_crl_entry *entry, size_t cnt);
size_t master_scatter_cnt(const struct master_scatter *s);
/*
 * Once, and the last but take. How many repeat a serial. Fills keys, which are begun for as many as there
 * are; or NULL.
 */
size_t master_scatter_sort(struct master_scatter *s, const struct master_keys *keys);
/* The records, in order after the sort, from malloc: the caller's. */
uint8_t *master_scatter_take(struct master_scatter *s);
/* Copies them, in no order, each widened to so much room for its serial. */
void master_scatter_gather(const struct master_scatter *s, uint8_t *to, size_t serial_room);
