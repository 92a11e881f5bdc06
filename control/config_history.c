/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/config_history.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/config.h"
#include "control/helper.h"
#include "control/log.h"
#include "control/time_text.h"
#include "pki/view/file.h"

#define FOLDER         "config"
#define INDEX          "index.json"
#define INDEX_DAMAGED  "index.damaged"
#define INDEX_MAX      (1024 * 1024)
#define INDEX_VERSION  1
#define DOCUMENT_MODE  0640
#define ENTRY_NAME_LEN 32

struct config_history {
	int dir;
	struct config_entry entry[CONFIG_HISTORY_MAX + 1]; /* oldest first; one more while adding */
	size_t cnt;
	uint64_t last_number;        /* ever given */
	struct config_entry pending; /* number 0 = none */
	struct config_unconfirmed unconfirmed;
	struct config_unconfirmed pending_unconfirmed;
};

int config_digest(const void *data, size_t len, char out[CONFIG_DIGEST_LEN + 1])
{
	uint8_t digest[CONFIG_DIGEST_LEN / 2];

	if (EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL) != 1)
		return -EIO;
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
	return 0;
}

static void entry_name(uint64_t number, char out[ENTRY_NAME_LEN])
{
	snprintf(out, ENTRY_NAME_LEN, "%" PRIu64 ".json", number);
}

static json_t *stored_json(const struct config_entry *e)
{
	return json_pack("{s:I, s:I, s:I, s:s, s:s, s:s, s:s, s:s}", "number",
		(json_int_t)e->number, "time", (json_int_t)e->time, "size", (json_int_t)e->size,
		"user", e->user, "from", e->from, "comment", e->comment, "origin", e->origin,
		"digest", e->digest);
}

json_t *config_entry_json(const struct config_entry *e)
{
	return json_pack("{s:I, s:o, s:s, s:s, s:s, s:s}", "number", (json_int_t)e->number, "time",
		time_json(e->time), "user", e->user, "from", e->from, "comment", e->comment,
		"origin", e->origin);
}

static bool copy_text(char *out, size_t size, const char *text)
{
	return text != NULL && snprintf(out, size, "%s", text) < (int)size;
}

static bool read_entry(json_t *json, struct config_entry *e)
{
	const char *user, *from, *comment, *origin, *digest;
	json_int_t number, time, size;

	memset(e, 0, sizeof(*e));
	if (json_unpack(json, "{s:I, s:I, s:I, s:s, s:s, s:s, s:s, s:s}", "number", &number, "time",
		    &time, "size", &size, "user", &user, "from", &from, "comment", &comment,
		    "origin", &origin, "digest", &digest) != 0 ||
		number <= 0 || size < 0)
		return false;
	e->number = (uint64_t)number;
	e->time = time;
	e->size = (uint64_t)size;
	return copy_text(e->user, sizeof(e->user), user) &&
	       copy_text(e->from, sizeof(e->from), from) &&
	       copy_text(e->comment, sizeof(e->comment), comment) &&
	       copy_text(e->origin, sizeof(e->origin), origin) &&
	       copy_text(e->digest, sizeof(e->digest), digest);
}

static json_t *unconfirmed_json(const struct config_unconfirmed *u)
{
	if (u == NULL || u->number == 0)
		return json_null();
	return json_pack("{s:I, s:I, s:I}", "number", (json_int_t)u->number, "previous",
		(json_int_t)u->previous, "deadline", (json_int_t)u->deadline);
}

static void read_unconfirmed(json_t *json, struct config_unconfirmed *u)
{
	json_int_t number, previous, deadline;

	memset(u, 0, sizeof(*u));
	if (json_unpack(json, "{s:I, s:I, s:I}", "number", &number, "previous", &previous,
		    "deadline", &deadline) == 0 &&
		number > 0 && previous > 0)
		*u = (struct config_unconfirmed){(uint64_t)number, (uint64_t)previous, deadline};
}

