/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/port.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "dataplane/log.h"
#include "dataplane/neighbour.h"
#include "dataplane/published.h"

#define BUFFER_CNT   8191 /* for one worker with one port */
#define BUFFER_CACHE 256
#define FRAME_SLACK  192
#define SEND_LEN     512
#define QUEUES_LEN   (PORT_RECEIVE_LEN + SEND_LEN) /* of a pair */
#define RSS_WANTED   (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP)
#define CHECKSUMS    (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)

struct port {
	bool is_running;        /* main: set up, and started unless paused */
	bool is_tried;          /* main: failed once, said once */
	bool reconnects;        /* main: has to be restarted when its link is down */
	bool is_restarting;     /* main: waits for the grace period */
	_Atomic bool is_paused; /* main: w, worker: r */
	uint16_t id;
	uint16_t queue_cnt; /* main: w before it is published, workers: r */
	struct grave grave; /* main: the grace period of a pause */
	struct port_stats stats;
};

struct port_set {
	struct rte_mempool *buffers;
	struct graveyard *graveyard;
	unsigned worker_cnt;
	uint16_t mtu_max;
	uint64_t watched_ns;
	uint64_t counted_ns;
	bool is_watched; /* some port reconnects */
	struct port port[RTE_MAX_ETHPORTS];
	char absent[RK_PORT_NAME_MAX + 1]; /* the last name that no device had */
};

/* Every queue full both ways, every ring, cache and wait for a neighbour too, and some in hand. */
static unsigned count_buffers(unsigned worker_cnt)
{
	unsigned ports = rte_eth_dev_count_avail();
	unsigned more = (ports > 1 ? (ports - 1) * QUEUES_LEN * worker_cnt : 0) +
			(worker_cnt - 1) * (QUEUES_LEN + 2 * PORT_RING_LEN + 2 * BUFFER_CACHE +
						   NEIGHBOUR_SLOT_CNT);

	return BUFFER_CNT + more;
}

/*
 * Headroom, a tagged frame of that MTU, and what devices with frames of fixed size have beyond it
 * (net_af_packet wants all of its frame to fit); no less than what is usual.
 */
static uint16_t buffer_size(uint16_t mtu_max)
{
	unsigned size = RTE_PKTMBUF_HEADROOM + NET_ETHER_LEN + NET_VLAN_LEN + mtu_max + FRAME_SLACK;

	size = (size + 63) / 64 * 64;
	return (uint16_t)(size > RTE_MBUF_DEFAULT_BUF_SIZE ? size : RTE_MBUF_DEFAULT_BUF_SIZE);
}

int port_set_new(struct graveyard *g, unsigned worker_cnt, uint16_t mtu_max, struct port_set **out)
{
	struct port_set *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->worker_cnt = worker_cnt;
	s->mtu_max = mtu_max;
	s->buffers = rte_pktmbuf_pool_create("packets", count_buffers(worker_cnt), BUFFER_CACHE, 0,
		buffer_size(mtu_max), (int)rte_socket_id());
	if (s->buffers == NULL) {
		free(s);
		return -rte_errno;
	}
	s->graveyard = g;
	*out = s;
	return 0;
}

void port_set_free(struct port_set *s)
{
	uint16_t id;

	if (s == NULL)
		return;
	for (id = 0; id < RTE_MAX_ETHPORTS; id++)
		if (s->port[id].is_running) {
			if (rte_eth_dev_stop(id) != 0 || rte_eth_dev_close(id) != 0)
				log_warning("port %u does not close cleanly", id);
		}
	rte_mempool_free(s->buffers);
	free(s);
}

struct rte_mempool *port_set_buffers(const struct port_set *s)
{
	return s->buffers;
}

static int set_mtu(uint16_t id, uint16_t mtu)
{
	int ret = rte_eth_dev_set_mtu(id, mtu);

	/* Virtual devices mostly have no such setting; the limit is then ours alone. */
	return ret == -ENOTSUP || ret == -EINVAL ? 0 : ret;
}

