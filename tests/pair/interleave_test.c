/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every interleaving of two exchanges that begin at once, on real engines: which datagram comes
 * next, which one is lost, which one comes twice, which timer fires too early, within budgets.
 * Each run replays a list of choices; the next run takes the next list, until there is none.
 *
 * In every state P10 (what a side sends under, the other can receive); at the end of every run P6
 * and P7 (both agree on one key and nothing is left under way).
 *
 *	pair-interleave small|medium|large [SCENARIO]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "tests/pair/pair.h"

#define POOL_MAX   32
#define TRAIL_MAX  256
#define CONVERGE   (60 * PAIR_SEC)
#define BUDGET_CNT 3

enum { LOSS, COPY, EARLY };

static struct pair_identity *east, *west;

/* ---- choices --------------------------------------------------------------------------------- */

static struct {
	uint16_t taken, cnt;
} trail[TRAIL_MAX];
static unsigned trail_len, depth;

static unsigned choose(unsigned cnt)
{
	if (cnt == 1)
		return 0;
	if (depth == trail_len) {
		must(trail_len < TRAIL_MAX);
		trail[trail_len].taken = 0;
		trail[trail_len++].cnt = (uint16_t)cnt;
	}
	must(trail[depth].cnt == cnt); /* the same choices lead to the same state */
	return trail[depth++].taken;
}

/* The next list of choices; false: that was all. */
static bool advance(void)
{
	while (trail_len > 0 && trail[trail_len - 1].taken + 1 == trail[trail_len - 1].cnt)
		trail_len--;
	if (trail_len > 0)
		trail[trail_len - 1].taken++;
	depth = 0;
	return trail_len > 0;
}

/* ---- a network without order ----------------------------------------------------------------- */

struct net {
	struct pair_packet pool[POOL_MAX];
	unsigned cnt;
	unsigned budget[BUDGET_CNT];
	bool is_open; /* all that is sent goes on in order: before and after the choices */
};

static bool catch (struct pair *p, struct pair_packet *packet)
{
	struct net *n = p->filter_arg;

	if (n->is_open)
		return true;
	for (unsigned i = 0; i < n->cnt; i++)
		if (n->pool[i].to == packet->to && n->pool[i].len == packet->len &&
			memcmp(n->pool[i].payload, packet->payload, packet->len) == 0)
			return false; /* one of them is as good as two: COPY is the other one */
	must(n->cnt < POOL_MAX);
	n->pool[n->cnt++] = *packet;
	return false;
}

static void settle(struct pair *p)
{
	while (p->packets != NULL || p->node[0].jobs != NULL || p->node[1].jobs != NULL)
		(void)pair_step(p, p->now_ns);
}

static void take_out(struct net *n, unsigned at)
{
	memmove(n->pool + at, n->pool + at + 1, (--n->cnt - at) * sizeof(n->pool[0]));
}

static void fire_next_timer(struct pair *p)
{
	(void)pair_step(p, p->now_ns + 3600 * PAIR_SEC);
	settle(p);
}

/* ---- the story of a run that went wrong, told in a second run of the same choices ---- */

static bool is_loud;

