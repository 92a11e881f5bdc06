/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/store/compile.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pki/store/part_writer.h"

enum { GLOBAL, STRINGS, PORTS, ADDRESSES, PEERS, PATHS, SECTION_CNT };

/* Input in the order of the part, and where its ports went. */
struct plan {
	const struct compile_config *in;
	const struct compile_port **port;
	const struct compile_peer **peer;
	uint32_t *port_index; /* by place in the input */
	size_t address_cnt;
	size_t path_cnt;
	size_t string_len;
};

static void plan_fini(struct plan *p)
{
	free(p->port);
	free(p->peer);
	free(p->port_index);
}

/* ---- checks: each names the culprit ---------------------------------------------------------- */

static int check_name(const char *what, const char *name, struct rk_refusal *why)
{
	size_t len = name != NULL ? strlen(name) : 0;

	if (len == 0)
		return compile_refuse(why, "%s is empty", what);
	if (len > RK_NAME_MAX)
		return compile_refuse(why, "%s \"%.32s...\" is longer than %d characters", what,
			name, RK_NAME_MAX);
	for (size_t i = 0; i < len; i++) {
		if (iscntrl((unsigned char)name[i]))
			return compile_refuse(why, "%s holds a control character", what);
	}
	return 0;
}

static bool bytes_are(const uint8_t *bytes, size_t len, uint8_t value)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != value)
			return false;
	}
	return true;
}

/* An address that one router can have: not the unspecified, not multicast, not broadcast. */
static bool address_is_unicast(const struct rk_address *a)
{
	if (a->family == 4)
		return a->prefix_len <= 32 && !bytes_are(a->bytes, 4, 0) && a->bytes[0] < 224;
	return a->family == 6 && a->prefix_len <= 128 && !bytes_are(a->bytes, 16, 0) &&
	       a->bytes[0] != 0xff;
}

static int check_port(const struct compile_port *p, struct rk_refusal *why)
{
	int ret = check_name("a port's name", p->name, why);

	if (ret < 0)
		return ret;
	if (p->address_cnt > RK_ADDRESS_MAX)
		return compile_refuse(
			why, "port %s has more than %d addresses", p->name, RK_ADDRESS_MAX);
	for (size_t i = 0; i < p->address_cnt; i++) {
		if (!address_is_unicast(&p->address[i]))
			return compile_refuse(
				why, "port %s: address %zu is not a unicast address", p->name, i);
	}
	if (p->gateway4.family != 0 &&
		(p->gateway4.family != 4 || !address_is_unicast(&p->gateway4)))
		return compile_refuse(why, "port %s: bad IPv4 gateway", p->name);
	if (p->gateway6.family != 0 &&
		(p->gateway6.family != 6 || !address_is_unicast(&p->gateway6)))
		return compile_refuse(why, "port %s: bad IPv6 gateway", p->name);
	if (p->vlan > 4094)
		return compile_refuse(why, "port %s: VLAN %u is out of range", p->name, p->vlan);
	if (p->mtu < 1280 || p->mtu > 9000)
		return compile_refuse(why, "port %s: MTU %u is out of range", p->name, p->mtu);
	return 0;
}

static bool port_has_address(const struct compile_port *p, const struct rk_address *a)
{
	for (size_t i = 0; i < p->address_cnt; i++) {
		if (p->address[i].family == a->family &&
			memcmp(p->address[i].bytes, a->bytes, sizeof(a->bytes)) == 0)
			return true;
	}
	return false;
}

static int check_path(const struct compile_config *in, const struct compile_peer *peer, size_t i,
	struct rk_refusal *why)
{
	const struct compile_path *path = &peer->path[i];

	if (path->port >= in->port_cnt)
		return compile_refuse(why, "peer %s: path %zu names no port", peer->name, i);
	if (!address_is_unicast(&path->local) || !address_is_unicast(&path->remote) ||
		path->local.family != path->remote.family)
		return compile_refuse(why, "peer %s: path %zu: bad addresses", peer->name, i);
	if (!port_has_address(&in->port[path->port], &path->local))
		return compile_refuse(why, "peer %s: path %zu: port %s has no such address",
			peer->name, i, in->port[path->port].name);
	if (path->udp_port_local == 0 || path->udp_port_remote == 0)
		return compile_refuse(why, "peer %s: path %zu: UDP port is zero", peer->name, i);
	return 0;
}

