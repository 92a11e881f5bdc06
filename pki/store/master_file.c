/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The master list on disk (docs/snapshot.md, "The master list"): a header of 80 bytes, the sources'
 * descriptions, the marks, then the records of all sources. All integers big-endian. The records
 * are written from where they are; only the small part before them is built in memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "pki/view/file.h"
#include "pki/store/master_source.h"

#define MAGIC      "RKREVOC" /* and the version */
#define MAGIC_LEN  8
#define VERSION    4 /* of what is written; 3 has no keys, 2 no scopes and subjects either */
#define VERSION_AT (MAGIC_LEN - 1)
#define CHUNK_LEN  65536 /* of a file read piece by piece */
#define DIGEST_LEN 32
#define DIGEST_AT  48
#define HEADER_LEN (DIGEST_AT + DIGEST_LEN)

struct header {
	uint64_t generation;
	uint64_t size; /* of the file */
	uint64_t entry_cnt;
	uint64_t description_len; /* sources and marks */
	uint32_t source_cnt;
	uint32_t mark_cnt;
	uint8_t digest[DIGEST_LEN];
	uint8_t version;
};
static_assert(MAGIC_LEN + 4 * 8 + 2 * 4 == DIGEST_AT, "layout");

static void write_header(struct rk_writer *w, const struct header *h)
{
	rk_write_bytes(w, MAGIC, VERSION_AT);
	rk_write_u8(w, VERSION);
	rk_write_u64(w, h->generation);
	rk_write_u64(w, h->size);
	rk_write_u64(w, h->entry_cnt);
	rk_write_u64(w, h->description_len);
	rk_write_u32(w, h->source_cnt);
	rk_write_u32(w, h->mark_cnt);
	rk_write_bytes(w, h->digest, DIGEST_LEN);
}

static bool read_header(struct rk_reader *r, struct header *h)
{
	const uint8_t *magic = rk_read_bytes(r, VERSION_AT);

	h->version = rk_read_u8(r);
	h->generation = rk_read_u64(r);
	h->size = rk_read_u64(r);
	h->entry_cnt = rk_read_u64(r);
	h->description_len = rk_read_u64(r);
	h->source_cnt = rk_read_u32(r);
	h->mark_cnt = rk_read_u32(r);
	rk_read_copy(r, h->digest, DIGEST_LEN);
	return !r->is_failed && memcmp(magic, MAGIC, VERSION_AT) == 0 && h->version >= 2;
}

/* SHA-256 of the runs as one, the digest's own place taken as zeros: run 0 begins with a header. */
static int compute_digest(const struct iovec *iov, size_t iov_cnt, uint8_t out[DIGEST_LEN])
{
	static const uint8_t zeros[DIGEST_LEN];
	const uint8_t *first = iov[0].iov_base;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool is_good;

	if (ctx == NULL)
		return -ENOMEM;
	is_good = EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
		  EVP_DigestUpdate(ctx, first, DIGEST_AT) == 1 &&
		  EVP_DigestUpdate(ctx, zeros, DIGEST_LEN) == 1 &&
		  EVP_DigestUpdate(ctx, first + HEADER_LEN, iov[0].iov_len - HEADER_LEN) == 1;
	for (size_t i = 1; i < iov_cnt && is_good; i++)
		is_good = EVP_DigestUpdate(ctx, iov[i].iov_base, iov[i].iov_len) == 1;
	is_good = is_good && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return is_good ? 0 : -EIO;
}

/* ---- writing ---------------------------------------------------------------------------------- */

static void write_run(struct rk_writer *w, const void *data, size_t len)
{
	rk_write_u16(w, (uint16_t)len);
	rk_write_bytes(w, data, len);
}

static size_t source_description_len(const struct master_source *s)
{
	const struct master_source_info *i = &s->info;

	return 9 * 2 + i->issuer.len + i->key.len + strlen(i->ca_name) + strlen(i->url) +
	       strlen(i->scope) + i->idp.len + i->subject.len + i->number.len + i->base_number.len +
	       3 * 8 + 8 + 1;
}

static void write_source(struct rk_writer *w, const struct master_source *s)
{
	const struct master_source_info *i = &s->info;

	write_run(w, i->issuer.data, i->issuer.len);
	write_run(w, i->ca_name, strlen(i->ca_name));
	write_run(w, i->url, strlen(i->url));
	write_run(w, i->scope, strlen(i->scope));
	write_run(w, i->idp.data, i->idp.len);
	write_run(w, i->subject.data, i->subject.len);
	write_run(w, i->number.data, i->number.len);
	write_run(w, i->base_number.data, i->base_number.len);
	write_run(w, i->key.data, i->key.len);
	rk_write_u64(w, (uint64_t)i->this_update);
	rk_write_u64(w, (uint64_t)i->next_update);
	rk_write_u64(w, (uint64_t)i->fetched_at);
	rk_write_u64(w, s->entry_cnt);
	rk_write_u8(w, (uint8_t)s->serial_room);
}

