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

#include "control/alarms.h"
#include "control/audit_private.h"
#include "control/config.h"
#include "pki/view/file.h"

#define WAITING_MAX    ((size_t)1 << 20) /* then nothing more can be kept */
#define LINE_MAX_LEN   ((off_t)1 << 20)
#define AUDIT_TIME_LEN 32

static const struct alarm_spec damage_alarm = {"audit-damaged", AUDIT_FILE, ALARM_CRITICAL};

void audit_file_name(unsigned age, char out[AUDIT_NAME_LEN])
{
	if (age == 0)
		snprintf(out, AUDIT_NAME_LEN, "%s", AUDIT_FILE);
	else
		snprintf(out, AUDIT_NAME_LEN, "%s.%u", AUDIT_FILE, age);
}

int audit_read_head(int dir, struct audit_link *out)
{
	uint8_t *text = NULL;
	size_t len;
	int ret = rk_file_read(dir, AUDIT_HEAD_FILE, 128, &text, &len);

	if (ret == 0 && !audit_head_parse((const char *)text, len, out))
		ret = -EBADMSG;
	free(text);
	return ret;
}

/* ---- at start ---------------------------------------------------------------------------------- */

/* A crash may have cut the last line: it was never confirmed to anybody, and goes. */
static int drop_torn_line(struct audit *a, char *tail, size_t *len)
{
	size_t torn = 0;

	while (torn < *len && tail[*len - torn - 1] != '\n')
		torn++;
	if (torn == 0)
		return 0;
	log_warning("%s: a crash cut its last line: %zu bytes are dropped", AUDIT_FILE, torn);
	if (ftruncate(a->fd, a->size - (off_t)torn) < 0)
		return -errno;
	a->size -= (off_t)torn;
	*len -= torn;
	return 0;
}

/* Where the chain goes on: behind the last line of these. */
static void find_link(struct audit *a, const char *tail, size_t len)
{
	const char *line;
	size_t line_len;

	if (len == 0) {
		audit_link_first(&a->link);
		return;
	}
	line = memrchr(tail, '\n', len - 1);
	line = line != NULL ? line + 1 : tail;
	line_len = len - 1 - (size_t)(line - tail);
	if (audit_link_claim(line, line_len, &a->link)) {
		a->link.seq++;
		audit_hash(line, line_len, a->link.hash);
	} else {
		audit_link_first(&a->link);
	}
}

int audit_open_file(int dir, int *fd, off_t *size)
{
	int flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, opened, error;
	struct stat st;

	opened = openat(dir, AUDIT_FILE, flags, 0600);
	if (opened < 0 || fstat(opened, &st) < 0) {
		error = -errno;
		if (opened >= 0)
			close(opened);
		return error;
	}
	*fd = opened;
	*size = st.st_size;
	return 0;
}

/* The end of a file of this size; the caller frees *out. */
static int read_tail(int fd, off_t size, char **out, size_t *len)
{
	char *tail;

	*len = (size_t)(size < LINE_MAX_LEN ? size : LINE_MAX_LEN);
	tail = malloc(*len + 1);
	if (tail == NULL)
		return -ENOMEM;
	if (pread(fd, tail, *len, size - (off_t)*len) != (ssize_t)*len) {
		free(tail);
		return -EIO;
	}
	*out = tail;
	return 0;
}

/* The present file has no line yet: the chain goes on from the one before it. */
static void find_link_before(struct audit *a)
{
	char name[AUDIT_NAME_LEN], *tail = NULL;
	struct stat st;
	size_t len = 0;
	int fd;

	audit_file_name(1, name);
	fd = openat(a->daemon->state_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0 && read_tail(fd, st.st_size, &tail, &len) < 0)
		len = 0;
	if (fd >= 0)
		close(fd);
	find_link(a, tail, len);
	free(tail);
}

static int read_end(struct audit *a)
{
	char *tail = NULL;
	size_t len;
	int ret;

	ret = read_tail(a->fd, a->size, &tail, &len);
	if (ret == 0)
		ret = drop_torn_line(a, tail, &len);
	if (ret == 0 && len > 0)
		find_link(a, tail, len);
	else if (ret == 0)
		find_link_before(a);
	free(tail);
	return ret;
}

