/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/trust_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/fields.h"
#include "control/log.h"
#include "pki/view/file.h"

#define FOLDER     "trusted-ca"
#define SUFFIX     ".pem"
#define FILE_STATE "trust.json"
#define MODE_LINE  "# validation-mode: "
#define DIGEST_LEN 32
#define NAME_LEN   (63 + sizeof(SUFFIX))
#define TEXT_MAX   (PKI_BUNDLE_TEXT_MAX + 64) /* the mode's line comes on top */

struct stored_bundle {
	char *name;
	char *text;
	size_t len;
	enum pki_validation_mode mode;
};

struct trust_store {
	int state_fd;
	int dir;
	uint64_t generation;
	struct stored_bundle *bundle; /* sorted by name */
	size_t cnt;
};

static int compare_bundles(const void *a, const void *b)
{
	const struct stored_bundle *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void clear_bundle(struct stored_bundle *b)
{
	free(b->name);
	free(b->text);
}

static struct stored_bundle *find_bundle(const struct trust_store *s, const char *name)
{
	for (size_t i = 0; i < s->cnt; i++)
		if (strcmp(s->bundle[i].name, name) == 0)
			return &s->bundle[i];
	return NULL;
}

static int make_bundle(struct stored_bundle *out, const char *name, const char *text, size_t len,
	enum pki_validation_mode mode)
{
	*out = (struct stored_bundle){strdup(name), malloc(len + 1), len, mode};
	if (out->name == NULL || out->text == NULL) {
		clear_bundle(out);
		return -ENOMEM;
	}
	memcpy(out->text, text, len);
	out->text[len] = '\0';
	return 0;
}

/* Takes b; memory for one more was reserved. */
static void insert_bundle(struct trust_store *s, const struct stored_bundle *b)
{
	struct stored_bundle *old = find_bundle(s, b->name);

	if (old != NULL) {
		clear_bundle(old);
		*old = *b;
		return;
	}
	s->bundle[s->cnt++] = *b;
	qsort(s->bundle, s->cnt, sizeof(*s->bundle), compare_bundles);
}

static int reserve_bundle(struct trust_store *s)
{
	struct stored_bundle *more = realloc(s->bundle, (s->cnt + 1) * sizeof(*more));

	if (more == NULL)
		return -ENOMEM;
	s->bundle = more;
	return 0;
}

static int load_bundle(struct trust_store *s, const char *file)
{
	size_t name_len = strlen(file) - strlen(SUFFIX), len, skip = 0;
	enum pki_validation_mode mode = PKI_MODE_STRICT;
	struct stored_bundle b;
	char name[NAME_LEN];
	uint8_t *text = NULL;
	const char *end;
	int ret;

	snprintf(name, sizeof(name), "%.*s", (int)name_len, file);
	ret = rk_file_read(s->dir, file, TEXT_MAX, &text, &len);
	if (ret == 0 && strncmp((char *)text, MODE_LINE, strlen(MODE_LINE)) == 0) {
		end = memchr(text, '\n', len);
		skip = end != NULL ? (size_t)(end + 1 - (char *)text) : len;
		if (strncmp((char *)text + strlen(MODE_LINE), "warn", 4) == 0)
			mode = PKI_MODE_WARN;
	}
	if (ret == 0)
		ret = reserve_bundle(s);
	if (ret == 0)
		ret = make_bundle(&b, name, (char *)text + skip, len - skip, mode);
	if (ret == 0)
		insert_bundle(s, &b);
	free(text);
	return ret;
}

static bool is_bundle_file(const char *file)
{
	size_t len = strlen(file);
	char name[NAME_LEN];

	if (len <= strlen(SUFFIX) || len >= NAME_LEN ||
		strcmp(file + len - strlen(SUFFIX), SUFFIX) != 0)
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(len - strlen(SUFFIX)), file);
	return field_is_name(name);
}

static int load_folder(struct trust_store *s)
{
	int fd = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	int ret = 0;

	if (dir == NULL) {
		ret = -errno;
		if (fd >= 0)
			close(fd);
		return ret;
	}
	while (ret == 0 && (entry = readdir(dir)) != NULL) {
		if (!is_bundle_file(entry->d_name))
			continue;
		ret = load_bundle(s, entry->d_name);
		if (ret < 0)
			log_error("%s/%s: %s", FOLDER, entry->d_name, strerror(-ret));
	}
	closedir(dir);
	return ret;
}

/* Over names, modes and texts, each with its length. */
static int digest_bundles(const struct trust_store *s, char out[2 * DIGEST_LEN + 1])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t digest[DIGEST_LEN];
	bool is_good = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

	for (size_t i = 0; i < s->cnt && is_good; i++) {
		const struct stored_bundle *b = &s->bundle[i];
		const uint64_t head[3] = {strlen(b->name), b->len, (uint64_t)b->mode};

		is_good = EVP_DigestUpdate(ctx, head, sizeof(head)) == 1 &&
			  EVP_DigestUpdate(ctx, b->name, head[0]) == 1 &&
			  EVP_DigestUpdate(ctx, b->text, b->len) == 1;
	}
	is_good = is_good && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	for (size_t i = 0; i < DIGEST_LEN && is_good; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
	return is_good ? 0 : -EIO;
}

