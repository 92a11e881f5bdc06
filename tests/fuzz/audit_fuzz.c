/* SPDX-License-Identifier: BSD-3-Clause */
/* The audit log as a file that somebody else wrote: its chain, its lines, its head. */
#include <stdlib.h>
#include <string.h>

#include "control/audit_chain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever passes is a chain: each line follows from the one before. */
static void check_again(const char *text, size_t len, const struct audit_check *c)
{
	const char *end = text + len;
	struct audit_link link;
	uint64_t cnt = 0;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));

		if (newline == NULL)
			abort();
		if (cnt == 0 && !audit_link_claim(text, (size_t)(newline - text), &link))
			abort();
		if (cnt == 0 && link.seq == 0)
			audit_link_first(&link);
		if (!audit_link_step(&link, text, (size_t)(newline - text)))
			abort();
		cnt++;
		text = newline + 1;
	}
	if (cnt != c->record_cnt || (cnt > 0 && link.seq != c->at.seq))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct audit_check c = {0};
	struct audit_link head;
	bool has_head = audit_head_parse(text, size, &head);

	audit_link_first(&c.at);
	audit_check_file(&c, has_head ? &head : NULL, "log", text, size);
	if (c.problem[0] == '\0')
		check_again(text, size, &c);
	return 0;
}
