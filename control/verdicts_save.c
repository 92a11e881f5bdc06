/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The folder of kept certificates. Each file is synced, and first contacts come many in a row, so the
 * writing is the disk thread's: in the order in which it was asked for, a batch at a time. What a
 * crash loses is asked for again.
 */
#include "control/verdicts_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/helper.h"
#include "control/log.h"
#include "pki/view/file.h"

#define BATCH_MAX 64

struct change {
	STAILQ_ENTRY(change) next;
	char name[VERDICTS_NAME_LEN];
	int error;      /* out */
	size_t der_len; /* 0: the file goes */
	uint8_t der[];
};

/* Of its own but for verdicts, which the loop alone looks at. */
struct saving {
	struct verdicts *verdicts;
	int dir;
	struct change_list changes;
};

void verdicts_file_name(const uint8_t *fingerprint, char out[VERDICTS_NAME_LEN])
{
	for (size_t i = 0; i < RK_FINGERPRINT_LEN; i++)
		snprintf(out + 2 * i, 3, "%02x", fingerprint[i]);
	memcpy(out + 2 * RK_FINGERPRINT_LEN, VERDICTS_SUFFIX, sizeof(VERDICTS_SUFFIX));
}

static void write_changes(void *arg)
{
	struct saving *s = arg;
	struct change *c;

	STAILQ_FOREACH(c, &s->changes, next)
	{
		if (c->der_len > 0)
			c->error = rk_file_replace(s->dir, c->name, 0600, c->der, c->der_len);
		else
			c->error = rk_file_remove(s->dir, c->name);
	}
}

static void free_saving(struct saving *s)
{
	struct change *c;

	while ((c = STAILQ_FIRST(&s->changes)) != NULL) {
		STAILQ_REMOVE_HEAD(&s->changes, next);
		free(c);
	}
	if (s->dir >= 0)
		close(s->dir);
	free(s);
}

static void on_written(void *arg)
{
	struct saving *s = arg;
	struct verdicts *v = s->verdicts;
	const struct change *c;

	STAILQ_FOREACH(c, &s->changes, next)
	{
		if (c->error < 0)
			log_error("verdicts/%s: %s", c->name, strerror(-c->error));
	}
	free_saving(s);
	v->is_saving = false;
	verdicts_save(v);
}

/* NULL when memory or descriptors are short: nothing is taken off the list then. */
static struct saving *take_batch(struct verdicts *v)
{
	struct saving *s = calloc(1, sizeof(*s));
	struct change *c;

	if (s == NULL)
		return NULL;
	s->verdicts = v;
	STAILQ_INIT(&s->changes);
	s->dir = fcntl(v->dir, F_DUPFD_CLOEXEC, 0);
	if (s->dir < 0) {
		free(s);
		return NULL;
	}
	for (int i = 0; i < BATCH_MAX && (c = STAILQ_FIRST(&v->changes)) != NULL; i++) {
		STAILQ_REMOVE_HEAD(&v->changes, next);
		STAILQ_INSERT_TAIL(&s->changes, c, next);
	}
	return s;
}

void verdicts_save(struct verdicts *v)
{
	struct saving *s;

	if (v->is_saving || STAILQ_EMPTY(&v->changes))
		return;
	s = take_batch(v);
	if (s == NULL)
		return; /* with the next change */
	if (helper_run(v->daemon->disk, write_changes, on_written, s) < 0) {
		STAILQ_CONCAT(&s->changes, &v->changes);
		STAILQ_CONCAT(&v->changes, &s->changes);
		free_saving(s);
		return;
	}
	v->is_saving = true;
}

static void add_change(struct verdicts *v, const uint8_t *fingerprint, struct rk_span der)
{
	struct change *c = calloc(1, sizeof(*c) + der.len);

	if (c == NULL) {
		log_error("a kept certificate's file is not changed: no memory");
		return;
	}
	verdicts_file_name(fingerprint, c->name);
	c->der_len = der.len;
	if (der.len > 0)
		memcpy(c->der, der.data, der.len);
	STAILQ_INSERT_TAIL(&v->changes, c, next);
	verdicts_save(v);
}

void verdicts_keep_file(struct verdicts *v, const struct record *r)
{
	add_change(v, r->verdict.fingerprint, (struct rk_span){r->der, r->der_len});
}

void verdicts_drop_file(struct verdicts *v, const struct record *r)
{
	add_change(v, r->verdict.fingerprint, (struct rk_span){0});
}

void verdicts_finish_saving(struct verdicts *v)
{
	struct change *c;

	while (v->is_saving || !STAILQ_EMPTY(&v->changes)) {
		verdicts_save(v);
		if (!v->is_saving)
			break;
		helper_pool_drain(v->daemon->disk);
	}
	while ((c = STAILQ_FIRST(&v->changes)) != NULL) {
		STAILQ_REMOVE_HEAD(&v->changes, next);
		log_error("verdicts/%s is not written", c->name);
		free(c);
	}
}
