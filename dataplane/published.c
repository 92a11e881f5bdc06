/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/published.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct part_ref *part_ref_new(struct rk_part *part)
{
	struct part_ref *ref = calloc(1, sizeof(*ref));

	if (ref == NULL)
		return NULL;
	ref->part = part;
	ref->ref_cnt = 1;
	return ref;
}

struct part_ref *part_ref_get(struct part_ref *ref)
{
	if (ref != NULL)
		ref->ref_cnt++;
	return ref;
}

void part_ref_put(struct part_ref *ref, struct part_ref **closing)
{
	if (ref == NULL || --ref->ref_cnt > 0)
		return;
	ref->next = *closing;
	*closing = ref;
}

bool part_close_step(struct part_ref **closing, size_t max_bytes)
{
	struct part_ref *ref = *closing;

	if (ref != NULL && rk_part_close_step(ref->part, max_bytes)) {
		*closing = ref->next;
		free(ref);
	}
	return *closing != NULL;
}

static void fill_port(struct published *p, const struct rk_port *from, struct published_port *to,
	published_find_port find_port, void *ctx)
{
	struct rk_span name = rk_view_str(&p->view, from->name);
	char text[RK_PORT_NAME_MAX + 1] = {0};

	memcpy(text, name.data, name.len < sizeof(text) ? name.len : sizeof(text) - 1);
	to->vlan = from->vlan;
	to->mtu = from->mtu;
	to->address_cnt = from->address_cnt;
	to->addresses = p->view.addresses + from->first_address;
	to->gateway4 = from->gateway4;
	to->gateway6 = from->gateway6;
	to->id = find_port(ctx, text, from->mtu, to->mac);
}

static void fill_listeners(struct published *p)
{
	size_t i;
	uint32_t j;

	for (i = 0; i < p->view.peer_cnt; i++)
		for (j = 0; j < p->view.peers[i].path_cnt; j++) {
			uint16_t port =
				p->view.paths[p->view.peers[i].first_path + j].udp_port_local;

			p->udp_port[port / 64] |= UINT64_C(1) << (port % 64);
		}
}

int published_new(struct rk_generation generation, struct part_ref *const part[RK_PART_CNT],
	struct credential *credential, published_find_port find_port, void *ctx,
	struct published **out)
{
	const struct rk_part *raw[RK_PART_CNT];
	struct published *p;
	struct rk_view view;
	uint32_t i;
	int ret;

	for (i = 0; i < RK_PART_CNT; i++)
		raw[i] = part[i] == NULL ? NULL : part[i]->part;
	ret = rk_view_init(&view, generation, raw);
	if (ret < 0)
		return ret;
	p = calloc(1, sizeof(*p) + view.port_cnt * sizeof(p->port[0]));
	if (p == NULL)
		return -ENOMEM;
	p->view = view;
	p->port_cnt = (uint32_t)view.port_cnt;
	for (i = 0; i < p->port_cnt; i++)
		fill_port(p, &view.ports[i], &p->port[i], find_port, ctx);
	fill_listeners(p);
	for (i = 0; i < RK_PART_CNT; i++)
		p->part[i] = part_ref_get(part[i]);
	p->credential = credential == NULL ? NULL : credential_get(credential);
	*out = p;
	return 0;
}

void published_free(struct published *p, struct part_ref **closing)
{
	unsigned i;

	if (p == NULL)
		return;
	for (i = 0; i < RK_PART_CNT; i++)
		part_ref_put(p->part[i], closing);
	credential_put(p->credential);
	free(p);
}

const struct published_port *published_find(const struct published *p, uint16_t id)
{
	uint32_t i;

	for (i = 0; i < p->port_cnt; i++)
		if (p->port[i].id == id && id != PORT_NONE)
			return &p->port[i];
	return NULL;
}

bool published_port_has(const struct published_port *port, uint8_t family, const uint8_t *address)
{
	uint32_t i;

	for (i = 0; i < port->address_cnt; i++)
		if (port->addresses[i].family == family &&
			memcmp(port->addresses[i].bytes, address, net_address_len(family)) == 0)
			return true;
	return false;
}

const uint8_t *published_port_next_hop(
	const struct published_port *port, uint8_t family, const uint8_t *destination)
{
	const struct rk_address *gateway = family == 4 ? &port->gateway4 : &port->gateway6;
	uint32_t i;

	for (i = 0; i < port->address_cnt; i++)
		if (port->addresses[i].family == family &&
			net_prefix_equal(port->addresses[i].bytes, destination,
				port->addresses[i].prefix_len))
			return destination;
	/* Link-local is on the link by definition. */
	if (family == 6 && destination[0] == 0xfe && (destination[1] & 0xc0) == 0x80)
		return destination;
	return gateway->family == family ? gateway->bytes : NULL;
}

const uint8_t *published_port_source(
	const struct published_port *port, uint8_t family, const uint8_t *neighbour)
{
	const uint8_t *first = NULL;

	for (uint32_t i = 0; i < port->address_cnt; i++) {
		const struct rk_address *own = &port->addresses[i];

		if (own->family != family)
			continue;
		if (net_prefix_equal(own->bytes, neighbour, own->prefix_len))
			return own->bytes;
		if (first == NULL)
			first = own->bytes;
	}
	return first;
}

static void copy_text(char *out, size_t size, struct rk_span from)
{
	memcpy(out, from.data, from.len < size ? from.len : size);
}

static void fill_path(const struct published *p, const struct rk_path *from, struct endpoint *to)
{
	to->port_id = p->port[from->port].id;
	to->family = from->remote.family;
	to->local_port = from->udp_port_local;
	to->remote_port = from->udp_port_remote;
	memcpy(to->local, from->local.bytes, sizeof(to->local));
	memcpy(to->remote, from->remote.bytes, sizeof(to->remote));
}

void published_peer_settings(
	const struct published *p, const struct rk_peer *peer, struct peer_settings *out)
{
	struct rk_span identity = rk_view_str(&p->view, peer->peering_common_name);
	struct session_config *c = &out->config;
	uint32_t i;

	/* Compared as bytes: padding must not tell two equal settings apart. */
	memset(out, 0, sizeof(*out));
	copy_text(out->name, RK_NAME_MAX, rk_view_str(&p->view, peer->name));
	copy_text(out->identity, sizeof(out->identity), identity);
	c->name = out->name;
	c->peering_common_name = out->identity;
	c->peering_common_name_len = (uint8_t)(identity.len < RK_CN_MAX ? identity.len : RK_CN_MAX);
	c->invalid_certificate_behavior = peer->invalid_certificate_behavior;
	c->is_roaming = peer->is_roaming != 0;
	for (i = 0; i < peer->path_cnt && i < RK_PATH_MAX; i++)
		fill_path(p, &p->view.paths[peer->first_path + i], &out->path[i]);
	c->path = out->path;
	c->path_cnt = (uint8_t)i;
	c->rekey_interval_ns = peer->rekey_interval_ns;
	c->retransmit_interval_ns = peer->retransmit_interval_ns;
	c->timeout_ns = peer->timeout_ns;
	c->hold_ns = peer->hold_ns;
	c->reauth_interval_ns = peer->reauth_interval_ns;
	c->keep_alive_interval_ns = peer->keep_alive_interval_ns;
	c->rekey_packets = peer->rekey_packets;
	c->rekey_bytes = peer->rekey_bytes;
	memcpy(c->groups, peer->groups, sizeof(c->groups));
}
