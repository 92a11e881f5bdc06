/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The audit log on its way to the disk. A batch of lines is written and synced at a time: by the
 * disk thread, or by whoever cannot wait for the loop (audit_flush). The order of the lines is that
 * of the batches, and a batch that failed goes again before anything newer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/alarms.h"
#include "control/audit_private.h"
#include "control/helper.h"
#include "pki/view/file.h"

#define RETRY_SECONDS 5
#define WAITING_FULL  ((size_t)256 << 10) /* then changes are refused */

static const struct alarm_spec write_alarm = {"audit-write", AUDIT_FILE, ALARM_CRITICAL};

struct audit_waiter {
	struct audit_waiter *next;
	uint64_t seq; /* of the last line it waits for */
	void (*cb)(void *arg);
	void *arg;
};

/* ---- a batch ------------------------------------------------------------------------------------ */

/* .9 goes, each of the others becomes one older, and a new file begins. */
static int rotate(struct audit_batch *b)
{
	char from[AUDIT_NAME_LEN], to[AUDIT_NAME_LEN];

	b->is_dir_due = true;
	for (unsigned age = AUDIT_FILE_CNT - 1; age > 0; age--) {
		audit_file_name(age - 1, from);
		audit_file_name(age, to);
		if (renameat(b->dir, from, b->dir, to) < 0 && errno != ENOENT)
			return -errno;
	}
	b->fd = -1; /* the audit still reads there */
	return 0;
}

/* A file to write to. */
static int prepare(struct audit_batch *b)
{
	int ret = 0;

	if (b->fd >= 0 && b->size > AUDIT_FILE_LIMIT)
		ret = rotate(b);
	if (ret == 0 && b->fd < 0) {
		ret = audit_open_file(b->dir, &b->fd, &b->size);
		b->is_dir_due = true;
	}
	if (ret == 0 && b->is_dir_due && fsync(b->dir) < 0)
		ret = -errno;
	return ret;
}

/* What waits becomes the batch, unless one that failed still is. */
static void begin_batch(struct audit *a)
{
	struct audit_batch *b = &a->batch;
	char *lines = b->lines;
	size_t room = b->room;

	if (b->len == 0) {
		b->lines = a->waiting;
		b->len = a->waiting_len;
		b->room = a->waiting_size;
		a->waiting = lines;
		a->waiting_len = 0;
		a->waiting_size = room;
		b->last_seq = a->link.seq;
		snprintf(b->head, sizeof(b->head), "%llu %s\n", (unsigned long long)a->link.seq,
			a->link.hash);
	}
	b->fd = a->fd;
	b->size = a->size;
	b->dir = a->daemon->state_fd;
	b->is_dir_due = a->is_dir_due;
}

static int write_lines(const struct audit_batch *b)
{
	size_t done = 0;
	ssize_t n;
	int ret = 0;

	while (done < b->len && ret == 0) {
		n = write(b->fd, b->lines + done, b->len - done);
		if (n < 0 && errno != EINTR)
			ret = -errno;
		else if (n > 0)
			done += (size_t)n;
	}
	if (ret == 0 && fdatasync(b->fd) < 0)
		ret = -errno;
	/* Whole lines or none: what was written of them is written again. */
	if (ret < 0 && ftruncate(b->fd, b->size) < 0)
		log_error("%s: %s", AUDIT_FILE, strerror(errno));
	return ret;
}

/* Any thread: touches the batch alone. */
static void write_batch(void *arg)
{
	struct audit_batch *b = &((struct audit *)arg)->batch;
	int ret;

	b->error = prepare(b);
	if (b->error == 0)
		b->error = write_lines(b);
	if (b->error < 0)
		return;
	ret = rk_file_replace(b->dir, AUDIT_HEAD_FILE, 0600, b->head, strlen(b->head));
	if (ret < 0) /* the lines are safe */
		log_error("%s: %s", AUDIT_HEAD_FILE, strerror(-ret));
}

