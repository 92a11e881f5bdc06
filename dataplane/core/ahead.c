/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/core/ahead.h"

#include <errno.h>
#include <string.h>

#include "pki/view/secret.h"

struct row {
	const struct kex_group *group; /* NULL: not used yet */
	uint64_t made_ns;
	unsigned left_cnt; /* the first of op */
	struct kex_op op[KEX_BATCH_MAX];
};

struct ahead {
	struct row row[KEX_GROUP_CNT];
};

int ahead_new(struct ahead **out)
{
	struct ahead *a = rk_secret_new(sizeof(*a));

	if (a == NULL)
		return -ENOMEM;
	*out = a;
	return 0;
}

void ahead_free(struct ahead *a)
{
	rk_secret_free(a, sizeof(*a));
}

static struct row *row_of(struct ahead *a, const struct kex_group *g)
{
	struct row *r = a->row;

	while (r->group != NULL && r->group != g)
		r++;
	r->group = g;
	return r;
}

static void wipe(struct row *r)
{
	rk_wipe(r->op, r->left_cnt * sizeof(r->op[0]));
	r->left_cnt = 0;
}

static bool is_too_old(const struct row *r, uint64_t now_ns)
{
	return r->left_cnt > 0 && now_ns - r->made_ns > AHEAD_AGE_MAX_NS;
}

static void make(struct row *r, struct kex_ctx *kex, uint64_t now_ns)
{
	struct kex_op *list[KEX_BATCH_MAX];
	unsigned cnt = kex_batch_cnt(kex, r->group);

	for (unsigned i = 0; i < cnt; i++)
		list[i] = &r->op[i];
	kex_keygen(kex, r->group, list, cnt);
	r->made_ns = now_ns;
	r->left_cnt = cnt;
	for (unsigned i = 0; i < cnt; i++)
		if (!list[i]->is_done)
			r->left_cnt = 0;
	if (r->left_cnt == 0)
		rk_wipe(r->op, sizeof(r->op));
}

void ahead_take(struct ahead *a, struct kex_ctx *kex, const struct kex_group *g, uint64_t now_ns,
	struct kex_op *op)
{
	struct row *r = row_of(a, g);
	struct kex_op *last;

	if (is_too_old(r, now_ns))
		wipe(r);
	if (r->left_cnt == 0)
		make(r, kex, now_ns);
	op->is_done = r->left_cnt > 0;
	if (!op->is_done)
		return;
	last = &r->op[--r->left_cnt];
	memcpy(op->secret, last->secret, sizeof(op->secret));
	memcpy(op->share, last->share, sizeof(op->share));
	rk_wipe(last, sizeof(*last));
}

bool ahead_has(const struct ahead *a, const struct kex_group *g, uint64_t now_ns)
{
	for (unsigned i = 0; i < KEX_GROUP_CNT; i++)
		if (a->row[i].group == g)
			return a->row[i].left_cnt > 0 && !is_too_old(&a->row[i], now_ns);
	return false;
}

bool ahead_is_empty(const struct ahead *a)
{
	for (unsigned i = 0; i < KEX_GROUP_CNT; i++)
		if (a->row[i].left_cnt > 0)
			return false;
	return true;
}

void ahead_expire(struct ahead *a, uint64_t now_ns)
{
	for (unsigned i = 0; i < KEX_GROUP_CNT; i++)
		if (is_too_old(&a->row[i], now_ns))
			wipe(&a->row[i]);
}