static int check_peer(
	const struct compile_config *in, const struct compile_peer *p, struct rk_refusal *why)
{
	int ret = check_name("a peer's name", p->name, why);

	if (ret == 0)
		ret = check_name("a peering-common-name", p->peering_common_name, why);
	if (ret < 0)
		return ret;
	if (strcmp(p->peering_common_name, in->peering_common_name) == 0)
		return compile_refuse(why, "peer %s has our own peering-common-name", p->name);
	if (p->path_cnt == 0 || p->path_cnt > RK_PATH_MAX)
		return compile_refuse(why, "peer %s has %zu paths", p->name, p->path_cnt);
	for (size_t i = 0; i < p->path_cnt && ret == 0; i++)
		ret = check_path(in, p, i, why);
	return ret;
}

static int check_input(const struct compile_config *in, struct rk_refusal *why)
{
	int ret = check_name("router", in->router, why);

	if (ret == 0)
		ret = check_name("node", in->node, why);
	if (ret == 0)
		ret = check_name("peering-common-name", in->peering_common_name, why);
	if (ret == 0 && in->port_cnt > COMPILE_PORT_MAX)
		ret = compile_refuse(why, "%zu ports are too many", in->port_cnt);
	if (ret == 0 && in->peer_cnt > COMPILE_PEER_MAX)
		ret = compile_refuse(why, "%zu peers are too many", in->peer_cnt);
	for (size_t i = 0; i < in->port_cnt && ret == 0; i++)
		ret = check_port(&in->port[i], why);
	for (size_t i = 0; i < in->peer_cnt && ret == 0; i++)
		ret = check_peer(in, &in->peer[i], why);
	if (ret == 0 && in->credential != NULL &&
		(in->credential->der.len == 0 || in->credential->der.len > RK_CERT_DER_MAX))
		ret = compile_refuse(why, "our certificate has %zu bytes", in->credential->der.len);
	return ret;
}

/* ---- order ------------------------------------------------------------------------------------ */

static int compare_ports(const void *left, const void *right)
{
	const struct compile_port *const *a = left, *const *b = right;

	return strcmp((*a)->name, (*b)->name);
}

static int compare_peer_names(const void *left, const void *right)
{
	const struct compile_peer *const *a = left, *const *b = right;

	return strcmp((*a)->name, (*b)->name);
}

static int compare_peers(const void *left, const void *right)
{
	const struct compile_peer *const *a = left, *const *b = right;

	return strcmp((*a)->peering_common_name, (*b)->peering_common_name);
}

static int sort_ports(struct plan *p, struct rk_refusal *why)
{
	size_t cnt = p->in->port_cnt;

	for (size_t i = 0; i < cnt; i++)
		p->port[i] = &p->in->port[i];
	qsort(p->port, cnt, sizeof(*p->port), compare_ports);
	for (size_t i = 0; i < cnt; i++) {
		if (i > 0 && compare_ports(&p->port[i - 1], &p->port[i]) == 0)
			return compile_refuse(why, "two ports are named %s", p->port[i]->name);
		p->port_index[p->port[i] - p->in->port] = (uint32_t)i;
		p->address_cnt += p->port[i]->address_cnt;
	}
	return 0;
}

static int sort_peers(struct plan *p, struct rk_refusal *why)
{
	size_t cnt = p->in->peer_cnt;

	for (size_t i = 0; i < cnt; i++) {
		p->peer[i] = &p->in->peer[i];
		p->path_cnt += p->peer[i]->path_cnt;
	}
	qsort(p->peer, cnt, sizeof(*p->peer), compare_peer_names);
	for (size_t i = 1; i < cnt; i++) {
		if (compare_peer_names(&p->peer[i - 1], &p->peer[i]) == 0)
			return compile_refuse(why, "two peers are named %s", p->peer[i]->name);
	}
	qsort(p->peer, cnt, sizeof(*p->peer), compare_peers);
	for (size_t i = 1; i < cnt; i++) {
		if (compare_peers(&p->peer[i - 1], &p->peer[i]) == 0)
			return compile_refuse(why, "peers %s and %s have one peering-common-name",
				p->peer[i - 1]->name, p->peer[i]->name);
	}
	return 0;
}

