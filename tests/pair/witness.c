/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/pair/witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "dataplane/core/hash.h"
#include "tests/pair/host.h"

#define ENTRY_CNT (1u << 18) /* power of two */

struct entry {
	uint64_t name; /* 0: free */
	uint64_t value;
	bool is_taken;
};

struct witness {
	size_t cnt;
	struct entry entry[ENTRY_CNT];
};

enum kind { SENT, KEY, NONCE }; /* what an entry is about */

static uint64_t seed_told;

static _Noreturn void fault(const char *what, const struct pair_packet *packet)
{
	fprintf(stderr, "seed %llu: %s", (unsigned long long)seed_told, what);
	if (packet != NULL)
		fprintf(stderr, ": type %u, %zu bytes, from %u to %u at %.3f s",
			packet->payload[MSG_ENVELOPE_LEN + 5], packet->len, packet->from,
			packet->to, (double)packet->at_ns / 1e9);
	fprintf(stderr, "\n");
	abort();
}

static uint64_t name_of(enum kind kind, const void *data, size_t len)
{
	const struct rk_span part[2] = {{(const uint8_t *)&kind, sizeof(kind)}, {data, len}};
	uint8_t out[32];
	uint64_t name;

	hash_make(SUITE_SHA256, part, 2, out);
	memcpy(&name, out, sizeof(name));
	return name | 1;
}

static struct entry *find(struct witness *w, uint64_t name)
{
	size_t at = (name >> 1) % ENTRY_CNT;

	while (w->entry[at].name != 0 && w->entry[at].name != name)
		at = (at + 1) % ENTRY_CNT;
	return &w->entry[at];
}

/* The entry; a new one gets the value. */
static struct entry *remember(struct witness *w, uint64_t name, uint64_t value)
{
	struct entry *e = find(w, name);

	if (e->name == 0) {
		must(++w->cnt < ENTRY_CNT / 2);
		*e = (struct entry){.name = name, .value = value};
	}
	return e;
}

struct witness *witness_new(uint64_t seed)
{
	struct witness *w = calloc(1, sizeof(*w));

	must(w != NULL);
	seed_told = seed;
	return w;
}

void witness_free(struct witness *w)
{
	free(w);
}

/* The one of these that the message is sealed under. */
static bool opens(struct pair_node *n, const struct wire_packet *m, unsigned suite,
	const struct secret_aead *key)
{
	uint8_t plain[MSG_MAX];

	return aead_open(n->engine->aead, suite_find((uint16_t)suite)->aead, key, m->counter,
		m->aad, m->sealed, plain);
}

static bool find_key(struct pair_node *n, const struct wire_packet *m, struct secret_aead *key)
{
	const struct exchange *x = exchange_find(n->engine, m->sender);

	if (m->type < MSG_SESSION_FIRST) {
		if (x == NULL || x->state == EXCHANGE_ANSWERED) /* it has no keys any more */
			return false;
		*key = x->send;
		if (!opens(n, m, x->suite->id, key))
			fault("a message of an exchange is not under its key", NULL);
		return true;
	}
	for (unsigned i = 0; n->session[0] != NULL && i < KEYRING_CNT; i++) {
		const struct keyslot *slot = n->session[0]->keys.slot[i];

		if (!keyslot_is_used(slot) || slot->peer_index != m->index)
			continue;
		*key = slot->send;
		if (m->type == MSG_REKEY_HELLO || m->type == MSG_REKEY_REPLY)
			secrets_rekey_key(slot, true, key);
		if (opens(n, m, slot->suite, key))
			return true;
	}
	return false;
}

void witness_sent(
	struct witness *w, struct pair *p, const struct pair_packet *packet, unsigned side)
{
	struct {
		struct secret_aead key;
		uint64_t counter;
	} nonce = {.counter = 0};
	uint64_t whole = name_of(SENT, packet->payload, packet->len);
	struct wire_packet m;

