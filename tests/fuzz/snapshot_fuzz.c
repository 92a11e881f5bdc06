/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opens the input as a part of every kind, without the digest, and walks what opens through every
 * accessor: guarantee S1 says that none of them needs a check of its own.
 */
#include <stdint.h>
#include <stdlib.h>

#include "pki/view/snapshot.h"

static volatile unsigned sink; /* what is read must really be read */

static void touch(const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		sink += p[i];
}

static void touch_str(const struct rk_view *view, struct rk_str s)
{
	struct rk_span span = rk_view_str(view, s);

	touch(span.data, span.len);
}

static void walk_config(const struct rk_view *view)
{
	const struct rk_global *g = view->global;

	touch(g, sizeof(*g));
	touch_str(view, g->router);
	touch_str(view, g->node);
	touch_str(view, g->peering_common_name);
	touch_str(view, g->certificate);
	rk_view_judge_chain(view, g->credential_chain, g->credential_chain_cnt, 1500);
	for (size_t i = 0; i < view->port_cnt; i++) {
		const struct rk_port *port = &view->ports[i];

		touch_str(view, port->name);
		touch(view->addresses + port->first_address,
			port->address_cnt * sizeof(*view->addresses));
	}
	for (size_t i = 0; i < view->peer_cnt; i++) {
		const struct rk_peer *peer = &view->peers[i];
		struct rk_span name = rk_view_str(view, peer->peering_common_name);

		touch_str(view, peer->name);
		if (rk_view_find_peer(view, (const char *)name.data, name.len) != peer)
			abort(); /* sorted and unique, so it finds itself */
		for (size_t n = 0; n < peer->path_cnt; n++)
			touch(&view->ports[view->paths[peer->first_path + n].port],
				sizeof(struct rk_port));
	}
}

static void walk_verdicts(const struct rk_view *view)
{
	for (size_t i = 0; i < view->verdict_cnt; i++) {
		const struct rk_verdict *v = &view->verdicts[i];

		if (rk_view_find_verdict(view, v->fingerprint) != v)
			abort();
		touch(v->cn, v->cn_len);
		touch(v->key.bytes, v->key.len);
		for (size_t n = 0; n < v->uri_cnt; n++)
			touch(v->uri[n], v->uri_len[n]);
		rk_view_judge(view, v, 1500);
	}
}

/* R1: a lookup that begins at a slot's home gets to it. Which home that is, its distance says. */
static void walk_lines(const struct rk_revocation_line *lines, size_t line_cnt)
{
	for (size_t i = 0; i < line_cnt; i++) {
		for (unsigned n = 0; n < RK_REVOCATION_SLOTS; n++) {
			uint64_t high = lines[i].high[n], low = lines[i].low[n];
			size_t home = i - (lines[i].spill >> 3 * n & 7);
			size_t home_cnt = line_cnt - RK_REVOCATION_SPILL;
			/* the least head with that home */
			uint64_t head =
				(uint64_t)((((unsigned __int128)home << 64) + home_cnt - 1) /
					   home_cnt);
			struct rk_revocation_key key;

			if ((high & RK_REVOCATION_STATE) == 0)
				continue;
			head = ((head + 0xffff) & RK_REVOCATION_HOME_MASK) | high;
			for (unsigned b = 0; b < 8; b++) {
				key.bytes[b] = (uint8_t)(head >> (56 - 8 * b));
				key.bytes[8 + b] = (uint8_t)(low >> (56 - 8 * b));
			}
			if (rk_revocation_home(head, line_cnt) != home ||
				rk_revocation_find(lines, line_cnt, &key) == 0)
				abort();
		}
	}
}

/* Any part beside a CONFIG of one router without peers: a view needs one. */
static const struct rk_part *plain_config(void)
{
	static struct rk_part *part;
	_Alignas(64) static uint8_t data[896];
	struct rk_part_header *header = (struct rk_part_header *)data;
	struct rk_section *section = (struct rk_section *)(header + 1);
	const uint32_t stride[] = {sizeof(struct rk_global), 1, sizeof(struct rk_port),
		sizeof(struct rk_address), sizeof(struct rk_peer), sizeof(struct rk_path)};
	struct rk_global *g = (struct rk_global *)(data + 256);

	if (part != NULL)
		return part;
	*header = (struct rk_part_header){.section_cnt = 6, .size = sizeof(data)};
	for (size_t i = 0; i < sizeof(header->magic); i++)
		header->magic[i] = (uint8_t)RK_PART_MAGIC[i];
	for (uint32_t i = 0; i < 6; i++) {
		section[i] = (struct rk_section){.id = i + 1, .stride = stride[i]};
		section[i].offset = i == 0 ? 256 : i == 1 ? 832 : 896;
		section[i].count = i < 2;
	}
	data[832] = 'r';
	g->router = g->node = g->peering_common_name = (struct rk_str){0, 1};
	if (rk_part_open_bytes(data, sizeof(data), RK_PART_CONFIG, false, &part, NULL) < 0)
		abort();
	return part;
}

static void walk(struct rk_part *part, enum rk_part_kind kind)
{
	const struct rk_part *parts[RK_PART_CNT] = {[RK_PART_CONFIG] = plain_config()};
	struct rk_span bytes = rk_part_bytes(part);
	struct rk_view view;

	parts[kind] = part;
	if (rk_view_init(&view, (struct rk_generation){1, 1}, parts) < 0)
		abort();
	touch(bytes.data, bytes.len);
	touch(rk_part_digest(part), RK_DIGEST_LEN);
	walk_config(&view);
	walk_verdicts(&view);
	walk_lines(view.base, view.base_line_cnt);
	walk_lines(view.overlay, view.overlay_line_cnt);
	for (size_t i = 0; i < view.issuer_cnt; i++) {
		if (rk_view_find_issuer(&view, &view.issuers[i].key) != &view.issuers[i])
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (unsigned kind = 0; kind < RK_PART_CNT; kind++) {
		struct rk_part *part = NULL;
		struct rk_refusal why = {""};
		int ret =
			rk_part_open_bytes(data, size, (enum rk_part_kind)kind, false, &part, &why);

		if (ret == 0)
			walk(part, (enum rk_part_kind)kind);
		else if (why.text[0] == 0 || part != NULL)
			abort(); /* a refusal has a reason and leaves nothing */
		rk_part_close(part);
	}
	return 0;
}