static size_t measure_strings(const struct plan *p)
{
	const struct compile_config *in = p->in;
	size_t len = strlen(in->router) + strlen(in->node) + strlen(in->peering_common_name);

	if (in->credential != NULL)
		len += in->credential->der.len;
	for (size_t i = 0; i < in->port_cnt; i++)
		len += strlen(in->port[i].name);
	for (size_t i = 0; i < in->peer_cnt; i++)
		len += strlen(in->peer[i].name) + strlen(in->peer[i].peering_common_name);
	return len;
}

static int plan_init(struct plan *p, const struct compile_config *in, struct rk_refusal *why)
{
	int ret;

	*p = (struct plan){.in = in};
	p->port = calloc(in->port_cnt + 1, sizeof(*p->port));
	p->peer = calloc(in->peer_cnt + 1, sizeof(*p->peer));
	p->port_index = calloc(in->port_cnt + 1, sizeof(*p->port_index));
	if (p->port == NULL || p->peer == NULL || p->port_index == NULL) {
		ret = -ENOMEM;
		goto fail;
	}
	ret = sort_ports(p, why);
	if (ret == 0)
		ret = sort_peers(p, why);
	if (ret < 0)
		goto fail;
	p->string_len = measure_strings(p);
	return 0;
fail:
	plan_fini(p);
	return ret;
}

/* ---- writing ---------------------------------------------------------------------------------- */

struct string_table {
	char *start;
	uint32_t used;
};

static struct rk_str put_bytes(struct string_table *t, const void *data, size_t len)
{
	struct rk_str s = {.offset = t->used, .len = (uint32_t)len};

	memcpy(t->start + t->used, data, len);
	t->used += s.len;
	return s;
}

static struct rk_str put_name(struct string_table *t, const char *name)
{
	return put_bytes(t, name, strlen(name));
}

static void write_credential(
	struct rk_global *g, struct string_table *t, const struct compile_credential *c)
{
	const struct rk_verdict *v = c->verdict;

	g->certificate = put_bytes(t, c->der.data, c->der.len);
	memcpy(g->certificate_fingerprint, v->fingerprint, RK_FINGERPRINT_LEN);
	memcpy(g->public_key_hash, c->public_key_hash, RK_DIGEST_LEN);
	g->credential_status = v->status;
	g->credential_chain_cnt = v->chain_cnt;
	g->credential_not_before = v->not_before;
	g->credential_not_after = v->not_after;
	memcpy(g->credential_chain, v->chain, sizeof(g->credential_chain));
}

static void write_global(
	struct rk_global *g, struct string_table *t, const struct compile_config *in)
{
	g->router = put_name(t, in->router);
	g->node = put_name(t, in->node);
	g->peering_common_name = put_name(t, in->peering_common_name);
	g->clock_floor = in->clock_floor;
	g->trust_generation = in->trust_generation;
	g->is_enabled = in->is_enabled;
	g->is_ed25519_allowed = in->is_ed25519_allowed;
	memcpy(g->suites, in->suites, sizeof(g->suites));
	if (in->credential != NULL)
		write_credential(g, t, in->credential);
}

static struct rk_address clean_address(const struct rk_address *a)
{
	struct rk_address clean = {.family = a->family, .prefix_len = a->prefix_len};

	memcpy(clean.bytes, a->bytes, a->family == 4 ? 4 : 16);
	return clean;
}

