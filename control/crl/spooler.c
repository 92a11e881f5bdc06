/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/crl/spooler.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/crl/spool.h"

struct buffer {
	struct spooler *owner;
	size_t len;
	bool is_first; /* nothing that was written before counts */
	bool is_out;   /* the helper's */
	int error;     /* of it, or of one before it */
	uint8_t data[SPOOLER_BYTES];
};

struct spooler {
	struct helper_pool *pool;
	int dir_fd;
	void (*moved)(void *arg);
	void *arg;
	unsigned filling; /* that buffer is next, unless it is out */
	unsigned out_cnt;
	bool is_begun;     /* something was taken */
	bool is_restarted; /* the next buffer is the first */
	int error;         /* the loop's copy */

	/* The helper's while a buffer is out. */
	int fd; /* -1 before the first buffer */
	int write_error;

	struct buffer buffer[2];
};

struct spooler *spooler_new(
	struct helper_pool *pool, int dir_fd, void (*moved)(void *arg), void *arg)
{
	struct spooler *s = malloc(sizeof(*s)); /* of which the pages that are used are there */

	if (s == NULL)
		return NULL;
	memset(s, 0, offsetof(struct spooler, buffer));
	s->pool = pool;
	s->dir_fd = dir_fd;
	s->moved = moved;
	s->arg = arg;
	s->fd = -1;
	for (int i = 0; i < 2; i++) {
		s->buffer[i].owner = s;
		s->buffer[i].len = 0;
		s->buffer[i].is_out = false;
	}
	return s;
}

void spooler_free(struct spooler *s)
{
	if (s != NULL && s->fd >= 0)
		close(s->fd);
	free(s);
}

/* ---- in the helper ------------------------------------------------------------------------------ */

static int write_buffer(struct spooler *s, const struct buffer *b)
{
	if (s->fd < 0)
		s->fd = spool_open(s->dir_fd);
	if (s->fd < 0)
		return s->fd;
	if (b->is_first && (ftruncate(s->fd, 0) < 0 || lseek(s->fd, 0, SEEK_SET) < 0))
		return -errno;
	return spool_write(&s->fd, b->data, b->len);
}

static void write_work(void *arg)
{
	struct buffer *b = arg;
	struct spooler *s = b->owner;

	if (s->write_error == 0)
		s->write_error = write_buffer(s, b);
	b->error = s->write_error;
}

/* ---- in the loop -------------------------------------------------------------------------------- */

static void on_written(void *arg)
{
	struct buffer *b = arg;
	struct spooler *s = b->owner;

	b->is_out = false;
	b->len = 0;
	s->out_cnt--;
	if (s->error == 0)
		s->error = b->error;
	s->moved(s->arg);
}

static void hand_over(struct spooler *s)
{
	struct buffer *b = &s->buffer[s->filling];
	int ret;

	b->is_first = s->is_restarted;
	b->is_out = true;
	s->out_cnt++;
	ret = helper_run(s->pool, write_work, on_written, b);
	if (ret == 0) {
		s->is_restarted = false;
		s->filling = 1 - s->filling;
		return;
	}
	b->is_out = false;
	s->out_cnt--;
	s->error = ret;
}

int spooler_take(struct spooler *s, const void *data, size_t len)
{
	struct buffer *b = &s->buffer[s->filling];

	if (len > sizeof(b->data))
		return -EMSGSIZE;
	if (s->error == 0 && !b->is_out && len > sizeof(b->data) - b->len) {
		hand_over(s);
		b = &s->buffer[s->filling];
	}
	if (s->error < 0 || b->is_out)
		return s->error < 0 ? s->error : -EAGAIN;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	s->is_begun = true;
	return 0;
}

void spooler_restart(struct spooler *s)
{
	struct buffer *b = &s->buffer[s->filling];

	if (!b->is_out)
		b->len = 0;
	s->is_restarted = s->is_begun;
}

void spooler_finish(struct spooler *s)
{
	struct buffer *b = &s->buffer[s->filling];

	if (s->error == 0 && !b->is_out && b->len > 0)
		hand_over(s);
}

bool spooler_is_busy(const struct spooler *s)
{
	return s->out_cnt > 0;
}

int spooler_error(const struct spooler *s)
{
	return s->error;
}

int spooler_take_file(struct spooler *s)
{
	int fd = s->fd;

	if (s->is_restarted) /* and nothing came since */
		return -1;
	s->fd = -1;
	return fd;
}
