/* SPDX-License-Identifier: BSD-3-Clause */
/* What control is told of counters: the workers', the ports' and main's own. */
#include <stdio.h>
#include <string.h>

#include <rte_mempool.h>

#include "dataplane/dataplane.h"

uint64_t reports_counters_sum(const struct dataplane *d)
{
	const struct port_stats *port;
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < d->shared.worker_cnt; i++)
		sum += counters_sum(&d->shared.worker[i]->counters, d->shared.worker[i]->engine);
	for (i = 0; (port = port_set_next(d->ports, &i)) != NULL;)
		for (unsigned n = 0; n < PORT_STAT_CNT; n++)
			sum += port_stats_get(port, (enum port_stat)n);
	return sum;
}

void reports_note_depths(struct dataplane *d)
{
	struct queue_depths *depths = &d->shared.depths;

	queue_note(depths, QUEUE_VALIDATIONS, d->validating_cnt);
	queue_note(depths, QUEUE_CHANNEL, channel_depth(d->channel));
	queue_note(depths, QUEUE_BUFFERS, rte_mempool_in_use_count(d->shared.buffers));
}

/* As many messages as it takes. */
struct telling {
	struct channel *channel;
	struct rk_message m;
};

static void flush(struct telling *t)
{
	if (t->m.counters.cnt > 0)
		channel_send(t->channel, &t->m);
	t->m.counters.cnt = 0;
}

/*
 * Names what is counted, and whose it is, which may be longer than the room for it: then it is its end,
 * where names that are made in one way differ.
 */
static void tell(struct telling *t, const char *what, const char *whose, uint64_t value)
{
	struct rk_counter *c = &t->m.counters.counter[t->m.counters.cnt++];
	int before = snprintf(c->name, sizeof(c->name), "%s", what);
	size_t room = sizeof(c->name) - 1 - (size_t)before, len = strlen(whose);

	strcpy(c->name + before, len > room ? whose + (len - room) : whose);
	c->value = value;
	if (t->m.counters.cnt == RK_COUNTERS_PER_MSG)
		flush(t);
}

static uint64_t take_longest_ns(struct dataplane *d)
{
	uint64_t longest_ns = 0;

	for (unsigned i = 0; i < d->shared.worker_cnt; i++) {
		uint64_t ns = atomic_exchange_explicit(
			&d->shared.worker[i]->longest_ns, 0, memory_order_relaxed);

		if (ns > longest_ns)
			longest_ns = ns;
	}
	return longest_ns;
}

/* What does not only grow: queues, the longest round of any worker since this was last told, who hangs. */
static void tell_gauges(struct dataplane *d, struct telling *t)
{
	unsigned i;

	tell(t, "gauge-longest-pause-ns", "", take_longest_ns(d));
	for (i = 0; i < QUEUE_CNT; i++) {
		const char *name = queue_name((enum queue)i);

		tell(t, "gauge-queue-", name, queues_depth(&d->shared, (enum queue)i));
		tell(t, "gauge-limit-", name, queues_limit(&d->shared, (enum queue)i));
	}
	for (i = 0; i < d->watchdog.cnt; i++)
		tell(t, "gauge-hung-ms/", d->watchdog.thread[i].name,
			d->watchdog.thread[i].hung_ns / NS_PER_MS);
}

static void tell_ports(struct dataplane *d, struct telling *t)
{
	static const char *const names[] = {
#define X(id, name, help) [PORT_##id] = "port-" name "/",
		PORT_STATS(X)
#undef X
	};
	const struct port_stats *port;
	unsigned id = 0;

	while ((port = port_set_next(d->ports, &id)) != NULL) {
		for (unsigned n = 0; n < PORT_STAT_CNT; n++)
			tell(t, names[n], port->name, port_stats_get(port, (enum port_stat)n));
		tell(t, "gauge-port-up/", port->name, port_stats_is_up(port));
	}
}

void reports_counters(struct dataplane *d)
{
	struct telling t = {.channel = d->channel, .m.type = RK_MSG_COUNTERS};
	size_t first;
	unsigned i;

	d->counted = reports_counters_sum(d);
	for (first = 0; first < counters_total(); first += RK_COUNTERS_PER_MSG) {
		memset(&t.m.counters, 0, sizeof(t.m.counters));
		for (i = 0; i < d->shared.worker_cnt; i++)
			counters_add_up(&t.m.counters, first, &d->shared.worker[i]->counters,
				d->shared.worker[i]->engine);
		flush(&t);
	}
	tell_ports(d, &t);
	tell_gauges(d, &t);
	flush(&t);
}
