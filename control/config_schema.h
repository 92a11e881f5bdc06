/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one table of configuration items: what reading, defaults, checking and documentation follow.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum config_kind {
	CONFIG_BOOL,
	CONFIG_COUNT,      /* an integer min..max */
	CONFIG_DURATION,   /* a number of units, min..max, or a string with a unit */
	CONFIG_ENUM,       /* one of names; the value is its index */
	CONFIG_NAME,       /* letters, digits, '_', '-'; 1..max characters */
	CONFIG_DEVICE,     /* a DPDK device name: also '.', ':', '@' */
	CONFIG_CREDENTIAL, /* a credential's name: letters, digits, '_', '-', '.', no leading dot */
	CONFIG_USER,       /* a user's name: letters, digits, '_', '-', '.', '@' */
	CONFIG_TEXT,       /* printable, 1..max bytes */
	CONFIG_LINES,      /* printable with line breaks, 1..max bytes */
	CONFIG_CHOICES,    /* array of some of choices, in order of preference, none twice */
	CONFIG_ENDPOINTS,  /* array of "192.0.2.1:443" or "[::]:443" */
	CONFIG_ADDRESS,    /* "192.0.2.1" */
	CONFIG_PREFIXES,   /* array of "192.0.2.1/24" */
	CONFIG_GATEWAYS,   /* array of addresses, at most one a family */
	CONFIG_OBJECT,     /* table; its members lie in the same struct */
	CONFIG_LIST,       /* array of objects, each a struct of the table's size */
};

struct config_unit {
	const char *name; /* "hours" */
	uint64_t ns;
};

struct config_item {
	const char *field;
	enum config_kind kind;
	size_t offset;     /* of the member; CONFIG_GATEWAYS: of gateway4, gateway6 follows */
	size_t width;      /* of the member */
	size_t cnt_offset; /* lists: of the size_t with the count */
	uint64_t min, max;
	uint64_t fallback; /* the default, in units; a flag or an enum's index */
	const struct config_unit *unit;
	uint64_t store_ns;        /* DURATION: nanoseconds of one stored unit, rounded up */
	const char *const *names; /* ENUM, NULL at the end */
	const struct config_choice *choices; /* CHOICES, a NULL name ends it */
	const uint16_t *preferred;           /* CHOICES: the default, 0 at the end */
	const struct config_table *table;
	bool is_required;
	bool may_be_never; /* "never" and 0 are accepted and stored as 0 */
	const char *help;
};

struct config_table {
	size_t size; /* of one element, CONFIG_LIST only */
	const struct config_item *item;
	size_t item_cnt;
};

#define CONFIG_DURATION_MIN_NS UINT64_C(50000000)

extern const struct config_table config_root;

/* What a list of preferences may name, and the number that stands for it in a view and on the wire. */
#define CONFIG_CHOICE_MAX 8
struct config_choice {
	const char *name;
	uint16_t id; /* never 0 */
};
extern const struct config_choice config_groups[]; /* IANA named curves */
extern const struct config_choice config_suites[]; /* ours */
/* NULL = none has this number. */
const char *config_choice_name(const struct config_choice *choices, unsigned id);

/* NULL = no such field. */
const struct config_item *config_item_find(const struct config_table *table, const char *field);
/* The field that addresses an element of such a list; NULL: its index does. */
const char *config_table_key(const struct config_table *table);
/* "integer", "text-block", ... */
const char *config_kind_name(enum config_kind kind);

/* The table as a Markdown page: docs/configuration.md. */
void config_schema_print(FILE *out);
/* {"version", "items": [..]} for whoever edits a configuration; NULL = no memory. The caller's. */
json_t *config_schema_json(void) __attribute__((warn_unused_result));