	if (wire_parse_packet(&m, packet->payload, packet->len) != REASON_ACCEPTED)
		fault("what was sent does not parse", packet);
	if (m.sealed.len == 0)
		return;
	if (find(w, whole)->name != 0) { /* said again, of which the key may be gone */
		if (find(w, whole)->value != side)
			fault("two sides send the same", packet);
		return;
	}
	(void)remember(w, whole, side);
	if (!find_key(&p->node[packet->from], &m, &nonce.key)) {
		if (m.type >= MSG_SESSION_FIRST)
			fault("sent under no key of its session", packet);
		return;
	}
	if (remember(w, name_of(KEY, &nonce.key, sizeof(nonce.key)), side)->value != side)
		fault("a key is used in both directions", packet);
	nonce.counter = m.counter;
	if (remember(w, name_of(NONCE, &nonce, sizeof(nonce)), whole)->value != whole)
		fault("a counter is used again", packet);
}

void witness_taken(struct witness *w, const struct pair_packet *packet, unsigned peer, bool is_busy)
{
	struct entry *e;
	struct wire_packet m;

	if (wire_parse_packet(&m, packet->payload, packet->len) != REASON_ACCEPTED)
		fault("what was taken does not parse", packet);
	if (m.sealed.len == 0 || m.type == MSG_REPLY)
		return; /* taken on trust, to be worked on */
	e = find(w, name_of(SENT, packet->payload, packet->len));
	if (e->name == 0)
		fault("taken, and never sent", packet);
	if (m.type >= MSG_SESSION_FIRST && e->value != peer)
		fault("taken, and sent by somebody else", packet);
	if (e->is_taken && m.type != MSG_CERT_FRAGMENT && !(m.type == MSG_FINISH && is_busy))
		fault("taken twice", packet);
	e->is_taken = true;
}

static bool is_same(const struct secret_aead *a, const struct secret_aead *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static void look_at_two(const struct keyslot *a, const struct keyslot *b)
{
	if (memcmp(a->exported, b->exported, sizeof(a->exported)) != 0)
		return;
	if (!is_same(&a->send, &b->receive) || !is_same(&a->receive, &b->send) ||
		memcmp(a->chain, b->chain, sizeof(a->chain)) != 0)
		fault("one slot has different keys on its two sides", NULL);
	if (a->suite != b->suite || a->group != b->group || a->is_full != b->is_full ||
		a->is_initiator == b->is_initiator)
		fault("one slot is different things to its two sides", NULL);
	if ((a->peer_index != 0 && a->peer_index != b->local_index) ||
		(b->peer_index != 0 && b->peer_index != a->local_index))
		fault("one slot has another index than it is told", NULL);
}

static const struct session *session_of(const struct pair *p, unsigned node)
{
	const struct pair_node *n = &p->node[node];

	return n->owner != NULL ? n->owner->session[0] : n->session[0];
}

void witness_look_at_slots(const struct pair *p)
{
	const struct session *a = session_of(p, 0), *b = session_of(p, 1);

	for (unsigned i = 0; a != NULL && b != NULL && i < KEYRING_CNT; i++)
		for (unsigned j = 0; j < KEYRING_CNT; j++)
			if (keyslot_is_used(a->keys.slot[i]) && keyslot_is_used(b->keys.slot[j]))
				look_at_two(a->keys.slot[i], b->keys.slot[j]);
}

bool witness_is_nothing_left(const struct pair_node *n)
{
	const struct engine *e = n->engine;
	size_t slot_cnt = e->slots.fresh_cnt;

	for (const struct keyslot *slot = e->slots.free; slot != NULL; slot = slot->next)
		slot_cnt++;
	for (const struct keyslot *region = e->slots.regions; region != NULL; region = region->next)
		slot_cnt += region->sent_bytes;
	return e->used_cnt == 0 && e->own_cnt == 0 && e->job_cnt == 0 && e->parked_cnt == 0 &&
	       n->timers == NULL && slot_cnt == e->slots.cnt;
}
