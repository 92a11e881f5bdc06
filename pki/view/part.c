/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/view/part.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "pki/view/large_pages.h"

#define SEALS_NEEDED (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t in_pages(size_t len, size_t page)
{
	return (len + page - 1) / page * page;
}

static size_t whole_pages(size_t len)
{
	return in_pages(len, page_size());
}

static int check_length(uint64_t len, struct rk_refusal *why)
{
	if (len < sizeof(struct rk_part_header) || len > RK_PART_SIZE_MAX || len > SIZE_MAX / 2)
		return rk_refuse(why, "size %llu is out of range", (unsigned long long)len);
	if (len % RK_PART_ALIGN != 0)
		return rk_refuse(why, "size %llu is not aligned", (unsigned long long)len);
	return 0;
}

static int check_all(struct rk_part *part, bool check_digest, struct rk_refusal *why)
{
	uint8_t digest[RK_DIGEST_LEN];
	int ret;

	if (check_digest) {
		ret = rk_part_compute_digest(part->data, part->size, digest);
		if (ret < 0)
			return ret;
		if (memcmp(digest, rk_part_digest(part), sizeof(digest)) != 0)
			return rk_refuse(why, "digest does not match");
	}
	return rk_part_check(part->data, part->size, part->kind, why);
}

static int map_sealed(int fd, struct rk_part *part)
{
	/* Private: kernels before 6.7 refuse a shared mapping of a write-sealed descriptor. */
	int flags = MAP_PRIVATE | MAP_POPULATE;
	void *map;

	/* For a copy that nobody will ever make, a second set of pages would be reserved. */
	if (part->page_size != page_size())
		flags |= MAP_NORESERVE;
	map = rk_map_many(part->size, PROT_READ, flags, fd);
	if (map == MAP_FAILED)
		return -errno;
	part->map = map;
	part->map_len = in_pages(part->size, part->page_size);
	part->data = map;
	return 0;
}

/*
 * On reserved pages (hugetlb) a file is whole pages long, and the part ends within the last one: of
 * what is behind it no byte is read. Elsewhere the part is the file.
 */
static int find_end(int fd, struct rk_part *part, struct rk_refusal *why)
{
	const size_t file_size = part->size;
	struct rk_part_header header;
	struct statfs fs;
	int ret;

	if (fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type != HUGETLBFS_MAGIC)
		return 0;
	if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
		return rk_refuse(why, "its header cannot be read");
	part->page_size = (size_t)fs.f_bsize;
	ret = check_length(header.size, why);
	if (ret < 0)
		return ret;
	if (in_pages((size_t)header.size, part->page_size) != file_size)
		return rk_refuse(why, "size in the header is not the size");
	part->size = (size_t)header.size;
	return 0;
}

/*
 * Room for a copy that ends where the mapping ends, one inaccessible page behind it: reading past
 * the end is a fault, not a leak. Parts are a multiple of 64 bytes, so the start stays aligned.
 */
static int map_copy(struct rk_part *part, uint8_t **copy)
{
	size_t used = whole_pages(part->size);
	uint8_t *map = mmap(NULL, used + page_size(), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return -errno;
	part->map = map;
	part->map_len = used + page_size();
	*copy = map + used - part->size;
	part->data = *copy;
	return 0;
}

static int protect_copy(struct rk_part *part)
{
	size_t used = whole_pages(part->size);

	if (mprotect(part->map, used, PROT_READ) < 0 ||
		mprotect(part->map + used, part->map_len - used, PROT_NONE) < 0)
		return -errno;
	return 0;
}

static int read_file(int fd, struct rk_part *part)
{
	uint8_t *copy = NULL;
	size_t done = 0;
	int ret = map_copy(part, &copy);

	if (ret < 0)
		return ret;
	while (done < part->size) {
		ssize_t n = pread(fd, copy + done, part->size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO; /* became shorter while we read it */
		done += (size_t)n;
	}
	return protect_copy(part);
}

static int part_new(uint64_t len, enum rk_part_kind kind, struct rk_part **out)
{
	struct rk_part *part = calloc(1, sizeof(*part));

	if (part == NULL)
		return -ENOMEM;
	part->size = (size_t)len;
	part->page_size = page_size();
	part->kind = kind;
	*out = part;
	return 0;
}

int rk_part_open(int fd, enum rk_part_kind kind, bool check_digest, struct rk_part **out,
	struct rk_refusal *why)
{
	struct rk_part *part = NULL;
	struct stat st;
	bool is_sealed;
	int seals, ret;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return rk_refuse(why, "not a regular file");
	seals = fcntl(fd, F_GET_SEALS);
	is_sealed = seals >= 0 && (seals & SEALS_NEEDED) == SEALS_NEEDED;
	if (!is_sealed && !check_digest)
		return rk_refuse(why, "not sealed");
	ret = check_length((uint64_t)st.st_size, why);
	if (ret < 0)
		return ret;
	ret = part_new((uint64_t)st.st_size, kind, &part);
	if (ret < 0)
		return ret;
	ret = is_sealed ? find_end(fd, part, why) : 0;
	if (ret == 0)
		ret = is_sealed ? map_sealed(fd, part) : read_file(fd, part);
	if (ret == 0)
		ret = check_all(part, check_digest, why);
	if (ret < 0)
		goto out;
	*out = part;
	part = NULL;
out:
	rk_part_close(part);
	return ret;
}

int rk_part_open_bytes(const void *data, size_t len, enum rk_part_kind kind, bool check_digest,
	struct rk_part **out, struct rk_refusal *why)
{
	struct rk_part *part = NULL;
	uint8_t *copy = NULL;
	int ret = check_length(len, why);

	if (ret < 0)
		return ret;
	ret = part_new(len, kind, &part);
	if (ret < 0)
		return ret;
	ret = map_copy(part, &copy);
	if (ret < 0)
		goto out;
	memcpy(copy, data, len);
	ret = protect_copy(part);
	if (ret < 0)
		goto out;
	ret = check_all(part, check_digest, why);
	if (ret < 0)
		goto out;
	*out = part;
	part = NULL;
out:
	rk_part_close(part);
	return ret;
}

bool rk_part_close_step(struct rk_part *part, size_t max_bytes)
{
	size_t keep;

	if (part->map != NULL && part->map_len > max_bytes) {
		keep = in_pages(part->map_len - max_bytes, part->page_size);
		if (keep == part->map_len && keep > 0)
			keep -= part->page_size; /* every step gets on, however small */
		munmap(part->map + keep, part->map_len - keep);
		part->map_len = keep;
		if (keep > 0)
			return false;
	} else if (part->map != NULL) {
		munmap(part->map, part->map_len);
	}
	free(part);
	return true;
}

void rk_part_close(struct rk_part *part)
{
	if (part != NULL && !rk_part_close_step(part, SIZE_MAX))
		abort(); /* one step without a bound always ends */
}

struct rk_span rk_part_bytes(const struct rk_part *part)
{
	return (struct rk_span){part->data, part->size};
}

const uint8_t *rk_part_digest(const struct rk_part *part)
{
	return ((const struct rk_part_header *)part->data)->digest;
}
