/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two whole workers, as rekey-dataplane runs them, with main's half beside: exchanges and rekeys with
 * routers that dial either worker, so that finished exchanges are handed over, while views are
 * published, peers come and go, certificates are revoked, cookies renewed, keys rotated and states told,
 * and main and another thread read the counters. At the end every message is back where it came from.
 *
 *	race-workers [anywhere]
 *
 * "anywhere": in short, and in any build, for what needs no ThreadSanitizer to come to light.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_eal.h>

#include "dataplane/clock.h"
#include "dataplane/core/reason.h"
#include "dataplane/dataplane.h"
#include "pki/store/compile.h"
#include "pki/view/secret.h"
#include "tests/pair/host.h"
#include "tests/race/far_side.h"
#include "tests/race/race.h"

#define VIEW_CNT  60
#define SHORT_CNT 12
#define VIEW_MS   50
#define WAIT_MS   60000
#define EXCHANGES 12 /* to be seen at least */

static struct dataplane d = {.state_dir = -1};
static struct pair_identity *own;
static uint8_t own_key_hash[RK_DIGEST_LEN];
static uint64_t view_cnt;
static _Atomic bool is_over;

/* ---- views ------------------------------------------------------------------------------------- */

static struct rk_part_ref reference_to(const struct compile_part *part)
{
	struct rk_part_ref ref = {.is_present = 1, .has_fd = 1, .size = part->size};

	memcpy(ref.digest, part->digest, RK_DIGEST_LEN);
	return ref;
}

struct peer_texts {
	char name[RK_NAME_MAX + 1];
	struct compile_path path;
};

static struct compile_peer peer_of(unsigned number, struct peer_texts *t)
{
	const struct endpoint path = far_path(number);

	snprintf(t->name, sizeof(t->name), "peer-%u", number);
	t->path = (struct compile_path){.local = {.family = 4, .prefix_len = 24},
		.remote = {.family = 4, .prefix_len = 32},
		.udp_port_local = path.local_port,
		.udp_port_remote = path.remote_port};
	memcpy(t->path.local.bytes, path.local, sizeof(t->path.local.bytes));
	memcpy(t->path.remote.bytes, path.remote, sizeof(t->path.remote.bytes));
	return (struct compile_peer){.name = t->name,
		.peering_common_name = far_identity(number)->name,
		.path = &t->path,
		.path_cnt = 1,
		.invalid_certificate_behavior = number % 2 ? RK_FAIL_HARD : RK_FAIL_SOFT,
		.rekey_interval_ns = 300 * NS_PER_MS,
		.retransmit_interval_ns = 600 * NS_PER_MS,
		.timeout_ns = 10 * NS_PER_SEC,
		.hold_ns = 100 * NS_PER_MS,
		.reauth_interval_ns = 2 * NS_PER_SEC,
		.keep_alive_interval_ns = 50 * NS_PER_MS,
		.groups = {29}};
}

/* mask: of the routers that are peers. */
static void compile_the_config(unsigned mask, struct compile_part *out)
{
	struct compile_peer peer[FAR_CNT];
	struct peer_texts text[FAR_CNT];
	unsigned cnt = 0;
	struct compile_credential credential = {
		.der = {own->der, own->der_len}, .verdict = &own->verdict};
	static const struct rk_address address = {
		.family = 4, .prefix_len = 24, .bytes = {192, 0, 2, 1}};
	const struct compile_port port = {
		.name = "absent", .mtu = 1500, .address = &address, .address_cnt = 1};
	struct compile_config input = {
		.clock_floor = PAIR_WALL, /* their certificates are of that time */
		.router = "east",
		.node = "east",
		.peering_common_name = own->name,
		.is_enabled = true,
		.trust_generation = own->verdict.trust_generation,
		.credential = &credential,
		.port = &port,
		.port_cnt = 1,
		.peer = peer};
	struct rk_refusal why;

	memcpy(credential.public_key_hash, own_key_hash, RK_DIGEST_LEN);
	for (unsigned i = 0; i < FAR_CNT; i++)
		if (mask >> i & 1) {
			peer[cnt] = peer_of(i, &text[cnt]);
			cnt++;
		}
	input.peer_cnt = cnt;
	RACE_CHECK(compile_config(&input, out, &why) == 0);
}