static bool read_index(struct config_history *h, json_t *root)
{
	json_t *entries = json_object_get(root, "entries"), *entry;
	size_t i;

	if (json_integer_value(json_object_get(root, "version")) != INDEX_VERSION ||
		!json_is_array(entries) || json_array_size(entries) > CONFIG_HISTORY_MAX)
		return false;
	json_array_foreach(entries, i, entry)
	{
		if (!read_entry(entry, &h->entry[i]))
			return false;
		if (i > 0 && h->entry[i].number <= h->entry[i - 1].number)
			return false;
		h->last_number = h->entry[i].number;
	}
	h->cnt = json_array_size(entries);
	read_unconfirmed(json_object_get(root, "unconfirmed"), &h->unconfirmed);
	if (read_entry(json_object_get(root, "pending"), &h->pending)) {
		read_unconfirmed(
			json_object_get(root, "pending_unconfirmed"), &h->pending_unconfirmed);
		if (h->pending.number > h->last_number)
			h->last_number = h->pending.number;
	}
	return true;
}

static int load_index(struct config_history *h)
{
	uint8_t *text = NULL;
	json_t *root = NULL;
	size_t len = 0;
	int ret = rk_file_read(h->dir, INDEX, INDEX_MAX, &text, &len);

	if (ret == -ENOENT)
		return 0;
	if (ret < 0)
		return ret;
	root = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	if (!read_index(h, root)) {
		log_error("%s/%s is damaged: it is kept as %s, the history begins anew", FOLDER,
			INDEX, INDEX_DAMAGED);
		*h = (struct config_history){.dir = h->dir};
		/* Its documents may be named by numbers that are unknown now: far above them. */
		h->last_number = (uint64_t)time(NULL);
		ret = rk_file_keep(h->dir, INDEX, INDEX_DAMAGED);
	}
	json_decref(root);
	return ret;
}

