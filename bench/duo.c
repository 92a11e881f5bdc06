/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/duo.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/rand.h>

#include "bench/harness.h"
#include "dataplane/core/job_fields.h"
#include "pki/store/revocation_build.h"

#define SEC_NS     UINT64_C(1000000000)
#define PACKET_CNT 32
#define STEP_MAX   1000 /* timers and packets that one exchange may take */

struct node {
	struct duo *duo;
	struct node *other;
	const struct bench_identity *identity;
	struct engine *engine;
	struct session *session;
	struct crypto_ctx *crypto; /* a router has its own */
	struct session_config config;
	struct endpoint path; /* of config */
	void *slots;
	struct rk_view view;
	struct rk_global global;
	struct rk_peer peer;
	struct rk_revocation_line lines[8];
	bool is_known;             /* the other's certificate */
	struct core_timer *timers; /* sorted by deadline */
	struct crypto_job *job;    /* submitted, not run */
	uint64_t request;          /* of the certificate to be judged; 0 = none */
	size_t der_len;
	uint8_t der[RK_CERT_DER_MAX];
};

struct packet {
	struct node *to;
	struct endpoint from;
	size_t len;
	uint8_t payload[1500];
};

struct duo {
	struct duo_options options;
	uint64_t now_ns;
	int64_t wall_sec;
	struct node node[2];
	struct packet packet[PACKET_CNT]; /* a ring, first in, first out */
	unsigned first, end;
	size_t exchanges, rekeys; /* numbers of counters */
};

/* ---- what the engines call ------------------------------------------------------------------- */

static void on_send(void *ctx, const struct endpoint *to, const uint8_t *payload, size_t len)
{
	struct node *n = ctx;
	struct duo *d = n->duo;
	struct packet *p = &d->packet[d->end++ % PACKET_CNT];

	bench_must(d->end - d->first <= PACKET_CNT && len <= sizeof(p->payload),
		"too many packets under way");
	p->to = n->other;
	p->from = *to;
	p->from.local_port = to->remote_port;
	p->from.remote_port = to->local_port;
	memcpy(p->from.local, to->remote, sizeof(to->remote));
	memcpy(p->from.remote, to->local, sizeof(to->local));
	p->len = len;
	memcpy(p->payload, payload, len);
}

static bool on_random(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	return RAND_priv_bytes(out, (int)len) == 1;
}

static struct session *on_find_peer(void *ctx, const char *name, size_t len, unsigned *owner)
{
	struct node *n = ctx;
	const struct session_config *c = &n->config;

	*owner = 0;
	return len == c->peering_common_name_len && memcmp(name, c->peering_common_name, len) == 0
		       ? n->session
		       : NULL;
}

static const struct rk_verdict *on_find_verdict(void *ctx, const uint8_t *fingerprint)
{
	struct node *n = ctx;
	const struct rk_verdict *v = &n->other->identity->verdict;

	return n->is_known && memcmp(v->fingerprint, fingerprint, RK_FINGERPRINT_LEN) == 0 ? v
											   : NULL;
}

static bool on_validate(void *ctx, uint64_t request, const uint8_t *der, size_t len)
{
	struct node *n = ctx;

	n->request = request;
	n->der_len = len;
	memcpy(n->der, der, len);
	return true;
}

static void on_confirm(void *ctx, const struct rk_verdict *v)
{
	struct node *n = ctx;

	(void)v;
	n->is_known = true;
}

static void on_submit(void *ctx, struct crypto_job *job)
{
	struct node *n = ctx;
	struct crypto_job **at = &n->job;

	while (*at != NULL)
		at = crypto_job_link(*at);
	*crypto_job_link(job) = NULL;
	*at = job;
}

static void on_cancel(void *ctx, struct core_timer *t)
{
	(void)ctx;
	if (t->prev_link == NULL)
		return;
	*t->prev_link = t->next;
	if (t->next != NULL)
		t->next->prev_link = t->prev_link;
	t->prev_link = NULL;
	t->next = NULL;
}

static void on_arm(void *ctx, struct core_timer *t, uint64_t deadline_ns)
{
	struct node *n = ctx;
	struct core_timer **at = &n->timers;

	on_cancel(ctx, t);
	t->deadline_ns = deadline_ns;
	while (*at != NULL && (*at)->deadline_ns <= deadline_ns)
		at = &(*at)->next;
	t->next = *at;
	t->prev_link = at;
	if (t->next != NULL)
		t->next->prev_link = &t->next;
	*at = t;
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
	return false; /* there is no other worker */
}

static const struct engine_ops ops = {
	.send = on_send,
	.random = on_random,
	.find_peer = on_find_peer,
	.find_verdict = on_find_verdict,
	.validate = on_validate,
	.confirm = on_confirm,
	.submit = on_submit,
	.arm = on_arm,
	.cancel = on_cancel,
	.event = on_event,
	.hand_over = on_hand_over,
};