/* Written or not: the file that it left. */
static void take_back(struct audit *a)
{
	const struct audit_batch *b = &a->batch;

	if (a->fd >= 0 && a->fd != b->fd)
		close(a->fd);
	a->fd = b->fd;
	a->size = b->size;
	a->is_dir_due = b->is_dir_due;
}

/* Those that wait for nothing newer than this. */
static void give_waiters(struct audit *a, uint64_t seq)
{
	struct audit_waiter *w;

	while ((w = a->waiter) != NULL && w->seq <= seq) {
		a->waiter = w->next;
		w->cb(w->arg);
		free(w);
	}
}

static void fail(struct audit *a, int error)
{
	log_error("%s cannot be written: %s", AUDIT_FILE, strerror(-error));
	audit_flush_in(a, RETRY_SECONDS);
	if (a->daemon->alarms != NULL)
		alarm_raise(a->daemon->alarms, &write_alarm, "The audit log cannot be written: %s",
			strerror(-error));
	give_waiters(a, UINT64_MAX);
}

static void succeed(struct audit *a)
{
	uint64_t lost_cnt = a->lost_cnt;

	a->size += (off_t)a->batch.len;
	a->batch.len = 0;
	a->is_dir_due = false;
	a->lost_cnt = 0;
	if (lost_cnt > 0)
		audit_write(a, "audit.lost", "Events could not be recorded.",
			json_pack("{s:I}", "count", (json_int_t)lost_cnt));
	if (a->daemon->alarms != NULL)
		alarm_clear(a->daemon->alarms, write_alarm.kind, write_alarm.source);
	give_waiters(a, a->batch.last_seq);
}

/* ---- by the disk thread ------------------------------------------------------------------------- */

static void start(struct audit *a);

static void on_written(void *arg)
{
	struct audit *a = arg;

	a->is_writing = false;
	take_back(a);
	if (a->batch.error == -ECANCELED) /* it never ran: audit_close does it */
		return;
	if (a->batch.error < 0) {
		fail(a, a->batch.error);
		return;
	}
	succeed(a);
	if (a->waiting_len > 0)
		start(a);
}

static void start(struct audit *a)
{
	event_del(a->flush_event);
	if (a->is_writing || audit_waiting(a) == 0)
		return;
	begin_batch(a);
	a->batch.error = -ECANCELED;
	if (a->daemon->disk != NULL && helper_run(a->daemon->disk, write_batch, on_written, a) == 0)
		a->is_writing = true;
	else
		audit_flush(a);
}

void audit_flush_in(struct audit *a, int seconds)
{
	const struct timeval limit = {.tv_sec = seconds};

	if (!event_pending(a->flush_event, EV_TIMEOUT, NULL))
		event_add(a->flush_event, &limit);
}

void audit_on_flush_due(evutil_socket_t fd, short what, void *audit)
{
	(void)fd;
	(void)what;
	start(audit);
}

void audit_when_written(struct audit *a, void (*cb)(void *arg), void *arg)
{
	struct audit_waiter *w = malloc(sizeof(*w)), **end = &a->waiter;

	if (w == NULL) {
		audit_flush(a);
		cb(arg);
		return;
	}
	*w = (struct audit_waiter){.seq = a->link.seq, .cb = cb, .arg = arg};
	while (*end != NULL)
		end = &(*end)->next;
	*end = w;
	if (audit_waiting(a) == 0)
		give_waiters(a, a->link.seq);
	else
		start(a);
}

/* ---- at once ------------------------------------------------------------------------------------ */

void audit_flush(struct audit *a)
{
	const uint64_t last = a->link.seq;

	if (a->is_writing)
		helper_pool_drain(a->daemon->disk);
	event_del(a->flush_event);
	/* Lines made meanwhile, of an alarm that ends, go with the next batch. */
	while (a->batch.len > 0 || (a->waiting_len > 0 && a->batch.last_seq < last)) {
		begin_batch(a);
		write_batch(a);
		take_back(a);
		if (a->batch.error < 0) {
			fail(a, a->batch.error);
			return;
		}
		succeed(a);
	}
}

bool audit_is_full(const struct audit *a)
{
	return audit_waiting(a) > WAITING_FULL;
}
