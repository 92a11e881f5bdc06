/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables written by one thread, with what is removed coming back through the graveyard. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <cmocka.h>

#include "dataplane/certificates.h"
#include "dataplane/peer_table.h"

#define SESSION_LEN 300
#define SLOTS_LEN   700
#define PEER_CNT    200

struct fixture {
	struct peer_table peers;
	struct peer_pool pool;
	struct certificate_table certificates;
	struct graveyard graveyard;
	int wake_fd;
};

static size_t slots_size(unsigned session_cnt)
{
	return session_cnt * (size_t)SLOTS_LEN;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(rk_rcu_start(), 0);
	f->wake_fd = eventfd(0, EFD_NONBLOCK);
	assert_true(f->wake_fd >= 0);
	graveyard_init(&f->graveyard, f->wake_fd);
	peer_pool_init(&f->pool, SESSION_LEN, slots_size);
	assert_int_equal(peer_table_init(&f->peers), 0);
	assert_int_equal(certificate_table_init(&f->certificates, &f->graveyard, 8), 0);
	*state = f;
	return 0;
}

static void bury_all(struct fixture *f)
{
	rk_rcu_barrier();
	while (graveyard_step(&f->graveyard, 1))
		;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	certificate_table_clear(&f->certificates);
	bury_all(f);
	certificate_table_fini(&f->certificates);
	peer_table_fini(&f->peers);
	peer_pool_fini(&f->pool);
	rk_rcu_stop();
	close(f->wake_fd);
	free(f);
	return 0;
}

static struct peer *make_peer(struct fixture *f, unsigned n, const char *name)
{
	char identity[32];
	struct peer *p;

	snprintf(identity, sizeof(identity), "id-%u", n);
	p = peer_new(&f->pool, name, identity, strlen(identity));
	assert_non_null(p);
	assert_int_equal((uintptr_t)peer_session(p) % PEER_ALIGN, 0);
	return p;
}

static unsigned released;

static void release_peer(struct grave *grave)
{
	released++;
	peer_free((struct peer *)((uintptr_t)grave - offsetof(struct peer, grave)));
}

static void remove_peer(struct peer *p, void *arg)
{
	struct fixture *f = arg;

	peer_table_remove(&f->peers, p);
	assert_true(p->is_dead);
	graveyard_retire(&f->graveyard, &p->grave, release_peer);
}

static void test_peers(void **state)
{
	struct fixture *f = *state;
	char name[32];
	unsigned i;

	for (i = 0; i < PEER_CNT; i++) {
		snprintf(name, sizeof(name), "peer-%u", i);
		assert_true(peer_table_add(&f->peers, make_peer(f, i, name)));
	}
	assert_int_equal(f->peers.cnt, PEER_CNT);
	for (i = 0; i < PEER_CNT; i++) {
		struct peer *p;

		snprintf(name, sizeof(name), "id-%u", i);
		p = peer_table_find(&f->peers, name, strlen(name));
		assert_non_null(p);
		snprintf(name, sizeof(name), "peer-%u", i);
		assert_ptr_equal(peer_table_find_name(&f->peers, name), p);
	}
	/* Byte-exact: neither a prefix nor one byte more. */
	assert_null(peer_table_find(&f->peers, "id-1999", 7));
	assert_null(peer_table_find(&f->peers, "id-", 3));
	assert_null(peer_table_find(&f->peers, "id-1\0", 5));
	assert_null(peer_table_find_name(&f->peers, "id-1"));

	released = 0;
	peer_table_walk(&f->peers, remove_peer, f);
	assert_int_equal(f->peers.cnt, 0);
	assert_null(peer_table_find(&f->peers, "id-1", 4));
	bury_all(f);
	assert_int_equal(released, PEER_CNT);
}

/* A writer that fills it in one go, never quiescent, still finds short chains. */
static void test_table_grows_with_its_writer(void **state)
{
	struct fixture *f = *state;
	unsigned i;

	for (i = 0; i < 5000; i++)
		assert_true(peer_table_add(&f->peers, make_peer(f, i, "a")));
	assert_true(f->peers.by_identity.size >= 2500);
	assert_int_equal(f->peers.by_identity.cnt, 5000);
	assert_non_null(peer_table_find(&f->peers, "id-4999", 7));
	peer_table_walk(&f->peers, remove_peer, f);
	assert_int_equal(f->peers.by_identity.cnt, 0);
	bury_all(f);
}

