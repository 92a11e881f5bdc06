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
	for (i = 0; i < NEIGHBOUR_SLOT_CNT; i++) {
		t->slot[i].next = t->free_slot;
		t->free_slot = &t->slot[i];
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

/* ---- packets that wait ---- */

static void park(struct neighbour_table *t, struct neighbour *n, void *packet)
{
	struct neighbour_slot *slot = t->free_slot;

	t->free_slot = slot->next;
	*slot = (struct neighbour_slot){.packet = packet};
	*n->last = slot;
	n->last = &slot->next;
	n->parked_cnt++;
	t->queued_cnt += n->is_kept;
}

static void *unpark(struct neighbour_table *t, struct neighbour *n)
{
	struct neighbour_slot *slot = n->first;
	void *packet = slot->packet;

	n->first = slot->next;
	if (n->first == NULL)
		n->last = &n->first;
	n->parked_cnt--;
	t->queued_cnt -= n->is_kept;
	t->ready_cnt -= n->is_kept && n->state != NEIGHBOUR_UNKNOWN;
	slot->next = t->free_slot;
	t->free_slot = slot;
	return packet;
}

static void drop_parked(struct neighbour_table *t, struct neighbour *n)
{
	while (n->first != NULL)
		t->ops->drop(t->ctx, unpark(t, n));
}

/* At most max of them; how many are left of max. */
static unsigned deliver(struct neighbour_table *t, struct neighbour *n, unsigned max)
{
	for (; n->first != NULL && max > 0; max--)
		t->ops->deliver(t->ctx, unpark(t, n), n->mac);
	return max;
}

static bool has_room(const struct neighbour_table *t, const struct neighbour *n)
{
	if (t->free_slot == NULL)
		return false;
	return n->is_kept ? t->queued_cnt < NEIGHBOUR_QUEUE_MAX
			  : n->parked_cnt < NEIGHBOUR_PARKED_MAX;
}

/* ---- entries ---- */

static void forget(struct neighbour_table *t, struct neighbour *n)
{
	struct neighbour **link = bucket_of(t, &n->key);

	while (*link != n)
		link = &(*link)->next;
	*link = n->next;
	drop_parked(t, n);
	t->open_cnt -= n->state == NEIGHBOUR_UNKNOWN;
	memset(n, 0, sizeof(*n));
	n->next = t->free;
	t->free = n;
}

/* The entry used longest ago, among the unanswered ones or all; none that is kept. */
static struct neighbour *oldest(struct neighbour_table *t, bool is_unanswered)
{
	struct neighbour *best = NULL;
	size_t i;

	for (i = 0; i < NEIGHBOUR_CNT; i++) {
		struct neighbour *n = &t->entry[i];

		if (n->state == NEIGHBOUR_FREE || n->is_kept ||
			(is_unanswered && n->state != NEIGHBOUR_UNKNOWN))
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

	while (t->open_cnt >= NEIGHBOUR_OPEN_MAX) /* more than one after a list was ended */
		forget(t, oldest(t, true));
	if (t->free == NULL)
		forget(t, oldest(t, false));
	n = t->free;
	t->free = n->next;
	n->key = *key;
	n->state = NEIGHBOUR_UNKNOWN;
	n->used_ns = now_ns;
	n->last = &n->first;
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
	if (!has_room(t, n)) {
		if (n->first == NULL) { /* all of the room is others' */
			t->ops->drop(t->ctx, packet);
			return false;
		}
		t->ops->drop(t->ctx, unpark(t, n));
	}
	park(t, n, packet);
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

	if (n == NULL)
		return false;
	if (n->state == NEIGHBOUR_KNOWN) {
		neighbour_hear(t, key, mac, now_ns);
		return false;
	}
	if (n->state == NEIGHBOUR_UNKNOWN && n->is_kept)
		t->ready_cnt += n->parked_cnt;
	else if (n->state == NEIGHBOUR_UNKNOWN)
		t->open_cnt--;
	n->state = NEIGHBOUR_KNOWN;
	n->answered_ns = now_ns;
	n->ask_cnt = 0;
	memcpy(n->mac, mac, NET_MAC_LEN);
	(void)deliver(t, n, NEIGHBOUR_BURST);
	return true;
}

/* ---- time passes ---- */

static void run_known(struct neighbour_table *t, struct neighbour *n, uint64_t now_ns)
{
	if (!n->is_kept && now_ns - n->used_ns >= NEIGHBOUR_IDLE_NS)
		forget(t, n);
	else if (n->is_kept && now_ns - n->answered_ns >= NEIGHBOUR_FRESH_NS)
		probe(t, n, now_ns);
	else
		probe_doubted(t, n, now_ns);
}

/* A gateway that does not answer is asked at the last interval, without end. */
static void give_up(struct neighbour_table *t, struct neighbour *n, uint64_t now_ns)
{
	if (!n->is_kept) {
		forget(t, n);
		return;
	}
	drop_parked(t, n);
	n->state = NEIGHBOUR_UNKNOWN;
	n->ask_cnt--;
	ask(t, n, now_ns);
}

static void run_entry(struct neighbour_table *t, struct neighbour *n, uint64_t now_ns)
{
	if (n->state == NEIGHBOUR_KNOWN) {
		run_known(t, n, now_ns);
		return;
	}
	if (now_ns - n->asked_ns < NEIGHBOUR_RETRY_NS << (n->ask_cnt - 1))
		return;
	if (n->ask_cnt < NEIGHBOUR_ASK_MAX)
		ask(t, n, now_ns);
	else
		give_up(t, n, now_ns);
}

static void let_go(struct neighbour_table *t)
{
	unsigned left = NEIGHBOUR_BURST;

	for (unsigned i = 0; i < t->kept_cnt && left > 0; i++)
		if (t->kept[i]->state != NEIGHBOUR_UNKNOWN)
			left = deliver(t, t->kept[i], left);
}

void neighbour_run(struct neighbour_table *t, uint64_t now_ns)
{
	size_t i;

	if (t->ready_cnt > 0)
		let_go(t);
	if (now_ns - t->swept_ns < NEIGHBOUR_SWEEP_NS)
		return;
	t->swept_ns = now_ns;
	for (i = 0; i < NEIGHBOUR_CNT; i++)
		if (t->entry[i].state != NEIGHBOUR_FREE)
			run_entry(t, &t->entry[i], now_ns);
}

/* ---- gateways ---- */

void neighbour_list_begin(struct neighbour_table *t)
{
	t->listed_cnt = 0;
	for (unsigned i = 0; i < t->kept_cnt; i++)
		t->kept[i]->is_listed = false;
}

static void keep(struct neighbour_table *t, struct neighbour *n)
{
	n->is_kept = true;
	t->kept[t->kept_cnt++] = n;
	t->queued_cnt += n->parked_cnt;
	t->open_cnt -= n->state == NEIGHBOUR_UNKNOWN;
}

static void keep_no_longer(struct neighbour_table *t, struct neighbour *n)
{
	drop_parked(t, n);
	n->is_listed = n->is_kept = false;
	t->open_cnt += n->state == NEIGHBOUR_UNKNOWN;
}

void neighbour_list_add(struct neighbour_table *t, const struct neighbour_key *key,
	const uint8_t *source, uint64_t now_ns)
{
	struct neighbour *n = find(t, key);
	bool is_new = n == NULL;

	if ((!is_new && n->is_listed) || t->listed_cnt == NEIGHBOUR_KEPT_MAX)
		return;
	if (is_new)
		n = add(t, key, source, now_ns);
	memcpy(n->source, source, net_address_len(key->family));
	if (!n->is_kept)
		keep(t, n);
	n->is_listed = true;
	t->listed_cnt++;
	if (is_new)
		ask(t, n, now_ns);
}

void neighbour_list_end(struct neighbour_table *t)
{
	unsigned cnt = t->kept_cnt;

	t->kept_cnt = 0;
	for (unsigned i = 0; i < cnt; i++) {
		struct neighbour *n = t->kept[i];

		if (n->is_listed)
			t->kept[t->kept_cnt++] = n;
		else
			keep_no_longer(t, n);
	}
}

void neighbour_fini(struct neighbour_table *t)
{
	size_t i;

	for (i = 0; i < NEIGHBOUR_CNT; i++)
		if (t->entry[i].state != NEIGHBOUR_FREE)
			forget(t, &t->entry[i]);
}