/* A memif client is told apart by its arguments: the API does not say. */
static bool has_to_reconnect(uint16_t id)
{
	struct rte_eth_dev_info info;
	const struct rte_devargs *args;

	if (rte_eth_dev_info_get(id, &info) != 0 || strcmp(info.driver_name, "net_memif") != 0)
		return false;
	args = rte_dev_devargs(info.device);
	return args == NULL || args->args == NULL || strstr(args->args, "role=server") == NULL;
}

static void pause_port(struct port *port, bool is_paused)
{
	atomic_store_explicit(&port->is_paused, is_paused, memory_order_release);
}

/* With nobody to connect to yet, a device that reconnects is set up but paused. */
static int start(struct port *port)
{
	int ret = rte_eth_dev_start(port->id);

	pause_port(port, ret != 0);
	return port->reconnects ? 0 : ret;
}

/* As many pairs of queues as workers where the device spreads flows over them, else one. */
static int configure(const struct port_set *s, struct port *port, uint16_t mtu)
{
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	unsigned cnt = s->worker_cnt;
	int ret = rte_eth_dev_info_get(port->id, &info);

	if (ret != 0)
		return ret;
	if (cnt > info.max_rx_queues)
		cnt = info.max_rx_queues;
	if (cnt > info.max_tx_queues)
		cnt = info.max_tx_queues;
	/* Where the device has such a limit at all; else the MTU is between us and the other side. */
	if (mtu <= info.max_mtu &&
		mtu + (uint32_t)NET_ETHER_LEN + NET_VLAN_LEN <= info.max_rx_pktlen)
		conf.rxmode.mtu = mtu;
	conf.rxmode.offloads = info.rx_offload_capa & CHECKSUMS;
	conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads & RSS_WANTED;
	if (cnt > 1 && conf.rx_adv_conf.rss_conf.rss_hf != 0)
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	else
		cnt = 1;
	port->queue_cnt = (uint16_t)cnt;
	return rte_eth_dev_configure(port->id, port->queue_cnt, port->queue_cnt, &conf);
}

static int set_up_queues(const struct port_set *s, const struct port *port)
{
	unsigned socket = (unsigned)rte_eth_dev_socket_id(port->id);
	uint16_t rx_len = PORT_RECEIVE_LEN;
	uint16_t tx_len = SEND_LEN;
	int ret = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &rx_len, &tx_len);
	uint16_t i;

	for (i = 0; ret == 0 && i < port->queue_cnt; i++) {
		ret = rte_eth_rx_queue_setup(port->id, i, rx_len, socket, NULL, s->buffers);
		if (ret == 0)
			ret = rte_eth_tx_queue_setup(port->id, i, tx_len, socket, NULL);
	}
	return ret;
}

static int set_up(struct port_set *s, uint16_t id, uint16_t mtu)
{
	struct port *port = &s->port[id];
	int ret;

	port->id = id;
	port->reconnects = has_to_reconnect(id);
	s->is_watched |= port->reconnects;
	ret = configure(s, port, mtu);
	if (ret == 0)
		ret = set_mtu(id, mtu);
	if (ret == 0)
		ret = set_up_queues(s, port);
	if (ret == 0)
		ret = start(port);
	if (ret != 0)
		return ret;
	/* Neighbour discovery comes by multicast; a device without the filter passes it anyway. */
	ret = rte_eth_allmulticast_enable(id);
	return ret == -ENOTSUP ? 0 : ret;
}

