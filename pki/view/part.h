/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside of an open part. For pki/view/ alone; everybody else sees pki/view/snapshot.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pki/view/snapshot.h"

struct rk_part {
	uint8_t *map; /* start of the mapping; the bytes lie at its start or, copied, at its end */
	size_t map_len;
	size_t page_size; /* of the mapping */
	const uint8_t *data;
	size_t size;
	enum rk_part_kind kind;
};

/* Writes the reason (why may be NULL) and returns -EBADMSG. */
int rk_refuse(struct rk_refusal *why, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Header, directory, and all contents: guarantee S1. data is 64-byte aligned. 0 or -EBADMSG. */
int rk_part_check(const uint8_t *data, size_t len, enum rk_part_kind kind,
	struct rk_refusal *why) RK_MUST_CHECK;
/* The same but for the lines of a set, which somebody else checks. */
int rk_part_check_frame(const uint8_t *data, size_t len, enum rk_part_kind kind,
	struct rk_refusal *why) RK_MUST_CHECK;
/* Contents of CONFIG, of which header and directory were found in order. */
int rk_part_check_config(const uint8_t *data, struct rk_refusal *why) RK_MUST_CHECK;

/* A section of a checked part; *count (may be NULL) elements. NULL when the kind has no such. */
const void *rk_part_section(const uint8_t *data, enum rk_section_id id, size_t *count);

/* 1..max bytes, no control characters: fit for logs and answers. */
bool rk_name_is_sound(const char *name, size_t len, size_t max);
