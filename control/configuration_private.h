/* SPDX-License-Identifier: BSD-3-Clause */
/* What the pieces of the configuration service share; nobody else includes it. */
#pragma once

#include <sys/queue.h>

#include "control/audit.h"
#include "control/config_history.h"
#include "control/configuration.h"
#include "control/trust.h"
#include "control/write_plan.h"

#define EDITORS_MAX 8
/* The code of the finding about a file that is good and could not be kept in the history. */
#define CONFIG_NOT_WRITTEN "not-written"

struct configuration {
	struct daemon *daemon;
	struct config_history *history;
	uint64_t number;   /* of the running configuration */
	json_t *candidate; /* NULL: as the running one */
	bool is_stranded;  /* the running one changed where the candidate did, too */
	char editor[EDITORS_MAX][64];
	size_t editor_cnt;
	bool is_saved;                           /* a restart finds the candidate as it is */
	uint64_t save_cnt;                       /* tries so far: the last one counts */
	struct candidate_change *change;         /* of the candidate, under way on a helper; NULL */
	struct candidate_change *carrying;       /* the next one, before all others; NULL */
	STAILQ_HEAD(, candidate_change) changes; /* waiting */
	struct commit *commit;                   /* under way, or NULL */
	bool is_confirming;                      /* a helper writes that it is confirmed */
	bool is_reload_due;                      /* when that is done */
	struct event *confirm_timer;
	bool is_wait_guessed; /* by a clock that cannot be right: it was behind when the timer was set */
	struct event *retry_timer; /* a good file could not be kept in the history */
};

/* Who wants the candidate changed. */
struct candidate_wish {
	const char *user;
	answer_cb cb;
	void *arg;
};

enum commit_kind { COMMIT_CANDIDATE, COMMIT_ROLLBACK, COMMIT_ITEM, COMMIT_FILE, COMMIT_TRIAL };

/* One change of the running configuration, from the question to the answer. */
struct commit {
	struct configuration *configuration; /* NULL until it is started */
	enum commit_kind kind;
	json_t *asked;    /* the document that somebody wants */
	json_t *document; /* to be put in force: that one, made whole; immutable */
	struct config_entry entry;
	struct config_unconfirmed unconfirmed;
	unsigned confirm_timeout_sec; /* 0 = at once */
	uint64_t restored;            /* that entry of the history is to be put in force; 0 */
	bool is_same;                 /* rekey.json as it was: only what it names is read again */
	char item[64];
	const char *audit_type;
	const char *audit_text;
	struct audit_actor actor;
	answer_cb cb; /* NULL: nobody waits */
	void *arg;
	/* What the helper finds. */
	int config_dir; /* the daemon's */
	int pki_dir;
	int ret;
	bool is_lost;    /* restored cannot be read */
	char *file_text; /* COMMIT_FILE: of rekey.json */
	size_t file_len;
	struct config_report report;
	struct config *config;
	char *text;
	struct trust_change *trust;
	uint64_t trust_generation; /* in force with it */
	struct write_plan plan;
	size_t vital_cnt; /* steps of the plan without which it does not count */
};

/* The running document. */
json_t *configuration_running(const struct configuration *c);
/*
 * candidate.c: the candidate lives in memory, and in STATE/candidate.json as what it changes, so
 * that a restart finds it: written by a helper after each change, before the answer is given when
 * the disk is not behind. A damaged file is set aside as candidate.damaged (said in the log).
 */
/* The candidate's document, or the running one. Borrowed. */
json_t *candidate_document(const struct configuration *c);
/* There is one that differs from the running one. */
bool candidate_is_changed(const struct configuration *c);
/* Takes document, which differs from the running one if is_changed. user: who edits; or NULL. */
void candidate_set(struct configuration *c, json_t *document, bool is_changed, const char *user);
/* The running one has changed where the candidate did: it cannot be committed. */
void candidate_strand(struct configuration *c);
/* What leads from one document to the other, as operations; NULL = no memory. Any thread. */
json_t *candidate_operations(json_t *from, json_t *to);
/* Nothing is edited any more. */
void candidate_clear(struct configuration *c);
/*
 * Edits that were made on before, which was running, are made on what is running now, by a helper;
 * carried() is told when that is done, maybe at once. One at a time. edit.c
 */
void candidate_carry(
	struct configuration *c, json_t *before, void (*carried)(void *arg), void *arg);
/* At start, when it is known what is running. */
void candidate_load(struct configuration *c);

/* [{"path", "code", "message"}] of the report's errors, or its warnings. */
json_t *configuration_findings(const struct config_report *report, bool are_warnings);
/* The document with the running list of users when it has none of its own; NULL = no memory. */
json_t *configuration_keep_users(json_t *document, json_t *running)
	__attribute__((warn_unused_result));
/* The same for the list of trusted CA certificates, too. */
json_t *configuration_complete(json_t *document, json_t *running)
	__attribute__((warn_unused_result));
extern const char *const configuration_user_path[3];
/* Something is being put in force, or confirmed: one at a time. */
bool configuration_is_busy(const struct configuration *c);
/* rekey.json is read again in a while. */
void configuration_reload_later(struct configuration *c);
/* Starts the commit, or answers why not. Takes m. */
void commit_start(struct configuration *c, struct commit *m);
struct commit *commit_new(
	struct configuration *c, enum commit_kind kind, json_t *document, answer_cb cb, void *arg);
void commit_refuse(struct commit *m, int status, const char *code, const char *text);
/* The timer of an unconfirmed commit, by the history. */
void configuration_arm(struct configuration *c);
