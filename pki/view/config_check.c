/* SPDX-License-Identifier: BSD-3-Clause */
/* The contents of a CONFIG part, field by field (docs/snapshot.md has the list). */
#include "pki/view/part.h"

#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#define VLAN_MAX 4094
#define MTU_MIN  1280
#define MTU_MAX  9000

/* The sections of a CONFIG part whose directory is in order. */
struct config_part {
	const struct rk_global *global;
	const char *strings;
	const struct rk_port *port;
	const struct rk_address *address;
	const struct rk_peer *peer;
	const struct rk_path *path;
	size_t string_len, port_cnt, address_cnt, peer_cnt, path_cnt;
};

static bool str_fits(const struct config_part *c, struct rk_str s)
{
	if (s.len == 0)
		return s.offset == 0;
	return s.offset < c->string_len && s.len <= c->string_len - s.offset;
}

static bool name_fits(const struct config_part *c, struct rk_str s, size_t max)
{
	return str_fits(c, s) && rk_name_is_sound(c->strings + s.offset, s.len, max);
}

static int compare_str(const struct config_part *c, struct rk_str a, struct rk_str b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = memcmp(c->strings + a.offset, c->strings + b.offset, len);

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static bool address_is_sound(const struct rk_address *a)
{
	if (!rk_bytes_are_zero(a->pad, sizeof(a->pad)))
		return false;
	if (a->family == 4)
		return a->prefix_len <= 32 && rk_bytes_are_zero(a->bytes + 4, 12);
	return a->family == 6 && a->prefix_len <= 128;
}

static bool gateway_is_sound(const struct rk_address *a, uint8_t family)
{
	if (a->family == 0)
		return rk_bytes_are_zero(a, sizeof(*a));
	return a->family == family && address_is_sound(a);
}

/* Without a certificate nothing else is said about it; with one, its fingerprint is its own. */
static bool credential_is_sound(const struct config_part *c)
{
	const struct rk_global *g = c->global;
	const size_t from = offsetof(struct rk_global, credential_not_before);
	uint8_t fingerprint[RK_FINGERPRINT_LEN];
	uint8_t used = g->credential_chain_cnt;

	if (g->certificate.len == 0)
		return g->credential_status == 0 && used == 0 &&
		       rk_bytes_are_zero(
			       g->certificate_fingerprint, sizeof(g->certificate_fingerprint)) &&
		       rk_bytes_are_zero(g->public_key_hash, sizeof(g->public_key_hash)) &&
		       rk_bytes_are_zero((const uint8_t *)g + from, sizeof(*g) - from);
	if (g->credential_status >= RK_VERDICT_STATUS_CNT || used > RK_CHAIN_MAX ||
		(used == 0 && g->credential_status == RK_VERDICT_GOOD))
		return false;
	if (EVP_Digest(c->strings + g->certificate.offset, g->certificate.len, fingerprint, NULL,
		    EVP_sha256(), NULL) != 1 ||
		memcmp(fingerprint, g->certificate_fingerprint, sizeof(fingerprint)) != 0)
		return false;
	return rk_bytes_are_zero(g->credential_chain + used,
		(RK_CHAIN_MAX - (size_t)used) * sizeof(g->credential_chain[0]));
}

/* Known, none twice, and nothing after the first zero. None at all stands for all of them. */
static bool suites_are_sound(const uint8_t suites[RK_SUITE_CNT])
{
	unsigned seen = 0;

	for (size_t i = 0; i < RK_SUITE_CNT; i++) {
		if (suites[i] > RK_SUITE_CNT || (suites[i] != 0 && seen >> suites[i] & 1) ||
			(suites[i] != 0 && i > 0 && suites[i - 1] == 0))
			return false;
		seen |= 1u << suites[i];
	}
	return true;
}

static int check_global(const struct config_part *c, struct rk_refusal *why)
{
	const struct rk_global *g = c->global;

	if (!name_fits(c, g->router, RK_NAME_MAX) || !name_fits(c, g->node, RK_NAME_MAX) ||
		!name_fits(c, g->peering_common_name, RK_NAME_MAX))
		return rk_refuse(why, "global: a name is not sound");
	if (!str_fits(c, g->certificate) || g->certificate.len > RK_CERT_DER_MAX)
		return rk_refuse(why, "global: the certificate does not fit");
	if (g->is_enabled > 1 || g->is_ed25519_allowed > 1 || g->clock_floor < 0 ||
		!suites_are_sound(g->suites))
		return rk_refuse(why, "global: a setting is out of range");
	if (!credential_is_sound(c))
		return rk_refuse(why, "global: the credential is not sound");
	return 0;
}

/* Each address belongs to exactly one port, in order: that is what used counts. */
static int check_ports(const struct config_part *c, struct rk_refusal *why)
{
	size_t used = 0;

	for (size_t i = 0; i < c->port_cnt; i++) {
		const struct rk_port *p = &c->port[i];

		if (!name_fits(c, p->name, RK_PORT_NAME_MAX))
			return rk_refuse(why, "port %zu: name is not sound", i);
		if (i > 0 && compare_str(c, c->port[i - 1].name, p->name) >= 0)
			return rk_refuse(why, "port %zu is out of order", i);
		if (p->first_address != used || p->address_cnt > RK_ADDRESS_MAX ||
			p->address_cnt > c->address_cnt - used)
			return rk_refuse(why, "port %zu: wrong addresses", i);
		if (!gateway_is_sound(&p->gateway4, 4) || !gateway_is_sound(&p->gateway6, 6))
			return rk_refuse(why, "port %zu: gateway is not sound", i);
		if (p->vlan > VLAN_MAX || p->mtu < MTU_MIN || p->mtu > MTU_MAX || p->pad != 0)
			return rk_refuse(why, "port %zu: VLAN or MTU out of range", i);
		used += p->address_cnt;
	}
	if (used != c->address_cnt)
		return rk_refuse(why, "an address belongs to no port");
	for (size_t i = 0; i < c->address_cnt; i++) {
		if (!address_is_sound(&c->address[i]))
			return rk_refuse(why, "address %zu is not sound", i);
	}
	return 0;
}

static bool port_has_address(
	const struct config_part *c, const struct rk_port *p, const struct rk_address *a)
{
	for (size_t i = 0; i < p->address_cnt; i++) {
		const struct rk_address *own = &c->address[p->first_address + i];

		if (own->family == a->family && memcmp(own->bytes, a->bytes, sizeof(a->bytes)) == 0)
			return true;
	}
	return false;
}

static int check_paths(const struct config_part *c, struct rk_refusal *why)
{
	for (size_t i = 0; i < c->path_cnt; i++) {
		const struct rk_path *p = &c->path[i];

		if (p->port >= c->port_cnt)
			return rk_refuse(why, "path %zu: no such port", i);
		if (!address_is_sound(&p->local) || !address_is_sound(&p->remote) ||
			p->local.family != p->remote.family)
			return rk_refuse(why, "path %zu: an address is not sound", i);
		if (!port_has_address(c, &c->port[p->port], &p->local))
			return rk_refuse(why, "path %zu: local address is not the port's", i);
		if (p->udp_port_local == 0 || p->udp_port_remote == 0)
			return rk_refuse(why, "path %zu: UDP port is zero", i);
	}
	return 0;
}

static bool group_is_known(uint16_t group)
{
	return group == 23 || group == 24 || group == 25 || group == 29 || group == 30;
}

/* At least one, known, none twice, and nothing after the first zero. */
static bool groups_are_sound(const uint16_t groups[8])
{
	size_t cnt = 0;

	while (cnt < 8 && groups[cnt] != 0) {
		if (!group_is_known(groups[cnt]))
			return false;
		for (size_t i = 0; i < cnt; i++) {
			if (groups[i] == groups[cnt])
				return false;
		}
		cnt++;
	}
	return cnt > 0 && rk_bytes_are_zero(groups + cnt, (8 - cnt) * sizeof(groups[0]));
}

static bool interval_is_sound(uint64_t ns)
{
	return ns >= RK_INTERVAL_MIN_NS && ns <= RK_INTERVAL_MAX_NS;
}

static bool timers_are_sound(const struct rk_peer *p)
{
	return (p->rekey_interval_ns == 0 || interval_is_sound(p->rekey_interval_ns)) &&
	       interval_is_sound(p->retransmit_interval_ns) && interval_is_sound(p->timeout_ns) &&
	       p->hold_ns <= RK_INTERVAL_MAX_NS && interval_is_sound(p->reauth_interval_ns) &&
	       interval_is_sound(p->keep_alive_interval_ns);
}

static int check_peers(const struct config_part *c, struct rk_refusal *why)
{
	size_t used = 0;

	for (size_t i = 0; i < c->peer_cnt; i++) {
		const struct rk_peer *p = &c->peer[i];

		if (!name_fits(c, p->name, RK_NAME_MAX) ||
			!name_fits(c, p->peering_common_name, RK_NAME_MAX))
			return rk_refuse(why, "peer %zu: a name is not sound", i);
		if (i > 0 && compare_str(c, c->peer[i - 1].peering_common_name,
				     p->peering_common_name) >= 0)
			return rk_refuse(why, "peer %zu is out of order", i);
		if (p->first_path != used || p->path_cnt == 0 || p->path_cnt > RK_PATH_MAX ||
			p->path_cnt > c->path_cnt - used)
			return rk_refuse(why, "peer %zu: wrong paths", i);
		if (!timers_are_sound(p))
			return rk_refuse(why, "peer %zu: an interval is out of range", i);
		/* A responder chooses one before it knows the peer. */
		if (!groups_are_sound(p->groups) ||
			memcmp(p->groups, c->peer[0].groups, sizeof(p->groups)) != 0)
			return rk_refuse(why, "peer %zu: groups are not sound", i);
		if (p->invalid_certificate_behavior > RK_FAIL_HARD || p->is_roaming > 1 ||
			!rk_bytes_are_zero(p->pad, sizeof(p->pad)))
			return rk_refuse(why, "peer %zu: a setting is out of range", i);
		used += p->path_cnt;
	}
	if (used != c->path_cnt)
		return rk_refuse(why, "a path belongs to no peer");
	return 0;
}

int rk_part_check_config(const uint8_t *data, struct rk_refusal *why)
{
	struct config_part c;
	int ret;

	c.global = rk_part_section(data, RK_SECTION_GLOBAL, NULL);
	c.strings = rk_part_section(data, RK_SECTION_STRINGS, &c.string_len);
	c.port = rk_part_section(data, RK_SECTION_PORTS, &c.port_cnt);
	c.address = rk_part_section(data, RK_SECTION_ADDRESSES, &c.address_cnt);
	c.peer = rk_part_section(data, RK_SECTION_PEERS, &c.peer_cnt);
	c.path = rk_part_section(data, RK_SECTION_PATHS, &c.path_cnt);
	ret = check_global(&c, why);
	if (ret == 0)
		ret = check_ports(&c, why);
	if (ret == 0)
		ret = check_peers(&c, why);
	if (ret == 0)
		ret = check_paths(&c, why);
	return ret;
}