static void test_identity_taken(void **state)
{
	struct fixture *f = *state;
	struct peer *first = make_peer(f, 1, "a");
	struct peer *second = make_peer(f, 1, "b");
	struct peer *third = make_peer(f, 2, "a");

	assert_true(peer_table_add(&f->peers, first));
	assert_false(peer_table_add(&f->peers, second));
	assert_int_equal(f->peers.cnt, 1);
	assert_true(peer_table_add(&f->peers, third)); /* the name stays with the first */
	assert_ptr_equal(peer_table_find_name(&f->peers, "a"), first);
	peer_table_remove(&f->peers, third);
	assert_ptr_equal(peer_table_find_name(&f->peers, "a"), first);
	peer_table_remove(&f->peers, first);
	assert_null(peer_table_find_name(&f->peers, "a"));
	peer_free(second);
	graveyard_retire(&f->graveyard, &first->grave, release_peer);
	graveyard_retire(&f->graveyard, &third->grave, release_peer);
	bury_all(f);
}

static void test_pool_wipes_and_reuses(void **state)
{
	struct fixture *f = *state;
	struct peer *p = make_peer(f, 1, "secret");
	struct peer *again;
	size_t i;

	memset(peer_session(p), 0xa5, SESSION_LEN);
	peer_free(p);
	again = peer_new(&f->pool, "", "", 0);
	assert_ptr_equal(again, p);
	for (i = 0; i < SESSION_LEN; i++)
		assert_int_equal(again->session[i], 0);
	assert_null(again->config);
	peer_free(again);
	peer_free(NULL);
}

/* A slab is used up before there is another one, and again when its peers are back. */
static void test_pool_takes_no_more_than_it_needs(void **state)
{
	struct fixture *f = *state;
	struct peer *p[PEER_CNT / 4];
	const struct peer_slab *slab = NULL;

	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < PEER_CNT / 4; i++) {
			p[i] = peer_new(&f->pool, "", "", 0);
			assert_non_null(p[i]);
		}
		if (round == 0)
			slab = f->pool.slabs;
		assert_ptr_equal(f->pool.slabs, slab);
		for (unsigned i = 0; i < PEER_CNT / 4; i++) {
			assert_ptr_equal(p[i]->slab, slab);
			peer_free(p[i]);
		}
	}
}

/* However much waits, main frees a step of it at a time. */
static void test_graveyard_goes_in_steps(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 8; i++) {
		struct rk_verdict v = {.fingerprint = {(uint8_t)i}};

		assert_int_equal(certificate_table_put(&f->certificates, &v), 0);
	}
	certificate_table_clear(&f->certificates);
	rk_rcu_barrier();
	assert_true(graveyard_step(&f->graveyard, 3));
	assert_true(graveyard_step(&f->graveyard, 3));
	assert_false(graveyard_step(&f->graveyard, 3));
}

/* As many slots as peers, each slab's once. */
static void test_slots_go_with_their_peers(void **state)
{
	struct fixture *f = *state;
	struct peer *p[PEER_CNT];
	unsigned given = 0;
	unsigned i;

	for (i = 0; i < PEER_CNT; i++) {
		unsigned cnt = 0;
		uint8_t *slots;

		p[i] = make_peer(f, i, "a");
		slots = peer_take_slots(p[i], &cnt);
		assert_int_equal(slots != NULL, cnt > 0);
		if (slots != NULL)
			memset(slots, 0x5a, slots_size(cnt));
		given += cnt;
		assert_true(given > i);
	}
	for (i = 0; i < PEER_CNT; i++)
		peer_free(p[i]);
	p[0] = make_peer(f, 0, "a");
	assert_null(peer_take_slots(p[0], &given));
	peer_free(p[0]);
}