int trust_store_settle(struct trust_store *s, uint64_t generation)
{
	char digest[2 * DIGEST_LEN + 1], text[256];
	int ret = digest_bundles(s, digest);

	if (ret < 0)
		return ret;
	snprintf(text, sizeof(text), "{\"generation\": %llu, \"digest\": \"%s\"}\n",
		(unsigned long long)generation, digest);
	ret = rk_file_replace(s->state_fd, FILE_STATE, 0600, text, strlen(text));
	if (ret == 0)
		s->generation = generation;
	return ret;
}

static int load_generation(struct trust_store *s)
{
	char digest[2 * DIGEST_LEN + 1];
	uint8_t *text = NULL;
	json_t *state = NULL;
	size_t len = 0;
	const char *known;
	json_int_t generation;
	int ret;

	ret = digest_bundles(s, digest);
	if (ret < 0)
		return ret;
	ret = rk_file_read(s->state_fd, FILE_STATE, 4096, &text, &len);
	if (ret < 0 && ret != -ENOENT)
		return ret;
	if (ret == 0)
		state = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	known = json_string_value(json_object_get(state, "digest"));
	generation = json_integer_value(json_object_get(state, "generation"));
	if (generation > 0 && known != NULL && strcmp(known, digest) == 0) {
		s->generation = (uint64_t)generation;
		ret = 0;
	} else {
		/* Without a readable number the time goes on above every one given before. */
		ret = trust_store_settle(
			s, generation > 0 ? (uint64_t)generation + 1 : (uint64_t)time(NULL));
	}
	json_decref(state);
	return ret;
}

int trust_store_open(int state_fd, struct trust_store **out)
{
	struct trust_store *s = calloc(1, sizeof(*s));
	int ret = 0;

	if (s == NULL)
		return -ENOMEM;
	s->state_fd = state_fd;
	s->dir = -1;
	if (mkdirat(state_fd, FOLDER, 0700) < 0 && errno != EEXIST)
		ret = -errno;
	if (ret == 0) {
		s->dir = openat(state_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		ret = s->dir < 0 ? -errno : rk_file_clean(s->dir);
	}
	if (ret >= 0)
		ret = load_folder(s);
	if (ret == 0)
		ret = load_generation(s);
	if (ret < 0) {
		trust_store_close(s);
		return ret;
	}
	*out = s;
	return 0;
}

void trust_store_close(struct trust_store *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->cnt; i++)
		clear_bundle(&s->bundle[i]);
	free(s->bundle);
	if (s->dir >= 0)
		close(s->dir);
	free(s);
}

size_t trust_store_cnt(const struct trust_store *s)
{
	return s->cnt;
}

struct pki_bundle trust_store_bundle(const struct trust_store *s, size_t i)
{
	const struct stored_bundle *b = &s->bundle[i];

	return (struct pki_bundle){b->name, b->text, b->len, b->mode};
}

bool trust_store_has(const struct trust_store *s, const char *name)
{
	return find_bundle(s, name) != NULL;
}

uint64_t trust_store_generation(const struct trust_store *s)
{
	return s->generation;
}

int trust_store_put(struct trust_store *s, const char *name, const char *text, size_t len,
	enum pki_validation_mode mode)
{
	const char *mode_line = mode == PKI_MODE_WARN ? MODE_LINE "warn\n" : MODE_LINE "strict\n";
	const struct iovec iov[] = {
		{(void *)(uintptr_t)mode_line, strlen(mode_line)},
		{(void *)(uintptr_t)text, len},
	};
	struct stored_bundle b;
	char file[NAME_LEN];
	int ret;

	ret = reserve_bundle(s);
	if (ret == 0)
		ret = make_bundle(&b, name, text, len, mode);
	if (ret < 0)
		return ret;
	snprintf(file, sizeof(file), "%s%s", name, SUFFIX);
	ret = rk_file_replace_v(s->dir, file, 0644, iov, 2);
	if (ret < 0)
		clear_bundle(&b);
	else
		insert_bundle(s, &b);
	return ret;
}

int trust_store_remove(struct trust_store *s, const char *name)
{
	struct stored_bundle *b = find_bundle(s, name);
	char file[NAME_LEN];
	int ret;

	snprintf(file, sizeof(file), "%s%s", name, SUFFIX);
	ret = rk_file_remove(s->dir, file);
	if (ret < 0)
		return ret;
	clear_bundle(b);
	*b = s->bundle[--s->cnt];
	qsort(s->bundle, s->cnt, sizeof(*s->bundle), compare_bundles);
	return 0;
}
