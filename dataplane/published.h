/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the workers run on: one view with its ports and our credential, built aside by main and
 * swapped in by one pointer. Immutable from then on; a worker loads the pointer once an iteration.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/credential.h"
#include "dataplane/core/session.h"
#include "dataplane/graveyard.h"
#include "dataplane/net.h"
#include "pki/view/snapshot.h"

#define PORT_NONE UINT16_MAX

/* A part of several views. Main thread only. */
struct part_ref {
	struct rk_part *part;
	unsigned ref_cnt;
	struct part_ref *next; /* waiting to be unmapped */
};

/* A port as one view wants it. */
struct published_port {
	uint16_t id; /* DPDK's; PORT_NONE when there is no such device */
	uint16_t vlan;
	uint16_t mtu;
	uint8_t mac[NET_MAC_LEN];
	uint32_t address_cnt;
	const struct rk_address *addresses; /* in the view */
	struct rk_address gateway4;
	struct rk_address gateway6;
};

struct published {
	struct grave grave; /* main */
	uint64_t seq;       /* rises with every swap */
	struct rk_view view;
	struct part_ref *part[RK_PART_CNT]; /* main */
	struct credential *credential;      /* counted; NULL = none */
	uint64_t udp_port[65536 / 64];      /* bitmap: local ports some path listens on */
	uint32_t port_cnt;
	struct published_port port[];
};

/* Looks up a device by its DPDK name and sets it up; PORT_NONE when it cannot. */
typedef uint16_t (*published_find_port)(
	void *ctx, const char *name, uint16_t mtu, uint8_t mac[NET_MAC_LEN]);

/*
 * Takes one reference of each part and of credential on success. 0, -EINVAL (no CONFIG), -ENOMEM.
 */
int published_new(struct rk_generation generation, struct part_ref *const part[RK_PART_CNT],
	struct credential *credential, published_find_port find_port, void *ctx,
	struct published **out) RK_MUST_CHECK;
/* Main. Gives the references back; parts nobody holds any more go to *closing. */
void published_free(struct published *p, struct part_ref **closing);

/* NULL: no port of this view has that DPDK number. */
const struct published_port *published_find(const struct published *p, uint16_t id);
bool published_port_has(const struct published_port *port, uint8_t family, const uint8_t *address);
/* The address to resolve for a destination: itself, a gateway, or NULL without a route. */
const uint8_t *published_port_next_hop(
	const struct published_port *port, uint8_t family, const uint8_t *destination);
/* Our address to ask for that neighbour from; NULL: none of its family. */
const uint8_t *published_port_source(
	const struct published_port *port, uint8_t family, const uint8_t *neighbour);
static inline bool published_listens(const struct published *p, uint16_t udp_port)
{
	return (p->udp_port[udp_port / 64] >> (udp_port % 64) & 1) != 0;
}
/* Settings of a peer of the view, as its session wants them: zeroed, then filled. */
struct peer_settings {
	struct session_config config; /* points to the others */
	struct endpoint path[RK_PATH_MAX];
	char name[RK_NAME_MAX + 1];
	char identity[RK_CN_MAX];
};
void published_peer_settings(
	const struct published *p, const struct rk_peer *peer, struct peer_settings *out);

/* Main. Takes part on success. */
struct part_ref *part_ref_new(struct rk_part *part) RK_MUST_CHECK;
struct part_ref *part_ref_get(struct part_ref *ref); /* NULL is fine */
void part_ref_put(struct part_ref *ref, struct part_ref **closing);
/* Unmaps up to max_bytes of what waits. True when more waits. */
bool part_close_step(struct part_ref **closing, size_t max_bytes);
