/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Header, section directory, and the contents of all kinds but CONFIG (config_check.c). A part has
 * exactly one valid layout: every section of its kind, in order of id, each where the one before
 * it ends, rounded up, with zeros between. So there are no overlaps and no unread bytes.
 */
#include "pki/view/part.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pki/view/part_digest.h"

struct section_rule {
	uint32_t id;
	uint32_t stride;
	uint64_t min;
	uint64_t max;
};

static const struct section_rule config_rules[] = {
	{RK_SECTION_GLOBAL, sizeof(struct rk_global), 1, 1},
	{RK_SECTION_STRINGS, 1, 0, UINT32_MAX},
	{RK_SECTION_PORTS, sizeof(struct rk_port), 0, UINT32_MAX},
	{RK_SECTION_ADDRESSES, sizeof(struct rk_address), 0, UINT32_MAX},
	{RK_SECTION_PEERS, sizeof(struct rk_peer), 0, UINT32_MAX},
	{RK_SECTION_PATHS, sizeof(struct rk_path), 0, UINT32_MAX},
};
static const struct section_rule verdict_rules[] = {
	{RK_SECTION_VERDICTS, sizeof(struct rk_verdict), 0, UINT32_MAX},
};
static const struct section_rule revocation_rules[] = {
	{RK_SECTION_LINES, sizeof(struct rk_revocation_line), 1, UINT32_MAX},
	{RK_SECTION_ISSUERS, sizeof(struct rk_issuer), 0, UINT32_MAX},
};

static const struct {
	const struct section_rule *rule;
	uint32_t cnt;
} kind_rules[RK_PART_CNT] = {
	[RK_PART_CONFIG] = {config_rules, 6},
	[RK_PART_VERDICTS] = {verdict_rules, 1},
	[RK_PART_REVOCATION_BASE] = {revocation_rules, 2},
	[RK_PART_REVOCATION_OVERLAY] = {revocation_rules, 2},
};
static_assert(sizeof(config_rules) / sizeof(config_rules[0]) == 6, "as in kind_rules");
static_assert(sizeof(revocation_rules) / sizeof(revocation_rules[0]) == 2, "as in kind_rules");

int rk_refuse(struct rk_refusal *why, const char *format, ...)
{
	va_list args;

	if (why != NULL) {
		va_start(args, format);
		vsnprintf(why->text, sizeof(why->text), format, args);
		va_end(args);
	}
	return -EBADMSG;
}

bool rk_name_is_sound(const char *name, size_t len, size_t max)
{
	if (len == 0 || len > max)
		return false;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
			return false;
	}
	return true;
}

static uint64_t align_up(uint64_t n)
{
	return (n + RK_PART_ALIGN - 1) / RK_PART_ALIGN * RK_PART_ALIGN;
}

static const struct rk_section *directory(const uint8_t *data)
{
	return (const struct rk_section *)(data + sizeof(struct rk_part_header));
}

const void *rk_part_section(const uint8_t *data, enum rk_section_id id, size_t *count)
{
	const struct rk_part_header *header = (const struct rk_part_header *)data;
	const struct rk_section *section = directory(data);

	for (uint32_t i = 0; i < header->section_cnt; i++) {
		if (section[i].id != (uint32_t)id)
			continue;
		if (count != NULL)
			*count = (size_t)section[i].count;
		return data + section[i].offset;
	}
	return NULL;
}

static int check_header(
	const uint8_t *data, size_t len, enum rk_part_kind kind, struct rk_refusal *why)
{
	const struct rk_part_header *header = (const struct rk_part_header *)data;

	if (memcmp(header->magic, RK_PART_MAGIC, sizeof(header->magic)) != 0 &&
		(kind != RK_PART_REVOCATION_BASE || !rk_part_is_chunked(header)))
		return rk_refuse(why, "not a part, or of another version");
	if (header->kind != (uint32_t)kind)
		return rk_refuse(
			why, "kind %u where %u was expected", header->kind, (unsigned)kind);
	if (header->size != len)
		return rk_refuse(why, "size in the header is not the size");
	if (!rk_bytes_are_zero(header->zero, sizeof(header->zero)))
		return rk_refuse(why, "header: reserved bytes are not zero");
	if (header->section_cnt != kind_rules[kind].cnt)
		return rk_refuse(why, "%u sections", header->section_cnt);
	if (len - sizeof(*header) < header->section_cnt * sizeof(struct rk_section))
		return rk_refuse(why, "too short for its sections");
	return 0;
}

