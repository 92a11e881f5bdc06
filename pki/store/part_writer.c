/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/store/part_writer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pki/store/beside.h"
#include "pki/view/large_map.h"
#include "pki/view/large_pages.h"
#include "pki/view/part.h"

#define LARGE_BYTES ((size_t)4 << 20)

#ifndef MFD_HUGE_2MB
#define MFD_HUGE_2MB (21u << 26) /* <linux/memfd.h> */
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* since Linux 6.1 */
#endif

int compile_refuse(struct rk_refusal *why, const char *format, ...)
{
	va_list args;

	if (why != NULL) {
		va_start(args, format);
		vsnprintf(why->text, sizeof(why->text), format, args);
		va_end(args);
	}
	return -EINVAL;
}

void compile_part_close(struct compile_part *part)
{
	if (part->fd >= 0)
		close(part->fd);
	part->fd = -1;
}

static uint64_t align_up(uint64_t n)
{
	return (n + RK_PART_ALIGN - 1) / RK_PART_ALIGN * RK_PART_ALIGN;
}

static int lay_out(struct part_writer *w, const struct part_section *section, size_t cnt)
{
	uint64_t end = sizeof(struct rk_part_header) + cnt * sizeof(struct rk_section);
	uint64_t begin;

	for (size_t i = 0; i < cnt; i++) {
		begin = align_up(end);
		if (section[i].count > (RK_PART_SIZE_MAX - begin) / section[i].stride)
			return -E2BIG;
		w->section[i] = (struct rk_section){
			.id = section[i].id,
			.stride = section[i].stride,
			.offset = begin,
			.count = section[i].count,
		};
		end = begin + section[i].count * section[i].stride;
	}
	w->size = (size_t)align_up(end);
	return 0;
}

static void write_header(struct part_writer *w, size_t section_cnt)
{
	struct rk_part_header header = {
		.kind = (uint32_t)w->kind,
		.section_cnt = (uint32_t)section_cnt,
		.size = w->size,
	};

	memcpy(header.magic, w->tags != NULL ? RK_PART_MAGIC_CHUNKED : RK_PART_MAGIC,
		sizeof(header.magic));
	memcpy(w->map, &header, sizeof(header));
	memcpy(w->map + sizeof(header), w->section, section_cnt * sizeof(w->section[0]));
}

static size_t in_whole_pages(size_t len, size_t page)
{
	return (len + page - 1) / page * page;
}

struct piece {
	uint8_t *start;
	size_t len;
	bool is_there;
};

static void populate(void *arg)
{
	struct piece *p = arg;

	p->is_there = rk_large_populate(p->start, p->len, true);
}

/* By two threads: pages are wiped before they are ours. false: not all is there. */
static bool by_two(void (*get)(void *arg), const struct part_writer *w)
{
	const size_t half = in_whole_pages(w->map_len / 2, RK_LARGE_PAGE);
	struct piece low = {w->map, half, false}, high = {w->map + half, w->map_len - half, false};
	struct beside other;

	beside_begin(&other, get, &high);
	get(&low);
	beside_end(&other);
	return low.is_there && high.is_there;
}

static int open_file(struct part_writer *w, size_t len, unsigned flags)
{
	void *map;

	w->map_len = len;
	w->fd = memfd_create("rekey-part", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);
	if (w->fd < 0 || ftruncate(w->fd, (off_t)w->map_len) < 0)
		return -errno;
	map = rk_map_many(w->map_len, PROT_READ | PROT_WRITE, MAP_SHARED, w->fd);
	if (map == MAP_FAILED)
		return -errno;
	w->map = map;
	return 0;
}

/* Mapping reserves the pages; a limit of the control group may still refuse them, and would be SIGBUS. */
static bool allocate_reserved(struct part_writer *w, size_t len)
{
	if (open_file(w, in_whole_pages(len, RK_LARGE_PAGE), MFD_HUGETLB | MFD_HUGE_2MB) == 0 &&
		by_two(populate, w)) {
		w->page_size = RK_LARGE_PAGE;
		return true;
	}
	part_writer_abort(w);
	return false;
}

/*
 * One by one, whatever the system says of shared memory whose owner does not ask for large pages, as long
 * as there are any. A large page is made around a small one that is there.
 */
static void gather(void *arg)
{
	const struct piece *p = arg;
	const size_t small = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t at = 0; at < p->len; at += RK_LARGE_PAGE)
		if (!rk_large_populate(p->start + at, small, true) ||
			madvise(p->start + at, RK_LARGE_PAGE, MADV_COLLAPSE) < 0)
			return;
}

/*
 * Allocated, not only sized: without memory this fails here, and not as SIGBUS later. What there are no
 * large pages for is allocated the file's way, which takes a quarter less in all than two threads that
 * each want the next page of one file.
 */
static int allocate(struct part_writer *w, size_t len)
{
	int ret;

	if (len < LARGE_BYTES) {
		ret = open_file(w, in_whole_pages(len, (size_t)sysconf(_SC_PAGESIZE)), 0);
		return ret < 0 ? ret : -posix_fallocate(w->fd, 0, (off_t)w->map_len);
	}
	ret = open_file(w, in_whole_pages(len, RK_LARGE_PAGE), 0);
	if (ret < 0)
		return ret;
	by_two(gather, w);
	ret = -posix_fallocate(w->fd, 0, (off_t)w->map_len);
	if (ret == 0)
		(void)by_two(populate, w); /* they are there: only mapped sooner */
	return ret;
}

