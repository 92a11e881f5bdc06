/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/pair/stranger.h"

#include <string.h>

#include "dataplane/core/guard.h"
#include "dataplane/core/sign.h"
#include "dataplane/core/wire.h"

const struct stranger_hello stranger_usual = {
	.id = 77, .group = 29, .suite = 1, .scheme = 0x0403, .host = 99, .name = "east"};

struct pair_packet stranger_hello(const struct stranger_hello *h)
{
	static const uint8_t zeros[800], point[32] = {9};
	const struct wire_list groups = {2, {h->group, 29}}, suites = {1, {h->suite}};
	struct wire_list schemes = {1, {h->scheme}};
	struct pair_packet p = {.from = 1, .to = 0};
	struct rk_writer w;
	uint8_t *mac;

	if (h->is_any_scheme)
		sign_list_schemes(&schemes, false);
	wire_begin_exchange(&w, p.payload, MSG_MAX, MSG_HELLO, 0, h->id);
	wire_write_tlv(&w, MSG_TLV_RANDOM, zeros, MSG_RANDOM_LEN);
	wire_write_list(&w, MSG_TLV_GROUPS, &groups);
	wire_write_list(&w, MSG_TLV_SUITES, &suites);
	wire_write_list(&w, MSG_TLV_SCHEMES, &schemes);
	wire_write_share(&w, h->group, point, sizeof(point));
	wire_write_tlv(&w, MSG_TLV_COOKIE, h->cookie.data, h->cookie.len);
	wire_write_tlv(&w, MSG_TLV_PADDING, zeros, 400u + h->more_padding);
	mac = wire_end_mac1(&w, &p.len);
	must(mac != NULL && guard_make_mac1(h->name, strlen(h->name), p.payload,
				    (size_t)(mac - p.payload), mac));
	p.source = (struct endpoint){.family = 4, .local_port = 1280, .remote_port = 1280};
	memcpy(p.source.local, (uint8_t[]){192, 0, 2, 1}, 4);
	memcpy(p.source.remote, (uint8_t[]){192, 0, 2, h->host}, 4);
	return p;
}
