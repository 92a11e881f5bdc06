/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files to be written one after the other, each replaced whole: what is decided on the loop thread
 * is carried out by a helper. The order is the plan's meaning: a crash or a failure after any of
 * them leaves the first ones new and the rest old. One thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define WRITE_PLAN_MAX 6

struct write_step {
	int dir;
	mode_t mode;
	char name[64];
	char *text; /* owned */
	size_t len;
	bool is_new; /* no file of that name was there: write_plan_undo removes it */
};

struct write_plan {
	struct write_step step[WRITE_PLAN_MAX];
	size_t cnt;
	size_t done_cnt; /* after write_plan_run */
};

/* Takes text, which may be NULL: then the plan is marked as one that cannot be run. */
void write_plan_add(
	struct write_plan *p, int dir, const char *name, mode_t mode, char *text, size_t len);
/* The same for a file that only this plan needs. */
void write_plan_add_new(
	struct write_plan *p, int dir, const char *name, mode_t mode, char *text, size_t len);
/* 0, or the first failure: -errno, with done_cnt steps done. */
int write_plan_run(struct write_plan *p) __attribute__((warn_unused_result));
/* After a failure: the new files go again, as far as the disk lets them. */
void write_plan_undo(const struct write_plan *p);
void write_plan_fini(struct write_plan *p);