int part_writer_open(struct part_writer *w, enum rk_part_kind kind,
	const struct part_section *section, size_t section_cnt, const struct part_memory *memory)
{
	const size_t spare = memory != NULL ? memory->spare : 0;
	bool is_reserved = memory != NULL && memory->pages == COMPILE_PAGES_RESERVED;
	int ret;

	assert(section_cnt <= PART_SECTION_MAX);
	*w = (struct part_writer){
		.fd = -1, .kind = kind, .page_size = (size_t)sysconf(_SC_PAGESIZE)};
	ret = lay_out(w, section, section_cnt);
	if (ret < 0)
		return ret;
	if (spare > SIZE_MAX / 2 - w->size)
		return -E2BIG;
	is_reserved = is_reserved && w->size >= LARGE_BYTES;
	if (!is_reserved || !allocate_reserved(w, w->size + spare))
		ret = allocate(w, w->size + spare);
	if (ret < 0)
		goto fail;
	if (kind == RK_PART_REVOCATION_BASE) {
		w->tags = calloc(rk_part_chunk_cnt(w->size), RK_PART_TAG_LEN);
		ret = w->tags != NULL ? 0 : -ENOMEM;
	}
	if (ret < 0)
		goto fail;
	write_header(w, section_cnt);
	return 0;
fail:
	part_writer_abort(w);
	return ret;
}

void *part_writer_section(struct part_writer *w, size_t i)
{
	return w->map + w->section[i].offset;
}

static int tag_chunk(const struct part_writer *w, size_t i)
{
	return rk_part_chunk_tag(w->map, w->size, i, w->tags + i * RK_PART_TAG_LEN);
}

void part_writer_settle(struct part_writer *w, unsigned share, const void *begin, const void *end)
{
	struct part_tagged *t = &w->tagged[share];
	size_t from = (size_t)((const uint8_t *)begin - w->map);
	size_t to = (size_t)((const uint8_t *)end - w->map);

	if (w->tags == NULL)
		return;
	if (!t->is_begun)
		t->first = t->end = from / RK_PART_CHUNK + (from % RK_PART_CHUNK != 0);
	t->is_begun = true;
	for (; t->error == 0 && (t->end + 1) * RK_PART_CHUNK <= to; t->end++)
		t->error = tag_chunk(w, t->end);
}

void part_writer_trust_lines(struct part_writer *w)
{
	w->is_checked = true;
}

static bool is_tagged(const struct part_writer *w, size_t chunk)
{
	bool is_tagged = false;

	for (unsigned i = 0; i < PART_SHARES; i++)
		is_tagged |= chunk >= w->tagged[i].first && chunk < w->tagged[i].end;
	return is_tagged;
}

static int take_digest(struct part_writer *w, uint8_t out[RK_DIGEST_LEN])
{
	size_t cnt = rk_part_chunk_cnt(w->size);
	int ret = 0;

	if (w->tags == NULL)
		return rk_part_compute_digest(w->map, w->size, out);
	for (unsigned i = 0; i < PART_SHARES && ret == 0; i++)
		ret = w->tagged[i].error;
	for (size_t i = 0; i < cnt && ret == 0; i++) {
		if (!is_tagged(w, i))
			ret = tag_chunk(w, i);
	}
	return ret < 0 ? ret
		       : rk_part_digest_rest(
				 (const void *)w->map, w->tags, cnt * RK_PART_TAG_LEN, out);
}

void part_writer_abort(struct part_writer *w)
{
	free(w->tags);
	w->tags = NULL;
	rk_large_unmap(w->map, w->map_len);
	if (w->fd >= 0)
		close(w->fd);
	w->map = NULL;
	w->fd = -1;
}

/* What the data plane would refuse is refused here, before it replaces anything. */
static int check_part(const struct part_writer *w, struct rk_refusal *why)
{
	struct rk_part *part = NULL;
	int ret = rk_part_open(w->fd, w->kind, false, &part, why);

	rk_part_close(part);
	return ret == -EBADMSG ? -EINVAL : ret;
}

int part_writer_finish(struct part_writer *w, struct compile_part *out, struct rk_refusal *why)
{
	struct compile_part part = {
		.fd = w->fd, .kind = w->kind, .size = w->size, .page_size = w->page_size};
	size_t len =
		w->page_size == RK_LARGE_PAGE ? in_whole_pages(w->size, w->page_size) : w->size;
	int ret = take_digest(w, part.digest);

	if (ret < 0)
		goto out;
	memcpy(w->map + offsetof(struct rk_part_header, digest), part.digest, RK_DIGEST_LEN);
	if (w->is_checked && rk_part_check_frame(w->map, w->size, w->kind, why) < 0) {
		ret = -EINVAL;
		goto out;
	}
	/* F_SEAL_WRITE needs every writable mapping gone. */
	rk_large_unmap(w->map, w->map_len);
	w->map = NULL;
	if (ftruncate(w->fd, (off_t)len) < 0 ||
		fcntl(w->fd, F_ADD_SEALS,
			F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0) {
		ret = -errno;
		goto out;
	}
	if (!w->is_checked)
		ret = check_part(w, why);
	if (ret < 0)
		goto out;
	*out = part;
	w->fd = -1;
out:
	part_writer_abort(w);
	return ret;
}
