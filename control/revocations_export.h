/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The master list for people and other programs: every revoked certificate, one a line, in pieces of
 * bounded size, whatever the list's. JSON: {"generation", "origin", "entries": [{"issuer", "serial",
 * "date", "reason", "source"}, ...]}; text: the same five, with tabs between. The issuer is the
 * certificate's.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "pki/store/master_list.h"

#define REVOCATIONS_PIECE_MIN 32768 /* of a piece's room: any line fits */

enum revocations_format { REVOCATIONS_JSON, REVOCATIONS_TEXT };

/* One thread at a time. */
struct revocations_export;

/* Gets a reference to the list. origin NULL: left out. 0; -ENOMEM. */
int revocations_export_new(struct master_list *list, enum revocations_format format,
	const char *origin, struct revocations_export **out) RK_MUST_CHECK;
void revocations_export_free(struct revocations_export *x); /* NULL is fine */
/* Whole lines, as many as fit. How many octets, 0 at the end; -ENOMEM. */
ssize_t revocations_export_next(struct revocations_export *x, char *buf, size_t size) RK_MUST_CHECK;
/* "json", "text". */
bool revocations_format_parse(const char *text, enum revocations_format *out) RK_MUST_CHECK;
