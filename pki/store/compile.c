/* SPDX-License-Identifier: BSD-3-Clause */
/* VERDICTS and revocations; CONFIG is in compile_config.c, the frame of a part in part_writer.c. */
#include "pki/store/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pki/store/part_writer.h"
#include "pki/store/revocation_build.h"

#define CROWDED_TRIES 8 /* keys are keyed hashes: the first one does */

static int compare_verdicts(const void *left, const void *right)
{
	const struct rk_verdict *const *a = left, *const *b = right;

	return memcmp((*a)->fingerprint, (*b)->fingerprint, RK_FINGERPRINT_LEN);
}

int compile_verdicts(const struct rk_verdict *const *verdict, size_t verdict_cnt,
	struct compile_part *out, struct rk_refusal *why)
{
	struct part_section section = {RK_SECTION_VERDICTS, sizeof(struct rk_verdict), verdict_cnt};
	const struct rk_verdict **sorted;
	struct part_writer w;
	uint8_t *to;
	int ret = 0;

	sorted = calloc(verdict_cnt + 1, sizeof(*sorted));
	if (sorted == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < verdict_cnt; i++)
		sorted[i] = verdict[i];
	qsort(sorted, verdict_cnt, sizeof(*sorted), compare_verdicts);
	for (size_t i = 1; i < verdict_cnt && ret == 0; i++) {
		if (compare_verdicts(&sorted[i - 1], &sorted[i]) == 0)
			ret = compile_refuse(why, "two verdicts for one certificate");
	}
	if (ret == 0)
		ret = part_writer_open(&w, RK_PART_VERDICTS, &section, 1, NULL);
	if (ret < 0)
		goto out;
	to = part_writer_section(&w, 0);
	for (size_t i = 0; i < verdict_cnt; i++)
		memcpy(to + i * sizeof(struct rk_verdict), sorted[i], sizeof(struct rk_verdict));
	ret = part_writer_finish(&w, out, why);
out:
	free(sorted);
	return ret;
}

static int compare_issuers(const void *left, const void *right)
{
	const struct rk_issuer *a = left, *b = right;

	return memcmp(&a->key, &b->key, sizeof(a->key));
}

static int check_revocations(enum rk_part_kind kind, const struct rk_revocation_entry *entry,
	size_t entry_cnt, struct rk_refusal *why)
{
	bool is_overlay = kind == RK_PART_REVOCATION_OVERLAY;

	if (kind != RK_PART_REVOCATION_BASE && !is_overlay)
		return compile_refuse(why, "revocations go into base or overlay");
	if (is_overlay && entry_cnt > COMPILE_OVERLAY_MAX)
		return compile_refuse(why, "%zu entries are too many for an overlay", entry_cnt);
	for (size_t i = 0; i < entry_cnt; i++) {
		unsigned reason = (unsigned)(entry[i].head & RK_REVOCATION_STATE) - 1;

		if (!rk_revocation_reason_is_known(reason))
			return compile_refuse(why, "no such reason: %u", reason);
		if (reason == RK_REASON_REMOVED && !is_overlay)
			return compile_refuse(why, "the base cannot hold a removal");
	}
	return 0;
}

/* What is behind the lines was their builder's. */
static void write_issuers(struct part_writer *w, const struct rk_issuer *issuer, size_t issuer_cnt)
{
	struct rk_revocation_line *lines = part_writer_section(w, 0);
	uint8_t *behind = (uint8_t *)(lines + w->section[0].count);
	struct rk_issuer *to = part_writer_section(w, 1);

	memset(behind, 0, (size_t)(w->map + w->size - behind));
	if (issuer_cnt > 0) {
		memcpy(to, issuer, issuer_cnt * sizeof(*issuer));
		qsort(to, issuer_cnt, sizeof(*to), compare_issuers);
	}
}

static void settle_lines(void *ctx, size_t line_cnt)
{
	struct part_writer *w = ctx;
	const struct rk_revocation_line *lines = part_writer_section(w, 0);

	part_writer_settle(w, lines + line_cnt);
}

/* One try. The writer is open on success alone. */
static int write_lines(struct part_writer *w, enum rk_part_kind kind,
	const struct part_section section[2], struct revocation_builder *b,
	const struct compile_entries *entries)
{
	size_t room = revocation_builder_room(b);
	size_t lines = section[0].count * sizeof(struct rk_revocation_line);
	const struct part_memory memory = {room - lines, entries->pages};
	int ret = part_writer_open(w, kind, section, 2, &memory);

	if (ret < 0)
		return ret;
	revocation_builder_begin(b, part_writer_section(w, 0));
	ret = entries->give(entries->ctx, b);
	if (ret == 0)
		ret = revocation_builder_finish(b, settle_lines, w);
	if (ret < 0)
		part_writer_abort(w);
	return ret;
}

int compile_revocations_given(enum rk_part_kind kind, const struct compile_entries *entries,
	const struct rk_issuer *issuer, size_t issuer_cnt, struct compile_part *out,
	struct rk_refusal *why)
{
	struct part_section section[] = {
		{RK_SECTION_LINES, sizeof(struct rk_revocation_line),
			rk_revocation_line_cnt(entries->cnt)},
		{RK_SECTION_ISSUERS, sizeof(struct rk_issuer), issuer_cnt},
	};
	struct part_writer w;
	int ret = -ENOSPC;

	for (unsigned try = 0; try < CROWDED_TRIES && ret == -ENOSPC; try++) {
		struct revocation_builder *b = NULL;

		ret = revocation_builder_new(section[0].count, entries->cnt, &b);
		if (ret == 0)
			ret = write_lines(&w, kind, section, b, entries);
		if (ret == -EAGAIN) /* counted now */
			ret = write_lines(&w, kind, section, b, entries);
		revocation_builder_free(b);
		section[0].count += section[0].count / 4; /* too crowded somewhere: thin it out */
	}
	if (ret == -ENOSPC)
		return compile_refuse(
			why, "the revocations do not spread: is the installation key sound?");
	if (ret == -EINVAL)
		return compile_refuse(why, "a revocation has no known reason");
	if (ret < 0)
		return ret;
	write_issuers(&w, issuer, issuer_cnt);
	return part_writer_finish(&w, out, why);
}

/* An array of them. */
struct given {
	const struct rk_revocation_entry *entry;
	size_t cnt;
};

static int give_array(void *ctx, struct revocation_builder *b)
{
	const struct given *given = ctx;

	return revocation_builder_add(b, 0, given->entry, given->cnt);
}

int compile_revocations(enum rk_part_kind kind, const struct rk_revocation_entry *entry,
	size_t entry_cnt, const struct rk_issuer *issuer, size_t issuer_cnt,
	struct compile_part *out, struct rk_refusal *why)
{
	struct given given = {entry, entry_cnt};
	const struct compile_entries entries = {
		.cnt = entry_cnt, .give = give_array, .ctx = &given};
	int ret = check_revocations(kind, entry, entry_cnt, why);

	if (ret < 0)
		return ret;
	return compile_revocations_given(kind, &entries, issuer, issuer_cnt, out, why);
}
