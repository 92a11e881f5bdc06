/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The revocation parts. A small set is compiled in the loop, a large one by a helper thread: either
 * anew, or as an overlay over the base that the workers have. An overlay that has grown is merged
 * into a new base in the background; meanwhile what comes in is still published over the old one.
 * A base is only ever published together with the overlay that was made for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/helper.h"
#include "control/publish_private.h"
#include "control/revocations.h"
#include "pki/view/secret.h"

#define SMALL_ENTRIES 16384 /* compiled within 5 ms */
#define MERGE_ENTRIES 16384 /* an overlay this large is merged: a quarter of what it may hold */
#define RETRY_USEC    100000
#define RELEASE_BYTES (1 << 20)

static const char no_memory[] = "The revocations cannot be published: no memory";

/* Touches nothing but itself while it works. */
struct compiling {
	struct publisher *publisher;
	uint8_t installation_key[INSTALLATION_KEY_LEN];
	enum compile_pages pages;
	struct revocations *now; /* counted: what the parts are to say */
	struct revocations
		*base; /* counted: over which an overlay may be made; NULL: a base is due */
	struct compile_part base_part;      /* fd >= 0: compiled from base, not in force yet */
	struct revocations_overlay *before; /* counted: over base; or NULL */
	/* out */
	int error;
	struct compile_part part;
	struct revocations_overlay *overlay; /* counted; NULL: the part is a base */
	struct rk_refusal why;
};

static void put_overlay(void *overlay)
{
	revocations_overlay_put(overlay);
}

/* It may be the last to hold a large list. */
static void release_overlay(struct publisher *p, struct revocations_overlay *overlay)
{
	helper_release(p->daemon->helpers, put_overlay, overlay);
}

static void compiling_free(struct compiling *c)
{
	if (c == NULL)
		return;
	compile_part_close(&c->base_part);
	compile_part_close(&c->part);
	rk_wipe(c->installation_key, sizeof(c->installation_key));
	release_overlay(c->publisher, c->before);
	release_overlay(c->publisher, c->overlay);
	revocations_release(c->publisher->daemon, c->now);
	revocations_release(c->publisher->daemon, c->base);
	free(c);
}

static struct compiling *compiling_new(
	struct publisher *p, struct revocations *now, struct revocations *base)
{
	struct compiling *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->publisher = p;
	if (p->daemon->options->is_on_huge_pages)
		c->pages = COMPILE_PAGES_RESERVED;
	c->now = revocations_get(now);
	c->base = base != NULL ? revocations_get(base) : NULL;
	c->base_part.fd = c->part.fd = -1;
	c->error = -ECANCELED; /* until the work ran */
	memcpy(c->installation_key, p->daemon->installation_key, sizeof(c->installation_key));
	return c;
}

static void work(void *arg)
{
	struct compiling *c = arg;

	if (c->base != NULL)
		c->error = revocations_compile_overlay(c->base, c->now, c->before,
			c->installation_key, &c->part, &c->overlay, &c->why);
	else
		c->error = revocations_compile(
			c->now, c->installation_key, c->pages, &c->part, &c->why);
}

/* Too much differs for an overlay. */
static bool is_base_due(const struct compiling *c)
{
	return c->base != NULL && c->error == -E2BIG;
}

/* ---- what becomes of it ----------------------------------------------------------------------- */

static void close_part(void *part)
{
	compile_part_close(part);
	free(part);
}

/* The last descriptor of a large one gives all its pages back: a helper's work. */
static void release_part(struct publisher *p, struct compile_part *part)
{
	struct compile_part *moved = part->size > RELEASE_BYTES ? malloc(sizeof(*moved)) : NULL;

	if (moved == NULL) {
		compile_part_close(part);
		return;
	}
	*moved = *part;
	part->fd = -1;
	helper_release(p->daemon->helpers, close_part, moved);
}

static void drop_part(struct publisher *p, enum rk_part_kind kind)
{
	if (p->has_part[kind])
		release_part(p, &p->part[kind]);
	p->has_part[kind] = false;
}

/* Takes the part. True when it is another than the one in force. */
static bool take_part(struct publisher *p, struct compile_part *part)
{
	const struct compile_part *old = &p->part[part->kind];
	bool is_new =
		!p->has_part[part->kind] || memcmp(old->digest, part->digest, RK_DIGEST_LEN) != 0;

	if (is_new) {
		drop_part(p, part->kind);
		p->part[part->kind] = *part;
		p->has_part[part->kind] = true;
		part->fd = -1;
	}
	return is_new;
}

static void set_base(struct publisher *p, struct revocations *base)
{
	base = base != NULL ? revocations_get(base) : NULL;
	revocations_release(p->daemon, p->base);
	p->base = base;
}

/* True when something is to be published. */
static bool take_result(struct publisher *p, struct compiling *c)
{
	bool is_changed = false, had_overlay = p->has_part[RK_PART_REVOCATION_OVERLAY];
	char text[RK_REFUSAL_MAX + 80];

	if (c->error < 0) {
		if (c->error == -ECANCELED)
			return false;
		snprintf(text, sizeof(text), "The revocations cannot be published: %s",
			c->error == -EINVAL ? c->why.text : strerror(-c->error));
		publisher_fail(p, RK_PART_REVOCATION_BASE, text);
		return false;
	}
	publisher_built(p, RK_PART_REVOCATION_BASE);
	if (c->part.kind == RK_PART_REVOCATION_BASE) {
		set_base(p, c->now);
		drop_part(p, RK_PART_REVOCATION_OVERLAY);
		is_changed = had_overlay;
	} else if (c->base_part.fd >= 0) {
		set_base(p, c->base);
		is_changed = take_part(p, &c->base_part);
	}
	release_overlay(p, p->overlay);
	p->overlay = c->overlay;
	c->overlay = NULL;
	return take_part(p, &c->part) || is_changed;
}