/* ---- running --------------------------------------------------------------------------------- */

static void begin(struct node *n)
{
	const struct engine_env env = {
		.view = &n->view,
		.credential = n->identity->credential,
		.now_ns = n->duo->now_ns,
		.wall_sec = n->duo->wall_sec,
	};

	engine_begin(n->engine, &env);
}

/* The same secret on both sides; shares and signatures of a length that passes. */
static void make_up(struct crypto_job *job)
{
	job->is_done = true;
	if (job->kind == JOB_KEYGEN) {
		memset(job->kex.share, 4, job->group->share_len);
	} else if (job->kind == JOB_DERIVE) {
		memset(job->kex.shared, 5, job->group->shared_len);
	} else if (job->kind == JOB_SIGN) {
		job->signature_len = sign_len_max(job->credential->key_type);
		memset(job->signature, 6, job->signature_len);
	}
}

static void run_job(struct node *n)
{
	struct crypto_job *job = n->job;

	n->job = *crypto_job_link(job);
	if (n->duo->options.is_work_skipped)
		make_up(job);
	else
		crypto_job_run(n->crypto, job);
	begin(n);
	engine_job_done(n->engine, job);
}

static void answer_request(struct node *n)
{
	uint64_t request = n->request;
	struct rk_verdict v;

	n->request = 0;
	if (n->duo->options.certificates == DUO_JUDGED)
		bench_judge(n->duo->options.pki, n->der, n->der_len, &v);
	else
		v = n->other->identity->verdict;
	begin(n);
	engine_verdict(n->engine, request, &v);
}

static void deliver(struct duo *d)
{
	struct packet *p = &d->packet[d->first % PACKET_CNT];

	begin(p->to);
	engine_receive(p->to->engine, &p->from, p->payload, p->len);
	d->first++;
	if (d->first == d->end)
		d->first = d->end = 0; /* the same few slots again, as a ring of buffers in cache */
}

static void fire_next(struct duo *d)
{
	struct node *n = &d->node[0];
	struct core_timer *t;

	if (n->timers == NULL || (n->other->timers != NULL &&
					 n->other->timers->deadline_ns < n->timers->deadline_ns))
		n = n->other;
	t = n->timers;
	bench_must(t != NULL, "nothing is left to wait for");
	if (t->deadline_ns > d->now_ns)
		d->now_ns = t->deadline_ns;
	on_cancel(n, t);
	begin(n);
	engine_timer(n->engine, t);
}

/* One thing that is to be done: a computation, a judgement, a packet, else the next timer. */
static void step(struct duo *d)
{
	for (unsigned i = 0; i < 2; i++) {
		if (d->node[i].job != NULL) {
			run_job(&d->node[i]);
			return;
		}
		if (d->node[i].request != 0) {
			answer_request(&d->node[i]);
			return;
		}
	}
	if (d->first != d->end)
		deliver(d);
	else
		fire_next(d);
}

static bool is_idle(const struct duo *d)
{
	return d->first == d->end && d->node[0].job == NULL && d->node[1].job == NULL &&
	       d->node[0].request == 0 && d->node[1].request == 0;
}

/* Until both sides have counted one more, and nothing is under way. */
static bool run_until_counted(struct duo *d, size_t counter)
{
	uint64_t east = engine_counter(d->node[0].engine, counter);
	uint64_t west = engine_counter(d->node[1].engine, counter);

	for (unsigned i = 0; i < STEP_MAX; i++) {
		if (is_idle(d) && engine_counter(d->node[0].engine, counter) > east &&
			engine_counter(d->node[1].engine, counter) > west)
			return true;
		step(d);
	}
	return false;
}

bool duo_run_exchange(void *arg, unsigned cnt)
{
	struct duo *d = arg;

	while (cnt-- > 0) {
		d->node[0].is_known = d->node[1].is_known = d->options.certificates == DUO_KNOWN;
		if (!run_until_counted(d, d->exchanges))
			return false;
	}
	return true;
}

bool duo_run_rekey(void *arg, unsigned cnt)
{
	struct duo *d = arg;

	while (cnt-- > 0) {
		if (!run_until_counted(d, d->rekeys))
			return false;
	}
	return true;
}

/* ---- building -------------------------------------------------------------------------------- */

static void publish(struct node *n)
{
	const struct rk_verdict *own = &n->identity->verdict;
	struct rk_global *g = &n->global;

	bench_must(revocation_build(n->lines, sizeof(n->lines) / sizeof(n->lines[0]), NULL, 0) == 0,
		"no revocation set");
	*g = (struct rk_global){
		.peering_common_name = {0, (uint32_t)strlen(n->identity->name)},
		.trust_generation = own->trust_generation,
		.is_enabled = 1,
		.credential_status = own->status,
		.credential_chain_cnt = own->chain_cnt,
		.credential_not_before = own->not_before,
		.credential_not_after = own->not_after,
	};
	memcpy(g->certificate_fingerprint, own->fingerprint, RK_FINGERPRINT_LEN);
	memcpy(g->credential_chain, own->chain, sizeof(g->credential_chain));
	n->peer.groups[0] = n->duo->options.group;
	n->view = (struct rk_view){.generation = {1, 1},
		.global = g,
		.strings = n->identity->name,
		.peers = &n->peer,
		.peer_cnt = 1,
		.base = n->lines,
		.base_line_cnt = sizeof(n->lines) / sizeof(n->lines[0])};
}