static void compile_the_verdicts(struct compile_part *out)
{
	const struct rk_verdict *list[FAR_CNT];
	struct rk_refusal why;

	for (unsigned i = 0; i < FAR_CNT; i++)
		list[i] = &far_identity(i)->verdict;
	RACE_CHECK(compile_verdicts(list, FAR_CNT, out, &why) == 0);
}

static void compile_the_base(bool is_revoked, struct compile_part *out)
{
	const struct rk_revocation_entry entry = rk_revocation_entry(
		&far_identity(1)->verdict.chain[0].cert, RK_REASON_KEY_COMPROMISE);
	struct rk_refusal why;

	RACE_CHECK(compile_revocations(
			   RK_PART_REVOCATION_BASE, &entry, is_revoked, NULL, 0, out, &why) == 0);
}

static void publish(unsigned mask, bool is_revoked)
{
	struct rk_msg_view m = {.generation = {1, ++view_cnt}};
	struct compile_part part[3] = {{.fd = -1}, {.fd = -1}, {.fd = -1}};
	int fd[3];

	compile_the_config(mask, &part[0]);
	compile_the_verdicts(&part[1]);
	compile_the_base(is_revoked, &part[2]);
	m.part[RK_PART_CONFIG] = reference_to(&part[0]);
	m.part[RK_PART_VERDICTS] = reference_to(&part[1]);
	m.part[RK_PART_REVOCATION_BASE] = reference_to(&part[2]);
	for (unsigned i = 0; i < 3; i++)
		fd[i] = part[i].fd;
	RACE_CHECK(activate_message(&d, &m, fd, 3));
	for (unsigned i = 0; i < 3; i++)
		compile_part_close(&part[i]);
}

/* ---- main's half ------------------------------------------------------------------------------- */

static void step(void)
{
	struct inbox_node *node;

	rk_rcu_quiescent();
	reports_take(&d);
	while ((node = inbox_list_pop(&d.reports)) != NULL)
		if (message_is_command(message_of(node)))
			command_free(message_of(node));
		else
			worker_command(d.shared.worker[message_of(node)->from], message_of(node));
	(void)reports_counters_sum(&d);
	(void)graveyard_step(&d.graveyard, 8);
	(void)part_close_step(&d.closing, 4096);
}

static void pass(unsigned ms)
{
	uint64_t end = clock_monotonic_ns() + ms * NS_PER_MS;

	while (clock_monotonic_ns() < end) {
		step();
		rk_rcu_offline();
		usleep(500);
		rk_rcu_online();
	}
}

static void wait_applied(void)
{
	for (unsigned ms = 0; d.applied_seq != d.seq; ms++) {
		RACE_CHECK(ms < WAIT_MS);
		pass(1);
	}
}

static void wait_told(void)
{
	for (unsigned ms = 0; d.status_cnt > 0; ms++) {
		RACE_CHECK(ms < WAIT_MS);
		pass(1);
	}
}

static void command_all(enum message_type type)
{
	struct inbox_list all;

	RACE_CHECK(commands_new(&d, type, &all) == 0);
	commands_send(&d, &all);
}

static uint64_t sum(enum reason reason)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < FAR_WORKER_CNT; i++)
		sum += engine_counter(d.shared.worker[i]->engine, reason);
	return sum;
}

/* As a metrics socket or telemetry would. */
static void *read_counters(void *arg)
{
	uint64_t last = 0, now;

	(void)arg;
	while (!atomic_load(&is_over)) {
		now = reports_counters_sum(&d);
		RACE_CHECK(now >= last);
		last = now;
		for (unsigned i = 0; i < FAR_WORKER_CNT; i++)
			(void)worker_round_age_ns(d.shared.worker[i]);
		usleep(200);
	}
	return NULL;
}

/* ---- building ---------------------------------------------------------------------------------- */

static void on_nothing(void *ctx)
{
	(void)ctx;
}

static bool on_message(void *ctx, const struct rk_message *m, const int *fds, size_t fd_cnt)
{
	(void)ctx;
	(void)m;
	(void)fds;
	return fd_cnt == 0;
}

