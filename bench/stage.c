/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/stage.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "bench/far.h"
#include "bench/harness.h"
#include "bench/stage_crypto.h"
#include "bench/stage_port.h"
#include "dataplane/clock.h"
#include "dataplane/core/engine_state.h"
#include "dataplane/counters.h"
#include "pki/store/compile.h"
#include "pki/view/secret.h"
#include "pki/x509/key.h"

#define ROUND_MAX    4000000
#define EXCHANGE_CNT 4096

static const struct rk_address own_address = {
	.family = 4, .prefix_len = 24, .bytes = {192, 0, 2, 1}};
static const struct rk_address gateway = {.family = 4, .prefix_len = 32, .bytes = {192, 0, 2, 254}};

/* ---- names and addresses --------------------------------------------------------------------- */

void stage_peer_name(unsigned peer, char out[RK_NAME_MAX + 1])
{
	snprintf(out, RK_NAME_MAX + 1, "branch-%06u", peer);
}

static void peer_identity(unsigned peer, char out[RK_CN_MAX])
{
	snprintf(out, RK_CN_MAX, "branch-%06u.example", peer);
}

void stage_peer_address(unsigned peer, uint8_t out[16])
{
	memset(out, 0, 16);
	out[0] = 10;
	out[1] = (uint8_t)(peer >> 16);
	out[2] = (uint8_t)(peer >> 8);
	out[3] = (uint8_t)peer;
}

struct session *stage_session(struct stage *s, unsigned peer)
{
	char name[RK_NAME_MAX + 1];
	struct peer *p;

	stage_peer_name(peer, name);
	p = peer_table_find_name(&s->d->shared.peers, name);
	return p == NULL ? NULL : peer_session(p);
}

/* ---- the view -------------------------------------------------------------------------------- */

/* Certificates as alike as those of one operator: only names, fingerprints and serials differ. */
static void make_verdicts(struct stage *s)
{
	unsigned i;

	s->verdict = calloc(s->peer_cnt, sizeof(*s->verdict));
	bench_must(s->verdict != NULL, "out of memory");
	for (i = 0; i < s->peer_cnt; i++) {
		struct rk_verdict *v = &s->verdict[i];

		*v = s->pki->west.verdict;
		memset(v->cn, 0, sizeof(v->cn));
		peer_identity(i, v->cn);
		v->cn_len = (uint8_t)strlen(v->cn);
		bench_must(RAND_bytes(v->fingerprint, sizeof(v->fingerprint)) == 1 &&
				   RAND_bytes((uint8_t *)&v->chain[0], 16) == 1,
			"no random numbers");
	}
}

static struct rk_part_ref reference_to(const struct compile_part *part)
{
	struct rk_part_ref ref = {.is_present = 1, .has_fd = 1, .size = part->size};

	memcpy(ref.digest, part->digest, RK_DIGEST_LEN);
	return ref;
}

static void compile_the_verdicts(struct stage *s)
{
	const struct rk_verdict **list = calloc(s->peer_cnt, sizeof(struct rk_verdict *));
	struct compile_part out = {.fd = -1};
	struct rk_refusal why;
	unsigned i;

	bench_must(list != NULL, "out of memory");
	for (i = 0; i < s->peer_cnt; i++)
		list[i] = &s->verdict[i];
	if (compile_verdicts(list, s->peer_cnt, &out, &why) < 0)
		bench_fail(why.text);
	free(list);
	s->verdicts_fd = out.fd;
	s->verdicts = reference_to(&out);
}

/* Nobody is revoked. */
static void compile_the_base(struct stage *s)
{
	struct compile_part out = {.fd = -1};
	struct rk_refusal why;

	if (compile_revocations(RK_PART_REVOCATION_BASE, NULL, 0, NULL, 0, &out, &why) < 0)
		bench_fail(why.text);
	s->base_fd = out.fd;
	s->base = reference_to(&out);
}

/* What peer_of fills in points to these. */
struct peer_texts {
	char name[RK_NAME_MAX + 1];
	char identity[RK_CN_MAX];
	struct compile_path path;
};

