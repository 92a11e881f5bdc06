/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/neighbour.h"

#include <string.h>

void neighbour_init(
	struct neighbour_table *t, const struct neighbour_ops *ops, void *ctx, uint64_t now_ns)
{
	size_t i;

	memset(t, 0, sizeof(*t));
	t->ops = ops;
	t->ctx = ctx;
	t->swept_ns = now_ns;
	for (i = 0; i < NEIGHBOUR_CNT; i++) {
		t->entry[i].next = t->free;
		t->free = &t->entry[i];
	}
}

static struct neighbour **bucket_of(struct neighbour_table *t, const struct neighbour_key *key)
{
	uint32_t h = key->port_id * UINT32_C(31) + key->family;
	size_t i;

	for (i = 0; i < sizeof(key->address); i++)
		h = h * UINT32_C(16777619) ^ key->address[i];
	return &t->bucket[(h ^ h >> 16) % NEIGHBOUR_BUCKET_CNT];
}

static struct neighbour *find(struct neighbour_table *t, const struct neighbour_key *key)
{
	struct neighbour *n = *bucket_of(t, key);

	while (n != NULL && memcmp(&n->key, key, sizeof(*key)) != 0)
		n = n->next;
	return n;
}

static void drop_parked(struct neighbour_table *t, struct neighbour *n)
{
	while (n->parked_cnt > 0)
		t->ops->drop(t->ctx, n->parked[--n->parked_cnt]);
}

static void forget(struct neighbour_table *t, struct neighbour *n)
{
	struct neighbour **link = bucket_of(t, &n->key);

	while (*link != n)
		link = &(*link)->next;
	*link = n->next;
	drop_parked(t, n);
	if (n->state == NEIGHBOUR_UNKNOWN)
		t->open_cnt--;
	memset(n, 0, sizeof(*n));
	n->next = t->free;
	t->free = n;
}

/* The entry used longest ago, among the unanswered ones or all. */
static struct neighbour *oldest(struct neighbour_table *t, bool is_unanswered)
{
	struct neighbour *best = NULL;
	size_t i;

	for (i = 0; i < NEIGHBOUR_CNT; i++) {
		struct neighbour *n = &t->entry[i];

		if (n->state == NEIGHBOUR_FREE || (is_unanswered && n->state != NEIGHBOUR_UNKNOWN))
			continue;
		if (best == NULL || n->used_ns < best->used_ns)
			best = n;
	}
	return best;
}

static void ask(struct neighbour_table *t, struct neighbour *n, uint64_t now_ns)
{
	n->asked_ns = now_ns;
	n->ask_cnt++;
	t->ops->ask(t->ctx, &n->key, n->source);
}

static void probe(struct neighbour_table *t, struct neighbour *n, uint64_t now_ns)
{
	n->state = NEIGHBOUR_PROBED;
	n->is_doubted = false;
	n->ask_cnt = 0;
	ask(t, n, now_ns);
}

/* A rumour right after an answer is not lost: who restarts at once says so only once. */
static void probe_doubted(struct neighbour_table *t, struct neighbour *n, uint64_t now_ns)
{
	if (n->is_doubted && now_ns - n->answered_ns >= NEIGHBOUR_QUIET_NS)
		probe(t, n, now_ns);
}

static struct neighbour *add(struct neighbour_table *t, const struct neighbour_key *key,
	const uint8_t *source, uint64_t now_ns)
{
	struct neighbour **link = bucket_of(t, key);
	struct neighbour *n;

	if (t->open_cnt >= NEIGHBOUR_OPEN_MAX)
		forget(t, oldest(t, true));
	else if (t->free == NULL)
		forget(t, oldest(t, false));
	n = t->free;
	t->free = n->next;
	n->key = *key;
	n->state = NEIGHBOUR_UNKNOWN;
	n->used_ns = now_ns;
	memcpy(n->source, source, net_address_len(key->family));
	n->next = *link;
	*link = n;
	t->open_cnt++;
	return n;
}

