/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/config.h"

#define AUDIT_FILE          "audit.jsonl"
#define AUDIT_FILE_PREVIOUS "audit.jsonl.1"
#define AUDIT_FILE_MAX      ((off_t)64 << 20) /* then it becomes the previous one */
#define AUDIT_TAIL_MAX      ((off_t)4 << 20)  /* bytes looked at by audit_tail */
#define AUDIT_TIME_LEN      32

struct audit {
	struct daemon *daemon;
	int fd;
	off_t size;
	struct audit_actor actor;
};

/* A crash may have cut the last line: the next one starts on its own. */
static int end_last_line(int fd, off_t *size)
{
	struct stat st;
	char last = '\n';

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) != 1)
		return -EIO;
	if (last != '\n' && write(fd, "\n", 1) != 1)
		return -EIO;
	*size = st.st_size + (last != '\n');
	return 0;
}

static int open_file(struct audit *a)
{
	int ret;

	a->fd = openat(a->daemon->state_fd, AUDIT_FILE,
		O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (a->fd < 0)
		return -errno;
	ret = end_last_line(a->fd, &a->size);
	if (ret < 0) {
		close(a->fd);
		a->fd = -1;
	}
	return ret;
}

int audit_open(struct daemon *d, struct audit **out)
{
	struct audit *a = calloc(1, sizeof(*a));
	int ret;

	if (a == NULL)
		return -ENOMEM;
	a->daemon = d;
	ret = open_file(a);
	if (ret < 0) {
		log_error("%s: %s", AUDIT_FILE, strerror(-ret));
		free(a);
		return ret;
	}
	*out = a;
	return 0;
}

void audit_close(struct audit *a)
{
	if (a == NULL)
		return;
	if (a->fd >= 0)
		close(a->fd);
	free(a);
}

void audit_set_actor(struct audit *a, const struct audit_actor *actor)
{
	if (actor != NULL)
		a->actor = *actor;
	else
		memset(&a->actor, 0, sizeof(a->actor));
}

struct audit_actor audit_actor(const struct audit *a)
{
	return a->actor;
}

static void format_now(char out[AUDIT_TIME_LEN])
{
	struct timespec now;
	struct tm tm;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = strftime(out, AUDIT_TIME_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + len, AUDIT_TIME_LEN - len, ".%03uZ",
		(unsigned)(now.tv_nsec / 1000000) % 1000);
}

static void write_line(struct audit *a, const char *line, size_t len)
{
	if (a->size > AUDIT_FILE_MAX && renameat(a->daemon->state_fd, AUDIT_FILE,
						a->daemon->state_fd, AUDIT_FILE_PREVIOUS) == 0) {
		close(a->fd);
		a->fd = -1;
	}
	if (a->fd < 0 && open_file(a) < 0) {
		log_error("%s cannot be opened: %s", AUDIT_FILE, strerror(errno));
		return;
	}
	if (write(a->fd, line, len) != (ssize_t)len || fdatasync(a->fd) < 0)
		log_error("%s cannot be written: %s", AUDIT_FILE, strerror(errno));
	a->size += (off_t)len;
}

void audit_write_as(struct audit *a, const struct audit_actor *actor, const char *type,
	const char *description, json_t *detail)
{
	char when[AUDIT_TIME_LEN];
	json_t *event;
	char *line;
	size_t len;

	format_now(when);
	event = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:o}", "time", when, "type",
		type, "node", a->daemon->config != NULL ? a->daemon->config->node : "",
		"description", description, "user", actor->user[0] != '\0' ? actor->user : "system",
		"address", actor->address, "request_id", actor->request_id, "permitted",
		!actor->is_denied, "detail", detail != NULL ? detail : json_object());
	line = event != NULL ? json_dumps(event, JSON_COMPACT) : NULL;
	if (line != NULL) {
		len = strlen(line);
		line[len] = '\n'; /* in place of the NUL: written as len + 1 bytes */
		write_line(a, line, len + 1);
	} else {
		log_error("an event of type %s could not be recorded", type);
	}
	free(line);
	json_decref(event);
}

void audit_write(struct audit *a, const char *type, const char *description, json_t *detail)
{
	audit_write_as(a, &a->actor, type, description, detail);
}

json_t *audit_tail(const struct audit *a, size_t count)
{
	json_t *list = json_array();
	off_t from = a->size > AUDIT_TAIL_MAX ? a->size - AUDIT_TAIL_MAX : 0;
	size_t len = (size_t)(a->size - from), end = len;
	char *text = malloc(len + 1);
	json_t *event;

	if (list == NULL || text == NULL || pread(a->fd, text, len, from) != (ssize_t)len) {
		free(text);
		return list;
	}
	while (end > 0 && json_array_size(list) < count) {
		size_t start = --end; /* the line's own newline */

		while (start > 0 && text[start - 1] != '\n')
			start--;
		event = json_loadb(text + start, end - start, 0, NULL);
		if (event != NULL)
			json_array_append_new(list, event);
		end = start;
	}
	free(text);
	return list;
}
