/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/race/far_side.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/worker.h"
#include "dataplane/worker_parts.h"
#include "tests/race/race.h"

#define BURST_MAX 16

/* ---- the network ------------------------------------------------------------------------------- */

struct mailbox {
	pthread_mutex_t lock;
	struct pair_packet *first, **last;
};

static struct mailbox to_worker[FAR_WORKER_CNT], to_far;
static _Atomic unsigned
	hello_cnt; /* which go to one worker after the other, as RSS might have it */

static void mailbox_open(struct mailbox *m)
{
	pthread_mutex_init(&m->lock, NULL);
	m->first = NULL;
	m->last = &m->first;
}

static void put(struct mailbox *m, const struct pair_packet *packet)
{
	struct pair_packet *copy = malloc(sizeof(*copy));

	RACE_CHECK(copy != NULL);
	*copy = *packet;
	copy->next = NULL;
	pthread_mutex_lock(&m->lock);
	*m->last = copy;
	m->last = &copy->next;
	pthread_mutex_unlock(&m->lock);
}

static struct pair_packet *take(struct mailbox *m)
{
	struct pair_packet *packet;

	pthread_mutex_lock(&m->lock);
	packet = m->first;
	if (packet != NULL)
		m->first = packet->next;
	if (m->first == NULL)
		m->last = &m->first;
	pthread_mutex_unlock(&m->lock);
	return packet;
}

static void mailbox_close(struct mailbox *m)
{
	struct pair_packet *packet;

	while ((packet = take(m)) != NULL)
		free(packet);
	pthread_mutex_destroy(&m->lock);
}

/* ---- the workers' ports ------------------------------------------------------------------------ */

void __wrap_worker_send(
	struct worker *w, const struct endpoint *to, const uint8_t *payload, size_t len);
unsigned __wrap_worker_receive(struct worker *w);

void __wrap_worker_send(
	struct worker *w, const struct endpoint *to, const uint8_t *payload, size_t len)
{
	struct pair_packet packet = {.to = to->remote[3], .len = len};

	(void)w;
	RACE_CHECK(packet.to < FAR_CNT && len <= sizeof(packet.payload));
	memcpy(packet.payload, payload, len);
	put(&to_far, &packet);
}

unsigned __wrap_worker_receive(struct worker *w)
{
	struct pair_packet *packet;
	unsigned cnt = 0;
	int owner;

	while (cnt < BURST_MAX && (packet = take(&to_worker[w->id])) != NULL) {
		owner = engine_packet_owner(packet->payload, packet->len);
		if (owner >= 0 && owner != (int)w->id)
			put(&to_worker[owner % FAR_WORKER_CNT], packet);
		else
			engine_receive(w->engine, &packet->source, packet->payload, packet->len);
		free(packet);
		cnt++;
	}
	return cnt;
}

/* ---- the routers --------------------------------------------------------------------------------- */

/* Node 1 of each pair is a router; its node 0 never runs, the workers stand in its place. */
static struct router {
	unsigned number;
	struct pair_identity *identity;
	struct pair *pair;
} router[FAR_CNT];
static _Atomic bool is_stopping;

struct endpoint far_path(unsigned number)
{
	struct endpoint path = {.port_id = PORT_NONE,
		.family = 4,
		.local_port = 1280,
		.remote_port = 1280,
		.local = {192, 0, 2, 1},
		.remote = {10, 0, 0, (uint8_t)number}};

	return path;
}

const struct pair_identity *far_identity(unsigned number)
{
	return router[number].identity;
}

static bool send_to_worker(struct pair *p, struct pair_packet *packet)
{
	const struct router *r = p->filter_arg;

	if (packet->to != 0)
		return true; /* taken from the network */
	packet->source = far_path(r->number);
	put(&to_worker[atomic_fetch_add(&hello_cnt, 1) % FAR_WORKER_CNT], packet);
	return false;
}

void far_open(const struct pair_identity *own)
{
	const struct pair_options o = {.are_verdicts_known = true,
		.groups = {29},
		.rekey_interval_ns = 300 * PAIR_MS,
		.keep_alive_interval_ns = 50 * PAIR_MS,
		.retransmit_interval_ns = 600 * PAIR_MS};

	mailbox_open(&to_far);
	for (unsigned i = 0; i < FAR_WORKER_CNT; i++)
		mailbox_open(&to_worker[i]);
	for (unsigned i = 0; i < FAR_CNT; i++) {
		struct router *r = &router[i];
		char name[16];

		snprintf(name, sizeof(name), "router%u", i);
		r->number = i;
		r->identity = pair_identity_new(name, TEST_P256, NULL);
		r->pair = pair_new(&o, own, r->identity);
		r->pair->filter = send_to_worker;
		r->pair->filter_arg = r;
		pair_start(r->pair, 1);
	}
}

void far_close(void)
{
	for (unsigned i = 0; i < FAR_CNT; i++) {
		router[i].pair->filter = NULL;
		pair_free(router[i].pair);
		pair_identity_free(router[i].identity);
	}
	mailbox_close(&to_far);
	for (unsigned i = 0; i < FAR_WORKER_CNT; i++)
		mailbox_close(&to_worker[i]);
}

static void deliver(struct pair_packet *packet)
{
	struct router *r = &router[packet->to];
	const struct endpoint *path = r->pair->node[1].path[0];

	packet->from = 0;
	packet->to = 1;
	packet->source = *path;
	pair_inject(r->pair, packet, 0);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * PAIR_SEC + (uint64_t)t.tv_nsec;
}

void *far_main(void *arg)
{
	uint64_t last = now_ns(), now;
	struct pair_packet *packet;

	(void)arg;
	while (!atomic_load(&is_stopping)) {
		while ((packet = take(&to_far)) != NULL) {
			deliver(packet);
			free(packet);
		}
		now = now_ns();
		for (unsigned i = 0; i < FAR_CNT; i++)
			pair_run(router[i].pair, now - last);
		last = now;
		usleep(500);
	}
	return NULL;
}

void far_stop(void)
{
	atomic_store(&is_stopping, true);
}
