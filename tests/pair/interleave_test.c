/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every interleaving of two exchanges that begin at once, on real engines: which datagram comes
 * next, which one is lost, which one comes twice, which timer fires too early, within budgets.
 * Each run replays a list of choices; the next run takes the next list, until there is none.
 *
 * Runs that have come to the same state (digest.h: to the last bit) go on alike, so only the first of
 * them goes on, and the others count with as many interleavings as were found behind that state. "plain"
 * goes through all of them, and the numbers of states and interleavings must be the same. "blunders"
 * breaks rules of the protocol from outside; the merged search must notice every one.
 *
 * In every state P10 (what a side sends under, the other can receive); at the end of every run P6
 * and P7 (both agree on one key and nothing is left under way).
 *
 *	pair-interleave small|medium|large|plain|blunders [SCENARIO]
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "tests/pair/digest.h"
#include "tests/pair/disorder.h"
#include "tests/pair/recall.h"
#include "tests/pair/seen.h"

#define TOLD_MAX 60
#define CONVERGE (60 * PAIR_SEC)

/* A run. */
struct run {
	struct disorder net;
	uint8_t before[KEYRING_EXPORTED_LEN]; /* exported by the key that was in force */
};

static struct pair_identity *east, *west;
static struct recall *recall;
static const struct blunder *blunder; /* that is committed; NULL: none */

/* ---- scenarios ------------------------------------------------------------------------------- */

static bool is_idle(const struct pair *p)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct session *s = p->node[i].session[0];

		if (s->own_exchange != 0 || s->own_rekey != 0 || s->peer_rekey != 0 ||
			s->is_unproved || s->is_reauth_due ||
			keyslot_is_used(s->keys.slot[KEYRING_NEXT]) ||
			keyslot_is_used(s->keys.slot[KEYRING_PREVIOUS]))
			return false;
	}
	return true;
}

static bool is_settled(struct pair *p)
{
	return pair_is_agreed(p) && is_idle(p);
}

static void begin_full(struct pair *p, unsigned node)
{
	struct session *s = p->node[node].session[0];

	s->is_reauth_due = true;
	session_dial_in(p->node[node].engine, s, 0);
}

static void begin_rekey(struct pair *p, unsigned node)
{
	session_rotate(p->node[node].engine, p->node[node].session[0], false);
}

static const struct scenario {
	const char *name;
	bool is_first_contact;
	bool are_strangers; /* certificates travel, and control is asked about them */
	void (*begin[2])(struct pair *p, unsigned node);
} scenarios[] = {
	{"first contact", true, false, {NULL, NULL}},
	{"rekey and rekey", false, false, {begin_rekey, begin_rekey}},
	{"full and full", false, false, {begin_full, begin_full}},
	{"full and rekey", false, false, {begin_full, begin_rekey}},
	{"rekey and full", false, false, {begin_rekey, begin_full}},
	{"restart and rekey", false, false, {disorder_restart, begin_rekey}},
	{"strangers", true, true, {NULL, NULL}},
};
#define SCENARIO_CNT (sizeof(scenarios) / sizeof(scenarios[0]))

static const uint8_t *exported(const struct pair *p)
{
	return p->node[0].session[0]->keys.slot[KEYRING_CURRENT]->exported;
}

/* Nothing can happen any more, and it was not for nothing. */
static bool is_over(struct pair *p, const struct run *r)
{
	return r->net.cnt == 0 && p->answers == NULL && is_settled(p) &&
	       memcmp(exported(p), r->before, sizeof(r->before)) != 0;
}

/* A crash is noticed after three keep-alives; without one they need not come in between. */
static struct pair *set_up(const struct scenario *sc, struct run *r)
{
	struct pair *p = pair_new(
		&(struct pair_options){.seed = 1,
			.are_verdicts_known = !sc->are_strangers,
			.has_flat_random = true,
			.groups = {29},
			.hold_ns = PAIR_SEC,
			.keep_alive_interval_ns = (r->net.budget[CRASH] > 0 ? 2 : 20) * PAIR_SEC},
		east, west);