uint16_t port_find(void *ctx, const char *name, uint16_t mtu, uint8_t mac[NET_MAC_LEN])
{
	struct port_set *s = ctx;
	struct rte_ether_addr address;
	uint16_t id;
	int ret;

	if (rte_eth_dev_get_port_by_name(name, &id) != 0) {
		if (strcmp(s->absent, name) != 0)
			log_error("there is no port %s: peers on it have no path", name);
		snprintf(s->absent, sizeof(s->absent), "%s", name);
		return PORT_NONE;
	}
	if (!s->port[id].is_running) {
		if (mtu > s->mtu_max)
			log_warning("port %s: its MTU of %u is held to %u: see --mtu-max", name,
				mtu, s->mtu_max);
		ret = set_up(s, id, mtu < s->mtu_max ? mtu : s->mtu_max);
		if (ret != 0) {
			if (!s->port[id].is_tried)
				log_error("port %s: %s", name, strerror(-ret));
			s->port[id].is_tried = true;
			return PORT_NONE;
		}
		s->port[id].is_running = true;
		port_stats_open(&s->port[id].stats, id, name);
		log_info("port %s is up", name);
	}
	if (rte_eth_macaddr_get(id, &address) != 0)
		return PORT_NONE;
	memcpy(mac, address.addr_bytes, NET_MAC_LEN);
	return id;
}

static void restart(struct grave *grave)
{
	struct port *port = (struct port *)((uintptr_t)grave - offsetof(struct port, grave));

	port->is_restarting = false;
	if (rte_eth_dev_stop(port->id) == 0 && start(port) < 0)
		log_warning("port %u does not start again", port->id);
}

static void watch(struct port_set *s, struct port *port)
{
	struct rte_eth_link link;

	if (atomic_load_explicit(&port->is_paused, memory_order_relaxed)) {
		if (!port->is_restarting)
			restart(&port->grave);
		return;
	}
	if (rte_eth_link_get_nowait(port->id, &link) != 0 || link.link_status == RTE_ETH_LINK_UP)
		return;
	pause_port(port, true);
	port->is_restarting = true;
	graveyard_retire(s->graveyard, &port->grave, restart);
}

void port_set_watch(struct port_set *s, uint64_t now_ns)
{
	uint16_t id;

	if (!s->is_watched || now_ns - s->watched_ns < PORT_WATCH_NS)
		return;
	s->watched_ns = now_ns;
	for (id = 0; id < RTE_MAX_ETHPORTS; id++)
		if (s->port[id].is_running && s->port[id].reconnects)
			watch(s, &s->port[id]);
}

uint64_t port_set_deadline_ns(const struct port_set *s)
{
	return s->is_watched ? s->watched_ns + PORT_WATCH_NS : UINT64_MAX;
}

void port_set_count(struct port_set *s, uint64_t now_ns)
{
	uint16_t id;

	if (now_ns - s->counted_ns < PORT_COUNT_NS)
		return;
	s->counted_ns = now_ns;
	for (id = 0; id < RTE_MAX_ETHPORTS; id++)
		if (s->port[id].is_running)
			port_stats_note(&s->port[id].stats, id);
}

const struct port_stats *port_set_next(const struct port_set *s, unsigned *id)
{
	while (s != NULL && *id < RTE_MAX_ETHPORTS) {
		const struct port_stats *stats = &s->port[(*id)++].stats;

		if (port_stats_is_set_up(stats))
			return stats;
	}
	return NULL;
}

static bool is_paused(const struct port_set *s, uint16_t id)
{
	return atomic_load_explicit(&s->port[id].is_paused, memory_order_acquire);
}

uint16_t port_queue_cnt(const struct port_set *s, uint16_t id)
{
	return s->port[id].queue_cnt;
}

uint16_t port_receive(
	const struct port_set *s, uint16_t id, uint16_t queue, struct rte_mbuf **packets)
{
	return is_paused(s, id) ? 0 : rte_eth_rx_burst(id, queue, packets, PORT_BURST);
}

uint16_t port_transmit(const struct port_set *s, uint16_t id, uint16_t queue,
	struct rte_mbuf **packets, uint16_t cnt)
{
	return is_paused(s, id) ? 0 : rte_eth_tx_burst(id, queue, packets, cnt);
}
