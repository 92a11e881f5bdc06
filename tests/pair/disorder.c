/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/pair/disorder.h"

#include <stdio.h>
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "tests/pair/host.h"

bool disorder_catch(struct pair *p, struct pair_packet *packet)
{
	struct disorder *n = p->filter_arg;

	if (n->is_open)
		return true;
	for (unsigned i = 0; i < n->cnt; i++)
		if (n->pool[i].to == packet->to && n->pool[i].len == packet->len &&
			memcmp(n->pool[i].payload, packet->payload, packet->len) == 0)
			return false; /* one of them is as good as two: COPY is the other one */
	must(n->cnt < DISORDER_POOL_MAX);
	n->pool[n->cnt++] = *packet;
	return false;
}

static void settle(struct pair *p)
{
	while (p->packets != NULL || p->node[0].jobs != NULL || p->node[1].jobs != NULL)
		(void)pair_step(p, p->now_ns);
}

static void take_out(struct disorder *n, unsigned at)
{
	memmove(n->pool + at, n->pool + at + 1, (--n->cnt - at) * sizeof(n->pool[0]));
}

void disorder_fire_timer(struct pair *p)
{
	(void)pair_step(p, p->now_ns + 3600 * PAIR_SEC);
	settle(p);
}

/* ---- the story of a run that went wrong, told in a second run of the same choices ---- */

static void tell(struct disorder *n, const struct pair *p, const char *what,
	const struct pair_packet *packet)
{
	static const char *const names[256] = {
#define X(id, value, name) [value] = name,
		MSG_TYPES(X)
#undef X
	};

	if (n->told_cnt == 0)
		return;
	n->told_cnt--;
	fprintf(stderr, "%10.3f ms  %s %s", (double)p->now_ns / 1e6, what,
		packet == NULL ? "" : names[packet->payload[MSG_ENVELOPE_LEN + 5]]);
	if (packet != NULL)
		fprintf(stderr, " to %u", packet->to);
	for (unsigned i = 0; i < 2; i++) {
		struct keyslot *const *slot = p->node[i].session[0]->keys.slot;

		fprintf(stderr, "  [%02x %02x %02x]", slot[KEYRING_PREVIOUS]->exported[0],
			slot[KEYRING_CURRENT]->exported[0], slot[KEYRING_NEXT]->exported[0]);
	}
	fprintf(stderr, "\n");
}

/* ---- what can happen ------------------------------------------------------------------------- */

enum act { DELIVER, CONTROL, TIMER, COPY_ONE, LOSE, EARLY_TIMER, RESTART, ACT_CNT };

static unsigned answer_cnt(const struct pair *p)
{
	unsigned cnt = 0;

	for (const struct pair_answer *a = p->answers; a != NULL; a = a->next)
		cnt++;
	return cnt;
}

/* In how many ways each of them can happen now. Time passes when there is nothing else, or too early. */
static void list_acts(const struct pair *p, const struct disorder *n, unsigned cnt[ACT_CNT])
{
	cnt[DELIVER] = n->cnt;
	cnt[CONTROL] = answer_cnt(p);
	cnt[TIMER] = n->cnt + cnt[CONTROL] == 0;
	cnt[COPY_ONE] = n->budget[COPY] > 0 ? n->cnt : 0;
	cnt[LOSE] = n->budget[LOSS] > 0 ? n->cnt : 0;
	cnt[EARLY_TIMER] = n->budget[EARLY] > 0 && !cnt[TIMER] && cnt[CONTROL] == 0;
	cnt[RESTART] = n->budget[CRASH] > 0 ? 2 : 0;
}

static void let_control_answer(struct pair *p, unsigned at)
{
	struct pair_answer **link = &p->answers, *a;

	while (at-- > 0)
		link = &(*link)->next;
	a = *link;
	*link = a->next;
	a->next = p->answers;
	a->at_ns = p->now_ns;
	p->answers = a;
	(void)pair_step(p, p->now_ns);
	settle(p);
}

void disorder_restart(struct pair *p, unsigned node)
{
	pair_crash(p, node);
	pair_start(p, node);
}

static void act(struct pair *p, struct disorder *n, enum act what, unsigned at)
{
	static const char *const names[ACT_CNT] = {
		"deliver", "control answers", "timer", "copy", "lose", "early timer", "restart"};

	tell(n, p, names[what],
		what == DELIVER || what == COPY_ONE || what == LOSE ? &n->pool[at] : NULL);
	n->budget[LOSS] -= what == LOSE;
	n->budget[COPY] -= what == COPY_ONE;
	n->budget[EARLY] -= what == EARLY_TIMER;
	n->budget[CRASH] -= what == RESTART;
	if (what == DELIVER || what == COPY_ONE)
		pair_inject(p, &n->pool[at], 0);
	if (what == DELIVER || what == LOSE)
		take_out(n, at);
	if (what == CONTROL)
		let_control_answer(p, at);
	else if (what == TIMER || what == EARLY_TIMER)
		disorder_fire_timer(p);
	else if (what == RESTART)
		disorder_restart(p, at);
	if (n->blunder != NULL)
		blunder_commit(n->blunder, p);
	settle(p);
}

unsigned disorder_option_cnt(const struct pair *p, const struct disorder *n)
{
	unsigned cnt[ACT_CNT], sum = 0;

	list_acts(p, n, cnt);
	for (unsigned i = 0; i < ACT_CNT; i++)
		sum += cnt[i];
	return sum;
}

void disorder_happen(struct pair *p, struct disorder *n, unsigned taken)
{
	unsigned cnt[ACT_CNT], what = 0;

	list_acts(p, n, cnt);
	for (; taken >= cnt[what]; what++)
		taken -= cnt[what];
	act(p, n, (enum act)what, taken);
}
