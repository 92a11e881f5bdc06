/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/port.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "dataplane/log.h"
#include "dataplane/published.h"

#define BUFFER_CNT   8191
#define BUFFER_CACHE 256
#define QUEUE_LEN    512

struct port {
	bool is_running;
	bool is_tried; /* failed once: said once */
};

struct port_set {
	struct rte_mempool *buffers;
	struct port port[RTE_MAX_ETHPORTS];
	char absent[RK_PORT_NAME_MAX + 1]; /* the last name that no device had */
};

int port_set_new(struct port_set **out)
{
	struct port_set *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->buffers = rte_pktmbuf_pool_create("packets", BUFFER_CNT, BUFFER_CACHE, 0,
		RTE_MBUF_DEFAULT_BUF_SIZE, (int)rte_socket_id());
	if (s->buffers == NULL) {
		free(s);
		return -rte_errno;
	}
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
	int ret = rte_eth_dev_set_mtu(id, mtu < PORT_MTU_MAX ? mtu : PORT_MTU_MAX);

	/* Virtual devices mostly have no such setting; the limit is then ours alone. */
	return ret == -ENOTSUP || ret == -EINVAL ? 0 : ret;
}

static int set_up(struct port_set *s, uint16_t id, uint16_t mtu)
{
	const struct rte_eth_conf conf = {0};
	uint16_t rx_len = QUEUE_LEN;
	uint16_t tx_len = QUEUE_LEN;
	int socket = rte_eth_dev_socket_id(id);
	int ret = rte_eth_dev_configure(id, 1, 1, &conf);

	if (ret == 0)
		ret = set_mtu(id, mtu);
	if (ret == 0)
		ret = rte_eth_dev_adjust_nb_rx_tx_desc(id, &rx_len, &tx_len);
	if (ret == 0)
		ret = rte_eth_rx_queue_setup(id, 0, rx_len, (unsigned)socket, NULL, s->buffers);
	if (ret == 0)
		ret = rte_eth_tx_queue_setup(id, 0, tx_len, (unsigned)socket, NULL);
	if (ret == 0)
		ret = rte_eth_dev_start(id);
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
		ret = set_up(s, id, mtu);
		if (ret != 0) {
			if (!s->port[id].is_tried)
				log_error("port %s: %s", name, strerror(-ret));
			s->port[id].is_tried = true;
			return PORT_NONE;
		}
		s->port[id].is_running = true;
		log_info("port %s is up", name);
	}
	if (rte_eth_macaddr_get(id, &address) != 0)
		return PORT_NONE;
	memcpy(mac, address.addr_bytes, NET_MAC_LEN);
	return id;
}

uint16_t port_receive(uint16_t id, struct rte_mbuf **packets)
{
	return rte_eth_rx_burst(id, 0, packets, PORT_BURST);
}

uint16_t port_transmit(uint16_t id, struct rte_mbuf **packets, uint16_t cnt)
{
	uint16_t sent = rte_eth_tx_burst(id, 0, packets, cnt);

	if (sent < cnt)
		rte_pktmbuf_free_bulk(packets + sent, cnt - sent);
	return sent;
}