void audit_watch(struct audit *a)
{
	struct audit_link head;

	if (audit_read_head(a->daemon->state_fd, &head) == 0 && head.seq > a->link.seq)
		alarm_raise(a->daemon->alarms, &damage_alarm,
			"The audit log ends with record %llu, but record %llu had been written",
			(unsigned long long)a->link.seq, (unsigned long long)head.seq);
}

void audit_tell_intact(struct audit *a, const char *problem)
{
	if (problem[0] != '\0')
		alarm_raise(
			a->daemon->alarms, &damage_alarm, "The audit log is damaged: %s", problem);
	else
		alarm_clear(a->daemon->alarms, damage_alarm.kind, damage_alarm.source);
}

int audit_open(struct daemon *d, struct audit **out)
{
	struct audit *a = calloc(1, sizeof(*a));
	int ret;

	if (a == NULL)
		return -ENOMEM;
	a->daemon = d;
	a->fd = -1;
	a->flush_event = evtimer_new(d->base, audit_on_flush_due, a);
	ret = a->flush_event == NULL ? -ENOMEM : audit_open_file(d->state_fd, &a->fd, &a->size);
	a->is_dir_due = a->size == 0; /* made just now, maybe */
	if (ret == 0)
		ret = read_end(a);
	if (ret < 0) {
		log_error("%s: %s", AUDIT_FILE, strerror(-ret));
		audit_close(a);
		return ret;
	}
	*out = a;
	return 0;
}

void audit_close(struct audit *a)
{
	if (a == NULL)
		return;
	audit_flush(a);
	if (a->flush_event != NULL)
		event_free(a->flush_event);
	if (a->fd >= 0)
		close(a->fd);
	free(a->waiting);
	free(a->batch.lines);
	free(a);
}

/* ---- who ---------------------------------------------------------------------------------------- */

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

/* ---- records ------------------------------------------------------------------------------------ */

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

/* Room for a line of len bytes, its number, its hash and its newline; NULL: none left. */
static char *make_room(struct audit *a, size_t len)
{
	size_t need = a->waiting_len + len + AUDIT_HASH_LEN + 64;
	char *grown;

	if (need + a->batch.len > WAITING_MAX)
		return NULL;
	if (need > a->waiting_size) {
		grown = realloc(a->waiting, need * 2);
		if (grown == NULL)
			return NULL;
		a->waiting = grown;
		a->waiting_size = need * 2;
	}
	return a->waiting + a->waiting_len;
}

/* event: the object's text; number and hash go in front of its members. */
static bool append(struct audit *a, const char *event)
{
	char *line = make_room(a, strlen(event));
	size_t len;

	if (line == NULL)
		return false;
	len = (size_t)sprintf(line, "{\"seq\":%llu,\"prev\":\"%s\",%s",
		(unsigned long long)a->link.seq + 1, a->link.hash, event + 1);
	a->link.seq++;
	audit_hash(line, len, a->link.hash);
	line[len] = '\n';
	a->waiting_len += len + 1;
	a->record_cnt++;
	return true;
}

void audit_write_as(struct audit *a, const struct audit_actor *actor, const char *type,
	const char *description, json_t *detail)
{
	char when[AUDIT_TIME_LEN];
	json_t *event;
	char *text;

	format_now(when);
	event = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:o}", "time", when, "type",
		type, "node", a->daemon->config != NULL ? a->daemon->config->node : "",
		"description", description, "user", actor->user[0] != '\0' ? actor->user : "system",
		"address", actor->address, "request_id", actor->request_id, "permitted",
		!actor->is_denied, "detail", detail != NULL ? detail : json_object());
	text = event != NULL ? json_dumps(event, JSON_COMPACT) : NULL;
	if (text == NULL || !append(a, text)) {
		a->lost_cnt++;
		log_error("an event of type %s could not be recorded", type);
	}
	audit_flush_in(a, 0);
	free(text);
	json_decref(event);
}

void audit_write(struct audit *a, const char *type, const char *description, json_t *detail)
{
	audit_write_as(a, &a->actor, type, description, detail);
}

uint64_t audit_count(const struct audit *a)
{
	return a->record_cnt;
}

size_t audit_waiting(const struct audit *a)
{
	return a->waiting_len + a->batch.len;
}