bool neighbour_resolve(struct neighbour_table *t, const struct neighbour_key *key,
	const uint8_t *source, void *packet, uint64_t now_ns, uint8_t mac[NET_MAC_LEN])
{
	struct neighbour *n = find(t, key);
	bool is_new = n == NULL;

	if (is_new)
		n = add(t, key, source, now_ns);
	n->used_ns = now_ns;
	if (n->state != NEIGHBOUR_UNKNOWN) {
		if (n->state == NEIGHBOUR_KNOWN && now_ns - n->answered_ns >= NEIGHBOUR_FRESH_NS) {
			memcpy(n->source, source, net_address_len(key->family));
			probe(t, n, now_ns);
		}
		memcpy(mac, n->mac, NET_MAC_LEN);
		return true;
	}
	/* The newest packets are worth most: a retransmission supersedes what it repeats. */
	if (n->parked_cnt == NEIGHBOUR_PARKED_MAX) {
		t->ops->drop(t->ctx, n->parked[0]);
		memmove(&n->parked[0], &n->parked[1],
			(NEIGHBOUR_PARKED_MAX - 1) * sizeof(n->parked[0]));
		n->parked_cnt--;
	}
	n->parked[n->parked_cnt++] = packet;
	if (is_new)
		ask(t, n, now_ns);
	return false;
}

void neighbour_hear(struct neighbour_table *t, const struct neighbour_key *key,
	const uint8_t mac[NET_MAC_LEN], uint64_t now_ns)
{
	struct neighbour *n = find(t, key);

	if (n == NULL || n->state != NEIGHBOUR_KNOWN || memcmp(n->mac, mac, NET_MAC_LEN) == 0)
		return;
	n->is_doubted = true;
	probe_doubted(t, n, now_ns);
}

bool neighbour_learn(struct neighbour_table *t, const struct neighbour_key *key,
	const uint8_t mac[NET_MAC_LEN], uint64_t now_ns)
{
	struct neighbour *n = find(t, key);
	unsigned i;

	if (n == NULL)
		return false;
	if (n->state == NEIGHBOUR_KNOWN) {
		neighbour_hear(t, key, mac, now_ns);
		return false;
	}
	if (n->state == NEIGHBOUR_UNKNOWN)
		t->open_cnt--;
	n->state = NEIGHBOUR_KNOWN;
	n->answered_ns = now_ns;
	n->ask_cnt = 0;
	memcpy(n->mac, mac, NET_MAC_LEN);
	for (i = 0; i < n->parked_cnt; i++)
		t->ops->deliver(t->ctx, n->parked[i], n->mac);
	n->parked_cnt = 0;
	return true;
}

static void run_entry(struct neighbour_table *t, struct neighbour *n, uint64_t now_ns)
{
	if (n->state == NEIGHBOUR_KNOWN) {
		if (now_ns - n->used_ns >= NEIGHBOUR_IDLE_NS)
			forget(t, n);
		else
			probe_doubted(t, n, now_ns);
		return;
	}
	if (now_ns - n->asked_ns < NEIGHBOUR_RETRY_NS << (n->ask_cnt - 1))
		return;
	if (n->ask_cnt < NEIGHBOUR_ASK_MAX)
		ask(t, n, now_ns);
	else
		forget(t, n);
}

void neighbour_run(struct neighbour_table *t, uint64_t now_ns)
{
	size_t i;

	if (now_ns - t->swept_ns < NEIGHBOUR_SWEEP_NS)
		return;
	t->swept_ns = now_ns;
	for (i = 0; i < NEIGHBOUR_CNT; i++)
		if (t->entry[i].state != NEIGHBOUR_FREE)
			run_entry(t, &t->entry[i], now_ns);
}

void neighbour_fini(struct neighbour_table *t)
{
	size_t i;

	for (i = 0; i < NEIGHBOUR_CNT; i++)
		if (t->entry[i].state != NEIGHBOUR_FREE)
			forget(t, &t->entry[i]);
}