static struct compile_peer peer_of(const struct stage *s, unsigned peer, struct peer_texts *t)
{
	stage_peer_name(peer, t->name);
	peer_identity(peer, t->identity);
	t->path = (struct compile_path){.local = own_address,
		.remote = {.family = 4, .prefix_len = 32},
		.udp_port_local = 1280,
		.udp_port_remote = 1280};
	stage_peer_address(peer, t->path.remote.bytes);
	return (struct compile_peer){.name = t->name,
		.peering_common_name = t->identity,
		.path = &t->path,
		.path_cnt = 1,
		.retransmit_interval_ns = 5 * NS_PER_SEC,
		.timeout_ns = 3600 * NS_PER_SEC,
		.hold_ns = 30 * NS_PER_SEC,
		.reauth_interval_ns = 86400 * NS_PER_SEC,
		.keep_alive_interval_ns = 3600 * NS_PER_SEC,
		.groups = {s->group}};
}

static void compile_the_config(
	struct stage *s, unsigned first, unsigned cnt, struct compile_part *out)
{
	struct compile_peer *peer = calloc(cnt, sizeof(*peer));
	struct peer_texts *text = calloc(cnt, sizeof(*text));
	const struct bench_identity *own = &s->pki->east;
	struct compile_credential credential = {
		.der = {own->der, own->der_len}, .verdict = &own->verdict};
	const struct compile_port port = {.name = STAGE_PORT_NAME,
		.mtu = 1500,
		.address = &own_address,
		.address_cnt = 1,
		.gateway4 = gateway};
	const struct compile_config input = {.router = "east",
		.node = "east",
		.peering_common_name = own->name,
		.is_enabled = true,
		.trust_generation = own->verdict.trust_generation,
		.credential = &credential,
		.port = &port,
		.port_cnt = 1,
		.peer = peer,
		.peer_cnt = cnt};
	struct rk_refusal why;
	unsigned i;

	bench_must(cnt == 0 || (peer != NULL && text != NULL), "out of memory");
	memcpy(credential.public_key_hash, own->credential->key->public_key_hash, RK_DIGEST_LEN);
	for (i = 0; i < cnt; i++)
		peer[i] = peer_of(s, first + i, &text[i]);
	if (compile_config(&input, out, &why) < 0)
		bench_fail(why.text);
	free(peer);
	free(text);
	malloc_trim(0);
}

void stage_publish(struct stage *s, unsigned first, unsigned cnt)
{
	struct rk_msg_view m = {.generation = {1, ++s->view_cnt}};
	struct compile_part config = {.fd = -1};
	uint64_t began;
	unsigned round;
	size_t fd_cnt = 0;
	int fd[3];

	compile_the_config(s, first, cnt, &config);
	m.part[RK_PART_CONFIG] = reference_to(&config);
	m.part[RK_PART_VERDICTS] = s->verdicts;
	m.part[RK_PART_REVOCATION_BASE] = s->base;
	fd[fd_cnt++] = config.fd;
	if (s->verdicts.has_fd)
		fd[fd_cnt++] = s->verdicts_fd;
	if (s->base.has_fd)
		fd[fd_cnt++] = s->base_fd;
	began = bench_cpu_ns();
	bench_must(activate_message(s->d, &m, fd, fd_cnt), "no view");
	s->main_ns = (double)(bench_cpu_ns() - began);
	s->d->published->port[0].mac[0] = 2; /* a ring has none */
	stage_port_stamp(s->d->published->port[0].id);
	s->verdicts.has_fd = s->base.has_fd = 0;
	compile_part_close(&config);
	for (round = 0; s->d->applied_seq != s->d->seq; round++) {
		bench_must(round < ROUND_MAX, "the view is not applied");
		if (s->network != NULL)
			(void)far_turn(s->network);
		else
			(void)stage_round(s);
		stage_main(s);
	}
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void mirror_of(const struct keyslot *slot, struct keyslot *out)
{
	*out = *slot;
	out->next = NULL;
	out->local_index = slot->peer_index;
	out->peer_index = slot->local_index;
	out->send = slot->receive;
	out->receive = slot->send;
	out->is_initiator = !slot->is_initiator;
}

void stage_give_keys(struct stage *s,
	void (*got)(void *ctx, unsigned peer, const struct keyslot *mirror), void *ctx)
{
	struct keyslot slot, mirror;
	struct exchange *own;
	unsigned i;

	for (i = 0; i < s->peer_cnt; i++) {
		struct session *session = stage_session(s, i);
		const struct session_binding binding = {s->pki->east.verdict.fingerprint,
			s->verdict[i].fingerprint, &s->verdict[i], false};

		own = session == NULL ? NULL
				      : exchange_find(s->worker->engine, session->own_exchange);
		bench_must(session != NULL && RAND_bytes((uint8_t *)&slot, sizeof(slot)) == 1,
			"no peer");
		slot = (struct keyslot){.group = s->group,
			.suite = suite_list()->id[0],
			.is_full = true,
			.peer_index = i << INDEX_SERIAL_BITS | 1,
			.send = slot.send,
			.receive = slot.receive};
		bench_must(RAND_bytes(slot.chain, sizeof(slot.chain)) == 1, "no random numbers");
		slot.local_index = session_new_index(s->worker->engine, session);
		keyring_set_current(&s->worker->engine->slots, &session->keys, &slot);
		session_bind(s->worker->engine, session, &binding);
		if (own != NULL)
			exchange_free(s->worker->engine, own);
		session_exchange_over(s->worker->engine, session, true);
		mirror_of(&slot, &mirror);
		if (got != NULL)
			got(ctx, i, &mirror);
		if (i % 256 == 0)
			stage_main(s);
	}
}

/* ---- time ------------------------------------------------------------------------------------ */

static double clock_spent_ns; /* by all rounds that are over */
static uint64_t round_began;  /* 0: none is running */

uint64_t stage_now_ns(void)
{
	double running = round_began == 0 ? 0 : (double)(bench_cpu_ns() - round_began);

	return 1000 * NS_PER_SEC + (uint64_t)(clock_spent_ns + running);
}

void stage_pass_ns(uint64_t ns)
{
	clock_spent_ns += (double)ns;
}

/* ---- main and worker ------------------------------------------------------------------------- */

static uint64_t events_of(const struct stage *s)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < NET_REASON_CNT; i++)
		sum += counters_get(&s->worker->counters, (enum net_reason)i);
	for (i = 0; i < REASON_CNT; i++)
		sum += engine_counter(s->worker->engine, i);
	return sum;
}

