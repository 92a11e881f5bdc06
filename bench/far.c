/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/far.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/rand.h>
#include <rte_mbuf.h>

#include "bench/harness.h"
#include "dataplane/core/engine_state.h"
#include "dataplane/net.h"
#include "pki/view/secret.h"
#include "pki/x509/key.h"

#define QUEUE_MAX    4096
#define EXCHANGE_CNT 16384
#define RATE_MAX     1000000000
#define SEC          UINT64_C(1000000000)

struct far {
	struct stage *stage;
	struct far_ops ops;
	struct engine *engine;
	struct crypto_ctx *crypto;
	uint8_t *sessions; /* session_stride bytes each */
	size_t session_stride;
	void *slots;
	struct session_config *configs;
	struct endpoint *path;
	struct timers timers;
	struct rk_view view;
	struct rk_global global;
	struct rk_peer peer;
	struct credential *credential; /* of the peer that it is at the moment */
	char name[RK_CN_MAX];          /* likewise */
	unsigned who;                  /* that peer */
	struct crypto_job *jobs;
	struct rte_mbuf *queue[QUEUE_MAX];
	unsigned first, end;
	unsigned queue_len; /* of the worker's */
	uint64_t at_ns;     /* when what is sent now is sent: no time passes at the far end */
	uint8_t gateway_mac[NET_MAC_LEN];
};

static struct session *session_at(const struct far *f, unsigned peer)
{
	return (struct session *)(void *)(f->sessions + peer * f->session_stride);
}

static void begin(struct far *f)
{
	const struct engine_env env = {.view = &f->view,
		.credential = f->credential,
		.now_ns = stage_now_ns(),
		.wall_sec = (int64_t)time(NULL)};

	engine_begin(f->engine, &env);
}

/*
 * One engine speaks for all peers: name and certificate are those of whichever it is about. Their
 * keys are the same, and nothing else of a certificate is looked at by who owns it.
 */
static void become(struct far *f, unsigned peer)
{
	const struct rk_verdict *v = &f->stage->verdict[peer];

	if (f->who == peer)
		return;
	f->who = peer;
	memcpy(f->name, v->cn, v->cn_len);
	f->global.peering_common_name.len = v->cn_len;
	memcpy(f->credential->fingerprint, v->fingerprint, RK_FINGERPRINT_LEN);
	memcpy(f->global.certificate_fingerprint, v->fingerprint, RK_FINGERPRINT_LEN);
	bench_must(guard_set_name(f->engine->guard, f->name, v->cn_len), "no name");
}

/* ---- what the engine calls ------------------------------------------------------------------- */

static struct rte_mbuf *new_frame(struct far *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(f->stage->d->shared.buffers);

	bench_must(m != NULL, "out of buffers");
	m->port = f->stage->d->published->port[0].id;
	return m;
}

static bool put(struct far *f, struct rte_mbuf *m, size_t len)
{
	bench_must(len > 0, "a frame does not fit");
	if (f->end - f->first == QUEUE_MAX) {
		rte_pktmbuf_free(m);
		return false;
	}
	m->data_len = (uint16_t)len;
	m->pkt_len = (uint32_t)len;
	m->tx_offload = f->at_ns;
	f->queue[f->end++ % QUEUE_MAX] = m;
	return true;
}

static struct net_link link_of(const struct far *f)
{
	struct net_link link = {.vlan = 0};

	memcpy(link.src_mac, f->gateway_mac, NET_MAC_LEN);
	memcpy(link.dst_mac, f->stage->d->published->port[0].mac, NET_MAC_LEN);
	return link;
}

bool far_send(struct far *f, const struct endpoint *path, const uint8_t *payload, size_t len)
{
	const struct net_link link = link_of(f);
	struct rte_mbuf *m = new_frame(f);

	return put(f, m,
		net_build_udp(rte_pktmbuf_mtod(m, uint8_t *), rte_pktmbuf_tailroom(m), &link, path,
			payload, len));
}

static void on_send(void *ctx, const struct endpoint *to, const uint8_t *payload, size_t len)
{
	(void)far_send(ctx, to, payload, len); /* a full queue loses it, as a network does */
}

