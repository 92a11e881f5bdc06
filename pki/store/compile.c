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

/* What two threads make, each checks as the reader will, while it is in its core's cache. */
struct made {
	struct part_writer *w;
	size_t line_cnt;
	bool may_remove;
	bool is_unsound[PART_SHARES];
	size_t seam; /* the first line of share 1 */
};
static_assert((int)PART_SHARES == (int)REVOCATION_LANES, "a share of the part for each of lines");

static bool is_sound(const struct made *m, size_t begin, size_t end)
{
	return rk_revocation_are_sound(
		part_writer_section(m->w, 0), m->line_cnt, begin, end, m->may_remove);
}

static void take_lines(void *ctx, unsigned share, size_t begin, size_t end)
{
	struct made *m = ctx;
	const struct rk_revocation_line *lines = part_writer_section(m->w, 0);
	size_t first = begin;

	if (share > 0 && m->seam == 0) {
		m->seam = begin;
		first = begin + RK_REVOCATION_SPILL; /* keys may come from before */
	}
	if (first < end && !is_sound(m, first, end))
		m->is_unsound[share] = true;
	part_writer_settle(m->w, share, lines + begin, lines + end);
}

/* Those whose predecessors another thread made, and which nobody looked at yet. */
static bool are_all_sound(const struct made *m)
{
	size_t end = m->seam + RK_REVOCATION_SPILL;

	return !m->is_unsound[0] && !m->is_unsound[1] &&
	       (m->seam == 0 || is_sound(m, m->seam, end < m->line_cnt ? end : m->line_cnt));
}

/* One try. The writer is open on success alone. */
static int write_lines(struct part_writer *w, enum rk_part_kind kind,
	const struct part_section section[2], struct revocation_builder *b,
	const struct compile_entries *entries)
{
	struct made made = {.w = w,
		.line_cnt = (size_t)section[0].count,
		.may_remove = kind == RK_PART_REVOCATION_OVERLAY};
	const struct revocation_watch watch = {take_lines, &made};
	size_t room = revocation_builder_room(b);
	size_t lines = section[0].count * sizeof(struct rk_revocation_line);
	const struct part_memory memory = {room - lines, entries->pages};
	int ret = part_writer_open(w, kind, section, 2, &memory);

	if (ret < 0)
		return ret;
	revocation_builder_begin(b, part_writer_section(w, 0));
	ret = entries->give(entries->ctx, b);
	if (ret == 0)
		ret = revocation_builder_finish(b, &watch);
	if (ret == 0 && are_all_sound(&made))
		part_writer_trust_lines(w); /* else the reader's own check says what is wrong */
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

		ret = revocation_builder_new(
			section[0].count, entries->cnt, entries->thread_cnt, &b);
		if (ret == 0)
			ret = write_lines(&w, kind, section, b, entries);
		for (unsigned again = 0; again < 2 && ret == -EAGAIN; again++)
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
		.cnt = entry_cnt, .thread_cnt = 1, .give = give_array, .ctx = &given};
	int ret = check_revocations(kind, entry, entry_cnt, why);

	if (ret < 0)
		return ret;
	return compile_revocations_given(kind, &entries, issuer, issuer_cnt, out, why);
}