/* No keep-alives: the next exchange is what the clock jumps to. */
static void configure(struct node *n)
{
	uint8_t side = n == &n->duo->node[0] ? 1 : 2;
	struct session_config *c = &n->config;
	const char *name = n->other->identity->name;
	bool is_rekey = n->duo->options.purpose == DUO_REKEYS;

	*c = (struct session_config){
		.name = name,
		.peering_common_name = name,
		.path = &n->path,
		.peering_common_name_len = (uint8_t)strlen(name),
		.path_cnt = 1,
		.groups = {n->duo->options.group},
		.retransmit_interval_ns = SEC_NS,
		.timeout_ns = 3600 * SEC_NS,
		.hold_ns = 30 * SEC_NS,
		.rekey_interval_ns = is_rekey ? 120 * SEC_NS : 0,
		.reauth_interval_ns = is_rekey ? 0 : 120 * SEC_NS,
	};
	n->path = (struct endpoint){.family = 4, .local_port = 1280, .remote_port = 1280};
	memcpy(n->path.local, (uint8_t[]){192, 0, 2, side}, 4);
	memcpy(n->path.remote, (uint8_t[]){192, 0, 2, (uint8_t)(3 - side)}, 4);
}

static void open_node(struct node *n)
{
	static const uint8_t cookie_secret[32] = {1};
	const struct engine_config config = {
		.exchange_cnt = 16, .session_cnt = 1, .cookie_secret = cookie_secret};
	size_t size = (session_size() + 63) / 64 * 64;

	n->session = aligned_alloc(64, size);
	bench_must(n->session != NULL && crypto_ctx_new(&n->crypto) == 0 &&
			   engine_new(&config, &ops, n, &n->engine) == 0,
		"cannot make an engine");
	memset(n->session, 0, size);
	n->slots = calloc(1, engine_slots_size(1));
	bench_must(n->slots != NULL, "out of memory");
	engine_add_slots(n->engine, n->slots, 1);
	begin(n);
	bench_must(session_add(n->engine, n->session, &n->config) == 0, "cannot add a peer");
}

static size_t counter_of(const char *name)
{
	size_t i = 0;

	while (i < engine_counter_cnt() && strcmp(engine_counter_name(i), name) != 0)
		i++;
	bench_must(i < engine_counter_cnt(), "a counter is gone");
	return i;
}

struct duo *duo_new(const struct duo_options *options)
{
	struct duo *d = calloc(1, sizeof(*d));

	bench_must(d != NULL, "out of memory");
	d->options = *options;
	d->now_ns = 1000 * SEC_NS;
	d->wall_sec = (int64_t)time(NULL);
	d->exchanges = counter_of("exchanges-done");
	d->rekeys = counter_of("rekeys-done");
	for (unsigned i = 0; i < 2; i++) {
		d->node[i].duo = d;
		d->node[i].other = &d->node[1 - i];
		d->node[i].identity = i == 0 ? &options->pki->east : &options->pki->west;
		d->node[i].is_known = options->certificates == DUO_KNOWN;
	}
	for (unsigned i = 0; i < 2; i++) {
		configure(&d->node[i]);
		publish(&d->node[i]);
		open_node(&d->node[i]);
	}
	bench_must(run_until_counted(d, d->exchanges), "the engines do not peer");
	duo_check(d);
	return d;
}

void duo_free(struct duo *d)
{
	if (d == NULL)
		return;
	for (unsigned i = 0; i < 2; i++) {
		struct node *n = &d->node[i];

		while (n->job != NULL)
			run_job(n);
		begin(n);
		session_remove(n->engine, n->session);
		engine_free(n->engine);
		free(n->slots);
		crypto_ctx_free(n->crypto);
		free(n->session);
	}
	free(d);
}

void duo_check(struct duo *d)
{
	static const uint8_t zeros[16];
	struct rk_msg_status_peer status[2] = {0};

	for (unsigned i = 0; i < 2; i++) {
		begin(&d->node[i]);
		session_status(d->node[i].engine, d->node[i].session, &status[i]);
	}
	bench_must(status[0].state == RK_PEER_UP && status[1].state == RK_PEER_UP &&
			   memcmp(status[0].exported, status[1].exported, sizeof(zeros)) == 0 &&
			   memcmp(status[0].exported, zeros, sizeof(zeros)) != 0,
		"the two sides do not have one key");
}