static void note_longest(
	struct stage *s, double took, const struct rusage *before, uint64_t events_before)
{
	struct rusage after;

	getrusage(RUSAGE_THREAD, &after);
	s->longest = (struct stage_round){.ns = took,
		.switches = (double)(after.ru_nivcsw - before->ru_nivcsw),
		.faults = (double)(after.ru_minflt - before->ru_minflt + after.ru_majflt -
				   before->ru_majflt),
		.events = (double)(events_of(s) - events_before)};
}

void stage_forget_longest(struct stage *s)
{
	s->longest = (struct stage_round){0};
	s->hole_ns = 0;
}

/*
 * As long as a round took, on the same core, just after it: what the kernel and a hypervisor take in this
 * thread's name when it does nothing but look at the clock is not the worker's.
 */
static void do_nothing(struct stage *s, double ns)
{
	uint64_t last = bench_cpu_ns(), until = last + (uint64_t)ns, now;

	do {
		now = bench_cpu_ns();
		if ((double)(now - last) > s->hole_ns)
			s->hole_ns = (double)(now - last);
		last = now;
	} while (now < until);
}

bool stage_round(struct stage *s)
{
	uint64_t events = events_of(s);
	struct rusage usage;
	double took;
	bool is_any;

	if (s->crypto != NULL)
		stage_crypto_turn(s->crypto, stage_now_ns());
	rk_rcu_quiescent();
	getrusage(RUSAGE_THREAD, &usage);
	round_began = bench_cpu_ns();
	is_any = worker_run(s->worker);
	took = (double)(bench_cpu_ns() - round_began);
	round_began = 0;
	clock_spent_ns += took;
	s->spent_ns += took;
	s->round_cnt++;
	if (took > s->longest.ns)
		note_longest(s, took, &usage, events);
	if (s->is_compared && is_any)
		do_nothing(s, took);
	return is_any;
}

void stage_main(struct stage *s)
{
	reports_take(s->d);
	(void)graveyard_step(&s->d->graveyard, 1024);
	(void)part_close_step(&s->d->closing, 16 << 20);
}

/* ---- building -------------------------------------------------------------------------------- */

static void on_nothing(void *ctx)
{
	(void)ctx;
}

