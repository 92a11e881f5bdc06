/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared by verdicts.c (what is kept), verdicts_load.c (at start), verdicts_save.c (its files) and
 * verdicts_judge.c (the judging in helpers).
 */
#pragma once

#include <sys/queue.h>

#include "control/verdicts.h"

#define BUCKET_CNT        4096
#define VERDICTS_FOLDER   "verdicts"
#define VERDICTS_SUFFIX   ".der"
#define VERDICTS_NAME_LEN (RK_FINGERPRINT_LEN * 2 + sizeof(VERDICTS_SUFFIX))

struct record {
	LIST_ENTRY(record) in_bucket;
	TAILQ_ENTRY(record) in_age; /* of its kind, oldest first */
	bool is_confirmed;
	struct rk_verdict verdict;
	size_t der_len;
	uint8_t der[];
};
LIST_HEAD(bucket, record);
TAILQ_HEAD(age_list, record);
STAILQ_HEAD(change_list, change);

struct verdicts {
	struct daemon *daemon;
	int dir;
	struct bucket bucket[BUCKET_CNT];
	struct age_list confirmed, pending;
	size_t confirmed_cnt, pending_cnt;
	unsigned asking_cnt;         /* VALIDATEs with the helpers */
	struct rejudging *rejudging; /* prepared, not yet adopted; or under way */
	bool is_judging_dates;
	struct change_list changes; /* of the folder, not yet with the disk thread */
	bool is_saving;
};

/* NULL = not known. */
struct record *verdicts_find_record(const struct verdicts *v, const uint8_t *fingerprint);
/* Copies der; the oldest of its kind makes room. NULL = no memory. */
struct record *verdicts_add_record(struct verdicts *v, struct rk_span der,
	const struct rk_verdict *verdict, bool is_confirmed);
void verdicts_unlink_record(struct verdicts *v, struct record *r);
/* At start: the folder's certificates, judged. 0 or -errno. */
int verdicts_load(struct verdicts *v) RK_MUST_CHECK;
/* "FINGERPRINT.der" */
void verdicts_file_name(const uint8_t *fingerprint, char out[VERDICTS_NAME_LEN]);
/* The disk thread writes the record's file, or removes it, after what was asked for before. */
void verdicts_keep_file(struct verdicts *v, const struct record *r);
void verdicts_drop_file(struct verdicts *v, const struct record *r);
/* Hands over what waits. */
void verdicts_save(struct verdicts *v);
/* At the end: blocks until all of it is done. */
void verdicts_finish_saving(struct verdicts *v);
void verdicts_drop_rejudging(struct rejudging *j); /* NULL is fine */
