/* SPDX-License-Identifier: BSD-3-Clause */
/* Which views main puts in force: a data plane without ports and workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/sha.h>

#include "dataplane/dataplane.h"
#include "pki/store/compile.h"
#include "pki/view/secret.h"

#define MANY_PEERS 1000 /* more than a pool begins with */
#define SECOND_NS  UINT64_C(1000000000)

static struct dataplane d;
static struct worker *worker; /* has no thread: take_commands is what it does */
static size_t slots_size = 4096;
static int epoll_fd;

static void on_event(void *ctx)
{
	(void)ctx;
}

static const struct channel_ops ops = {.connected = on_event, .lost = on_event};

/* There is no port. */
uint16_t __wrap_port_find(void *ctx, const char *name, uint16_t mtu, uint8_t mac[NET_MAC_LEN]);

uint16_t __wrap_port_find(void *ctx, const char *name, uint16_t mtu, uint8_t mac[NET_MAC_LEN])
{
	(void)ctx;
	(void)name;
	(void)mtu;
	(void)mac;
	return PORT_NONE;
}

/* What control is told: how often of each type, and the last one of it. */
static unsigned told_cnt[RK_MSG_STATUS + 1];
static struct rk_message told[RK_MSG_STATUS + 1];

void __wrap_channel_send(struct channel *c, const struct rk_message *m);

void __wrap_channel_send(struct channel *c, const struct rk_message *m)
{
	assert_ptr_equal(c, d.channel);
	told_cnt[m->type]++;
	told[m->type] = *m;
}

static size_t slots_size_of(unsigned session_cnt)
{
	(void)session_cnt;
	return slots_size;
}

/* What the worker does with the commands that it has: nothing, and sends them back. */
static void take_commands(void)
{
	struct inbox_list list;
	struct inbox_node *node;

	inbox_list_init(&list);
	inbox_list_append(&list, inbox_take(&worker->inbox));
	while ((node = inbox_list_pop(&list)) != NULL) {
		struct message *m = message_of(node);

		if (m->type == MESSAGE_BATCH)
			inbox_list_join(&list, &m->batch);
		inbox_push(&d.shared.to_main, node);
	}
	reports_take(&d);
}

static int set_up(void **state)
{
	(void)state;
	memset(&d, 0, sizeof(d));
	memset(told_cnt, 0, sizeof(told_cnt));
	worker = calloc(1, sizeof(*worker));
	assert_non_null(worker);
	inbox_init(&worker->inbox);
	d.shared.worker[0] = worker;
	d.shared.worker_cnt = 1;
	slots_size = 4096;
	peer_pool_init(&d.pool[0], session_size(), slots_size_of);
	d.shared.wake_fd = eventfd(0, EFD_CLOEXEC);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	inbox_init(&d.shared.to_main);
	inbox_list_init(&d.reports);
	graveyard_init(&d.graveyard, d.shared.wake_fd);
	assert_int_equal(peer_table_init(&d.shared.peers), 0);
	return channel_new(epoll_fd, "/nonexistent", geteuid(), &ops, &d, &d.channel);
}

static int tear_down(void **state)
{
	(void)state;
	take_commands();
	activate_clear(&d);
	peer_table_walk(&d.shared.peers, peer_forget, &d);
	rk_rcu_barrier();
	while (graveyard_step(&d.graveyard, 8))
		;
	while (part_close_step(&d.closing, SIZE_MAX))
		;
	peer_table_fini(&d.shared.peers);
	slots_size = 4096; /* of what the pool has */
	peer_pool_fini(&d.pool[0]);
	free(worker);
	channel_free(d.channel);
	close(epoll_fd);
	close(d.shared.wake_fd);
	return 0;
}

static void add(struct rk_msg_view *m, int fds[RK_PART_CNT], size_t *cnt, enum rk_part_kind kind,
	const struct compile_part *part)
{
	m->part[kind] = (struct rk_part_ref){.is_present = 1, .has_fd = 1, .size = part->size};
	memcpy(m->part[kind].digest, part->digest, RK_DIGEST_LEN);
	fds[(*cnt)++] = part->fd;
}