	recall_attach(recall, p);
	p->filter = disorder_catch;
	p->filter_arg = &r->net;
	r->net.is_open = !sc->is_first_contact;
	pair_start(p, 0);
	pair_start(p, 1);
	if (sc->is_first_contact)
		return p;
	must(pair_run_until(p, is_settled, 20 * PAIR_SEC));
	r->net.is_open = false;
	memcpy(r->before, exported(p), sizeof(r->before));
	for (unsigned i = 0; i < 2; i++)
		sc->begin[i](p, i);
	return p;
}

/* Both first messages are under way before anything is delivered. */
static void begin(struct pair *p, const struct run *r)
{
	for (unsigned i = 0; r->net.cnt < 2 && i < 8; i++)
		disorder_fire_timer(p);
	must(r->net.cnt == 2);
}

struct result {
	uint64_t interleaving_cnt;
	size_t state_cnt;
};

/* Who has just lost all keys cannot receive what is sent under them. */
static bool is_restarted(const struct pair *p)
{
	return p->node[0].start_cnt + p->node[1].start_cnt > 2;
}

static bool complain(const struct scenario *sc, const struct seen *seen, const char *what)
{
	if (blunder != NULL)
		return false; /* as it should be */
	fprintf(stderr, "%s: %s: choices", sc->name, what);
	for (unsigned i = 0; i < seen->depth; i++)
		if (seen->choice[i].cnt > 1)
			fprintf(stderr, " %u/%u", seen->choice[i].taken, seen->choice[i].cnt);
	fprintf(stderr, "\n");
	return false;
}

/* What can happen here and is tried next. False: the run need not go on. */
static bool choose(struct seen *seen, const struct pair *p, const struct run *r, unsigned *taken)
{
	uint8_t name[DIGEST_LEN];

	if (seen_is_replay(seen)) {
		*taken = seen_replay(seen);
		return true;
	}
	pair_digest(p, r->net.pool, r->net.cnt, r->net.budget, BUDGET_CNT, name);
	return seen_choose(seen, name, disorder_option_cnt(p, &r->net), taken);
}

static bool run(const struct scenario *sc, const unsigned budget[BUDGET_CNT], struct seen *seen,
	unsigned told_cnt)
{
	struct run r = {.net = {.blunder = blunder, .told_cnt = told_cnt}};
	struct pair *p;
	unsigned taken;
	uint64_t limit;
	bool ok = true;

	memcpy(r.net.budget, budget, sizeof(r.net.budget));
	p = set_up(sc, &r);
	begin(p, &r);
	limit = p->now_ns + CONVERGE;
	while (ok && !is_over(p, &r) && choose(seen, p, &r, &taken)) {
		disorder_happen(p, &r.net, taken);
		if (!is_restarted(p) && !pair_is_receivable(p))
			ok = complain(sc, seen, "sends under what the other one cannot receive");
		else if (p->now_ns > limit)
			ok = complain(sc, seen, "no agreement");
	}
	if (ok && is_over(p, &r))
		seen_end(seen);
	pair_free(p);
	return ok;
}

static bool explore(const struct scenario *sc, const unsigned budget[BUDGET_CNT], bool is_plain,
	struct result *result)
{
	struct seen seen;
	unsigned long run_cnt = 0;
	bool ok;

	seen_init(&seen, is_plain);
	do {
		ok = run(sc, budget, &seen, 0);
		run_cnt++;
	} while (ok && seen_advance(&seen));
	if (!ok && blunder == NULL) {
		seen.depth = 0;
		(void)run(sc, budget, &seen, TOLD_MAX);
	}
	if (blunder == NULL)
		printf("%s: losses %u, copies %u, early timers %u, crashes %u: %llu interleavings, "
		       "%zu "
		       "states, %lu runs\n",
			sc->name, budget[LOSS], budget[COPY], budget[EARLY], budget[CRASH],
			(unsigned long long)seen.run_cnt, seen.state_cnt, run_cnt);
	*result = (struct result){seen.run_cnt, seen.state_cnt};
	seen_fini(&seen);
	return ok;
}

/* East has the lower fingerprint, so that each scenario is the same in every run. */
static void make_identities(void)
{
	east = pair_identity_new("east", TEST_P256, NULL);
	do {
		pair_identity_free(west);
		west = pair_identity_new("west", TEST_P256, NULL);
	} while (memcmp(east->verdict.fingerprint, west->verdict.fingerprint, RK_FINGERPRINT_LEN) >=
		 0);
}

