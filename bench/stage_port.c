/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/stage_port.h"

#include <stdio.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "bench/harness.h"
#include "bench/stage.h"
#include "dataplane/port.h"

#define SENT_LEN 16384

static struct rte_ring *to_worker, *from_worker;

static void open_eal(void)
{
	char prefix[32];
	char *argv[] = {"rekey-bench", "--no-huge", "-m", "192", "--no-pci", "--no-telemetry",
		"--no-shconf", "--lcores", "0", "--file-prefix", prefix, "--log-level", "error",
		NULL};

	snprintf(prefix, sizeof(prefix), "rekey-bench-%d", (int)getpid());
	bench_must(rte_eal_init((int)(sizeof(argv) / sizeof(argv[0])) - 1, argv) >= 0,
		"EAL does not start");
	bench_start_rcu();
}

static void empty(struct rte_ring *ring)
{
	void *left;

	while (rte_ring_dequeue(ring, &left) == 0)
		rte_pktmbuf_free(left);
}

void stage_port_open(struct rte_ring **to, struct rte_ring **from)
{
	if (to_worker == NULL) {
		open_eal();
		to_worker = rte_ring_create(
			"bench-to-worker", PORT_RECEIVE_LEN, (int)rte_socket_id(), RING_F_EXACT_SZ);
		from_worker =
			rte_ring_create("bench-from-worker", SENT_LEN, (int)rte_socket_id(), 0);
		bench_must(
			to_worker != NULL && from_worker != NULL &&
				rte_eth_from_rings("bench", &to_worker, 1, &from_worker, 1, 0) >= 0,
			"no port");
	}
	empty(to_worker);
	empty(from_worker);
	*to = to_worker;
	*from = from_worker;
}

static uint16_t stamp(
	uint16_t port, uint16_t queue, struct rte_mbuf *frame[], uint16_t cnt, void *arg)
{
	uint16_t i;

	(void)port;
	(void)queue;
	(void)arg;
	for (i = 0; i < cnt; i++)
		frame[i]->tx_offload = stage_now_ns();
	return cnt;
}

void stage_port_stamp(uint16_t id)
{
	static bool is_stamped;

	bench_must(
		is_stamped || rte_eth_add_tx_callback(id, 0, stamp, NULL) != NULL, "no callback");
	is_stamped = true;
}
