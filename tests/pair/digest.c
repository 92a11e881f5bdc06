/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/pair/digest.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "dataplane/core/hash.h"
#include "tests/pair/host.h"

#define TEXT_MAX     (256 * 1024)
#define ADMITTED_MAX 40 /* what the guard lets any source have at once */

struct text {
	size_t len;
	uint8_t byte[TEXT_MAX];
};
static struct text text;

static void put(const void *data, size_t len)
{
	must(len <= TEXT_MAX - text.len);
	memcpy(text.byte + text.len, data, len);
	text.len += len;
}

static void put_number(uint64_t n)
{
	put(&n, sizeof(n));
}

static void put_sized(const uint8_t *data, size_t len)
{
	put_number(len);
	put(data, len);
}

/* The copy is all of it, so that a new field is in; out goes what is named here. */
static void put_slot(const struct keyslot *slot)
{
	struct keyslot s;

	memcpy(&s, slot, sizeof(s));
	s.next = NULL;
	put(&s, sizeof(s));
}

static void put_session(const struct session *session)
{
	struct session s;

	memcpy(&s, session, sizeof(s));
	s.config = NULL;
	memset(&s.timer, 0, sizeof(s.timer)); /* its list is in */
	s.full_exchange_cnt = s.rekey_cnt = 0;
	s.keep_alive_sent_cnt = s.keep_alive_received_cnt = 0;
	keyring_init(&s.keys);
	memset(&s.keys, 0, sizeof(s.keys));
	put(&s, sizeof(s));
	for (unsigned i = 0; i < KEYRING_CNT; i++)
		put_slot(session->keys.slot[i]);
}

static void put_cache(const struct exchange_cache *c)
{
	put_sized(c->sent, c->sent_len);
	put_sized(c->received, c->received_len);
	put_sized(c->core, c->core_len);
	put_sized(c->cookie, c->cookie_len);
	put_sized(c->plain, c->plain_len);
}

static void put_parked(const struct parked *parked)
{
	put_number(parked != NULL);
	if (parked == NULL)
		return;
	put_number(parked->fragments.missing);
	put_sized(parked->fragments.data, parked->fragments.total_len);
	put_number(parked->has_verdict);
	if (parked->has_verdict)
		put(&parked->verdict, sizeof(parked->verdict));
}

static void put_exchange(const struct engine *e, const struct exchange *exchange)
{
	struct exchange x;

	memcpy(&x, exchange, sizeof(x));
	must(x.job_number == 0);
	put_parked(x.parked);
	x.parked = NULL;
	put_number(x.session != NULL);
	put_number(x.credential != NULL);
	put_number(x.group == NULL ? 0 : x.group->id);
	put_number(x.suite == NULL ? 0 : x.suite->id);
	x.session = NULL;
	x.credential = NULL;
	x.group = NULL;
	x.suite = NULL;
	x.next_entry = 0; /* of a chain in which it is the only one of its id */
	memset(&x.timer, 0, sizeof(x.timer));
	memset(x.schemes.id + x.schemes.cnt, 0,
		sizeof(x.schemes.id) - x.schemes.cnt * sizeof(x.schemes.id[0]));
	put(&x, sizeof(x));
	put_cache(&e->caches[x.entry]);
}

/* Control's part: what is known, and what was asked. */
static void put_control(const struct pair_node *n)
{
	for (size_t i = 0; i < n->known_cnt; i++)
		put(n->known[i].fingerprint, RK_FINGERPRINT_LEN);
	for (const struct pair_answer *a = n->pair->answers; a != NULL; a = a->next)
		if (a->node == n->number) {
			put_number(a->at_ns);
			put_number(a->request);
			put_number(a->has_verdict);
		}
	put_number(0);
}

static void put_timers(const struct pair_node *n)
{
	for (const struct core_timer *t = n->timers; t != NULL; t = t->next) {
		put_number(t->deadline_ns);
		put_number(t->kind);
		if (t->kind == TIMER_EXCHANGE)
			put_number(((const struct exchange *)((const char *)t -
							      offsetof(struct exchange, timer)))
					   ->entry);
	}
	put_number(0);
}

/*
 * Not in it: the guard, which lets everything pass while there have been fewer exchanges than its
 * burst; negative answers, of which there are none.
 */
static unsigned exchange_cnt(const struct pair_node *n)
{
	uint32_t g, step;
	unsigned cnt;

	memset(&g, (int)(n->number * 16 + n->start_cnt), sizeof(g)); /* what it draws */
	step = g | 1;
	for (cnt = 0; cnt < ADMITTED_MAX && g != n->engine->next_generation; cnt++)
		g += step;
	return cnt;
}

static void put_engine(const struct pair_node *n)
{
	const struct engine *e = n->engine;

	must(e->job_cnt == 0 && n->jobs == NULL);
	for (unsigned i = 0; i < NEGATIVE_CNT; i++)
		must(e->negative[i].status == RK_VERDICT_UNKNOWN);
	must(exchange_cnt(n) < ADMITTED_MAX);
	put_number(n->start_cnt);
	put_number(e->next_generation);
	put_number(e->room_hand);
	put_number(e->own_status);
	for (uint32_t at = e->free_exchange; at != 0; at = e->exchanges[at - 1].next_entry)
		put_number(at);
	for (uint32_t i = 0; i < e->config.exchange_cnt; i++)
		if (e->exchanges[i].state != EXCHANGE_FREE)
			put_exchange(e, &e->exchanges[i]);
}

struct packet_name {
	uint8_t hash[DIGEST_LEN];
};

static int by_hash(const void *a, const void *b)
{
	return memcmp(a, b, DIGEST_LEN);
}

static void put_packets(const struct pair_packet *packets, unsigned cnt)
{
	struct packet_name name[PAIR_EVENT_MAX];

	must(cnt <= PAIR_EVENT_MAX);
	for (unsigned i = 0; i < cnt; i++) {
		const struct rk_span parts[2] = {
			{(const uint8_t *)&packets[i].to, sizeof(packets[i].to)},
			{packets[i].payload, packets[i].len}};

		hash_make(SUITE_SHA256, parts, 2, name[i].hash);
	}
	qsort(name, cnt, sizeof(name[0]), by_hash);
	put_number(cnt);
	put(name, cnt * sizeof(name[0]));
}

void pair_digest(const struct pair *p, const struct pair_packet *packets, unsigned packet_cnt,
	const unsigned *more, unsigned more_cnt, uint8_t out[DIGEST_LEN])
{
	struct rk_span whole;

	must(p->options.has_flat_random && p->packets == NULL);
	text.len = 0;
	put_number(p->now_ns);
	for (unsigned i = 0; i < p->node_cnt; i++) {
		const struct pair_node *n = &p->node[i];

		put_engine(n);
		put_timers(n);
		put_control(n);
		put_session(n->session[0]);
	}
	put_packets(packets, packet_cnt);
	put(more, more_cnt * sizeof(*more));
	whole = (struct rk_span){text.byte, text.len};
	hash_make(SUITE_SHA256, &whole, 1, out);
}
