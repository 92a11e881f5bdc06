/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The chain that the lines of the audit log form. Each is a JSON object that begins
 *   {"seq":N,"prev":"HASH",
 * N one more than the line's before, HASH the SHA-256 of that line without its newline in lower-case
 * hex; sixty-four zeros for the very first. So a line that was changed, taken out, put in or moved
 * breaks the chain behind it; that the end was cut off is told by STATE/audit.head, which holds
 * number and hash of a line that must be there. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUDIT_HASH_LEN 65 /* hex and NUL */

struct audit_link {
	uint64_t seq; /* 0 = no line yet */
	char hash[AUDIT_HASH_LEN];
};

void audit_link_first(struct audit_link *link);
/* line without its newline. */
void audit_hash(const char *line, size_t len, char out[AUDIT_HASH_LEN]);
/* Is this line the one after *link? Then *link becomes it. */
bool audit_link_step(struct audit_link *link, const char *line, size_t len);
/* Number and previous hash that a line claims; false when it does not begin as one of ours. */
bool audit_link_claim(const char *line, size_t len, struct audit_link *before);
/* "N HASH\n" */
bool audit_head_parse(const char *text, size_t len, struct audit_link *out);

struct audit_check {
	struct audit_link at; /* the last good line */
	uint64_t first;
	uint64_t record_cnt;
	bool is_head_seen; /* the line that audit.head names was met */
	char problem[128]; /* "" = none so far */
};

/* Files from the oldest to the newest; head may be NULL. Stops at the first problem. */
void audit_check_file(struct audit_check *c, const struct audit_link *head, const char *name,
	const char *text, size_t len);
