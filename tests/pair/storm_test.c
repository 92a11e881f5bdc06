/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Seeded runs under an attacker who is the network: what is sent is lost, copied, kept for later, changed
 * in every way, put together from pieces, said from other addresses and to others; beside it a second pair, one
 * of whom has east's certificate and whose packets come here, as ours go there. Meanwhile everything
 * happens that can happen to a peering. The witness sees to what must hold always; in the end both agree, and
 * when their sessions are gone nothing is left.
 *
 *	pair-storm [FIRST-SEED COUNT]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "tests/pair/host.h"
#include "tests/pair/witness.h"

#define DEFAULT_CNT 30
#define KEPT_CNT    512
#define STRANGER    77 /* 192.0.2.77: nobody's address */

static struct pair_identity
	*identities[3][2]; /* of east, west and north: before and after renewal */

struct storm {
	struct pair *pair[2]; /* the second one: east again, and north */
	struct witness *witness;
	unsigned fury;                        /* permille of what is sent that is meddled with */
	struct pair_packet kept[2][KEPT_CNT]; /* the last that were sent */
	unsigned kept_cnt[2];
	uint64_t stranger_bytes; /* to the first pair, from an address that is nobody's */
	uint64_t known_bytes;    /* from the first pair, to those who are somebody */
};

static uint64_t below(struct pair *p, uint64_t bound)
{
	return pair_random(p) % bound;
}

static bool one_in(struct pair *p, unsigned n)
{
	return below(p, n) == 0;
}

static unsigned number_of(const struct storm *s, const struct pair *p)
{
	return p == s->pair[1];
}

/* ---- the attacker ---------------------------------------------------------------------------- */

static struct pair_packet *any_kept(struct storm *s, struct pair *p, unsigned of)
{
	unsigned cnt = s->kept_cnt[of] < KEPT_CNT ? s->kept_cnt[of] : KEPT_CNT;

	return cnt == 0 ? NULL : &s->kept[of][below(p, cnt)];
}

static void change_bytes(struct pair *p, struct pair_packet *c)
{
	for (unsigned cnt = 1 + (unsigned)below(p, 4); cnt > 0; cnt--) {
		size_t first = one_in(p, 8) ? 0 : MSG_ENVELOPE_LEN;
		size_t at =
			first + below(p, one_in(p, 2) || c->len < 64 ? c->len - first : 64 - first);

		c->payload[at] = one_in(p, 2) ? (uint8_t)(c->payload[at] ^ 1u << below(p, 8))
					      : (uint8_t)pair_random(p);
	}
}

/* The rest of another one from some place on. */
static void splice(struct storm *s, struct pair *p, struct pair_packet *c)
{
	static const size_t places[] = {8, 12, 16, 18, 20, 24, 32, 36, 40, 48, 56};
	const struct pair_packet *other = any_kept(s, p, (unsigned)below(p, 2));
	size_t at = places[below(p, sizeof(places) / sizeof(places[0]))];

	if (other == NULL || other->len <= at || c->len <= at)
		return;
	memcpy(c->payload + at, other->payload + at, other->len - at);
	c->len = other->len;
}

static void change_length(struct pair *p, struct pair_packet *c)
{
	size_t len = one_in(p, 2) ? below(p, c->len) : c->len + below(p, 64);

	if (len > 0 && len < sizeof(c->payload))
		c->len = len;
}

/* The envelope's lengths, and mac1 of those who know the name of who is to answer. */
static void mend_frame(struct pair *p, struct pair_packet *c)
{
	size_t header_len = (c->payload[8] & 0xf) << 8 | c->payload[9];
	uint8_t type = c->payload[MSG_ENVELOPE_LEN + 5];
	const char *name = p->node[type == MSG_HELLO ? c->to : !c->to].identity->name;

	if (c->len < MSG_MIN + MSG_MAC_LEN || c->len > MSG_MAX || header_len > c->len)
		return;
	c->payload[10] = (uint8_t)((c->len - header_len) >> 8);
	c->payload[11] = (uint8_t)(c->len - header_len);
	if (type == MSG_HELLO || type == MSG_COOKIE)
		must(guard_make_mac1(name, strlen(name), c->payload, c->len - MSG_MAC_LEN,
			c->payload + c->len - MSG_MAC_LEN));
}

static void change_source(struct pair *p, struct pair_packet *c)
{
	if (one_in(p, 3))
		c->source.remote_port = (uint16_t)pair_random(p);
	else
		c->source.remote[3] = one_in(p, 2) ? STRANGER : (uint8_t)(1 + below(p, 2));
}

