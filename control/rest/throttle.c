/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/throttle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX      160
#define WAIT_MAX_SEC 300
#define FORGET_SEC   900

struct throttle_entry {
	char key[KEY_MAX]; /* empty = free */
	unsigned failure_cnt;
	int64_t last;
	int64_t blocked_until;
};

struct throttle {
	size_t max;
	struct throttle_entry entry[];
};

struct throttle *throttle_new(size_t key_max)
{
	struct throttle *t = calloc(1, sizeof(*t) + key_max * sizeof(t->entry[0]));

	if (t != NULL)
		t->max = key_max;
	return t;
}

void throttle_free(struct throttle *t)
{
	free(t);
}

/* Its index, or max. */
static size_t find(const struct throttle *t, const char *key)
{
	size_t i = 0;

	while (i < t->max && strncmp(t->entry[i].key, key, KEY_MAX - 1) != 0)
		i++;
	return i;
}

/* An entry for key: its own, a free one, or the one that failed longest ago. */
static struct throttle_entry *claim(struct throttle *t, const char *key, int64_t now)
{
	size_t own = find(t, key);
	struct throttle_entry *e = &t->entry[own < t->max ? own : 0];

	if (own < t->max && now - e->last <= FORGET_SEC)
		return e;
	for (size_t i = 0; own == t->max && i < t->max && e->key[0] != '\0'; i++)
		if (t->entry[i].key[0] == '\0' || t->entry[i].last < e->last)
			e = &t->entry[i];
	memset(e, 0, sizeof(*e));
	snprintf(e->key, sizeof(e->key), "%s", key);
	return e;
}

unsigned throttle_wait(const struct throttle *t, const char *key, int64_t now)
{
	size_t i = find(t, key);

	if (i == t->max || t->entry[i].blocked_until <= now)
		return 0;
	return (unsigned)(t->entry[i].blocked_until - now);
}

unsigned throttle_fail(struct throttle *t, const char *key, unsigned free_cnt, int64_t now)
{
	struct throttle_entry *e = claim(t, key, now);
	unsigned over, wait;

	e->last = now;
	if (e->failure_cnt < 1000)
		e->failure_cnt++;
	if (e->failure_cnt >= free_cnt) {
		over = e->failure_cnt - free_cnt;
		wait = over < 8 ? 2u << over : WAIT_MAX_SEC;
		e->blocked_until = now + (wait < WAIT_MAX_SEC ? wait : WAIT_MAX_SEC);
	}
	return e->failure_cnt;
}

void throttle_forget(struct throttle *t, const char *key)
{
	size_t i = find(t, key);

	if (i < t->max)
		memset(&t->entry[i], 0, sizeof(t->entry[i]));
}
