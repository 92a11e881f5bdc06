/* SPDX-License-Identifier: BSD-3-Clause */
/* Between audit.c, which makes records, audit_disk.c and audit_read.c. */
#pragma once

#include <sys/types.h>

#include "control/audit.h"
#include "control/audit_chain.h"

#define AUDIT_NAME_LEN 24

/* Lines on their way to the disk; the disk thread's while is_writing. */
struct audit_batch {
	char *lines;
	size_t len; /* 0: none; after a failure they stay here and go first */
	size_t room;
	uint64_t last_seq;
	char head[128]; /* audit.head once they are written */
	int fd;         /* the audit's; -1: to be opened; another when the files were renamed */
	off_t size;     /* of the file without them */
	int dir;
	bool is_dir_due; /* a file was renamed or made */
	int error;
};

struct audit_waiter;

struct audit {
	struct daemon *daemon;
	struct event *flush_event;
	int fd;                 /* of the present file, until a batch is back; -1: to be opened */
	off_t size;             /* of it: whole lines, on disk */
	struct audit_link link; /* the last line that was made */
	char *waiting;          /* lines behind those of the batch */
	size_t waiting_len;
	size_t waiting_size;
	struct audit_batch batch;
	bool is_writing; /* the batch, by the disk thread */
	bool is_dir_due;
	struct audit_waiter *waiter; /* oldest first */
	uint64_t lost_cnt;
	uint64_t record_cnt;
	struct audit_actor actor;
};

/* Age 0 is the file being written. */
void audit_file_name(unsigned age, char out[AUDIT_NAME_LEN]);
/* The present file, made if need be. Any thread. 0 or -errno. */
int audit_open_file(int dir, int *fd, off_t *size) __attribute__((warn_unused_result));
/* What waits is written in so many seconds, unless it is already due. */
void audit_flush_in(struct audit *a, int seconds);
void audit_on_flush_due(evutil_socket_t fd, short what, void *audit);
int audit_read_head(int dir, struct audit_link *out) __attribute__((warn_unused_result));
/* After a verification: the alarm. "" = intact. */
void audit_tell_intact(struct audit *a, const char *problem);
