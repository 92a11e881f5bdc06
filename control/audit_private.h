/* SPDX-License-Identifier: BSD-3-Clause */
/* Between audit.c, which writes, and audit_read.c. */
#pragma once

#include <sys/types.h>

#include "control/audit.h"
#include "control/audit_chain.h"

#define AUDIT_NAME_LEN 24

struct audit {
	struct daemon *daemon;
	struct event *flush_event;
	int fd;                 /* of the present file; -1: to be opened */
	off_t size;             /* of it, whole lines */
	struct audit_link link; /* the last line that was made */
	char *waiting;          /* lines that are not on disk yet */
	size_t waiting_len;
	size_t waiting_size;
	uint64_t lost_cnt;
	uint64_t record_cnt;
	struct audit_actor actor;
};

/* Age 0 is the file being written. */
void audit_file_name(unsigned age, char out[AUDIT_NAME_LEN]);
int audit_read_head(int dir, struct audit_link *out) __attribute__((warn_unused_result));
/* After a verification: the alarm. "" = intact. */
void audit_tell_intact(struct audit *a, const char *problem);
