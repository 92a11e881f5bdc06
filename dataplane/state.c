/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "dataplane/log.h"
#include "pki/view/file.h"
#include "pki/view/secret.h"

#define LIST_NAME    "view"
#define LIST_MAX     4096
#define LOCK_TRIES   40
#define LOCK_WAIT_US 50000
#define KEY_FILE_MAX (RK_CHANNEL_MSG_MAX + RK_DIGEST_LEN)
#define NAME_LEN     (2 * RK_DIGEST_LEN + 8)
#define KEEP_MAX     (2 * RK_PART_CNT + 1) /* parts of the new list and of the old, the new key */

/* Of a predecessor that was killed the lock may outlast the process by a moment. */
static int lock(int dir)
{
	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		if (flock(dir, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			return -errno;
		usleep(LOCK_WAIT_US);
	}
	return -EBUSY;
}

/* A private key lies here: nobody else looks in, whoever made the folder, and nobody else writes. */
static int claim(int dir)
{
	struct stat st;
	int ret;

	if (fstat(dir, &st) < 0 || st.st_uid != geteuid())
		return -EPERM;
	if ((st.st_mode & 077) != 0 && fchmod(dir, 0700) < 0)
		return -errno;
	ret = lock(dir);
	if (ret == 0)
		ret = rk_file_clean(dir);
	return ret < 0 ? ret : 0;
}

int state_open(const char *path)
{
	int dir, ret;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	ret = claim(dir);
	if (ret < 0) {
		close(dir);
		return ret;
	}
	return dir;
}

/* "part-DIGEST" or "key-HASH". */
static void name_file(char out[NAME_LEN], const char *prefix, const uint8_t *digest)
{
	int at = snprintf(out, NAME_LEN, "%s-", prefix);
	unsigned i;

	for (i = 0; i < RK_DIGEST_LEN; i++)
		at += snprintf(out + at, NAME_LEN - (size_t)at, "%02x", digest[i]);
}

static int save_part(int dir, const char *name, const struct rk_part *part)
{
	struct rk_span bytes = rk_part_bytes(part);

	if (faccessat(dir, name, R_OK, 0) == 0)
		return 0; /* the name says what is in it */
	return rk_file_replace(dir, name, 0600, bytes.data, bytes.len);
}

static int save_key(int dir, const char *name, const struct rk_private_key *key)
{
	uint8_t *buf;
	size_t len;
	int ret = -EMSGSIZE;

	if (faccessat(dir, name, R_OK, 0) == 0)
		return 0;
	buf = rk_secret_new(KEY_FILE_MAX);
	if (buf == NULL)
		return -errno;
	len = rk_private_key_build(key, buf, KEY_FILE_MAX - RK_DIGEST_LEN);
	if (len > 0) {
		SHA256(buf, len, buf + len);
		ret = rk_file_replace(dir, name, 0600, buf, len + RK_DIGEST_LEN);
	}
	rk_secret_free(buf, KEY_FILE_MAX);
	return ret;
}

static int save_list(int dir, const struct rk_message *list)
{
	uint8_t buf[LIST_MAX];
	size_t len = rk_message_build(list, buf, sizeof(buf) - RK_DIGEST_LEN);

	if (len == 0)
		return -EMSGSIZE;
	SHA256(buf, len, buf + len);
	return rk_file_replace(dir, LIST_NAME, 0600, buf, len + RK_DIGEST_LEN);
}

static bool is_kept(const char *name, char keep[KEEP_MAX][NAME_LEN])
{
	unsigned i;

	for (i = 0; i < KEEP_MAX; i++)
		if (strcmp(name, keep[i]) == 0)
			return true;
	return false;
}

static void remove_key(int dir, const char *name)
{
	int fd = rk_file_hold(dir, name);
	int ret = rk_file_remove(dir, name);

	if (rk_file_erase(fd) < 0 || ret < 0)
		log_warning("a private key that is no longer used could not be overwritten");
}

/* Old parts and, if so asked, keys; whatever else lies here is not ours to remove. */
static void remove_others(int dir, char keep[KEEP_MAX][NAME_LEN], bool with_keys)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (list == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(list)) != NULL) {
		if (is_kept(entry->d_name, keep))
			continue;
		if (strncmp(entry->d_name, "part-", 5) == 0)
			unlinkat(dir, entry->d_name, 0);
		else if (with_keys && strncmp(entry->d_name, "key-", 4) == 0)
			remove_key(dir, entry->d_name);
	}
	closedir(list);
}

__attribute__((format(printf, 2, 3))) static int refuse(
	struct rk_refusal *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why->text, sizeof(why->text), format, args);
	va_end(args);
	return -EBADMSG;
}

/* Cuts the trailing digest off when it is right. */
static bool is_whole(const uint8_t *data, size_t *len)
{
	uint8_t digest[RK_DIGEST_LEN];

	if (*len <= RK_DIGEST_LEN)
		return false;
	*len -= RK_DIGEST_LEN;
	SHA256(data, *len, digest);
	return memcmp(digest, data + *len, RK_DIGEST_LEN) == 0;
}

static int load_list(int dir, struct rk_message *list, struct rk_refusal *why)
{
	uint8_t *data = NULL;
	size_t len;
	int ret = rk_file_read(dir, LIST_NAME, LIST_MAX, &data, &len);

	if (ret == -ENOENT)
		return ret;
	if (ret < 0)
		return refuse(why, "%s: %s", LIST_NAME, strerror(-ret));
	if (!is_whole(data, &len) || rk_message_parse(list, data, len) < 0 ||
		list->type != RK_MSG_VIEW)
		ret = refuse(why, "%s is damaged", LIST_NAME);
	free(data);
	return ret;
}