#define LIST_MAX 8

/* Of losses, copies, early timers and crashes; strangers send more, and get less. */
static const struct size {
	const char *name;
	unsigned cnt, strangers_cnt;
	unsigned budget[LIST_MAX][BUDGET_CNT];
	unsigned strangers[LIST_MAX][BUDGET_CNT];
} sizes[] = {
	{"small", 2, 2, {{1, 0, 0, 0}, {0, 0, 0, 1}}, {{1, 0, 0, 0}, {0, 0, 0, 1}}},
	{"medium", 6, 1,
		{{0, 1, 0, 0}, {0, 0, 1, 0}, {1, 1, 0, 0}, {1, 0, 1, 0}, {0, 1, 1, 0},
			{1, 0, 0, 1}},
		{{1, 0, 0, 1}}},
	{"large", 5, 4, {{2, 1, 1, 0}, {0, 0, 3, 0}, {2, 0, 0, 1}, {1, 1, 0, 1}, {1, 0, 1, 1}},
		{{2, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {2, 0, 0, 1}}},
	{"plain", 4, 0, {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}, {{0}}},
};

static bool look(const struct scenario *sc, const struct size *size)
{
	unsigned cnt = sc->are_strangers ? size->strangers_cnt : size->cnt;
	struct result result;
	bool ok = true;

	for (unsigned i = 0; i < cnt; i++)
		ok = explore(sc, (sc->are_strangers ? size->strangers : size->budget)[i], false,
			     &result) &&
		     ok;
	return ok;
}

/* The search that merges nothing finds the same. */
static bool compare(const struct scenario *sc, const struct size *size)
{
	struct result merged, plain;

	for (unsigned i = 0; i < (sc->are_strangers ? size->strangers_cnt : size->cnt); i++)
		if (!explore(sc, size->budget[i], false, &merged) ||
			!explore(sc, size->budget[i], true, &plain) ||
			merged.interleaving_cnt != plain.interleaving_cnt ||
			merged.state_cnt != plain.state_cnt)
			return false;
	return true;
}

static const struct scenario *find_scenario(const char *name)
{
	size_t at = 0;

	while (strcmp(scenarios[at].name, name) != 0)
		must(++at < SCENARIO_CNT);
	return &scenarios[at];
}

static bool commit_blunders(void)
{
	struct result result;
	bool ok = true, is_missed;

	for (unsigned i = 0; i < blunder_cnt; i++) {
		blunder = &blunders[i];
		is_missed =
			explore(find_scenario(blunder->scenario), blunder->budget, false, &result);
		printf("%s, %s: %s among %zu states of: %s\n", blunder->rule, blunder->what,
			is_missed ? "not noticed" : "noticed", result.state_cnt, blunder->scenario);
		ok = ok && !is_missed;
	}
	return ok;
}

/* ---- */

static const struct size *find_size(const char *name)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (strcmp(sizes[i].name, name) == 0)
			return &sizes[i];
	return NULL;
}

static bool search(const struct size *size, size_t only)
{
	bool ok = true, is_plain = strcmp(size->name, "plain") == 0;

	for (size_t s = 0; s < SCENARIO_CNT; s++)
		if (only == SIZE_MAX || only == s)
			ok = (is_plain ? compare : look)(&scenarios[s], size) && ok;
	return ok;
}

int main(int argc, char *argv[])
{
	const char *what = argc > 1 ? argv[1] : "";
	const struct size *size = find_size(what);
	bool ok, is_blunders = strcmp(what, "blunders") == 0;

	if (size == NULL && !is_blunders) {
		fprintf(stderr,
			"usage: pair-interleave small|medium|large|plain|blunders [SCENARIO]\n");
		return 2;
	}
	make_identities();
	recall = recall_new();
	ok = is_blunders ? commit_blunders()
			 : search(size, argc > 2 ? strtoul(argv[2], NULL, 0) : SIZE_MAX);
	recall_free(recall);
	pair_identity_free(east);
	pair_identity_free(west);
	return !ok;
}