static int check_directory(
	const uint8_t *data, size_t len, enum rk_part_kind kind, struct rk_refusal *why)
{
	const struct section_rule *rule = kind_rules[kind].rule;
	uint32_t cnt = kind_rules[kind].cnt;
	uint64_t end = sizeof(struct rk_part_header) + cnt * sizeof(struct rk_section);
	uint64_t begin;

	for (uint32_t i = 0; i < cnt; i++) {
		const struct rk_section *s = &directory(data)[i];

		begin = align_up(end);
		if (s->id != rule[i].id || s->stride != rule[i].stride || s->zero != 0)
			return rk_refuse(why, "section %u: wrong entry", rule[i].id);
		if (s->offset != begin || begin > len)
			return rk_refuse(why, "section %u: wrong offset", s->id);
		if (s->count < rule[i].min || s->count > rule[i].max ||
			s->count > (len - begin) / s->stride)
			return rk_refuse(why, "section %u: wrong count", s->id);
		if (!rk_bytes_are_zero(data + end, begin - end))
			return rk_refuse(why, "section %u: padding is not zero", s->id);
		end = begin + s->count * s->stride;
	}
	if (align_up(end) != len || !rk_bytes_are_zero(data + end, len - end))
		return rk_refuse(why, "wrong end");
	return 0;
}

static int check_verdicts(const uint8_t *data, struct rk_refusal *why)
{
	size_t cnt = 0;
	const struct rk_verdict *v = rk_part_section(data, RK_SECTION_VERDICTS, &cnt);

	for (size_t i = 0; i < cnt; i++) {
		if (!rk_verdict_is_sound(&v[i]))
			return rk_refuse(why, "verdict %zu is not sound", i);
		if (i > 0 &&
			memcmp(v[i - 1].fingerprint, v[i].fingerprint, RK_FINGERPRINT_LEN) >= 0)
			return rk_refuse(why, "verdict %zu is out of order", i);
	}
	return 0;
}

static int check_issuers(const uint8_t *data, struct rk_refusal *why)
{
	size_t issuer_cnt = 0;
	const struct rk_issuer *issuer = rk_part_section(data, RK_SECTION_ISSUERS, &issuer_cnt);

	for (size_t i = 0; i < issuer_cnt; i++) {
		if (issuer[i].policy > RK_POLICY_HARD || issuer[i].fresh_until < 0 ||
			!rk_bytes_are_zero(issuer[i].pad, sizeof(issuer[i].pad)))
			return rk_refuse(why, "issuer %zu is not sound", i);
		if (i > 0 && memcmp(&issuer[i - 1].key, &issuer[i].key, sizeof(issuer->key)) >= 0)
			return rk_refuse(why, "issuer %zu is out of order", i);
	}
	return 0;
}

static int check_lines(const uint8_t *data, bool may_remove, struct rk_refusal *why)
{
	size_t line_cnt = 0;
	const struct rk_revocation_line *lines = rk_part_section(data, RK_SECTION_LINES, &line_cnt);

	if (!rk_revocation_is_sound(lines, line_cnt, may_remove))
		return rk_refuse(why, "the revocation set is not sound");
	return 0;
}

int rk_part_check_frame(
	const uint8_t *data, size_t len, enum rk_part_kind kind, struct rk_refusal *why)
{
	int ret;

	if ((unsigned)kind >= RK_PART_CNT)
		return rk_refuse(why, "no such kind");
	ret = check_header(data, len, kind, why);
	if (ret < 0)
		return ret;
	ret = check_directory(data, len, kind, why);
	if (ret < 0)
		return ret;
	switch (kind) {
	case RK_PART_CONFIG:
		return rk_part_check_config(data, why);
	case RK_PART_VERDICTS:
		return check_verdicts(data, why);
	default:
		return check_issuers(data, why);
	}
}

int rk_part_check(const uint8_t *data, size_t len, enum rk_part_kind kind, struct rk_refusal *why)
{
	int ret = rk_part_check_frame(data, len, kind, why);

	if (ret == 0 && (kind == RK_PART_REVOCATION_BASE || kind == RK_PART_REVOCATION_OVERLAY))
		ret = check_lines(data, kind == RK_PART_REVOCATION_OVERLAY, why);
	return ret;
}