static void start(struct publisher *p, struct compiling *c);

/* The base is compiled; what came in meanwhile goes over it, and then both are published. */
static void on_merged(void *arg)
{
	struct compiling *merged = arg, *c;
	struct publisher *p = merged->publisher;
	struct revocations *now = revocations_current(p->daemon);

	p->is_merging = false;
	if (p->overlay == NULL) { /* a base was made meanwhile */
		compiling_free(merged);
		return;
	}
	if (merged->error == 0 && p->is_compiling) {
		p->merged = merged; /* over the old base: it ends first */
		return;
	}
	c = merged->error == 0 && now != NULL ? compiling_new(p, now, merged->now) : NULL;
	if (c != NULL) {
		c->base_part = merged->part;
		merged->part.fd = -1;
		start(p, c);
	}
	compiling_free(merged);
}

static void merge_if_due(struct publisher *p)
{
	struct revocations *now = revocations_current(p->daemon);
	struct compiling *c;

	if (now == NULL || p->overlay == NULL ||
		revocations_overlay_cnt(p->overlay) <= MERGE_ENTRIES || p->is_merging ||
		p->is_compiling || p->merged != NULL)
		return;
	c = compiling_new(p, now, NULL);
	if (c == NULL)
		return;
	if (helper_run(p->daemon->helpers, work, on_merged, c) < 0)
		compiling_free(c); /* with the next publication */
	else
		p->is_merging = true;
}

/*
 * A new base, in place of an overlay over the one in force: what that was made of is of no use any more,
 * and goes first. It may be a list of millions, and the new base takes less memory than that.
 */
static void start_base(struct publisher *p)
{
	struct revocations *now = revocations_current(p->daemon);
	struct compiling *c;

	set_base(p, NULL);
	release_overlay(p, p->overlay);
	p->overlay = NULL;
	compiling_free(p->merged);
	p->merged = NULL;
	c = now != NULL ? compiling_new(p, now, NULL) : NULL;
	if (c != NULL)
		start(p, c);
	else
		publisher_fail(p, RK_PART_REVOCATION_BASE, no_memory);
}

static void on_compiled(void *arg)
{
	struct compiling *c = arg, *merged;
	struct publisher *p = c->publisher;
	bool was_cancelled = c->error == -ECANCELED, has_failed = c->error < 0;

	p->is_compiling = false;
	if (is_base_due(c)) {
		compiling_free(c);
		start_base(p);
		return;
	}
	if (take_result(p, c))
		publisher_publish(p);
	compiling_free(c);
	merged = p->merged;
	p->merged = NULL;
	if (was_cancelled) {
		compiling_free(merged);
		return;
	}
	if (merged != NULL)
		on_merged(merged);
	else if (p->is_marked[RK_PART_REVOCATION_BASE] && !has_failed)
		publisher_flush(p);
	publisher_settle_waiters(p);
	merge_if_due(p);
}

static void start(struct publisher *p, struct compiling *c)
{
	if (helper_run(p->daemon->helpers, work, on_compiled, c) == 0) {
		p->is_compiling = true;
		p->is_marked[RK_PART_REVOCATION_BASE] = false;
		return;
	}
	compiling_free(c);
	publisher_mark_later(p, RK_PART_REVOCATION_BASE, RETRY_USEC);
}

bool publisher_compile_revocations(struct publisher *p)
{
	struct revocations *now = revocations_current(p->daemon);
	bool is_small = now != NULL && revocations_new_entry_cnt(NULL, now) <= SMALL_ENTRIES;
	const struct revocations *seen;
	struct compiling *c;
	bool is_changed;

	if (p->is_compiling)
		return false; /* stays marked; done after */
	c = now != NULL ? compiling_new(p, now, is_small ? NULL : p->base) : NULL;
	if (c == NULL) {
		publisher_fail(p, RK_PART_REVOCATION_BASE, no_memory);
		return false;
	}
	seen = c->base;
	if (c->base != NULL && p->overlay != NULL) {
		c->before = revocations_overlay_get(p->overlay);
		seen = revocations_overlay_of(c->before);
	}
	/* At the start nothing waits for the loop, and nothing is served without them. */
	if (p->link != NULL && revocations_new_entry_cnt(seen, now) > SMALL_ENTRIES) {
		start(p, c);
		return false;
	}
	p->is_marked[RK_PART_REVOCATION_BASE] = false;
	work(c);
	if (is_base_due(c)) {
		compiling_free(c);
		start_base(p);
		return false;
	}
	is_changed = take_result(p, c);
	compiling_free(c);
	merge_if_due(p);
	return is_changed;
}

void publisher_close_revocations(struct publisher *p)
{
	compiling_free(p->merged);
	revocations_overlay_put(p->overlay);
	revocations_put(p->base);
}
