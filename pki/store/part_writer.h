/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The frame of a part: a memfd with header and directory, sections to be filled in place, sealed at
 * the end. For the compile_*.c files alone.
 */
#pragma once

#include "pki/store/compile.h"
#include "pki/view/part_digest.h"

#define PART_SECTION_MAX 6
#define PART_SHARES      2

struct part_section {
	uint32_t id;
	uint32_t stride;
	uint64_t count;
};

/* Chunks [first, end), tagged. */
struct part_tagged {
	bool is_begun;
	size_t first;
	size_t end;
	int error;
};

struct part_writer {
	int fd;
	enum rk_part_kind kind;
	uint8_t *map;
	size_t size;    /* of the part */
	size_t map_len; /* with what is spare behind it, in whole pages */
	size_t page_size;
	uint8_t *tags; /* of chunks; NULL: the digest goes without */
	struct part_tagged tagged[PART_SHARES];
	bool is_checked; /* see part_writer_trust_lines */
	struct rk_section section[PART_SECTION_MAX];
};

/* Writes the reason (why may be NULL) and returns -EINVAL. */
int compile_refuse(struct rk_refusal *why, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What a part lies in, beyond what its sections need. */
struct part_memory {
	size_t spare; /* bytes behind the sections, for whoever needs room while they are made */
	enum compile_pages pages;
};

/*
 * Sections in ascending order of id; all bytes zero. memory NULL: none spare, ordinary pages. Ended by
 * finish or abort, until when w stays where it is. 0 or -errno.
 */
int part_writer_open(struct part_writer *w, enum rk_part_kind kind,
	const struct part_section *section, size_t section_cnt,
	const struct part_memory *memory) RK_MUST_CHECK;
/* Where section i (0-based) lies: room for count * stride bytes. */
void *part_writer_section(struct part_writer *w, size_t i);
/*
 * Bytes [begin, end) are as they will be, for the digest. share < PART_SHARES: one thread in each at a
 * time, and each ascending, end to begin.
 */
void part_writer_settle(struct part_writer *w, unsigned share, const void *begin, const void *end);
/* Whoever made the lines of a set has checked them all: finish need not read them once more. */
void part_writer_trust_lines(struct part_writer *w);
/* Digest, the reader's own checks, and seals. Ends the writer, whatever it returns. */
int part_writer_finish(
	struct part_writer *w, struct compile_part *out, struct rk_refusal *why) RK_MUST_CHECK;
void part_writer_abort(struct part_writer *w);
