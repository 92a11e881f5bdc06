/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/publish_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/clock_watch.h"
#include "control/config.h"
#include "control/credential.h"
#include "control/trust.h"
#include "control/verdicts.h"

static struct rk_address address_of(const struct config_address *a)
{
	struct rk_address out = {.family = a->family, .prefix_len = a->prefix_len};

	memcpy(out.bytes, a->bytes, sizeof(out.bytes));
	return out;
}

/* What the lists refer to: freed together. */
struct lists {
	struct compile_port *port;
	struct rk_address *address;
	struct compile_peer *peer;
	struct compile_path *path;
};

static int alloc_lists(const struct config *c, struct lists *l)
{
	size_t address_cnt = 0, path_cnt = 0;

	for (size_t i = 0; i < c->port_cnt; i++)
		address_cnt += c->port[i].address_cnt;
	for (size_t i = 0; i < c->peer_cnt; i++)
		path_cnt += c->peer[i].path_cnt;
	l->port = calloc(c->port_cnt + 1, sizeof(*l->port));
	l->address = calloc(address_cnt + 1, sizeof(*l->address));
	l->peer = calloc(c->peer_cnt + 1, sizeof(*l->peer));
	l->path = calloc(path_cnt + 1, sizeof(*l->path));
	return l->port == NULL || l->address == NULL || l->peer == NULL || l->path == NULL ? -ENOMEM
											   : 0;
}

static void free_lists(struct lists *l)
{
	free(l->port);
	free(l->address);
	free(l->peer);
	free(l->path);
}

static void fill_ports(const struct config *c, struct lists *l)
{
	struct rk_address *address = l->address;

	for (size_t i = 0; i < c->port_cnt; i++) {
		const struct config_port *from = &c->port[i];

		l->port[i] = (struct compile_port){.name = from->name,
			.vlan = (uint16_t)from->vlan,
			.mtu = (uint16_t)from->mtu,
			.address = address,
			.address_cnt = from->address_cnt,
			.gateway4 = address_of(&from->gateway4),
			.gateway6 = address_of(&from->gateway6)};
		for (size_t k = 0; k < from->address_cnt; k++)
			*address++ = address_of(&from->address[k]);
	}
}

static void fill_peers(const struct config *c, struct lists *l)
{
	struct compile_path *path = l->path;

	for (size_t i = 0; i < c->peer_cnt; i++) {
		const struct config_peer *from = &c->peer[i];
		struct compile_peer *to = &l->peer[i];

		*to = (struct compile_peer){.name = from->name,
			.peering_common_name = from->peering_common_name,
			.path = path,
			.path_cnt = from->path_cnt,
			.rekey_interval_ns = c->peer_key_rekey_interval_ns,
			.retransmit_interval_ns = c->peer_key_retransmit_interval_ns,
			.timeout_ns = c->peer_key_timeout_ns,
			.hold_ns = c->hold_ns,
			.reauth_interval_ns = c->reauth_interval_ns,
			.keep_alive_interval_ns = c->keep_alive_interval_ns,
			.rekey_packets = c->rekey_packets,
			.rekey_bytes = c->rekey_bytes,
			.invalid_certificate_behavior = c->invalid_certificate_behavior,
			.is_roaming = from->is_roaming};
		memcpy(to->groups, c->groups, sizeof(to->groups));
		for (size_t k = 0; k < from->path_cnt; k++)
			*path++ = (struct compile_path){.port = from->path[k].port,
				.local = address_of(&from->path[k].local),
				.remote = address_of(&from->path[k].remote),
				.udp_port_local = from->path[k].udp_port_local,
				.udp_port_remote = from->path[k].udp_port_remote};
	}
}

static int build_config(struct daemon *d, struct compile_part *out, struct rk_refusal *why)
{
	const struct config *c = d->config;
	struct compile_config input = {.router = c->router,
		.node = c->node,
		.peering_common_name = c->peering_common_name,
		.is_enabled = c->is_enabled,
		.is_ed25519_allowed = c->is_ed25519_allowed,
		.clock_floor = clock_floor(d),
		.trust_generation = trust_generation(d->trust),
		.credential = credential_compiled(d->credential),
		.port_cnt = c->port_cnt,
		.peer_cnt = c->peer_cnt};
	struct lists lists = {0};
	int ret;

	for (size_t i = 0; i < sizeof(input.suites); i++)
		input.suites[i] = (uint8_t)c->suites[i];
	ret = alloc_lists(c, &lists);
	if (ret == 0) {
		fill_ports(c, &lists);
		fill_peers(c, &lists);
		input.port = lists.port;
		input.peer = lists.peer;
		ret = compile_config(&input, out, why);
	}
	free_lists(&lists);
	return ret;
}

static int build_verdicts(struct daemon *d, struct compile_part *out, struct rk_refusal *why)
{
	const struct rk_verdict **list = NULL;
	size_t cnt = 0;
	int ret;

	ret = verdicts_collect(d->verdicts, &list, &cnt);
	if (ret == 0)
		ret = compile_verdicts(list, cnt, out, why);
	free(list);
	return ret;
}

int publish_build(
	struct daemon *d, enum rk_part_kind kind, struct compile_part *out, struct rk_refusal *why)
{
	snprintf(why->text, sizeof(why->text), "no memory");
	switch (kind) {
	case RK_PART_CONFIG:
		return build_config(d, out, why);
	case RK_PART_VERDICTS:
		return build_verdicts(d, out, why);
	case RK_PART_REVOCATION_BASE:
	case RK_PART_REVOCATION_OVERLAY:
	case RK_PART_CNT:
		break;
	}
	return -ENOENT;
}
