/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two workers hand finished exchanges over to each other while main removes and adds the peers that
 * they are for. What is handed over names its peer; the owner looks it up anew, writes its session if
 * it is still served, wipes the message and gives it back to where it came from.
 */
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dataplane/messages.h"
#include "dataplane/peer_table.h"
#include "tests/race/race.h"

#define ROUND_CNT    4000
#define PEER_CNT     8
#define SESSION_LEN  64
#define POOL_CNT     16
#define HANDOVER_LEN 192

union pooled {
	struct handover_message message;
	uint8_t room[sizeof(struct handover_message) + HANDOVER_LEN];
};

struct worker_under_test {
	struct inbox inbox;           /* anybody: push, it: take */
	struct inbox_list free;       /* own messages that are not under way */
	unsigned sent_cnt, taken_cnt; /* its own */
	union pooled pool[POOL_CNT];
};

struct fixture {
	struct race race;
	struct peer_table peers;
	struct peer_pool pool;
	struct graveyard graveyard;
	struct inbox to_main;
	struct worker_under_test worker[RACE_READERS];
	_Atomic unsigned id_cnt;
};

static unsigned owner_of(unsigned peer)
{
	return peer % RACE_READERS;
}

static void make_identity(unsigned n, char out[RK_CN_MAX])
{
	memset(out, 0, RK_CN_MAX);
	snprintf(out, RK_CN_MAX, "peer-%u.example", n);
}

static struct peer *find(struct fixture *f, unsigned n)
{
	char identity[RK_CN_MAX];
	struct peer *p;

	make_identity(n, identity);
	p = peer_table_find(&f->peers, identity, strlen(identity));
	return p == NULL || atomic_load_explicit(&p->is_dead, memory_order_acquire) ||
			       !atomic_load_explicit(&p->is_ready, memory_order_acquire)
		       ? NULL
		       : p;
}

/* The other worker's peer n has proved who it is, to us. */
static void hand_over(struct fixture *f, unsigned own, unsigned n)
{
	struct worker_under_test *w = &f->worker[own];
	struct inbox_node *node;
	union pooled *m;

	if (owner_of(n) == own || find(f, n) == NULL)
		return;
	node = inbox_list_pop(&w->free);
	if (node == NULL)
		return; /* the peer repeats itself */
	m = (union pooled *)(void *)node;
	m->message.head.type = MESSAGE_HAND_OVER;
	m->message.head.from = (uint8_t)own;
	memset(m->message.handover, (int)n + 1, HANDOVER_LEN);
	w->sent_cnt++;
	inbox_push(&f->worker[owner_of(n)].inbox, node);
}

static void take_over(struct fixture *f, unsigned own, union pooled *m)
{
	unsigned n = m->message.handover[0] - 1u;
	struct peer *p = find(f, n);

	RACE_CHECK(owner_of(n) == own);
	for (unsigned i = 1; i < HANDOVER_LEN; i++)
		RACE_CHECK(m->message.handover[i] == m->message.handover[0]);
	if (p != NULL)
		memset(p->session, m->message.handover[0], SESSION_LEN);
	f->worker[own].taken_cnt++;
	memset(m->message.handover, 0, HANDOVER_LEN);
	inbox_push(&f->worker[m->message.head.from].inbox, &m->message.head.node);
}

static void come_back(struct worker_under_test *w, union pooled *m)
{
	for (unsigned i = 0; i < HANDOVER_LEN; i++)
		RACE_CHECK(m->message.handover[i] == 0); /* wiped */
	inbox_list_append(&w->free, &m->message.head.node);
}

static void execute(struct fixture *f, unsigned own, struct message *m)
{
	if (m->type == MESSAGE_HAND_OVER) {
		if (m->from == own)
			come_back(&f->worker[own], (union pooled *)(void *)m);
		else
			take_over(f, own, (union pooled *)(void *)m);
		return;
	}
	if (m->type == MESSAGE_ADD) {
		atomic_store_explicit(&m->peer->is_ready, true, memory_order_release);
	} else {
		memset(m->peer->session, 0, SESSION_LEN);
		atomic_store_explicit(&m->peer->is_ready, false, memory_order_release);
	}
	inbox_push(&f->to_main, &m->node);
}

static void serve(struct fixture *f, unsigned own)
{
	struct inbox_node *node = inbox_take(&f->worker[own].inbox);

	while (node != NULL) {
		struct inbox_node *next = node->next;

		node->next = NULL;
		execute(f, own, message_of(node));
		node = next;
	}
}

