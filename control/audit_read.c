/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading the audit log: its end, and all of it against its chain. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/audit_private.h"
#include "control/helper.h"

#define TAIL_MAX ((size_t)4 << 20) /* bytes of a file looked at by audit_tail */

/* ---- the end ------------------------------------------------------------------------------------ */

/* The last lines of text, newest first, until list has count. */
static void take_lines(json_t *list, const char *text, size_t end, size_t count)
{
	json_t *event;

	while (end > 0 && json_array_size(list) < count) {
		size_t start = --end; /* the line's own newline */

		while (start > 0 && text[start - 1] != '\n')
			start--;
		event = json_loadb(text + start, end - start, 0, NULL);
		if (event != NULL)
			json_array_append_new(list, event);
		end = start;
	}
}

/* Of its first size bytes. */
static void take_file(json_t *list, int fd, off_t size, size_t count)
{
	struct stat st;
	char *text;
	size_t len;

	if (fstat(fd, &st) < 0)
		return;
	if (size > st.st_size)
		size = st.st_size;
	len = (size_t)size < TAIL_MAX ? (size_t)size : TAIL_MAX;
	text = malloc(len + 1);
	if (text != NULL && pread(fd, text, len, size - (off_t)len) == (ssize_t)len)
		take_lines(list, text, len, count);
	free(text);
}

static int open_age(const struct audit *a, unsigned age)
{
	char name[AUDIT_NAME_LEN];

	audit_file_name(age, name);
	return openat(a->daemon->state_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

json_t *audit_tail(const struct audit *a, size_t count)
{
	json_t *list = json_array();

	take_lines(list, a->waiting, a->waiting_len, count);
	take_lines(list, a->batch.lines, a->batch.len, count);
	/* What the present file has beyond its size is the batch, being written. */
	if (a->fd >= 0 && json_array_size(list) < count)
		take_file(list, a->fd, a->size, count);
	if (a->is_writing && a->size > AUDIT_FILE_LIMIT) /* the others get new names just now */
		return list;
	for (unsigned age = 1; age < AUDIT_FILE_CNT && json_array_size(list) < count; age++) {
		int fd = open_age(a, age);

		if (fd < 0)
			break;
		take_file(list, fd, INT64_MAX, count);
		close(fd);
	}
	return list;
}

/* ---- all of it ---------------------------------------------------------------------------------- */

/* The files as they are when it is asked: they may be renamed and appended to meanwhile. */
struct verification {
	struct audit *audit;
	int fd[AUDIT_FILE_CNT]; /* by age; -1: none */
	size_t len[AUDIT_FILE_CNT];
	unsigned file_cnt;
	struct audit_link head;
	bool has_head;
	struct audit_check check;
	bool is_done;
	answer_cb cb;
	void *arg;
};

static void check_age(struct verification *v, unsigned age)
{
	char name[AUDIT_NAME_LEN];
	void *text;

	if (v->fd[age] < 0 || v->len[age] == 0)
		return;
	audit_file_name(age, name);
	text = mmap(NULL, v->len[age], PROT_READ, MAP_PRIVATE, v->fd[age], 0);
	if (text == MAP_FAILED) {
		snprintf(v->check.problem, sizeof(v->check.problem), "%s: %s", name,
			strerror(errno));
		return;
	}
	audit_check_file(&v->check, v->has_head ? &v->head : NULL, name, text, v->len[age]);
	munmap(text, v->len[age]);
}

static void verify_work(void *arg)
{
	struct verification *v = arg;

	for (unsigned age = AUDIT_FILE_CNT; age-- > 0;)
		if (v->check.problem[0] == '\0')
			check_age(v, age);
	if (v->check.problem[0] == '\0' && v->has_head && !v->check.is_head_seen)
		snprintf(v->check.problem, sizeof(v->check.problem),
			"record %llu, which had been written, is missing or was changed",
			(unsigned long long)v->head.seq);
	v->is_done = true;
}

static void end_verification(struct verification *v, struct answer *a)
{
	v->cb(v->arg, a);
	answer_fini(a);
	for (unsigned age = 0; age < AUDIT_FILE_CNT; age++)
		if (v->fd[age] >= 0)
			close(v->fd[age]);
	free(v);
}

static void on_verified(void *arg)
{
	struct verification *v = arg;
	const struct audit_check *c = &v->check;
	bool is_intact = c->problem[0] == '\0';
	struct answer a;

	if (!v->is_done) {
		answer_error(&a, 503, "shutting-down", NULL, "the daemon is stopping");
		end_verification(v, &a);
		return;
	}
	audit_tell_intact(v->audit, c->problem);
	answer_ok(&a, json_pack("{s:b, s:I, s:I, s:I, s:s, s:i, s:s?}", "is_intact", is_intact,
			      "records", (json_int_t)c->record_cnt, "first", (json_int_t)c->first,
			      "last", (json_int_t)c->at.seq, "head", c->at.hash, "files",
			      (int)v->file_cnt, "problem", is_intact ? NULL : c->problem));
	end_verification(v, &a);
}

/* The files as they stand: nothing is being written, or it lies behind what is looked at. */
static void begin_verification(void *arg)
{
	struct verification *v = arg;
	struct audit *a = v->audit;
	struct answer busy;
	struct stat st;

	v->has_head = audit_read_head(a->daemon->state_fd, &v->head) == 0;
	for (unsigned age = 0; age < AUDIT_FILE_CNT; age++) {
		v->fd[age] = open_age(a, age);
		if (v->fd[age] >= 0 && fstat(v->fd[age], &st) == 0) {
			v->len[age] = (size_t)(age == 0 ? a->size : st.st_size);
			v->file_cnt++;
		}
	}
	if (helper_run(a->daemon->readers, verify_work, on_verified, v) < 0) {
		answer_error(&busy, 503, "busy", NULL, "too much is going on; try again");
		end_verification(v, &busy);
	}
}

void audit_verify(struct audit *a, answer_cb cb, void *arg)
{
	struct verification *v = calloc(1, sizeof(*v));
	struct answer busy;

	if (v == NULL) {
		answer_error(&busy, 503, "busy", NULL, "too much is going on; try again");
		cb(arg, &busy);
		answer_fini(&busy);
		return;
	}
	*v = (struct verification){.audit = a, .cb = cb, .arg = arg};
	for (unsigned age = 0; age < AUDIT_FILE_CNT; age++)
		v->fd[age] = -1;
	audit_link_first(&v->check.at);
	audit_when_written(a, begin_verification, v);
}

/* ---- types -------------------------------------------------------------------------------------- */

const char *audit_request_type(const char *method, const char *path, int status)
{
	static const struct {
		const char *method, *path, *type;
	} known[] = {{"POST", "/login", "access.login"}, {"POST", "/logout", "access.logout"},
		{"POST", "/security/rotate", "security.rotate"},
		{"POST", "/certificate-revocation/refresh", "system.crl_refresh"}};
	bool is_user = strncmp(path, "/user", 5) == 0;

	if (strcmp(path, "/login") == 0 && status != 200)
		return "access.login_failed";
	if (status == 401 || status == 403 || status == 429)
		return "access.denied";
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(method, known[i].method) == 0 && strcmp(path, known[i].path) == 0)
			return known[i].type;
	if (is_user && strstr(path, "/password") != NULL)
		return "access.password";
	if (is_user)
		return "access.user";
	return strncmp(path, "/config", 7) == 0 ? "config.request" : "rest.request";
}