int config_history_open(int state_fd, struct config_history **out)
{
	struct config_history *h = calloc(1, sizeof(*h));
	int ret = 0;

	if (h == NULL)
		return -ENOMEM;
	h->dir = -1;
	if (mkdirat(state_fd, FOLDER, 0700) < 0 && errno != EEXIST)
		ret = -errno;
	if (ret == 0) {
		h->dir = openat(state_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		ret = h->dir < 0 ? -errno : rk_file_clean(h->dir);
	}
	if (ret >= 0)
		ret = load_index(h);
	if (ret < 0) {
		config_history_close(h);
		return ret;
	}
	*out = h;
	return 0;
}

void config_history_close(struct config_history *h)
{
	if (h == NULL)
		return;
	if (h->dir >= 0)
		close(h->dir);
	free(h);
}

size_t config_history_cnt(const struct config_history *h)
{
	return h->cnt;
}

const struct config_entry *config_history_at(const struct config_history *h, size_t i)
{
	return &h->entry[h->cnt - 1 - i];
}

const struct config_entry *config_history_find(const struct config_history *h, uint64_t number)
{
	for (size_t i = 0; i < h->cnt; i++)
		if (h->entry[i].number == number)
			return &h->entry[i];
	return NULL;
}

uint64_t config_history_next(const struct config_history *h)
{
	return h->last_number + 1;
}

const struct config_unconfirmed *config_history_unconfirmed(const struct config_history *h)
{
	return &h->unconfirmed;
}

int config_history_read(const struct config_history *h, uint64_t number, json_t **out)
{
	char name[ENTRY_NAME_LEN];
	uint8_t *text = NULL;
	size_t len = 0;
	int ret;

	entry_name(number, name);
	ret = rk_file_read(h->dir, name, CONFIG_TEXT_MAX, &text, &len);
	if (ret < 0)
		return ret;
	*out = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	return *out != NULL ? 0 : -EINVAL;
}

/* Entries that stay when one more comes: from this index on; the newest always does. */
static size_t first_kept(const struct config_history *h)
{
	uint64_t bytes = 0;
	size_t i = h->cnt;

	for (; i > 0; i--) {
		bytes += h->entry[i - 1].size;
		if (h->cnt - i + 2 > CONFIG_HISTORY_MAX ||
			(bytes > CONFIG_HISTORY_BYTES && i < h->cnt))
			break;
	}
	return i;
}

static char *print_index(const struct config_history *h, const struct config_entry *added,
	const struct config_unconfirmed *unconfirmed, const struct config_entry *pending,
	const struct config_unconfirmed *pending_unconfirmed)
{
	json_t *entries = json_array(), *root;
	char *text = NULL;

	for (size_t i = added != NULL ? first_kept(h) : 0; i < h->cnt; i++)
		json_array_append_new(entries, stored_json(&h->entry[i]));
	if (added != NULL)
		json_array_append_new(entries, stored_json(added));
	root = json_pack("{s:i, s:o, s:o, s:o, s:o}", "version", INDEX_VERSION, "entries", entries,
		"unconfirmed", unconfirmed_json(unconfirmed), "pending",
		pending != NULL ? stored_json(pending) : json_null(), "pending_unconfirmed",
		unconfirmed_json(pending_unconfirmed));
	if (root != NULL)
		text = json_dumps(root, JSON_INDENT(1));
	json_decref(root);
	return text;
}

static void plan_index(struct config_history *h, struct write_plan *plan, char *text)
{
	write_plan_add(plan, h->dir, INDEX, 0600, text, text != NULL ? strlen(text) : 0);
}

void config_history_plan_before(struct config_history *h, struct write_plan *plan,
	const struct config_entry *entry, const struct config_unconfirmed *unconfirmed, char *text)
{
	char name[ENTRY_NAME_LEN];

	h->last_number = entry->number;
	entry_name(entry->number, name);
	write_plan_add_new(
		plan, h->dir, name, DOCUMENT_MODE, text, text != NULL ? strlen(text) : 0);
	plan_index(h, plan, print_index(h, NULL, &h->unconfirmed, entry, unconfirmed));
}

void config_history_plan_after(struct config_history *h, struct write_plan *plan,
	const struct config_entry *entry, const struct config_unconfirmed *unconfirmed)
{
	plan_index(h, plan, print_index(h, entry, unconfirmed, NULL, NULL));
}

static void remove_document(int dir, uint64_t number)
{
	char name[ENTRY_NAME_LEN];

	entry_name(number, name);
	unlinkat(dir, name, 0);
}

struct old_documents {
	int dir;
	size_t cnt;
	uint64_t number[CONFIG_HISTORY_MAX + 1];
};

static void remove_documents(void *arg)
{
	struct old_documents *old = arg;

	for (size_t i = 0; i < old->cnt; i++)
		remove_document(old->dir, old->number[i]);
	free(old);
}

/* The first ones, which the index does not name any more. */
static void remove_first(const struct config_history *h, size_t cnt, struct helper_pool *disk)
{
	struct old_documents *old = cnt > 0 ? calloc(1, sizeof(*old)) : NULL;

	if (old == NULL)
		return;
	old->dir = h->dir;
	for (; old->cnt < cnt; old->cnt++)
		old->number[old->cnt] = h->entry[old->cnt].number;
	helper_release(disk, remove_documents, old);
}

void config_history_accept(struct config_history *h, struct helper_pool *disk,
	const struct config_entry *entry, const struct config_unconfirmed *unconfirmed)
{
	size_t first = first_kept(h);

	remove_first(h, first, disk);
	memmove(h->entry, h->entry + first, (h->cnt - first) * sizeof(h->entry[0]));
	h->cnt -= first;
	h->entry[h->cnt++] = *entry;
	h->unconfirmed = unconfirmed != NULL ? *unconfirmed : (struct config_unconfirmed){0};
}

/* The index as it is in memory. */
static int write_index(const struct config_history *h)
{
	char *text = print_index(h, NULL, &h->unconfirmed, NULL, NULL);
	int ret = -ENOMEM;

	if (text != NULL)
		ret = rk_file_replace(h->dir, INDEX, 0600, text, strlen(text));
	free(text);
	return ret;
}

/* A commit that could not be written takes its document away again, and says pending for ever. */
static bool has_document(const struct config_history *h, uint64_t number)
{
	char name[ENTRY_NAME_LEN];

	entry_name(number, name);
	return faccessat(h->dir, name, F_OK, 0) == 0;
}

void config_history_resolve(struct config_history *h, const char *digest)
{
	/* Written before the index came to speak of it. */
	remove_document(h->dir, config_history_next(h));
	if (h->pending.number == 0)
		return;
	if (strcmp(h->pending.digest, digest) == 0 && has_document(h, h->pending.number))
		config_history_accept(h, NULL, &h->pending, &h->pending_unconfirmed);
	else
		remove_document(h->dir, h->pending.number);
	h->pending.number = 0;
	if (write_index(h) < 0)
		log_warning("%s/%s could not be written: the next start finds the same again",
			FOLDER, INDEX);
}

void config_history_plan_confirm(struct config_history *h, struct write_plan *plan)
{
	plan_index(h, plan, print_index(h, NULL, NULL, NULL, NULL));
}

void config_history_confirm(struct config_history *h)
{
	h->unconfirmed.number = 0;
}