static void write_port(struct rk_port *to, struct rk_address *address, uint32_t first,
	struct string_table *t, const struct compile_port *from)
{
	to->name = put_name(t, from->name);
	to->first_address = first;
	to->address_cnt = (uint32_t)from->address_cnt;
	if (from->gateway4.family != 0)
		to->gateway4 = clean_address(&from->gateway4);
	if (from->gateway6.family != 0)
		to->gateway6 = clean_address(&from->gateway6);
	to->vlan = from->vlan;
	to->mtu = from->mtu;
	for (size_t i = 0; i < from->address_cnt; i++)
		address[first + i] = clean_address(&from->address[i]);
}

static void write_peer(struct rk_peer *to, struct string_table *t, const struct compile_peer *from)
{
	to->name = put_name(t, from->name);
	to->peering_common_name = put_name(t, from->peering_common_name);
	to->path_cnt = (uint32_t)from->path_cnt;
	to->rekey_interval_ns = from->rekey_interval_ns;
	to->retransmit_interval_ns = from->retransmit_interval_ns;
	to->timeout_ns = from->timeout_ns;
	to->hold_ns = from->hold_ns;
	to->reauth_interval_ns = from->reauth_interval_ns;
	to->keep_alive_interval_ns = from->keep_alive_interval_ns;
	to->rekey_packets = from->rekey_packets;
	to->rekey_bytes = from->rekey_bytes;
	memcpy(to->groups, from->groups, sizeof(to->groups));
	to->invalid_certificate_behavior = (uint8_t)from->invalid_certificate_behavior;
	to->is_roaming = from->is_roaming;
}

static void write_path(
	struct rk_path *to, const struct compile_path *from, const uint32_t *port_index)
{
	to->port = port_index[from->port];
	to->udp_port_local = from->udp_port_local;
	to->udp_port_remote = from->udp_port_remote;
	to->local = clean_address(&from->local);
	to->remote = clean_address(&from->remote);
}

static void write_plan(struct part_writer *w, const struct plan *p)
{
	struct string_table t = {.start = part_writer_section(w, STRINGS)};
	struct rk_port *port = part_writer_section(w, PORTS);
	struct rk_address *address = part_writer_section(w, ADDRESSES);
	struct rk_peer *peer = part_writer_section(w, PEERS);
	struct rk_path *path = part_writer_section(w, PATHS);
	uint32_t first = 0;

	write_global(part_writer_section(w, GLOBAL), &t, p->in);
	for (size_t i = 0; i < p->in->port_cnt; i++) {
		write_port(&port[i], address, first, &t, p->port[i]);
		first += port[i].address_cnt;
	}
	first = 0;
	for (size_t i = 0; i < p->in->peer_cnt; i++) {
		write_peer(&peer[i], &t, p->peer[i]);
		peer[i].first_path = first;
		for (size_t n = 0; n < p->peer[i]->path_cnt; n++)
			write_path(&path[first + n], &p->peer[i]->path[n], p->port_index);
		first += peer[i].path_cnt;
	}
}

int compile_config(
	const struct compile_config *input, struct compile_part *out, struct rk_refusal *why)
{
	struct part_writer w;
	struct plan plan;
	int ret = check_input(input, why);

	if (ret < 0)
		return ret;
	ret = plan_init(&plan, input, why);
	if (ret < 0)
		return ret;
	const struct part_section section[SECTION_CNT] = {
		[GLOBAL] = {RK_SECTION_GLOBAL, sizeof(struct rk_global), 1},
		[STRINGS] = {RK_SECTION_STRINGS, 1, plan.string_len},
		[PORTS] = {RK_SECTION_PORTS, sizeof(struct rk_port), input->port_cnt},
		[ADDRESSES] = {RK_SECTION_ADDRESSES, sizeof(struct rk_address), plan.address_cnt},
		[PEERS] = {RK_SECTION_PEERS, sizeof(struct rk_peer), input->peer_cnt},
		[PATHS] = {RK_SECTION_PATHS, sizeof(struct rk_path), plan.path_cnt},
	};
	ret = part_writer_open(&w, RK_PART_CONFIG, section, SECTION_CNT, NULL);
	if (ret < 0)
		goto out;
	write_plan(&w, &plan);
	ret = part_writer_finish(&w, out, why);
out:
	plan_fini(&plan);
	return ret;
}
