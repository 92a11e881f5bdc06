/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/pair/blunder.h"

#include "dataplane/core/engine_state.h"

static void drop_previous(struct pair *p, struct session *s, unsigned node)
{
	keyring_drop(&p->node[node].engine->slots, &s->keys, KEYRING_PREVIOUS);
}

static void drop_next(struct pair *p, struct session *s, unsigned node)
{
	keyring_drop(&p->node[node].engine->slots, &s->keys, KEYRING_NEXT);
}

static void promote_none(struct pair *p, struct session *s, unsigned node)
{
	(void)p;
	(void)node;
	keyring_set_loser(&s->keys, true);
}

static void win_always(struct pair *p, struct session *s, unsigned node)
{
	(void)p;
	(void)node;
	s->is_lower = true;
}

static void think_it_proved(struct pair *p, struct session *s, unsigned node)
{
	(void)p;
	(void)node;
	s->is_unproved = false;
}

static void forget_answer(struct pair *p, struct session *s, unsigned node)
{
	(void)p;
	(void)node;
	s->last_rekey_answered = 0;
	s->next_answer_ns = 0;
}

static void forget_confirmation(struct pair *p, struct session *s, unsigned node)
{
	(void)p;
	(void)node;
	s->overtaken_ns = 0;
}

static void hear_always(struct pair *p, struct session *s, unsigned node)
{
	(void)node;
	s->heard_ns = p->now_ns;
}

static void repeat_never(struct pair *p, struct session *s, unsigned node)
{
	struct exchange *x = exchange_find(p->node[node].engine, s->own_rekey);

	if (x != NULL && x->state == EXCHANGE_EXPECT_REPLY) {
		x->retransmit_at_ns = 0;
		x->expires_ns = UINT64_MAX;
		exchange_arm(p->node[node].engine, x);
	}
}

const struct blunder blunders[] = {
	{"S1", "what goes out of use is not held", drop_previous, "rekey and rekey", {0}},
	{"P10", "what comes next is not receivable", drop_next, "first contact", {0}},
	{"P5", "no key is put in force by being used", promote_none, "first contact", {0}},
	{"C1", "both sides win a collision of rekeys", win_always, "rekey and rekey", {0}},
	{"C4", "a FINISH that comes late is accepted", forget_confirmation, "first contact",
		{0, 1}},
	{"E2", "a rekey is not repeated", repeat_never, "rekey and rekey", {1}},
	{"F2", "a repeated REKEY_HELLO gets a second share", forget_answer, "rekey and rekey",
		{0, 0, 2}},
	{"F4", "who switched first does not wait for proof", think_it_proved, "rekey and rekey",
		{2}},
	{"S5", "silence is not noticed", hear_always, "full and full", {0, 0, 0, 1}},
};
const unsigned blunder_cnt = sizeof(blunders) / sizeof(blunders[0]);

void blunder_commit(const struct blunder *b, struct pair *p)
{
	for (unsigned i = 0; i < 2; i++)
		b->commit(p, p->node[i].session[0], i);
}
