/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/telemetry.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <rte_telemetry.h>
#include <rte_version.h>

#include "dataplane/log.h"

/* DPDK's telemetry thread may ask while main takes the workers down. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct shared *source; /* guarded by lock; NULL: closed */

static void add_number(struct rte_tel_data *out, const char *name, uint64_t value)
{
#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
	rte_tel_data_add_dict_uint(out, name, value);
#else
	rte_tel_data_add_dict_u64(out, name, value);
#endif
}

/* DPDK's names have neither '-' nor what device names are made of. */
static void make_plain(char *name)
{
	for (; *name != '\0'; name++)
		if (!isalnum((unsigned char)*name))
			*name = '_';
}

static void add_counters(struct rte_tel_data *out)
{
	struct rk_msg_counters sum;

	for (size_t first = 0; first < counters_total(); first += RK_COUNTERS_PER_MSG) {
		memset(&sum, 0, sizeof(sum));
		for (unsigned i = 0; i < source->worker_cnt; i++)
			counters_add_up(&sum, first, &source->worker[i]->counters,
				source->worker[i]->engine);
		for (uint32_t i = 0; i < sum.cnt; i++) {
			make_plain(sum.counter[i].name);
			add_number(out, sum.counter[i].name, sum.counter[i].value);
		}
	}
}

static int tell_counters(const char *command, const char *params, struct rte_tel_data *out)
{
	(void)command;
	(void)params;
	rte_tel_data_start_dict(out);
	pthread_mutex_lock(&lock);
	if (source != NULL)
		add_counters(out);
	pthread_mutex_unlock(&lock);
	return 0;
}

static int tell_workers(const char *command, const char *params, struct rte_tel_data *out)
{
	char name[48];

	(void)command;
	(void)params;
	rte_tel_data_start_dict(out);
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; source != NULL && i < source->worker_cnt; i++) {
		const struct worker *w = source->worker[i];

		snprintf(name, sizeof(name), "worker%u_round_age_ns", i);
		add_number(out, name, worker_round_age_ns(w));
		snprintf(name, sizeof(name), "worker%u_counted", i);
		add_number(out, name, counters_sum(&w->counters, w->engine));
	}
	pthread_mutex_unlock(&lock);
	return 0;
}

static int tell_queues(const char *command, const char *params, struct rte_tel_data *out)
{
	char name[48];

	(void)command;
	(void)params;
	rte_tel_data_start_dict(out);
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; source != NULL && i < QUEUE_CNT; i++) {
		add_number(out, queue_name((enum queue)i), queues_depth(source, (enum queue)i));
		snprintf(name, sizeof(name), "%s_limit", queue_name((enum queue)i));
		add_number(out, name, queues_limit(source, (enum queue)i));
	}
	pthread_mutex_unlock(&lock);
	return 0;
}

static void add_port(struct rte_tel_data *out, const struct port_stats *port)
{
	char name[sizeof(port->name) + 16];

	for (unsigned n = 0; n < PORT_STAT_CNT; n++) {
		snprintf(
			name, sizeof(name), "%s_%s", port->name, port_stat_name((enum port_stat)n));
		make_plain(name);
		add_number(out, name, port_stats_get(port, (enum port_stat)n));
	}
	snprintf(name, sizeof(name), "%s_up", port->name);
	make_plain(name);
	add_number(out, name, port_stats_is_up(port));
}

static int tell_ports(const char *command, const char *params, struct rte_tel_data *out)
{
	const struct port_stats *port;
	unsigned id = 0;

	(void)command;
	(void)params;
	rte_tel_data_start_dict(out);
	pthread_mutex_lock(&lock);
	while (source != NULL && (port = port_set_next(source->ports, &id)) != NULL)
		add_port(out, port);
	pthread_mutex_unlock(&lock);
	return 0;
}

void telemetry_open(struct shared *shared)
{
	int ret = rte_telemetry_register_cmd("/rekey/counters", tell_counters,
		"Every counter of the protocol and its network layer. No parameters.");

	if (ret == 0)
		ret = rte_telemetry_register_cmd("/rekey/workers", tell_workers,
			"How long ago each worker began a round, and what it counted. No "
			"parameters.");
	if (ret == 0)
		ret = rte_telemetry_register_cmd("/rekey/queues", tell_queues,
			"How full each queue is, and what it holds at most. No parameters.");
	if (ret == 0)
		ret = rte_telemetry_register_cmd("/rekey/ports", tell_ports,
			"What the device of each port counted, and whether it has a link. No "
			"parameters.");
	if (ret < 0)
		log_warning("no telemetry commands: %s", strerror(-ret));
	pthread_mutex_lock(&lock);
	source = shared;
	pthread_mutex_unlock(&lock);
}

void telemetry_close(void)
{
	pthread_mutex_lock(&lock);
	source = NULL;
	pthread_mutex_unlock(&lock);
}