static void tell(const struct pair *p, const char *what, const struct pair_packet *packet)
{
	static const char *const names[256] = {
#define X(id, value, name) [value] = name,
		MSG_TYPES(X)
#undef X
	};

	if (!is_loud)
		return;
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

/* One thing that can happen now. */
static void happen(struct pair *p, struct net *n)
{
	unsigned losses = n->budget[LOSS] > 0 ? n->cnt : 0;
	unsigned copies = n->budget[COPY] > 0 ? n->cnt : 0;
	unsigned early = n->budget[EARLY] > 0 ? 1 : 0;
	unsigned at;

	if (n->cnt == 0) {
		tell(p, "timer", NULL);
		fire_next_timer(p);
		return;
	}
	at = choose(n->cnt + losses + copies + early);
	if (at >= n->cnt + losses + copies) {
		n->budget[EARLY]--;
		tell(p, "early timer", NULL);
		fire_next_timer(p);
	} else if (at >= n->cnt + copies) {
		n->budget[LOSS]--;
		tell(p, "lose", &n->pool[at - n->cnt - copies]);
		take_out(n, at - n->cnt - copies);
	} else {
		tell(p, at < n->cnt ? "deliver" : "copy", &n->pool[at % n->cnt]);
		pair_inject(p, &n->pool[at % n->cnt], 0);
		if (at >= n->cnt)
			n->budget[COPY]--;
		else
			take_out(n, at);
		settle(p);
	}
}

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

static void begin_anew(struct pair *p, unsigned node)
{
	pair_crash(p, node);
	pair_start(p, node);
}

static const struct scenario {
	const char *name;
	bool is_first_contact;
	void (*begin[2])(struct pair *p, unsigned node);
} scenarios[] = {
	{"first contact", true, {NULL, NULL}},
	{"rekey and rekey", false, {begin_rekey, begin_rekey}},
	{"full and full", false, {begin_full, begin_full}},
	{"full and rekey", false, {begin_full, begin_rekey}},
	{"rekey and full", false, {begin_rekey, begin_full}},
	{"restart and rekey", false, {begin_anew, begin_rekey}},
};

static struct pair *set_up(const struct scenario *sc, struct net *n)
{
	struct pair *p = pair_new(&(struct pair_options){.seed = 1,
					  .are_verdicts_known = true,
					  .groups = {29},
					  .hold_ns = PAIR_SEC,
					  .keep_alive_interval_ns = 20 * PAIR_SEC},
		east, west);

	p->filter = catch;
	p->filter_arg = n;
	n->is_open = !sc->is_first_contact;
	pair_start(p, 0);
	pair_start(p, 1);
	if (sc->is_first_contact)
		return p;
	must(pair_run_until(p, is_settled, 20 * PAIR_SEC));
	n->is_open = false;
	for (unsigned i = 0; i < 2; i++)
		sc->begin[i](p, i);
	return p;
}

/* Both first messages are under way before anything is delivered. */
static void begin(struct pair *p, const struct net *n)
{
	for (unsigned i = 0; n->cnt < 2 && i < 8; i++)
		fire_next_timer(p);
	must(n->cnt == 2);
}

static bool complain(const struct scenario *sc, const char *what)
{
	fprintf(stderr, "%s: %s: choices", sc->name, what);
	for (unsigned i = 0; i < depth; i++)
		fprintf(stderr, " %u/%u", trail[i].taken, trail[i].cnt);
	fprintf(stderr, "\n");
	return false;
}

static bool run(const struct scenario *sc, const unsigned budget[BUDGET_CNT])
{
	struct net n = {.cnt = 0};
	struct pair *p = set_up(sc, &n);
	bool is_restart = sc->begin[0] == begin_anew, ok = true;
	uint64_t limit;

	memcpy(n.budget, budget, sizeof(n.budget));
	begin(p, &n);
	limit = p->now_ns + CONVERGE;
	while (ok && (n.cnt > 0 || !is_settled(p))) {
		happen(p, &n);
		if (!is_restart && !pair_is_receivable(p))
			ok = complain(sc, "sends under what the other one cannot receive");
		else if (p->now_ns > limit)
			ok = complain(sc, "no agreement");
	}
	pair_free(p);
	return ok;
}

static bool explore(const struct scenario *sc, const unsigned budget[BUDGET_CNT])
{
	unsigned long cnt = 0;
	bool ok;

	trail_len = depth = 0;
	do {
		ok = run(sc, budget);
		cnt++;
	} while (ok && advance());
	if (!ok) {
		is_loud = true;
		depth = 0;
		(void)run(sc, budget);
		is_loud = false;
	}
	printf("%s: %lu interleavings, losses %u, copies %u, early timers %u\n", sc->name, cnt,
		budget[LOSS], budget[COPY], budget[EARLY]);
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

static const struct size {
	const char *name;
	unsigned budget[4][BUDGET_CNT];
	unsigned cnt;
} sizes[] = {
	{"small", {{0, 0, 0}, {1, 0, 0}}, 2},
	{"medium", {{0, 1, 0}, {0, 0, 1}}, 2},
	{"large", {{2, 0, 0}, {1, 1, 0}, {1, 0, 1}, {0, 1, 1}}, 4},
};

static const struct size *find_size(const char *name)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (strcmp(sizes[i].name, name) == 0)
			return &sizes[i];
	return NULL;
}

int main(int argc, char *argv[])
{
	const struct size *size = argc > 1 ? find_size(argv[1]) : NULL;
	size_t only = argc > 2 ? strtoul(argv[2], NULL, 0) : SIZE_MAX;
	bool ok = true;

	if (size == NULL) {
		fprintf(stderr, "usage: pair-interleave small|medium|large [SCENARIO]\n");
		return 2;
	}
	make_identities();
	for (size_t s = 0; s < sizeof(scenarios) / sizeof(scenarios[0]); s++)
		for (unsigned b = 0; b < size->cnt && (only == SIZE_MAX || only == s); b++)
			ok = explore(&scenarios[s], size->budget[b]) && ok;
	pair_identity_free(east);
	pair_identity_free(west);
	return !ok;
}