static const struct rk_address own = {4, 24, {0}, {192, 0, 2, 1}};
static const struct compile_port port = {
	.name = "net_none", .mtu = 1500, .address = &own, .address_cnt = 1};
static const struct compile_path path = {.local = {4, 0, {0}, {192, 0, 2, 1}},
	.remote = {4, 0, {0}, {192, 0, 2, 2}},
	.udp_port_local = 1280,
	.udp_port_remote = 1280};

/* peer-0, peer-1, ... */
static void fill_peers(struct compile_peer *peer, char (*name)[16], size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		snprintf(name[i], sizeof(name[i]), "peer-%zu", i);
		peer[i] = (struct compile_peer){.name = name[i],
			.peering_common_name = name[i],
			.path = &path,
			.path_cnt = 1,
			.retransmit_interval_ns = SECOND_NS,
			.timeout_ns = SECOND_NS,
			.reauth_interval_ns = SECOND_NS,
			.keep_alive_interval_ns = SECOND_NS,
			.groups = {23}};
	}
}

/* Of the next view; der.len 0: none. */
static struct compile_credential own_certificate;

static void publish_peers(uint64_t counter, bool has_base, size_t peer_cnt)
{
	struct compile_peer *peer = calloc(peer_cnt + 1, sizeof(*peer));
	char(*name)[16] = calloc(peer_cnt + 1, sizeof(*name));
	const struct compile_config input = {.router = "east",
		.node = "east",
		.peering_common_name = "east.example",
		.port = &port,
		.port_cnt = 1,
		.credential = own_certificate.der.len > 0 ? &own_certificate : NULL,
		.peer = peer,
		.peer_cnt = peer_cnt};
	struct compile_part config = {.fd = -1}, base = {.fd = -1};
	struct rk_msg_view m = {.generation = {1, counter}};
	int fds[RK_PART_CNT];
	struct rk_refusal why;
	size_t cnt = 0;

	assert_non_null(peer);
	assert_non_null(name);
	fill_peers(peer, name, peer_cnt);
	assert_int_equal(compile_config(&input, &config, &why), 0);
	assert_int_equal(
		compile_revocations(RK_PART_REVOCATION_BASE, NULL, 0, NULL, 0, &base, &why), 0);
	add(&m, fds, &cnt, RK_PART_CONFIG, &config);
	if (has_base)
		add(&m, fds, &cnt, RK_PART_REVOCATION_BASE, &base);
	assert_true(activate_message(&d, &m, fds, cnt));
	take_commands();
	compile_part_close(&config);
	compile_part_close(&base);
	free(peer);
	free(name);
}

static void publish(uint64_t counter, bool has_base)
{
	publish_peers(counter, has_base, 0);
}

/* Nobody would be revoked under it. */
static void view_without_a_revocation_base_is_refused(void **state)
{
	(void)state;
	publish(1, false);
	assert_null(d.published);
	publish(2, true);
	assert_non_null(d.published);
	publish(3, false);
	assert_int_equal(d.published->view.generation.counter, 2);
}

static bool has_peer(const char *name)
{
	return peer_table_find(&d.shared.peers, name, strlen(name)) != NULL;
}

/* A view that was refused half way leaves no trace: least of all a peer that is no more wanted. */
static void peer_of_a_refused_view_goes_with_the_next(void **state)
{
	(void)state;
	publish_peers(1, true, 2);
	assert_true(has_peer("peer-0"));
	assert_true(has_peer("peer-1"));
	slots_size = SIZE_MAX / 2; /* no more memory can be locked */
	publish_peers(2, true, MANY_PEERS);
	assert_int_equal(d.published->view.generation.counter, 1);
	assert_false(has_peer("peer-2"));
	publish_peers(3, true, 1);
	assert_int_equal(d.published->view.generation.counter, 3);
	assert_true(has_peer("peer-0"));
	assert_false(has_peer("peer-1"));
}