static void inject(struct storm *s, struct pair *p, const struct pair_packet *c, uint64_t delay)
{
	if (p == s->pair[0] && c->source.remote[3] == STRANGER)
		s->stranger_bytes += c->len;
	pair_inject(p, c, delay);
}

/* One more packet than was sent: like this one, or one from before, or of the others. */
static void forge(struct storm *s, struct pair *p, const struct pair_packet *packet)
{
	const struct pair_packet *other = any_kept(s, p, one_in(p, 3));
	struct pair_packet c = one_in(p, 3) && other != NULL ? *other : *packet;
	static const uint64_t delays[] = {
		PAIR_MS, 10 * PAIR_MS, 100 * PAIR_MS, PAIR_SEC, 10 * PAIR_SEC, 30 * PAIR_SEC};

	if (one_in(p, 4))
		change_source(p, &c);
	if (one_in(p, 3))
		splice(s, p, &c);
	if (one_in(p, 2))
		change_bytes(p, &c);
	if (one_in(p, 8))
		change_length(p, &c);
	if (!one_in(p, 4))
		mend_frame(p, &c);
	if (one_in(p, 8)) { /* back to where it came from, or seems to */
		c.to = !c.to;
		c.source.local[3] = (uint8_t)(c.to + 1);
	}
	inject(s, p, &c, below(p, delays[below(p, sizeof(delays) / sizeof(delays[0]))]));
}

static bool meddle(struct pair *p, struct pair_packet *packet)
{
	struct storm *s = p->filter_arg;
	unsigned of = number_of(s, p);

	if (of == 0)
		s->known_bytes += packet->len;
	packet->at_ns = p->now_ns;
	witness_sent(s->witness, p, packet, 2 * of + packet->from % 2);
	s->kept[of][s->kept_cnt[of]++ % KEPT_CNT] = *packet;
	if (below(p, 1000) >= s->fury)
		return true;
	while (!one_in(p, 3))
		forge(s, p, packet);
	if (one_in(p, 4))
		inject(s, s->pair[!of], packet, 0);
	if (one_in(p, 4)) {
		inject(s, p, packet, below(p, one_in(p, 4) ? 20 * PAIR_SEC : PAIR_SEC));
		return false; /* late */
	}
	return !one_in(p, 4);
}

/* ---- what happens to a peering --------------------------------------------------------------- */

/* Who has the sessions: another worker, if there is one. */
static struct pair_node *home_of(struct pair *p, unsigned node)
{
	struct pair_node *n = &p->node[node];

	return n->owner != NULL ? n->owner : n;
}

static void remove_session(struct pair_node *n)
{
	if (n->session_cnt == 0)
		return;
	pair_begin(n);
	session_remove(n->engine, n->session[0]);
	n->session_cnt = 0;
	free(n->session[0]);
	n->session[0] = NULL;
}

static void start_session(struct pair_node *n)
{
	if (n->session_cnt == 0)
		pair_start(n->pair, n->number);
}

static void change_settings(struct pair *p, struct pair_node *n)
{
	static const uint16_t groups[3][RK_GROUP_MAX] = {{23, 29}, {29, 23}, {29}};

	n->config[0].rekey_interval_ns = (1 + below(p, 4)) * 500 * PAIR_MS;
	n->config[0].is_roaming = one_in(p, 2);
	pair_set_groups(p, n->number, groups[below(p, 3)]);
}

static void rotate(struct pair *p, unsigned node)
{
	struct pair_node *n = home_of(p, node);

	if (n->session_cnt == 0)
		return;
	pair_begin(n);
	session_rotate(n->engine, n->session[0], one_in(p, 2));
}

static void renew_cookie_secret(struct pair *p, struct pair_node *n)
{
	uint8_t secret[32];

	memset(secret, (int)pair_random(p), sizeof(secret));
	engine_set_cookie_secret(n->engine, secret);
}

/* What has to do with the settings and the view of one worker. */
static void change(struct pair *p, struct pair_node *n, uint64_t how, unsigned name, bool which)
{
	switch (how) {
	case 0:
		pair_set_identity(p, n->number, identities[name][which]);
		break;
	case 1:
		if (n->revoked_cnt < 4)
			pair_revoke(p, n->number, p->node[n->number % 2 == 0].identity);
		break;
	case 2:
		pair_unrevoke(p, n->number);
		break;
	case 3:
		n->is_disabled = which;
		pair_publish(n);
		if (one_in(p, 2)) /* else its sessions are swept with the next view */
			pair_rejudge(p, n->number);
		break;
	case 4:
		n->is_control_away = which;
		break;
	default:
		renew_cookie_secret(p, n);
		break;
	}
}