static bool on_random(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	return RAND_bytes(out, (int)len) == 1;
}

static struct session *on_find_peer(void *ctx, const char *name, size_t len, unsigned *owner)
{
	struct far *f = ctx;
	const char *near = f->stage->pki->east.name;

	*owner = 0;
	return len == strlen(near) && memcmp(name, near, len) == 0 ? session_at(f, f->who) : NULL;
}

static const struct rk_verdict *on_find_verdict(void *ctx, const uint8_t *fingerprint)
{
	const struct rk_verdict *near = &((struct far *)ctx)->stage->pki->east.verdict;

	return memcmp(near->fingerprint, fingerprint, RK_FINGERPRINT_LEN) == 0 ? near : NULL;
}

static bool on_validate(void *ctx, uint64_t request, const uint8_t *der, size_t len)
{
	(void)ctx;
	(void)request;
	(void)der;
	(void)len;
	return false;
}

static void on_confirm(void *ctx, const struct rk_verdict *v)
{
	(void)ctx;
	(void)v;
}

static void on_submit(void *ctx, struct crypto_job *job)
{
	struct far *f = ctx;

	*crypto_job_link(job) = f->jobs;
	f->jobs = job;
}

static void on_arm(void *ctx, struct core_timer *t, uint64_t deadline_ns)
{
	timers_arm(&((struct far *)ctx)->timers, t, deadline_ns);
}

static void on_cancel(void *ctx, struct core_timer *t)
{
	timers_cancel(&((struct far *)ctx)->timers, t);
}

static void on_event(void *ctx, const struct engine_event *event)
{
	(void)ctx;
	(void)event;
}

static bool on_hand_over(void *ctx, unsigned owner, const struct handover *h)
{
	(void)ctx;
	(void)owner;
	(void)h;
	return false;
}

static const struct engine_ops ops = {on_send, on_random, on_find_peer, on_find_verdict,
	on_validate, on_confirm, on_submit, on_arm, on_cancel, on_event, on_hand_over};

/* ---- turns ----------------------------------------------------------------------------------- */

static void run_jobs(struct far *f)
{
	while (f->jobs != NULL) {
		struct crypto_job *job = f->jobs;

		f->jobs = *crypto_job_link(job);
		crypto_job_run(f->crypto, job);
		engine_job_done(f->engine, job);
	}
}

/* What was answered is kept for duplicates: where that would fill the room of all, no longer. */
static void make_room(struct far *f, const struct endpoint *from, const struct rk_span *finish)
{
	struct wire_packet p;
	struct exchange *x;

	if (f->engine->used_cnt < EXCHANGE_CNT / 4 ||
		wire_parse_packet(&p, finish->data, finish->len) != REASON_ACCEPTED)
		return;
	x = exchange_find_hello(f->engine, from, p.sender);
	if (x != NULL && x->state == EXCHANGE_ANSWERED)
		exchange_free(f->engine, x);
}

static void receive(struct far *f, const struct net_packet *p, uint64_t sent_ns)
{
	struct endpoint from = {
		.family = p->family, .local_port = p->dst_port, .remote_port = p->src_port};
	unsigned peer = (unsigned)p->dst[1] << 16 | (unsigned)p->dst[2] << 8 | p->dst[3];
	uint8_t type = p->payload.len > MSG_MIN ? p->payload.data[MSG_ENVELOPE_LEN + 5] : 0;

	if (peer >= f->stage->peer_cnt)
		return; /* nobody is there: its address was forged */
	memcpy(from.local, p->dst, sizeof(from.local));
	memcpy(from.remote, p->src, sizeof(from.remote));
	if (f->ops.heard != NULL && type != 0)
		f->ops.heard(f->ops.ctx, peer, type, sent_ns);
	become(f, peer);
	f->engine->hello_left = 1;
	engine_receive(f->engine, &from, p->payload.data, p->payload.len);
	run_jobs(f);
	if (type == MSG_FINISH)
		make_room(f, &from, &p->payload);
}

