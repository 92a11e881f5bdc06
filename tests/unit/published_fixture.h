/* SPDX-License-Identifier: BSD-3-Clause */
/* A view of one port and one peer, as main publishes it, and a folder for it. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/published.h"
#include "dataplane/state.h"
#include "pki/store/compile.h"

#define SEC UINT64_C(1000000000)

static const struct rk_address address[] = {
	{.family = 4, .prefix_len = 24, .bytes = {192, 0, 2, 1}},
	{.family = 6, .prefix_len = 64, .bytes = {0x20, 1, 0xd, 0xb8, [15] = 1}},
};
static const struct rk_address remote = {.family = 4, .prefix_len = 32, .bytes = {192, 0, 2, 2}};
static const struct rk_generation generation = {7, 42};

struct fixture {
	struct part_ref *part[RK_PART_CNT];
	struct part_ref *closing;
	char folder[64];
	int dir;
};

static inline struct part_ref *build_config(const char *router)
{
	const struct compile_path path = {.port = 0,
		.local = address[0],
		.remote = remote,
		.udp_port_local = 1280,
		.udp_port_remote = 1281};
	const struct compile_peer peer = {.name = "west",
		.peering_common_name = "west.example",
		.path = &path,
		.path_cnt = 1,
		.rekey_interval_ns = 5 * SEC,
		.retransmit_interval_ns = 6 * SEC,
		.timeout_ns = 7 * SEC,
		.hold_ns = 8 * SEC,
		.keep_alive_interval_ns = 9 * SEC,
		.reauth_interval_ns = 10 * SEC,
		.groups = {29, 23}};
	const struct compile_port port = {.name = "net_memif0",
		.vlan = 5,
		.mtu = 1500,
		.address = address,
		.address_cnt = 2,
		.gateway4 = {.family = 4, .prefix_len = 32, .bytes = {192, 0, 2, 254}}};
	struct compile_config input = {.router = router,
		.node = "node",
		.peering_common_name = "east.example",
		.is_enabled = true,
		.port = &port,
		.port_cnt = 1,
		.peer = &peer,
		.peer_cnt = 1};
	struct compile_part out = {.fd = -1};
	struct rk_part *part = NULL;
	struct rk_refusal why;

	if (compile_config(&input, &out, &why) < 0)
		fail_msg("%s", why.text);
	assert_int_equal(rk_part_open(out.fd, RK_PART_CONFIG, false, &part, &why), 0);
	compile_part_close(&out);
	return part_ref_new(part);
}

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->part[RK_PART_CONFIG] = build_config("east");
	strcpy(f->folder, "/tmp/rekey-published-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	f->dir = state_open(f->folder);
	assert_true(f->dir >= 0);
	*state = f;
	return 0;
}

static inline void empty_folder(const struct fixture *f)
{
	DIR *list = opendir(f->folder);
	struct dirent *e;

	assert_non_null(list);
	while ((e = readdir(list)) != NULL)
		if (e->d_name[0] != '.')
			unlinkat(f->dir, e->d_name, 0);
	closedir(list);
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	unsigned i;

	for (i = 0; i < RK_PART_CNT; i++)
		part_ref_put(f->part[i], &f->closing);
	while (part_close_step(&f->closing, 4096))
		;
	empty_folder(f);
	close(f->dir);
	rmdir(f->folder);
	free(f);
	return 0;
}

static inline uint16_t find_port(void *ctx, const char *name, uint16_t mtu, uint8_t mac[6])
{
	assert_string_equal(name, "net_memif0");
	assert_int_equal(mtu, 1500);
	memset(mac, 2, 6);
	return *(const uint16_t *)ctx;
}

static inline struct published *publish(struct fixture *f, uint16_t id)
{
	struct published *p = NULL;

	assert_int_equal(published_new(generation, f->part, NULL, find_port, &id, &p), 0);
	return p;
}