static void on_key(void *ctx, struct rk_private_key *key)
{
	(void)ctx;
	rk_secret_free(key, sizeof(*key));
}

static void open_eal(void)
{
	char prefix[32];
	char *argv[] = {"race", "--no-huge", "-m", "64", "--no-pci", "--no-telemetry",
		"--no-shconf", "--lcores", "0", "--file-prefix", prefix, "--log-level", "error",
		NULL};

	snprintf(prefix, sizeof(prefix), "rekey-race-%d", (int)getpid());
	RACE_CHECK(rte_eal_init((int)(sizeof(argv) / sizeof(argv[0])) - 1, argv) >= 0);
}

static void open_worker(unsigned id)
{
	const uint8_t cookie[COOKIE_SECRET_LEN] = {1};
	const struct crypto_config crypto = {.worker = id, .job_cnt = d.shared.exchange_cnt};

	peer_pool_init(&d.pool[id], session_size(), engine_slots_size);
	RACE_CHECK(crypto_service_new(&crypto, &d.crypto[id]) == 0);
	RACE_CHECK(worker_new(&d.shared, id, d.crypto[id], cookie, &d.shared.worker[id]) == 0);
}

static void open_dataplane(void)
{
	static const struct channel_ops ops = {on_nothing, on_nothing, on_message, on_key};
	struct rk_private_key *key = rk_secret_new(sizeof(*key));

	d.shared.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	d.shared.worker_cnt = FAR_WORKER_CNT;
	d.shared.clock_ns = clock_monotonic_ns;
	d.shared.exchange_cnt = 64;
	d.shared.idle_sleep_us = 200;
	inbox_init(&d.shared.to_main);
	inbox_list_init(&d.reports);
	graveyard_init(&d.graveyard, d.shared.wake_fd);
	/* Nobody listens there: what main would say goes nowhere. */
	RACE_CHECK(channel_new(epoll_create1(EPOLL_CLOEXEC), "/nonexistent", geteuid(), &ops, &d,
			   &d.channel) == 0);
	RACE_CHECK(peer_table_init(&d.shared.peers) == 0);
	RACE_CHECK(certificate_table_init(&d.shared.certificates, &d.graveyard, 16) == 0);
	RACE_CHECK(port_set_new(&d.graveyard, FAR_WORKER_CNT, OPTIONS_MTU_MIN, &d.ports) == 0);
	d.shared.ports = d.ports;
	d.shared.buffers = port_set_buffers(d.ports);
	for (unsigned i = 0; i < FAR_WORKER_CNT; i++)
		open_worker(i);
	RACE_CHECK(key != NULL && pair_private_key(own, key));
	memcpy(own_key_hash, key->public_key_hash, RK_DIGEST_LEN);
	activate_key(&d, key);
}

static void close_dataplane(void)
{
	activate_clear(&d);
	certificate_table_clear(&d.shared.certificates);
	peer_table_walk(&d.shared.peers, peer_forget, &d);
	rk_rcu_barrier();
	while (graveyard_step(&d.graveyard, 64))
		;
	while (part_close_step(&d.closing, SIZE_MAX))
		;
	for (unsigned i = 0; i < FAR_WORKER_CNT; i++) {
		worker_free(d.shared.worker[i]);
		peer_pool_fini(&d.pool[i]);
	}
	channel_free(d.channel);
	port_set_free(d.ports);
	certificate_table_fini(&d.shared.certificates);
	peer_table_fini(&d.shared.peers);
	close(d.shared.wake_fd);
}

static void *worker_thread(void *arg)
{
	RACE_CHECK(worker_main(arg) == 0);
	return NULL;
}

static bool has_seen_all(void)
{
	return sum(REASON_EXCHANGES) >= EXCHANGES && sum(REASON_REKEYS) > 0 &&
	       sum(REASON_HANDED_OVER) > 0 && sum(REASON_SEVERED) > 0;
}