static void answer_question(struct far *f, const struct net_packet *question)
{
	const struct net_link link = link_of(f);
	struct rte_mbuf *m = new_frame(f);

	(void)put(f, m,
		net_build_answer(
			rte_pktmbuf_mtod(m, uint8_t *), rte_pktmbuf_tailroom(m), &link, question));
}

static void take(struct far *f, struct rte_mbuf *m)
{
	struct net_packet p;

	bench_must(net_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, 0, &p) == NET_OK,
		"the worker sent what cannot be read");
	if (p.kind == NET_UDP)
		receive(f, &p, m->tx_offload);
	else if (p.kind == NET_ARP_REQUEST)
		answer_question(f, &p);
}

static void fire(void *ctx, struct core_timer *timer)
{
	struct far *f = ctx;

	engine_timer(f->engine, timer);
	run_jobs(f);
}

void far_listen(struct far *f)
{
	void *m;

	begin(f);
	while (rte_ring_dequeue(f->stage->from_worker, &m) == 0) {
		f->at_ns = ((struct rte_mbuf *)m)->tx_offload;
		take(f, m);
		rte_pktmbuf_free(m);
	}
	f->at_ns = stage_now_ns();
	timers_run(&f->timers, stage_now_ns(), UINT32_MAX, fire, f);
}

void far_set_queue(struct far *f, unsigned frame_cnt)
{
	f->queue_len = frame_cnt;
}

bool far_is_queue_full(const struct far *f)
{
	return rte_ring_count(f->stage->to_worker) >= f->queue_len;
}

static bool hand_over(struct far *f, struct rte_mbuf *m)
{
	if (!far_is_queue_full(f) && rte_ring_enqueue(f->stage->to_worker, m) == 0)
		return true;
	rte_pktmbuf_free(m);
	return false;
}

bool far_put(struct far *f)
{
	return hand_over(f, f->queue[f->first++ % QUEUE_MAX]);
}

bool far_put_last(struct far *f)
{
	return hand_over(f, f->queue[--f->end % QUEUE_MAX]);
}

uint64_t far_first_ns(const struct far *f)
{
	return f->first == f->end ? UINT64_MAX : f->queue[f->first % QUEUE_MAX]->tx_offload;
}

bool far_turn(struct far *f)
{
	unsigned i;

	far_listen(f);
	for (i = 0; i < PORT_BURST && f->first != f->end; i++)
		bench_must(far_put(f), "the worker leaves frames in its queue");
	return stage_round(f->stage);
}

void far_probe(struct far *f, unsigned peer)
{
	begin(f);
	traffic_keep_alive(f->engine, session_at(f, peer), true);
}

void far_exchange(struct far *f, unsigned peer)
{
	struct session *s = session_at(f, peer);

	begin(f);
	s->reauth_at_ns = stage_now_ns();
	session_schedule(f->engine, s);
}

unsigned far_queued(const struct far *f)
{
	return f->end - f->first;
}

/* ---- building -------------------------------------------------------------------------------- */

static void publish(struct far *f)
{
	const struct bench_identity *own = &f->stage->pki->west;
	const struct rk_verdict *v = &own->verdict;
	struct rk_private_key *key = rk_secret_new(sizeof(*key));

	bench_must(key != NULL && pki_key_to_private(own->key, key) == 0 &&
			   credential_new(v->fingerprint, (struct rk_span){own->der, own->der_len},
				   key, &f->credential) == 0,
		"out of memory");
	strcpy(f->name, own->name);
	f->global = (struct rk_global){.peering_common_name = {0, (uint32_t)strlen(own->name)},
		.trust_generation = v->trust_generation,
		.is_enabled = 1,
		.credential_status = v->status,
		.credential_chain_cnt = v->chain_cnt,
		.credential_not_before = v->not_before,
		.credential_not_after = v->not_after};
	memcpy(f->global.certificate_fingerprint, v->fingerprint, RK_FINGERPRINT_LEN);
	memcpy(f->global.credential_chain, v->chain, sizeof(f->global.credential_chain));
	f->peer.groups[0] = f->stage->group;
	f->view = (struct rk_view){.generation = {1, 1},
		.global = &f->global,
		.strings = f->name,
		.peers = &f->peer,
		.peer_cnt = 1};
}