static void assert_told(unsigned applied_cnt, unsigned refused_cnt)
{
	assert_int_equal(told_cnt[RK_MSG_APPLIED], applied_cnt);
	assert_int_equal(told_cnt[RK_MSG_REFUSED], refused_cnt);
}

/* One answer to each view: APPLIED when the workers are done, else REFUSED with the reason. */
static void every_view_has_one_answer(void **state)
{
	const struct rk_msg_generation *refused = &told[RK_MSG_REFUSED].generation;

	(void)state;
	publish(1, false);
	assert_told(0, 1);
	assert_string_equal(refused->reason, "no revocation base in it");
	publish(2, true);
	assert_told(1, 1);
	assert_int_equal(told[RK_MSG_APPLIED].generation.generation.counter, 2);
	publish(2, true); /* said once more, as after a reconnect */
	assert_told(2, 1);
	publish(1, true);
	assert_told(2, 2);
	assert_int_equal(refused->generation.counter, 1);
	assert_string_equal(refused->reason, "older than the generation in force");
	publish_peers(2, true, 3);
	assert_told(2, 3);
	assert_string_equal(refused->reason, "this generation was another view");
	assert_int_equal(told_cnt[RK_MSG_EVENT], 0);
}

/* Their silence would be a riddle; but the channel has not room for all of them. */
static void peers_without_a_port_are_told(void **state)
{
	(void)state;
	publish_peers(1, true, 3);
	assert_int_equal(told_cnt[RK_MSG_EVENT], 3);
	assert_string_equal(told[RK_MSG_EVENT].event.reason, "no-such-port");
	publish_peers(2, true, 3); /* no change, no news */
	assert_int_equal(told_cnt[RK_MSG_EVENT], 3);
	publish_peers(3, true, 100);
	assert_int_equal(told_cnt[RK_MSG_EVENT], 3 + 32);
	assert_told(3, 0);
}

static struct rk_private_key *new_key(void)
{
	struct rk_private_key *key = rk_secret_new(sizeof(*key));

	assert_non_null(key);
	key->type = RK_KEY_ED25519;
	key->number_cnt = 2;
	key->len[RK_NUM_PUBLIC] = key->len[RK_NUM_SECRET] = 32;
	memset(key->public_key_hash, 7, RK_DIGEST_LEN);
	return key;
}

/* The private key stands where it is needed, and nowhere else. */
static void key_goes_with_its_certificate(void **state)
{
	static struct rk_verdict verdict = {.status = RK_VERDICT_UNTRUSTED};

	(void)state;
	own_certificate.der = (struct rk_span){(const uint8_t *)"a certificate", 13};
	SHA256(own_certificate.der.data, own_certificate.der.len, verdict.fingerprint);
	own_certificate.verdict = &verdict;
	memset(own_certificate.public_key_hash, 7, RK_DIGEST_LEN);
	activate_key(&d, new_key());
	assert_non_null(d.key); /* it came first */
	assert_int_equal(told_cnt[RK_MSG_KEY_HELD], 1);
	assert_memory_equal(told[RK_MSG_KEY_HELD].key_held.hash, own_certificate.public_key_hash,
		RK_DIGEST_LEN);
	publish(1, true);
	assert_non_null(d.published->credential);
	assert_null(d.key);
	own_certificate.der.len = 0;
	publish(2, true);
	assert_null(d.published->credential);
	assert_null(d.key);
	/* and the other way round */
	own_certificate.der.len = 13;
	publish(3, true);
	assert_null(d.published->credential);
	activate_key(&d, new_key());
	assert_int_equal(told_cnt[RK_MSG_KEY_HELD], 2);
	assert_non_null(d.published->credential);
	assert_null(d.key);
	own_certificate.der.len = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			view_without_a_revocation_base_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			peer_of_a_refused_view_goes_with_the_next, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_view_has_one_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(peers_without_a_port_are_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(key_goes_with_its_certificate, set_up, tear_down),
	};
	int ret;

	if (rk_rcu_start() != 0)
		return 1;
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	rk_rcu_stop();
	return ret;
}
