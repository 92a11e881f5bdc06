/* SPDX-License-Identifier: BSD-3-Clause */
/* Between config.c's pieces: the reader that follows the table, and where in the text it is. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/config.h"
#include "control/config_schema.h"

#define CONFIG_DEPTH_MAX 16

struct config_segment {
	const char *key;  /* NULL: an array's element */
	const char *name; /* of the element, NULL */
	size_t index;
};

struct config_reader {
	const char *text; /* NULL: a document, without positions */
	size_t len;
	bool is_partial; /* what is missing is no error */
	struct config *config;
	struct config_report *report;
	struct config_segment segment[CONFIG_DEPTH_MAX];
	unsigned depth;
};

/* Steps into a member and an element, and back; the path of messages. */
void config_enter(struct config_reader *r, const char *key);
void config_enter_element(struct config_reader *r, size_t index, const char *name);
void config_leave(struct config_reader *r);
/* Reports an error at the present path and returns 0: reading goes on, to find all there are. */
int config_fail(struct config_reader *r, const char *code, const char *format, ...)
	__attribute__((format(printf, 3, 4), warn_unused_result));
/* The field entered last is none of its table's. */
int config_fail_unknown(struct config_reader *r) __attribute__((warn_unused_result));
/* Zeroed memory that lives as long as the configuration; NULL = no memory. */
void *config_alloc(struct config *c, size_t cnt, size_t size);

/* Reads one value or table into target; errors are reported. 0 or -ENOMEM. */
int config_read_table(struct config_reader *r, json_t *json, const struct config_table *table,
	void *target) __attribute__((warn_unused_result));
int config_read_value(struct config_reader *r, json_t *json, const struct config_item *item,
	void *target) __attribute__((warn_unused_result));

/* "200ms", "3s", "5m", "2h", "1d" in nanoseconds; false when it is none or does not fit. */
bool config_duration_parse(const char *text, uint64_t *ns);
/* "192.0.2.1" or "2001:db8::1"; prefix_len 32 or 128. */
bool config_address_parse(const char *text, struct config_address *out);
/* "192.0.2.1/24": an address that a host may have. */
bool config_prefix_parse(const char *text, struct config_address *out);

/*
 * What one item cannot tell: references, uniqueness, families. Fills in what follows from them.
 * Only for what was read without errors. 0 or -ENOMEM.
 */
int config_check(struct config_reader *r) __attribute__((warn_unused_result));

/* The line of a value in a valid JSON text; of the innermost one found when the path ends early. */
int config_position_line(
	const char *text, size_t len, const struct config_segment *segment, unsigned depth);