static size_t description_len(const struct master_list *l)
{
	size_t len = 0;

	for (size_t i = 0; i < l->source_cnt; i++)
		len += source_description_len(l->source[i]);
	for (size_t i = 0; i < l->mark_cnt; i++)
		len += 4 * 2 + 1 + l->mark[i].issuer_len + strlen(l->mark[i].scope) +
		       l->mark[i].number_len + l->mark[i].key_len;
	return len;
}

static void write_head(struct rk_writer *w, const struct master_list *l, const struct header *h)
{
	write_header(w, h);
	for (size_t i = 0; i < l->source_cnt; i++)
		write_source(w, l->source[i]);
	for (size_t i = 0; i < l->mark_cnt; i++) {
		write_run(w, l->mark[i].issuer, l->mark[i].issuer_len);
		write_run(w, l->mark[i].scope, strlen(l->mark[i].scope));
		write_run(w, l->mark[i].number, l->mark[i].number_len);
		write_run(w, l->mark[i].key, l->mark[i].key_len);
		rk_write_u8(w, l->mark[i].is_delta);
	}
}

enum file_state {
	FILE_UNUSABLE, /* missing or damaged */
	FILE_OTHER,    /* in order, of other content */
	FILE_SAME
};

/* As compute_digest, of the file as it lies there: not all of it in memory. stated: what it says itself. */
static int digest_file(int fd, uint8_t stated[DIGEST_LEN], uint8_t out[DIGEST_LEN])
{
	uint8_t *chunk = malloc(CHUNK_LEN);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ret = chunk != NULL && ctx != NULL ? 0 : -ENOMEM;
	ssize_t n = 0;

	if (ret == 0 && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		ret = -EIO;
	for (off_t at = 0; ret == 0 && (n = pread(fd, chunk, CHUNK_LEN, at)) != 0; at += n) {
		if (n < 0 || (at == 0 && n < HEADER_LEN)) {
			ret = -EIO;
			break;
		}
		if (at == 0) {
			memcpy(stated, chunk + DIGEST_AT, DIGEST_LEN);
			memset(chunk + DIGEST_AT, 0, DIGEST_LEN);
		}
		if (EVP_DigestUpdate(ctx, chunk, (size_t)n) != 1)
			ret = -EIO;
	}
	if (ret == 0 && EVP_DigestFinal_ex(ctx, out, NULL) != 1)
		ret = -EIO;
	EVP_MD_CTX_free(ctx);
	free(chunk);
	return ret;
}

static enum file_state look_at_file(int dir, const struct header *h)
{
	int fd = openat(dir, MASTER_LIST_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	uint8_t stated[DIGEST_LEN] = {0}, digest[DIGEST_LEN];
	enum file_state state = FILE_UNUSABLE;

	if (fd < 0)
		return FILE_UNUSABLE;
	if (digest_file(fd, stated, digest) == 0 && memcmp(stated, digest, DIGEST_LEN) == 0)
		state = memcmp(digest, h->digest, DIGEST_LEN) == 0 ? FILE_SAME : FILE_OTHER;
	close(fd);
	return state;
}

/* A damaged file is not kept: it would push out the last one that can be read. */
static int replace_file(int dir, enum file_state state, const struct iovec *iov, size_t iov_cnt)
{
	int ret = 0;

	if (state == FILE_OTHER)
		ret = rk_file_keep(dir, MASTER_LIST_FILE, MASTER_LIST_FILE_PREVIOUS);
	if (ret < 0)
		return ret;
	return rk_file_replace_v(dir, MASTER_LIST_FILE, 0600, iov, iov_cnt);
}

int master_list_save(const struct master_list *l, int dir, bool *is_written)
{
	struct header h = {
		.generation = l->generation,
		.entry_cnt = master_list_entry_cnt(l),
		.description_len = description_len(l),
		.source_cnt = (uint32_t)l->source_cnt,
		.mark_cnt = (uint32_t)l->mark_cnt,
	};
	size_t head_len = HEADER_LEN + h.description_len;
	struct iovec *iov = calloc(1 + l->source_cnt, sizeof(*iov));
	uint8_t *head = malloc(head_len);
	struct rk_writer w;
	enum file_state state;
	int ret = -ENOMEM;

	if (iov == NULL || head == NULL)
		goto out;
	iov[0] = (struct iovec){head, head_len};
	h.size = head_len;
	for (size_t i = 0; i < l->source_cnt; i++) {
		const struct master_source *s = l->source[i];

		iov[1 + i] = (struct iovec){s->records, s->entry_cnt * master_source_stride(s)};
		h.size += iov[1 + i].iov_len;
	}
	ret = -EFBIG;
	if (h.size > MASTER_LIST_FILE_MAX)
		goto out;
	rk_writer_init(&w, head, head_len);
	write_head(&w, l, &h);
	ret = compute_digest(iov, 1 + l->source_cnt, h.digest);
	if (ret < 0)
		goto out;
	memcpy(head + DIGEST_AT, h.digest, DIGEST_LEN);
	state = look_at_file(dir, &h);
	if (state != FILE_SAME)
		ret = replace_file(dir, state, iov, 1 + l->source_cnt);
	if (ret == 0 && is_written != NULL)
		*is_written = state != FILE_SAME;
out:
	free(head);
	free(iov);
	return ret;
}

/* ---- reading ---------------------------------------------------------------------------------- */

/* What lies where in a file whose digest was found right. */
struct source_description {
	struct master_source_info info;
	char ca_name[MASTER_TEXT_MAX + 1];
	char url[MASTER_TEXT_MAX + 1];
	char scope[MASTER_TEXT_MAX + 1];
	uint64_t entry_cnt;
	size_t serial_room;
};

static struct rk_span read_run(struct rk_reader *r)
{
	size_t len = rk_read_u16(r);
	const uint8_t *data = rk_read_bytes(r, len);

	return (struct rk_span){data, data != NULL ? len : 0};
}

static void read_text(struct rk_reader *r, char out[MASTER_TEXT_MAX + 1])
{
	struct rk_span run = read_run(r);

	if (run.len > MASTER_TEXT_MAX || (run.len > 0 && memchr(run.data, 0, run.len) != NULL)) {
		r->is_failed = true;
		run.len = 0;
	}
	if (run.len > 0)
		memcpy(out, run.data, run.len);
	out[run.len] = 0;
}

/* No issuing distribution point is so: a list with it covers nothing, whatever it revokes. */
static const uint8_t unknown_idp[] = {0x30, 0x00};

static void read_scope(struct rk_reader *r, uint8_t version, struct master_source_info *info)
{
	info->idp = info->subject = (struct rk_span){0};
	if (version > 2) {
		info->idp = read_run(r);
		info->subject = read_run(r);
	} else if (info->scope[0] != '\0') {
		info->idp = (struct rk_span){unknown_idp, sizeof(unknown_idp)};
	}
}

/* Who signed is not known of what an earlier version wrote. */
static struct rk_span read_key(struct rk_reader *r, uint8_t version)
{
	return version > 3 ? read_run(r) : (struct rk_span){0};
}

static void read_description(struct rk_reader *r, uint8_t version, struct source_description *d)
{
	d->info.issuer = read_run(r);
	read_text(r, d->ca_name);
	read_text(r, d->url);
	read_text(r, d->scope);
	d->info.ca_name = d->ca_name;
	d->info.url = d->url;
	d->info.scope = d->scope;
	read_scope(r, version, &d->info);
	d->info.number = read_run(r);
	d->info.base_number = read_run(r);
	d->info.key = read_key(r, version);
	d->info.this_update = (int64_t)rk_read_u64(r);
	d->info.next_update = (int64_t)rk_read_u64(r);
	d->info.fetched_at = (int64_t)rk_read_u64(r);
	d->entry_cnt = rk_read_u64(r);
	d->serial_room = rk_read_u8(r);
}

/* In order; and no CRL is without the source about its own issuer's certificates. */
static bool may_follow(const struct master_list *l, const struct master_source *s)
{
	const struct master_source_info *last =
		l->source_cnt > 0 ? &l->source[l->source_cnt - 1]->info : NULL;

	if (last != NULL && master_source_compare(last, &s->info) >= 0)
		return false;
	return s->info.subject.len == 0 ||
	       (last != NULL && master_source_compare_crl(last, &s->info) == 0);
}

/* records is a second cursor, over the records at the end of the file. */
static int read_source(
	struct rk_reader *r, struct rk_reader *records, uint8_t version, struct master_list *l)
{
	struct source_description d;
	struct master_source *s = NULL;
	size_t stride;
	int ret;

	read_description(r, version, &d);
	if (r->is_failed)
		return -EBADMSG;
	stride = master_stride(d.serial_room);
	if (d.entry_cnt > rk_reader_left(records) / stride)
		return -EBADMSG;
	ret = master_source_from_records(&d.info, d.serial_room,
		rk_read_bytes(records, d.entry_cnt * stride), d.entry_cnt, &s);
	if (ret < 0)
		return ret;
	if (!may_follow(l, s)) {
		master_source_put(s);
		return -EBADMSG;
	}
	l->source[l->source_cnt++] = s;
	return 0;
}

static int read_mark(struct rk_reader *r, uint8_t version, struct master_list *l)
{
	struct master_source_info info = {.issuer = read_run(r)};
	char scope[MASTER_TEXT_MAX + 1];
	uint8_t is_delta;

	read_text(r, scope);
	info.scope = scope;
	info.number = read_run(r);
	info.key = read_key(r, version);
	is_delta = rk_read_u8(r);
	if (r->is_failed || info.issuer.len < 1 || info.issuer.len > MASTER_ISSUER_MAX ||
		info.number.len < 1 || !master_number_is_sound(info.number) ||
		(info.key.len != 0 && info.key.len != MASTER_KEY_LEN) || is_delta > 1)
		return -EBADMSG;
	if (is_delta == 1)
		info.base_number = info.number;
	if (l->mark_cnt > 0 && master_mark_compare(&l->mark[l->mark_cnt - 1], &info) >= 0)
		return -EBADMSG;
	return master_list_append_mark(l, &info);
}

int master_list_parse(const void *data, size_t len, struct master_list **out)
{
	const uint8_t *bytes = data;
	struct iovec iov = {.iov_len = len};
	struct rk_reader r, records;
	struct master_list *l = NULL;
	uint8_t digest[DIGEST_LEN];
	struct header h;
	int ret;

	memcpy(&iov.iov_base, &data, sizeof(data)); /* iovec has no const; it is only read */
	rk_reader_init(&r, data, len);
	if (!read_header(&r, &h) || h.size != len || h.description_len > len - HEADER_LEN)
		return -EBADMSG;
	ret = compute_digest(&iov, 1, digest);
	if (ret < 0)
		return ret;
	if (memcmp(digest, h.digest, DIGEST_LEN) != 0)
		return -EBADMSG;
	if (h.version > VERSION)
		return -EPROTONOSUPPORT;
	if (h.source_cnt > MASTER_SOURCE_MAX || h.mark_cnt > MASTER_MARK_MAX)
		return -EBADMSG;
	rk_reader_init(&r, bytes + HEADER_LEN, h.description_len);
	rk_reader_init(&records, bytes + HEADER_LEN + h.description_len,
		len - HEADER_LEN - h.description_len);
	ret = master_list_alloc(h.generation, h.source_cnt, h.mark_cnt, &l);
	if (ret < 0)
		return ret;
	for (uint32_t i = 0; i < h.source_cnt && ret == 0; i++)
		ret = read_source(&r, &records, h.version, l);
	for (uint32_t i = 0; i < h.mark_cnt && ret == 0; i++)
		ret = read_mark(&r, h.version, l);
	if (ret == 0 && (!rk_reader_done(&r) || !rk_reader_done(&records) ||
				h.entry_cnt != master_list_entry_cnt(l)))
		ret = -EBADMSG;
	if (ret < 0) {
		master_list_put(l);
		return ret;
	}
	*out = l;
	return 0;
}

static int load_file(int dir, const char *name, struct master_list **out)
{
	uint8_t *data = NULL;
	size_t len = 0;
	int ret = rk_file_read(dir, name, MASTER_LIST_FILE_MAX, &data, &len);

	if (ret < 0)
		return ret;
	ret = master_list_parse(data, len, out);
	free(data);
	return ret;
}

int master_list_load(int dir, struct master_list **out, enum master_list_origin *origin)
{
	int first = load_file(dir, MASTER_LIST_FILE, out);
	int second;

	if (first == 0) {
		*origin = MASTER_LIST_CURRENT;
		return 0;
	}
	if (first == -ENOMEM || first == -EPROTONOSUPPORT)
		return first;
	second = load_file(dir, MASTER_LIST_FILE_PREVIOUS, out);
	if (second == 0) {
		*origin = MASTER_LIST_PREVIOUS;
		return 0;
	}
	if (first != -ENOENT || second != -ENOENT)
		return first != -ENOENT ? first : second;
	second = master_list_new(out);
	if (second == 0)
		*origin = MASTER_LIST_NONE;
	return second;
}
