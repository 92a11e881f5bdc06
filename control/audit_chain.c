/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/audit_chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#define SEQ_PREFIX  "{\"seq\":"
#define PREV_PREFIX ",\"prev\":\""
#define SEQ_DIGITS  19

void audit_link_first(struct audit_link *link)
{
	link->seq = 0;
	memset(link->hash, '0', AUDIT_HASH_LEN - 1);
	link->hash[AUDIT_HASH_LEN - 1] = '\0';
}

void audit_hash(const char *line, size_t len, char out[AUDIT_HASH_LEN])
{
	unsigned char digest[EVP_MAX_MD_SIZE] = {0};

	/* Without a digest nothing matches, which is how a failure should look. */
	if (EVP_Digest(line, len, digest, NULL, EVP_sha256(), NULL) != 1)
		memset(digest, 0xff, sizeof(digest));
	for (size_t i = 0; i < (AUDIT_HASH_LEN - 1) / 2; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

/* Digits at *at, which moves behind them. */
static bool take_number(const char **at, const char *end, uint64_t *out)
{
	const char *p = *at;
	uint64_t n = 0;

	while (p < end && *p >= '0' && *p <= '9' && p - *at < SEQ_DIGITS)
		n = n * 10 + (uint64_t)(*p++ - '0');
	if (p == *at)
		return false;
	*at = p;
	*out = n;
	return true;
}

static bool take_text(const char **at, const char *end, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(end - *at) < len || memcmp(*at, text, len) != 0)
		return false;
	*at += len;
	return true;
}

static bool take_hash(const char **at, const char *end, char out[AUDIT_HASH_LEN])
{
	if (end - *at < AUDIT_HASH_LEN - 1 || memchr(*at, '\0', AUDIT_HASH_LEN - 1) != NULL)
		return false;
	memcpy(out, *at, AUDIT_HASH_LEN - 1);
	out[AUDIT_HASH_LEN - 1] = '\0';
	*at += AUDIT_HASH_LEN - 1;
	return strspn(out, "0123456789abcdef") == AUDIT_HASH_LEN - 1;
}

bool audit_link_claim(const char *line, size_t len, struct audit_link *before)
{
	const char *at = line, *end = line + len;
	struct audit_link claim;

	if (!take_text(&at, end, SEQ_PREFIX) || !take_number(&at, end, &claim.seq) ||
		claim.seq == 0 || !take_text(&at, end, PREV_PREFIX) ||
		!take_hash(&at, end, claim.hash) || !take_text(&at, end, "\","))
		return false;
	claim.seq--;
	*before = claim;
	return true;
}

bool audit_link_step(struct audit_link *link, const char *line, size_t len)
{
	struct audit_link claim;

	if (!audit_link_claim(line, len, &claim) || claim.seq != link->seq ||
		strcmp(claim.hash, link->hash) != 0)
		return false;
	link->seq++;
	audit_hash(line, len, link->hash);
	return true;
}

bool audit_head_parse(const char *text, size_t len, struct audit_link *out)
{
	const char *at = text, *end = text + len;
	struct audit_link head;

	if (!take_number(&at, end, &head.seq) || !take_text(&at, end, " ") ||
		!take_hash(&at, end, head.hash) || !take_text(&at, end, "\n") || at != end)
		return false;
	*out = head;
	return true;
}

/* The oldest file kept need not begin with line 1: what its first line claims is believed. */
static void begin(struct audit_check *c, const char *line, size_t len)
{
	struct audit_link claim;

	if (c->record_cnt > 0 || !audit_link_claim(line, len, &claim))
		return;
	if (claim.seq == 0)
		audit_link_first(&claim);
	c->at = claim;
	c->first = claim.seq + 1;
}

void audit_check_file(struct audit_check *c, const struct audit_link *head, const char *name,
	const char *text, size_t len)
{
	const char *end = text + len, *newline;
	size_t line = 0;

	while (c->problem[0] == '\0' && text < end) {
		line++;
		newline = memchr(text, '\n', (size_t)(end - text));
		if (newline == NULL) {
			snprintf(c->problem, sizeof(c->problem), "%s: line %zu is cut off", name,
				line);
			return;
		}
		begin(c, text, (size_t)(newline - text));
		if (!audit_link_step(&c->at, text, (size_t)(newline - text))) {
			snprintf(c->problem, sizeof(c->problem),
				"%s: line %zu does not follow record %llu", name, line,
				(unsigned long long)c->at.seq);
			return;
		}
		c->record_cnt++;
		if (head != NULL && c->at.seq == head->seq)
			c->is_head_seen = strcmp(c->at.hash, head->hash) == 0;
		text = newline + 1;
	}
}