/*
 * What an earlier try that failed, or a crash, left: named by no list, it would fill a full disk for
 * good. The parts that the list on disk names stay; of keys it does not say which it needs.
 */
static void make_room(int dir, char keep[KEEP_MAX][NAME_LEN])
{
	struct rk_message list;
	struct rk_refusal why;

	if (load_list(dir, &list, &why) == 0)
		for (unsigned i = 0; i < RK_PART_CNT; i++)
			if (list.view.part[i].is_present)
				name_file(keep[RK_PART_CNT + 1 + i], "part",
					list.view.part[i].digest);
	remove_others(dir, keep, false);
}

int state_save(int dir, const struct published *p)
{
	struct rk_message list = {.type = RK_MSG_VIEW, .view.generation = p->view.generation};
	char keep[KEEP_MAX][NAME_LEN] = {{0}};
	unsigned i;
	int ret = 0;

	for (i = 0; i < RK_PART_CNT && ret == 0; i++) {
		const struct rk_part *part = p->view.part[i];

		if (part == NULL)
			continue;
		list.view.part[i].is_present = 1;
		list.view.part[i].size = rk_part_bytes(part).len;
		memcpy(list.view.part[i].digest, rk_part_digest(part), RK_DIGEST_LEN);
		name_file(keep[i], "part", rk_part_digest(part));
		ret = save_part(dir, keep[i], part);
	}
	if (ret == 0 && p->credential != NULL) {
		const struct rk_private_key *key = p->credential->key;

		name_file(keep[RK_PART_CNT], "key", key->public_key_hash);
		ret = save_key(dir, keep[RK_PART_CNT], key);
	}
	if (ret == 0)
		ret = save_list(dir, &list);
	if (ret == 0)
		remove_others(dir, keep, true);
	else
		make_room(dir, keep);
	return ret;
}

static int load_part(int dir, enum rk_part_kind kind, const struct rk_part_ref *wanted,
	struct part_ref **out, struct rk_refusal *why)
{
	struct rk_part *part = NULL;
	char name[NAME_LEN];
	int ret;
	int fd;

	name_file(name, "part", wanted->digest);
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return refuse(why, "%s: %s", name, strerror(errno));
	ret = rk_part_open(fd, kind, true, &part, why);
	close(fd);
	if (ret == 0 && memcmp(rk_part_digest(part), wanted->digest, RK_DIGEST_LEN) != 0) {
		rk_part_close(part);
		ret = refuse(why, "%s holds another part", name);
	}
	if (ret == -EBADMSG)
		unlinkat(dir, name, 0); /* or the next save would take it for written */
	if (ret < 0)
		return ret == -EBADMSG ? ret : refuse(why, "%s: %s", name, strerror(-ret));
	*out = part_ref_new(part);
	if (*out == NULL) {
		rk_part_close(part);
		return refuse(why, "out of memory");
	}
	return 0;
}

/* A key that cannot be read is as good as none: control sends it again. */
static struct rk_private_key *load_key(int dir, const uint8_t *hash)
{
	struct rk_private_key *key = NULL;
	uint8_t *data = NULL;
	char name[NAME_LEN];
	size_t size = 0;
	size_t len;

	name_file(name, "key", hash);
	if (rk_file_read_secret(dir, name, KEY_FILE_MAX, &data, &len, &size) < 0)
		return NULL;
	if (is_whole(data, &len))
		key = rk_secret_new(sizeof(*key));
	if (key != NULL && (rk_private_key_parse(key, data, len) < 0 ||
				   memcmp(key->public_key_hash, hash, RK_DIGEST_LEN) != 0)) {
		rk_secret_free(key, sizeof(*key));
		key = NULL;
	}
	if (key == NULL)
		unlinkat(dir, name, 0); /* or the next save would take it for written */
	rk_secret_free(data, size);
	return key;
}

static const uint8_t *key_hash(const struct part_ref *config)
{
	const struct rk_part *raw[RK_PART_CNT] = {[RK_PART_CONFIG] = config->part};
	struct rk_view view;

	if (rk_view_init(&view, (struct rk_generation){0, 0}, raw) < 0)
		return NULL;
	return view.global->public_key_hash;
}

int state_load(int dir, struct rk_generation *generation, struct part_ref *part[RK_PART_CNT],
	struct rk_private_key **key, struct rk_refusal *why)
{
	struct part_ref *loaded[RK_PART_CNT] = {NULL};
	struct part_ref *closing = NULL;
	struct rk_message list;
	const uint8_t *hash;
	unsigned i;
	int ret = load_list(dir, &list, why);

	for (i = 0; i < RK_PART_CNT && ret == 0; i++)
		if (list.view.part[i].is_present)
			ret = load_part(
				dir, (enum rk_part_kind)i, &list.view.part[i], &loaded[i], why);
	if (ret == 0 && loaded[RK_PART_CONFIG] == NULL)
		ret = refuse(why, "%s names no configuration", LIST_NAME);
	if (ret < 0) {
		for (i = 0; i < RK_PART_CNT; i++)
			part_ref_put(loaded[i], &closing);
		while (part_close_step(&closing, SIZE_MAX))
			;
		return ret;
	}
	hash = key_hash(loaded[RK_PART_CONFIG]);
	*key = hash == NULL ? NULL : load_key(dir, hash);
	*generation = list.view.generation;
	memcpy(part, loaded, sizeof(loaded));
	return 0;
}