static bool on_message(void *ctx, const struct rk_message *m, const int *fds, size_t fd_cnt)
{
	(void)ctx;
	(void)m;
	(void)fds;
	(void)fd_cnt;
	return false;
}

static void on_key(void *ctx, struct rk_private_key *key)
{
	(void)ctx;
	rk_secret_free(key, sizeof(*key));
}

static struct port_set *ports; /* a device that was closed does not open again */

static void open_dataplane(struct dataplane *d, bool has_crypto_lcore)
{
	static const struct channel_ops ops = {on_nothing, on_nothing, on_message, on_key};
	const uint8_t cookie[COOKIE_SECRET_LEN] = {1};
	const struct crypto_config crypto = {
		.lcore_cnt = has_crypto_lcore, .job_cnt = EXCHANGE_CNT};

	d->shared.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	d->shared.worker_cnt = 1;
	d->shared.clock_ns = stage_now_ns;
	d->shared.exchange_cnt = EXCHANGE_CNT;
	inbox_init(&d->shared.to_main);
	inbox_list_init(&d->reports);
	graveyard_init(&d->graveyard, d->shared.wake_fd);
	peer_pool_init(&d->pool[0], session_size(), engine_slots_size);
	/* Nobody listens there: what main would say goes nowhere. */
	bench_must(channel_new(epoll_create1(EPOLL_CLOEXEC), "/nonexistent", geteuid(), &ops, d,
			   &d->channel) == 0 &&
			   peer_table_init(&d->shared.peers) == 0 &&
			   certificate_table_init(&d->shared.certificates, &d->graveyard,
				   CERTIFICATE_TABLE_MAX) == 0 &&
			   (ports != NULL ||
				   port_set_new(&d->graveyard, 1, OPTIONS_MTU_MIN, &ports) == 0),
		"no data plane");
	d->ports = ports;
	d->shared.ports = d->ports;
	d->shared.buffers = port_set_buffers(d->ports);
	bench_must(
		crypto_service_new(&crypto, &d->crypto[0]) == 0 &&
			worker_new(&d->shared, 0, d->crypto[0], cookie, &d->shared.worker[0]) == 0,
		"no worker");
}

struct stage *stage_open(const struct stage_options *options)
{
	struct stage *s = calloc(1, sizeof(*s));
	const struct bench_pki *pki = bench_pki_get(options->cert);
	struct rk_private_key *key;

	bench_must(s != NULL, "out of memory");
	bench_must(options->peer_cnt <= WORKER_SESSION_MAX,
		"--peers: a worker, of which there is one here, serves 131,072 of them at most");
	stage_port_open(&s->to_worker, &s->from_worker);
	s->d = calloc(1, sizeof(*s->d));
	key = rk_secret_new(sizeof(*key));
	bench_must(s->d != NULL && key != NULL && pki_key_to_private(pki->east.key, key) == 0,
		"out of memory");
	s->pki = pki;
	s->peer_cnt = options->peer_cnt;
	s->group = options->group != 0 ? options->group : STAGE_GROUP_DEFAULT;
	s->verdicts_fd = -1;
	make_verdicts(s);
	if (options->has_verdicts)
		compile_the_verdicts(s);
	compile_the_base(s);
	open_dataplane(s->d, options->has_crypto_lcore);
	if (options->has_crypto_lcore)
		s->crypto = stage_crypto_new(EXCHANGE_CNT);
	s->worker = s->d->shared.worker[0];
	activate_key(s->d, key);
	return s;
}

void stage_close(struct stage *s)
{
	struct dataplane *d = s->d;

	stage_publish(s, 0, 0);
	activate_clear(d);
	certificate_table_clear(&d->shared.certificates);
	rk_rcu_barrier();
	while (graveyard_step(&d->graveyard, UINT32_MAX))
		;
	while (part_close_step(&d->closing, SIZE_MAX))
		;
	stage_crypto_free(s->crypto);
	worker_free(s->worker);
	channel_free(d->channel);
	certificate_table_fini(&d->shared.certificates);
	peer_table_fini(&d->shared.peers);
	peer_pool_fini(&d->pool[0]);
	close(d->shared.wake_fd);
	if (s->verdicts_fd >= 0)
		close(s->verdicts_fd);
	close(s->base_fd);
	free(s->verdict);
	free(d);
	free(s);
}
