/* SPDX-License-Identifier: BSD-3-Clause */
/* The order of the master list's records, by all of their bytes. For pki/store/master_*.c alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Sorts fewer than 2^32 records of so many bytes, at least 8, in place, by two threads where there are
 * many. Whatever they are, it takes a bounded number of passes.
 */
void master_records_sort(uint8_t *records, size_t cnt, size_t stride);

/* ---- run by run ------------------------------------------------------------------------------- */

/* What one thread spreads a run over, within a core's cache. */
struct sort_desk;

/* NULL: memory is short, and the calls below do without. */
struct sort_desk *sort_desk_new(size_t stride);
void sort_desk_free(struct sort_desk *desk); /* NULL is fine */
/* Copies a run to the desk. false: too long a run, or none that spreads, or no desk. */
bool sort_desk_take(struct sort_desk *desk, const uint8_t *r, size_t cnt, size_t stride);
/* The run that was taken, in order. */
void sort_desk_give(const struct sort_desk *desk, uint8_t *to, size_t cnt, size_t stride);
/* Any run, in place. desk may be NULL. */
void sort_run(uint8_t *r, size_t cnt, size_t stride, struct sort_desk *desk);