/* All alike but for the address that they are reached at. */
static void add_session(struct far *f, unsigned peer, struct session_config *c)
{
	struct endpoint *path = &f->path[peer];

	*path = (struct endpoint){
		.family = 4, .local_port = 1280, .remote_port = 1280, .remote = {192, 0, 2, 1}};
	stage_peer_address(peer, path->local);
	c->path = path;
	bench_must(session_add(f->engine, session_at(f, peer), c) == 0, "no far end");
	bench_must(session_at(f, peer)->number == peer, "numbers are not in order");
}

static void got_key(void *ctx, unsigned peer, const struct keyslot *mirror)
{
	struct far *f = ctx;
	struct session *s = session_at(f, peer);
	const struct session_binding binding = {f->stage->pki->west.verdict.fingerprint,
		f->stage->pki->east.verdict.fingerprint, &f->stage->pki->east.verdict, true};

	keyring_set_current(&f->engine->slots, &s->keys, mirror);
	session_bind(f->engine, s, &binding);
	session_exchange_over(f->engine, s, true);
}

static void open_engine(struct far *f)
{
	const uint8_t cookie[COOKIE_SECRET_LEN] = {2};
	const struct engine_config config = {.exchange_cnt = EXCHANGE_CNT,
		.session_cnt = f->stage->peer_cnt,
		.cookie_secret = cookie};
	/* As many routers are not under load together, nor is the near end a stranger to be held off. */
	const struct guard_config guard = {
		.source_rate = RATE_MAX, .source_burst = RATE_MAX, .load_rate = RATE_MAX};

	bench_must(engine_new(&config, &ops, f, &f->engine) == 0 && crypto_ctx_new(&f->crypto) == 0,
		"no far end");
	guard_free(f->engine->guard);
	bench_must(guard_new(&guard, cookie, &f->engine->guard) == 0, "no far end");
	engine_add_slots(f->engine, f->slots, f->stage->peer_cnt);
}

struct far *far_new(struct stage *s, const struct far_ops *far_ops)
{
	struct far *f = calloc(1, sizeof(*f));
	struct session_config *config;
	unsigned i;

	bench_must(f != NULL, "out of memory");
	f->stage = s;
	f->ops = *far_ops;
	f->queue_len = PORT_RECEIVE_LEN;
	f->gateway_mac[0] = 2;
	f->who = UINT_MAX;
	f->session_stride = (session_size() + 63) / 64 * 64;
	f->sessions = aligned_alloc(64, s->peer_cnt * f->session_stride);
	f->slots = calloc(1, engine_slots_size(s->peer_cnt));
	f->path = calloc(s->peer_cnt, sizeof(*f->path));
	config = calloc(s->peer_cnt, sizeof(*config));
	bench_must(f->sessions != NULL && f->slots != NULL && f->path != NULL && config != NULL,
		"out of memory");
	publish(f);
	timers_init(&f->timers, stage_now_ns());
	open_engine(f);
	begin(f);
	for (i = 0; i < s->peer_cnt; i++) {
		config[i] = (struct session_config){.name = "near",
			.peering_common_name = s->pki->east.name,
			.peering_common_name_len = (uint8_t)strlen(s->pki->east.name),
			.path_cnt = 1,
			.retransmit_interval_ns = 5 * SEC,
			.timeout_ns = 3600 * SEC,
			.hold_ns = 30 * SEC,
			.keep_alive_interval_ns = 3600 * SEC,
			.groups = {s->group}};
		add_session(f, i, &config[i]);
	}
	stage_give_keys(s, got_key, f);
	f->configs = config;
	return f;
}

void far_free(struct far *f)
{
	unsigned i;

	begin(f);
	for (i = 0; i < f->stage->peer_cnt; i++)
		session_remove(f->engine, session_at(f, i));
	while (f->first != f->end)
		rte_pktmbuf_free(f->queue[f->first++ % QUEUE_MAX]);
	engine_free(f->engine);
	credential_put(f->credential);
	crypto_ctx_free(f->crypto);
	free(f->sessions);
	free(f->slots);
	free(f->path);
	free(f->configs);
	free(f);
}
