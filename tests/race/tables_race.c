/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Peers and certificates come and go under workers that look them up. Removal goes the whole way:
 * unlinked by main, cleared by the owner on a message, retired, wiped, memory used again.
 */
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dataplane/certificates.h"
#include "dataplane/messages.h"
#include "dataplane/peer_table.h"
#include "tests/race/race.h"

#define ROUND_CNT   6000
#define PEER_CNT    16
#define SESSION_LEN 64

struct fixture {
	struct race race;
	struct peer_table peers;
	struct peer_pool pool;
	struct certificate_table certificates;
	struct graveyard graveyard;
	struct inbox to_owner;
	struct inbox to_main;
	_Atomic bool is_owner_taken;
	unsigned returned_cnt; /* main */
};

static void make_identity(unsigned n, char out[RK_CN_MAX])
{
	memset(out, 0, RK_CN_MAX);
	snprintf(out, RK_CN_MAX, "peer-%u.example", n);
}

static void look_up(struct fixture *f, unsigned n)
{
	char identity[RK_CN_MAX];
	uint8_t fingerprint[RK_FINGERPRINT_LEN] = {(uint8_t)n};
	const struct rk_verdict *v;
	struct peer *p;

	make_identity(n % PEER_CNT, identity);
	p = peer_table_find(&f->peers, identity, strlen(identity));
	if (p != NULL) {
		/* Dead or alive, until the next quiescent point it is what it was. */
		RACE_CHECK(memcmp(p->identity, identity, p->identity_len) == 0);
		RACE_CHECK(strcmp(p->name, identity) == 0);
	}
	v = certificate_table_find(&f->certificates, fingerprint);
	if (v != NULL)
		RACE_CHECK(v->fingerprint[0] == (uint8_t)n && v->not_after == v->not_before);
}

/* The owner's part: only it writes the session, and it lets go before main may retire. */
static void serve(struct fixture *f)
{
	struct inbox_node *node = inbox_take(&f->to_owner);

	while (node != NULL) {
		struct inbox_node *next = node->next;
		struct message *m = message_of(node);

		if (m->type == MESSAGE_ADD) {
			memset(m->peer->session, 0x5a, SESSION_LEN);
			atomic_store_explicit(&m->peer->is_ready, true, memory_order_release);
		} else {
			RACE_CHECK(m->peer->session[SESSION_LEN - 1] == 0x5a);
			memset(m->peer->session, 0, SESSION_LEN);
		}
		inbox_push(&f->to_main, node);
		node = next;
	}
}

static void *worker(void *arg)
{
	struct fixture *f = arg;
	bool is_owner = !atomic_exchange(&f->is_owner_taken, true);
	unsigned n = is_owner ? 1 : 77;

	rk_rcu_register();
	atomic_fetch_add(&f->race.running_cnt, 1);
	while (!atomic_load(&f->race.is_over)) {
		rk_rcu_quiescent();
		if (is_owner)
			serve(f);
		look_up(f, n++ % 64);
		atomic_fetch_add_explicit(&f->race.read_cnt, 1, memory_order_relaxed);
		if (n % 1000 == 0) { /* asleep, holding nobody up */
			rk_rcu_offline();
			sched_yield();
			rk_rcu_online();
		}
	}
	if (is_owner)
		serve(f);
	rk_rcu_unregister();
	return NULL;
}

static size_t slots_size(unsigned session_cnt)
{
	return session_cnt * (size_t)SESSION_LEN;
}

static void release_peer(struct grave *grave)
{
	peer_free((struct peer *)((uintptr_t)grave - offsetof(struct peer, grave)));
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
		f->returned_cnt++;
		node = next;
	}
	graveyard_step(&f->graveyard, 8);
}

static void command(struct fixture *f, enum message_type type, struct peer *p)
{
	struct message *m = calloc(1, sizeof(*m));

	RACE_CHECK(m != NULL);
	m->type = type;
	m->peer = p;
	inbox_push(&f->to_owner, &m->node);
}

static unsigned toggle_peer(struct fixture *f, unsigned n)
{
	char identity[RK_CN_MAX];
	struct peer *p;

	make_identity(n % PEER_CNT, identity);
	p = peer_table_find(&f->peers, identity, strlen(identity));
	if (p != NULL) {
		peer_table_remove(&f->peers, p);
		command(f, MESSAGE_REMOVE, p);
		return 1;
	}
	p = peer_new(&f->pool, identity, identity, strlen(identity));
	RACE_CHECK(p != NULL);
	RACE_CHECK(peer_table_add(&f->peers, p));
	command(f, MESSAGE_ADD, p);
	return 1;
}

static void put_certificate(struct fixture *f, unsigned n)
{
	struct rk_verdict v = {.not_before = n, .not_after = n};

	v.fingerprint[0] = (uint8_t)(n % 64);
	RACE_CHECK(certificate_table_put(&f->certificates, &v) == 0);
}

static void remove_peer(struct peer *p, void *arg)
{
	struct fixture *f = arg;

	peer_table_remove(&f->peers, p);
	graveyard_retire(&f->graveyard, &p->grave, release_peer);
}

int main(void)
{
	static struct fixture f;
	unsigned sent = 0;
	unsigned n = 12345;
	unsigned i;
	int wake_fd;

	RACE_SKIP();
	RACE_CHECK(rk_rcu_start() == 0);
	wake_fd = eventfd(0, EFD_NONBLOCK);
	graveyard_init(&f.graveyard, wake_fd);
	peer_pool_init(&f.pool, SESSION_LEN, slots_size);
	inbox_init(&f.to_owner);
	inbox_init(&f.to_main);
	RACE_CHECK(peer_table_init(&f.peers) == 0);
	RACE_CHECK(certificate_table_init(&f.certificates, &f.graveyard, 16) == 0);
	race_start(&f.race, worker, &f);
	for (i = 0; i < ROUND_CNT; i++) {
		n = n * 1103515245 + 12345;
		rk_rcu_quiescent();
		sent += toggle_peer(&f, n >> 16);
		put_certificate(&f, n >> 20);
		take_returned(&f);
	}
	race_stop(&f.race);
	take_returned(&f);
	RACE_CHECK(f.returned_cnt == sent);
	certificate_table_clear(&f.certificates);
	peer_table_walk(&f.peers, remove_peer, &f);
	rk_rcu_barrier();
	while (graveyard_step(&f.graveyard, 64))
		;
	certificate_table_fini(&f.certificates);
	peer_table_fini(&f.peers);
	peer_pool_fini(&f.pool);
	rk_rcu_stop();
	close(wake_fd);
	return 0;
}