static void *worker(void *arg)
{
	struct fixture *f = arg;
	unsigned own = atomic_fetch_add(&f->id_cnt, 1);
	unsigned n = own;

	rk_rcu_register();
	atomic_fetch_add(&f->race.running_cnt, 1);
	while (!atomic_load(&f->race.is_over)) {
		rk_rcu_quiescent();
		serve(f, own);
		hand_over(f, own, n++ % PEER_CNT);
		atomic_fetch_add_explicit(&f->race.read_cnt, 1, memory_order_relaxed);
	}
	rk_rcu_unregister();
	return NULL;
}

/* ---- main ---- */

static size_t slots_size(unsigned session_cnt)
{
	return session_cnt * (size_t)SESSION_LEN;
}

static void release_peer(struct grave *grave)
{
	struct peer *p = (struct peer *)((uintptr_t)grave - offsetof(struct peer, grave));

	for (unsigned i = 0; i < SESSION_LEN; i++)
		RACE_CHECK(p->session[i] == 0); /* nobody wrote after its owner let go */
	peer_free(p);
}

static void take_returned(struct fixture *f)
{
	struct inbox_node *node = inbox_take(&f->to_main);

	while (node != NULL) {
		struct inbox_node *next = node->next;
		struct message *m = message_of(node);

		if (m->type == MESSAGE_REMOVE)
			graveyard_retire(&f->graveyard, &m->peer->grave, release_peer);
		free(m);
		node = next;
	}
	graveyard_step(&f->graveyard, 8);
}

static void command(struct fixture *f, enum message_type type, struct peer *p, unsigned n)
{
	struct message *m = calloc(1, sizeof(*m));

	RACE_CHECK(m != NULL);
	m->type = type;
	m->peer = p;
	inbox_push(&f->worker[owner_of(n)].inbox, &m->node);
}

static void toggle(struct fixture *f, unsigned n)
{
	char identity[RK_CN_MAX];
	struct peer *p;

	make_identity(n, identity);
	p = peer_table_find(&f->peers, identity, strlen(identity));
	if (p != NULL) {
		peer_table_remove(&f->peers, p);
		command(f, MESSAGE_REMOVE, p, n);
		return;
	}
	p = peer_new(&f->pool, identity, identity, strlen(identity));
	RACE_CHECK(p != NULL && peer_table_add(&f->peers, p));
	command(f, MESSAGE_ADD, p, n);
}

static void forget(struct peer *p, void *arg)
{
	struct fixture *f = arg;

	peer_table_remove(&f->peers, p);
	memset(p->session, 0, SESSION_LEN);
	graveyard_retire(&f->graveyard, &p->grave, release_peer);
}

static void open_fixture(struct fixture *f)
{
	graveyard_init(&f->graveyard, eventfd(0, EFD_NONBLOCK));
	peer_pool_init(&f->pool, SESSION_LEN, slots_size);
	inbox_init(&f->to_main);
	RACE_CHECK(peer_table_init(&f->peers) == 0);
	for (unsigned i = 0; i < RACE_READERS; i++) {
		inbox_init(&f->worker[i].inbox);
		inbox_list_init(&f->worker[i].free);
		for (unsigned k = 0; k < POOL_CNT; k++)
			inbox_list_append(
				&f->worker[i].free, &f->worker[i].pool[k].message.head.node);
	}
}

int main(void)
{
	static struct fixture f;
	unsigned sent = 0, taken = 0;
	unsigned n = 4711;

	RACE_SKIP();
	RACE_CHECK(rk_rcu_start() == 0);
	open_fixture(&f);
	race_start(&f.race, worker, &f);
	for (unsigned i = 0; i < ROUND_CNT; i++) {
		n = n * 1103515245 + 12345;
		rk_rcu_quiescent();
		toggle(&f, (n >> 16) % PEER_CNT);
		take_returned(&f);
	}
	race_stop(&f.race);
	for (unsigned i = 0; i < 4; i++) /* what was under way arrives, and goes back */
		serve(&f, i % RACE_READERS);
	for (unsigned i = 0; i < RACE_READERS; i++) {
		sent += f.worker[i].sent_cnt;
		taken += f.worker[i].taken_cnt;
	}
	RACE_CHECK(sent > 0 && sent == taken);
	take_returned(&f);
	peer_table_walk(&f.peers, forget, &f);
	rk_rcu_barrier();
	while (graveyard_step(&f.graveyard, 64))
		;
	peer_table_fini(&f.peers);
	peer_pool_fini(&f.pool);
	rk_rcu_stop();
	close(f.graveyard.wake_fd);
	printf("%u handed over\n", sent);
	return 0;
}
