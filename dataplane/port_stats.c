/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/port_stats.h"

#include <stdio.h>

#include <rte_ethdev.h>

const char *port_stat_name(enum port_stat which)
{
	static const char *const names[] = {
#define X(id, name, help) [PORT_##id] = name,
		PORT_STATS(X)
#undef X
	};

	return names[which];
}

static void add(struct port_stats *s, enum port_stat which, uint64_t told)
{
	uint64_t grown = told >= s->told[which] ? told - s->told[which] : told;

	s->told[which] = told;
	atomic_store_explicit(
		&s->value[which], port_stats_get(s, which) + grown, memory_order_relaxed);
}

void port_stats_note(struct port_stats *s, uint16_t id)
{
	struct rte_eth_stats now;
	struct rte_eth_link link;

	if (rte_eth_link_get_nowait(id, &link) == 0)
		atomic_store_explicit(
			&s->is_up, link.link_status == RTE_ETH_LINK_UP, memory_order_relaxed);
	if (rte_eth_stats_get(id, &now) != 0)
		return;
	add(s, PORT_RECEIVED, now.ipackets);
	add(s, PORT_SENT, now.opackets);
	add(s, PORT_MISSED, now.imissed);
	add(s, PORT_RECEIVE_ERRORS, now.ierrors);
	add(s, PORT_NO_BUFFER, now.rx_nombuf);
	add(s, PORT_SEND_ERRORS, now.oerrors);
}

void port_stats_open(struct port_stats *s, uint16_t id, const char *name)
{
	snprintf(s->name, sizeof(s->name), "%s", name);
	port_stats_note(s, id);
	atomic_store_explicit(&s->is_set_up, true, memory_order_release);
}