static void test_settings(void **state)
{
	const struct endpoint paths[2] = {{.port_id = 1}, {.port_id = 2}};
	struct session_config one = {.path = paths, .path_cnt = 2, .rekey_bytes = 7};
	struct session_config other = one;
	struct fixture *f = *state;
	struct peer *p = make_peer(f, 1, "a");

	p->config = peer_config_new(p, &one);
	assert_non_null(p->config);
	assert_true(peer_config_is_same(p->config, &one));
	assert_ptr_equal(p->config->name, p->name);
	assert_ptr_not_equal(p->config->path, paths);
	other.rekey_bytes = 8;
	assert_false(peer_config_is_same(p->config, &other));
	other.rekey_bytes = 7;
	other.path_cnt = 1;
	assert_false(peer_config_is_same(p->config, &other));
	other.path_cnt = 2;
	other.path = (const struct endpoint[]){{.port_id = 1}, {.port_id = 3}};
	assert_false(peer_config_is_same(p->config, &other));
	peer_free(p);
}

static struct rk_verdict verdict_of(unsigned n)
{
	struct rk_verdict v = {.status = RK_VERDICT_GOOD, .trust_generation = n};

	v.fingerprint[0] = (uint8_t)n;
	return v;
}

static const struct rk_verdict *find(struct fixture *f, unsigned n)
{
	struct rk_verdict v = verdict_of(n);

	return certificate_table_find(&f->certificates, v.fingerprint);
}

static int put(struct fixture *f, unsigned n)
{
	struct rk_verdict v = verdict_of(n);

	return certificate_table_put(&f->certificates, &v);
}

static void hold(struct fixture *f, unsigned n, int delta)
{
	struct rk_verdict v = verdict_of(n);

	certificate_table_hold(&f->certificates, v.fingerprint, delta);
}

static void test_certificates(void **state)
{
	struct fixture *f = *state;
	struct rk_verdict v = verdict_of(3);
	unsigned i;
	unsigned kept = 0;

	assert_null(find(f, 3));
	for (i = 0; i < 8; i++)
		assert_int_equal(put(f, i), 0);
	v.trust_generation = 99; /* the same certificate, judged anew */
	assert_int_equal(certificate_table_put(&f->certificates, &v), 0);
	assert_int_equal(f->certificates.cnt, 8);
	assert_int_equal(find(f, 3)->trust_generation, 99);

	hold(f, 5, 1);
	for (i = 100; i < 200; i++)
		assert_int_equal(put(f, i), 0);
	assert_int_equal(f->certificates.cnt, 9);
	assert_non_null(find(f, 5)); /* a peering stands on it */
	for (i = 0; i < 8; i++)
		kept += find(f, i) != NULL;
	assert_int_equal(kept, 1);
	hold(f, 5, -1);
	for (i = 100; i < 200; i++)
		assert_int_equal(put(f, i), 0);
	assert_null(find(f, 5));
}

/* As many peers as there may be: none loses the certificate that it stands on. */
static void test_certificates_held(void **state)
{
	struct fixture *f = *state;
	unsigned i;

	for (i = 0; i < 100; i++) {
		assert_int_equal(put(f, i), 0);
		hold(f, i, 1);
	}
	for (i = 100; i < 200; i++)
		assert_int_equal(put(f, i), 0);
	assert_int_equal(f->certificates.cnt, 108);
	assert_int_equal(put(f, 4), 0); /* replacing needs no room, and keeps the hold */
	for (i = 200; i < 250; i++)
		assert_int_equal(put(f, i), 0);
	for (i = 0; i < 100; i++)
		assert_non_null(find(f, i));
	for (i = 0; i < 100; i++)
		hold(f, i, -1);
	for (i = 0; i < 400; i++) {
		struct rk_verdict v = {.fingerprint = {(uint8_t)i, (uint8_t)(i >> 8), 1}};

		assert_int_equal(certificate_table_put(&f->certificates, &v), 0);
	}
	assert_int_equal(f->certificates.cnt, 8);
	assert_null(find(f, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_peers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_table_grows_with_its_writer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_identity_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pool_wipes_and_reuses, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_pool_takes_no_more_than_it_needs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_graveyard_goes_in_steps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slots_go_with_their_peers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_settings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_certificates, setup, teardown),
		cmocka_unit_test_setup_teardown(test_certificates_held, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