static void crash(struct pair *p, unsigned node)
{
	struct pair_node *n = &p->node[node];

	pair_crash(p, node);
	if (n->owner != NULL)
		pair_crash(p, n->owner->number);
	start_session(home_of(p, node));
}

static void disturb(struct pair *p, unsigned second)
{
	unsigned node = (unsigned)below(p, 2);
	struct pair_node *n = &p->node[node];
	uint64_t how = below(p, 14);
	bool which = one_in(p, 2);

	switch (how) {
	case 6:
		crash(p, node);
		break;
	case 7:
		rotate(p, 0);
		rotate(p, 1);
		break;
	case 8:
		remove_session(home_of(p, node));
		break;
	case 9:
		start_session(home_of(p, node));
		break;
	case 10:
		change_settings(p, home_of(p, node));
		break;
	case 11:
		n->handovers_to_refuse = (unsigned)below(p, 3);
		break;
	case 12:
	case 13:
		rotate(p, node);
		break;
	default:
		change(p, n, how, node == 0 ? 0 : second, which);
		if (n->owner != NULL)
			change(p, n->owner, how, 0, which);
		break;
	}
}

static void mend(struct pair *p, unsigned node)
{
	struct pair_node *n[2] = {&p->node[node], home_of(p, node)};

	for (unsigned i = 0; i < 2; i++)
		n[i]->is_disabled = n[i]->is_control_away = false;
	start_session(n[1]);
	pair_unrevoke(p, n[0]->number);
	pair_unrevoke(p, n[1]->number);
	n[0]->handovers_to_refuse = 0;
}

/* ---- a run ----------------------------------------------------------------------------------- */

static struct pair_options options_of(uint64_t seed)
{
	static const uint16_t groups[2][8] = {{23, 29}, {29, 23}};
	struct pair_options o = {.seed = seed};
	struct pair dice = {.random = seed ^ UINT64_C(0x5702)};

	o.loss_permille = (unsigned)below(&dice, 100);
	o.latency_jitter_ns = below(&dice, 100 * PAIR_MS) + 1;
	o.job_ns = below(&dice, 2) * below(&dice, 20 * PAIR_MS);
	o.control_ns = below(&dice, 500 * PAIR_MS) + 1;
	o.rekey_interval_ns = (1 + below(&dice, 4)) * 500 * PAIR_MS;
	o.hold_ns = (1 + below(&dice, 10)) * 50 * PAIR_MS;
	o.keep_alive_interval_ns = (1 + below(&dice, 5)) * 100 * PAIR_MS;
	o.are_verdicts_known = one_in(&dice, 2);
	o.is_roaming = one_in(&dice, 2);
	o.path_cnt = (uint8_t)(1 + below(&dice, 2));
	o.behavior = one_in(&dice, 2) ? RK_FAIL_HARD : RK_FAIL_SOFT;
	memcpy(o.groups, groups[below(&dice, 2)], sizeof(o.groups));
	for (unsigned i = 0; i < 2; i++)
		o.suites[i][0] = (uint8_t)(one_in(&dice, 2) ? 0 : 1);
	return o;
}

static uint64_t sum(const struct pair *p, enum reason reason)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < p->node_cnt; i++)
		sum += engine_counter(p->node[i].engine, reason);
	return sum;
}

static bool step(struct storm *s, struct pair *p, uint64_t limit)
{
	struct pair_packet first = {.len = 0};
	uint64_t before = sum(p, REASON_ACCEPTED);
	unsigned peer;
	bool is_any;

	if (p->packets != NULL)
		first = *p->packets;
	is_any = pair_step(p, limit);
	if (sum(p, REASON_ACCEPTED) > before) {
		peer = 2 * number_of(s, p) + !(first.to % 2);
		witness_taken(s->witness, &first, peer, sum(p, REASON_BUSY) > 0);
	}
	return is_any;
}

static void run_for(struct storm *s, uint64_t for_ns)
{
	for (unsigned i = 0; i < 2; i++) {
		uint64_t limit = s->pair[i]->now_ns + for_ns;

		while (step(s, s->pair[i], limit))
			;
		witness_look_at_slots(s->pair[i]);
	}
}