/* Peers come and go, one certificate is revoked and good again, everything is asked for meanwhile. */
static void play(unsigned cnt)
{
	static const enum message_type asked[] = {MESSAGE_ROTATE, MESSAGE_COOKIE, MESSAGE_STATUS};
	unsigned n = 4711;

	for (unsigned i = 0; i < cnt || !has_seen_all(); i++) {
		RACE_CHECK(i < 20 * VIEW_CNT);
		n = n * 1103515245 + 12345;
		publish((n >> 16) % (1u << FAR_CNT) | 7, i % 8 == 7);
		if (asked[i % 3] != MESSAGE_STATUS)
			command_all(asked[i % 3]);
		else
			reports_status(&d);
		pass(VIEW_MS);
	}
	publish((1u << FAR_CNT) - 1, false);
	wait_applied();
	wait_told();
}

static size_t length_of(const struct inbox_list *list)
{
	size_t cnt = 0;

	for (const struct inbox_node *node = list->first; node != NULL; node = node->next)
		cnt++;
	return cnt;
}

/* The workers have ended and main has taken what they said: everything lent is in a pool or on its way there. */
static void check_nothing_is_lost(void)
{
	size_t report_cnt = 0, certificate_cnt = 0, handover_cnt = 0;

	for (unsigned i = 0; i < FAR_WORKER_CNT; i++) {
		struct worker *w = d.shared.worker[i];
		struct inbox_node *node = inbox_take(&w->inbox);

		report_cnt += length_of(&w->free_reports);
		certificate_cnt += length_of(&w->free_certificates);
		handover_cnt += length_of(&w->free_handovers);
		for (; node != NULL; node = node->next) {
			unsigned type = message_of(node)->type;

			RACE_CHECK(!message_is_command(message_of(node)));
			handover_cnt += type == MESSAGE_HAND_OVER;
			certificate_cnt += type == MESSAGE_VALIDATE || type == MESSAGE_CONFIRM;
			report_cnt += type == MESSAGE_EVENT || type == MESSAGE_STATUS_PEER;
		}
	}
	RACE_CHECK(report_cnt == FAR_WORKER_CNT * REPORT_CNT);
	RACE_CHECK(certificate_cnt == FAR_WORKER_CNT * CERTIFICATE_CNT);
	RACE_CHECK(handover_cnt == FAR_WORKER_CNT * HANDOVER_CNT);
	RACE_CHECK(d.status_cnt == 0 && d.applying_cnt == 0 && d.validating_cnt == 0);
}

int main(int argc, char **argv)
{
	bool is_anywhere = argc > 1 && strcmp(argv[1], "anywhere") == 0;
	pthread_t thread[FAR_WORKER_CNT + 2];

	if (!is_anywhere)
		RACE_SKIP();
	open_eal();
	RACE_CHECK(rk_rcu_start() == 0);
	own = pair_identity_new("east", TEST_P256, NULL);
	far_open(own);
	open_dataplane();
	publish((1u << FAR_CNT) - 1, false);
	for (unsigned i = 0; i < FAR_WORKER_CNT; i++)
		RACE_CHECK(
			pthread_create(&thread[i], NULL, worker_thread, d.shared.worker[i]) == 0);
	RACE_CHECK(pthread_create(&thread[FAR_WORKER_CNT], NULL, far_main, NULL) == 0);
	RACE_CHECK(pthread_create(&thread[FAR_WORKER_CNT + 1], NULL, read_counters, NULL) == 0);
	play(is_anywhere ? SHORT_CNT : VIEW_CNT);
	pass(VIEW_MS);
	printf("%llu views, %llu full exchanges, %llu rekeys, %llu handed over, %llu severed\n",
		(unsigned long long)view_cnt, (unsigned long long)sum(REASON_EXCHANGES),
		(unsigned long long)sum(REASON_REKEYS), (unsigned long long)sum(REASON_HANDED_OVER),
		(unsigned long long)sum(REASON_SEVERED));
	atomic_store(&is_over, true);
	far_stop();
	atomic_store_explicit(&d.shared.is_stopping, true, memory_order_release);
	rk_rcu_offline();
	for (unsigned i = 0; i < FAR_WORKER_CNT + 2; i++)
		pthread_join(thread[i], NULL);
	rk_rcu_online();
	d.is_status_wanted = false; /* nobody is left to ask */
	step();
	check_nothing_is_lost();
	close_dataplane();
	far_close();
	pair_identity_free(own);
	rk_rcu_stop();
	return 0;
}
