/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every configuration that was in force, numbered, in STATE/config: N.json is the document, and
 * index.json says who put it in force, when and why. The newest entry is the running configuration
 * whenever the digest in it is CONFIG/rekey.json's; otherwise somebody edited that file.
 *
 * Guarantees: (1) an entry's document is on disk before the index names it; (2) a commit stands in
 * the index as pending before rekey.json is replaced, and as an entry afterwards: after a crash in
 * between the digest of rekey.json tells which of the two is true; (3) bounded: the oldest go.
 * Loop thread; config_history_read any.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/write_plan.h"

#define CONFIG_HISTORY_MAX   50
#define CONFIG_HISTORY_BYTES (UINT64_C(256) << 20)
#define CONFIG_DIGEST_LEN    64
#define CONFIG_COMMENT_MAX   200

struct config_entry {
	uint64_t number;
	int64_t time;
	uint64_t size; /* of the document */
	char user[64]; /* empty: the daemon itself */
	char from[64];
	char comment[CONFIG_COMMENT_MAX + 1];
	char origin[16];                    /* "commit", "rollback", "item", "file" */
	char digest[CONFIG_DIGEST_LEN + 1]; /* SHA-256 of rekey.json's bytes, hex */
};

/* A commit that ends by itself unless it is confirmed. */
struct config_unconfirmed {
	uint64_t number; /* 0 = none */
	uint64_t previous;
	int64_t deadline; /* seconds since 1970 */
};

struct config_history;

/* A damaged index is put aside as index.damaged (said in the log): the history begins anew. */
int config_history_open(int state_fd, struct config_history **out)
	__attribute__((warn_unused_result));
void config_history_close(struct config_history *h); /* NULL is fine */

size_t config_history_cnt(const struct config_history *h);
/* 0 = the newest. Borrowed until the next change. */
const struct config_entry *config_history_at(const struct config_history *h, size_t i);
const struct config_entry *config_history_find(const struct config_history *h, uint64_t number);
/* A number never given before. */
uint64_t config_history_next(const struct config_history *h);
/* The document, the caller's. 0, -ENOENT, -EINVAL when damaged, -errno. */
int config_history_read(const struct config_history *h, uint64_t number, json_t **out)
	__attribute__((warn_unused_result));
const struct config_unconfirmed *config_history_unconfirmed(const struct config_history *h);
/* After a crash: the pending entry became true if this is rekey.json's digest. */
void config_history_resolve(struct config_history *h, const char *digest);

/*
 * The steps of a new entry in a plan: before adds the document and the index with the entry
 * pending, to be followed by rekey.json; after adds the index with it as the newest. When the plan
 * was carried out, accept puts it in memory, and has what is too old removed: by disk, whose jobs end
 * before the history is closed, or at once (NULL).
 */
void config_history_plan_before(struct config_history *h, struct write_plan *plan,
	const struct config_entry *entry, const struct config_unconfirmed *unconfirmed, char *text);
void config_history_plan_after(struct config_history *h, struct write_plan *plan,
	const struct config_entry *entry, const struct config_unconfirmed *unconfirmed);
struct helper_pool;
void config_history_accept(struct config_history *h, struct helper_pool *disk,
	const struct config_entry *entry, const struct config_unconfirmed *unconfirmed);
/* What says that nothing is left unconfirmed; and, when that is written, that it is so. */
void config_history_plan_confirm(struct config_history *h, struct write_plan *plan);
void config_history_confirm(struct config_history *h);

/* Hex SHA-256. 0 or -EIO. */
int config_digest(const void *data, size_t len, char out[CONFIG_DIGEST_LEN + 1])
	__attribute__((warn_unused_result));
json_t *config_entry_json(const struct config_entry *e);