static bool is_agreed(struct pair *p)
{
	const struct rk_msg_status_peer one = pair_status(p, home_of(p, 0)->number);
	const struct rk_msg_status_peer other = pair_status(p, 1);

	return one.state == RK_PEER_UP && other.state == RK_PEER_UP &&
	       memcmp(one.exported, other.exported, sizeof(one.exported)) == 0 &&
	       !rk_bytes_are_zero(one.exported, sizeof(one.exported));
}

static bool agree(struct storm *s)
{
	for (unsigned i = 0; i < 200; i++) {
		if (is_agreed(s->pair[0]) && is_agreed(s->pair[1]))
			return true;
		run_for(s, PAIR_SEC);
	}
	return false;
}

static bool fail(uint64_t seed, const char *what)
{
	fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, what);
	return false;
}

/* To addresses that are nobody's. */
static uint64_t bytes_astray(const struct storm *s)
{
	const struct pair *p = s->pair[0];
	uint64_t bytes = 0;

	for (unsigned i = 0; i < p->node_cnt; i++)
		bytes += p->node[i].sent_bytes;
	return bytes - s->known_bytes;
}

static bool end(struct storm *s, uint64_t seed)
{
	bool is_good = true;

	s->fury = 0;
	for (unsigned i = 0; i < 2; i++) {
		s->pair[i]->options.loss_permille = 0;
		for (unsigned j = 0; j < 2; j++) {
			mend(s->pair[i], j);
			pair_set_groups(s->pair[i], home_of(s->pair[i], j)->number,
				s->pair[i]->options.groups);
		}
	}
	run_for(s, 40 * PAIR_SEC); /* what was kept for later comes */
	if (!agree(s))
		is_good = fail(seed, "no agreement");
	if (bytes_astray(s) > s->stranger_bytes)
		is_good = fail(seed, "more went to an address that proved nothing than came");
	for (unsigned i = 0; i < 4; i++)
		remove_session(home_of(s->pair[i / 2], i % 2));
	run_for(s, 60 * PAIR_SEC);
	for (unsigned i = 0; i < 2; i++)
		for (unsigned j = 0; j < s->pair[i]->node_cnt; j++)
			if (!witness_is_nothing_left(&s->pair[i]->node[j]))
				is_good =
					fail(seed, "something is left when nothing is configured");
	return is_good;
}

static bool run(uint64_t seed)
{
	struct storm *s = calloc(1, sizeof(*s));
	struct pair_options o = options_of(seed);
	bool is_good;

	must(s != NULL);
	s->witness = witness_new(seed);
	s->fury = 20 + (unsigned)(seed * 37 % 400);
	for (unsigned i = 0; i < 2; i++) {
		s->pair[i] = pair_new(&o, identities[0][0], identities[1 + i][0]);
		s->pair[i]->random += i;
		s->pair[i]->filter = meddle;
		s->pair[i]->filter_arg = s;
		if (i == 0 && seed % 3 == 0)
			pair_add_worker(s->pair[i]);
		for (unsigned j = 0; j < 2; j++)
			start_session(home_of(s->pair[i], j));
	}
	for (unsigned i = 0; i < 400; i++) {
		run_for(s, 100 * PAIR_MS);
		for (unsigned j = 0; j < 2; j++) {
			if (one_in(s->pair[j], 10))
				disturb(s->pair[j], 1 + j);
			if (one_in(s->pair[j], 5))
				mend(s->pair[j], (unsigned)below(s->pair[j], 2));
		}
	}
	is_good = end(s, seed);
	for (unsigned i = 0; i < 2; i++)
		pair_free(s->pair[i]);
	witness_free(s->witness);
	free(s);
	return is_good;
}

int main(int argc, char *argv[])
{
	static const char *const names[] = {"east", "west", "north"};
	uint64_t first = argc == 3 ? strtoull(argv[1], NULL, 0) : 1;
	uint64_t cnt = argc == 3 ? strtoull(argv[2], NULL, 0) : DEFAULT_CNT;
	uint64_t i, failed_cnt = 0;

	for (i = 0; i < 6; i++)
		identities[i / 2][i % 2] = pair_identity_new(names[i / 2], TEST_P256, NULL);
	for (i = 0; i < cnt; i++)
		failed_cnt += !run(first + i);
	for (i = 0; i < 6; i++)
		pair_identity_free(identities[i / 2][i % 2]);
	printf("%llu runs, %llu failed\n", (unsigned long long)cnt, (unsigned long long)failed_cnt);
	return failed_cnt > 0;
}
