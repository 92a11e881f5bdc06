/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small world for tests of parts and views: a router with two ports and three peers, a good
 * verdict, a revocation set. Every call makes a fresh copy for the test to spoil.
 */
#pragma once

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "pki/store/compile.h"

struct fixture {
	struct rk_address address[3];
	struct compile_port port[2];
	struct compile_path path[4];
	struct compile_peer peer[3];
	struct rk_verdict own;
	uint8_t der[100];
	struct compile_credential credential;
	struct compile_config config;
};

static inline struct rk_address fixture_ipv4(uint8_t last)
{
	return (struct rk_address){.family = 4, .prefix_len = 24, .bytes = {10, 0, 0, last}};
}

static inline struct rk_address fixture_ipv6(uint8_t last)
{
	struct rk_address a = {.family = 6, .prefix_len = 64, .bytes = {0x20, 0x01, 0x0d, 0xb8}};

	a.bytes[15] = last;
	return a;
}

/* Spread over homes and fingerprints as keyed hashes are. */
static inline struct rk_revocation_key fixture_revocation_key(uint32_t n)
{
	struct rk_revocation_key key;

	n *= 2654435761u;
	for (size_t i = 0; i < sizeof(key.bytes); i++) {
		n = n * 1664525 + 1013904223;
		key.bytes[i] = (uint8_t)(n >> 24);
	}
	return key;
}

static inline struct rk_revocation_entry fixture_revocation(uint32_t n, uint8_t reason)
{
	const struct rk_revocation_key key = fixture_revocation_key(n);

	return rk_revocation_entry(&key, reason);
}

/* A good verdict with a chain of two, valid from 1000 to 2000; n tells certificates apart. */
static inline struct rk_verdict fixture_verdict(uint8_t n)
{
	struct rk_verdict v = {.status = RK_VERDICT_GOOD, .trust_generation = 5, .chain_cnt = 2};

	memset(v.fingerprint, n, sizeof(v.fingerprint));
	v.not_before = 1000;
	v.not_after = 2000;
	v.cn_cnt = 1;
	v.cn_len = 4;
	memcpy(v.cn, "west", 4);
	for (uint8_t i = 0; i < 2; i++) {
		memset(v.chain[i].cert.bytes, 0x10 + n + i, sizeof(v.chain[i].cert.bytes));
		memset(v.chain[i].issuer.bytes, 0x80 + i, sizeof(v.chain[i].issuer.bytes));
		v.chain[i].not_before = 1000;
		v.chain[i].not_after = 2000;
	}
	v.key.type = RK_KEY_ED25519;
	v.key.len = 32;
	memset(v.key.bytes, 0x33, 32);
	return v;
}

static inline struct compile_peer fixture_peer(const char *name, const struct compile_path *path)
{
	return (struct compile_peer){
		.name = name,
		.peering_common_name = name,
		.path = path,
		.path_cnt = 1,
		.rekey_interval_ns = 3000000000,
		.retransmit_interval_ns = 1000000000,
		.timeout_ns = 5000000000,
		.hold_ns = 30000000000,
		.reauth_interval_ns = UINT64_C(86400000000000),
		.keep_alive_interval_ns = 1000000000,
		.rekey_packets = 1000,
		.rekey_bytes = 1000000,
		.groups = {29, 23},
		.invalid_certificate_behavior = RK_FAIL_HARD,
	};
}

static inline void fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->address[0] = fixture_ipv4(1);
	f->address[1] = fixture_ipv6(1);
	f->address[2] = fixture_ipv4(100);
	f->port[0] = (struct compile_port){.name = "net_memif1", .mtu = 1500, .vlan = 7};
	f->port[0].address = &f->address[2];
	f->port[0].address_cnt = 1;
	f->port[1] = (struct compile_port){.name = "net_memif0", .mtu = 9000};
	f->port[1].address = &f->address[0];
	f->port[1].address_cnt = 2;
	f->port[1].gateway4 = fixture_ipv4(254);
	f->port[1].gateway6 = fixture_ipv6(254);
	f->path[0] = (struct compile_path){1, fixture_ipv4(1), fixture_ipv4(2), 1280, 1280};
	f->path[1] = (struct compile_path){1, fixture_ipv6(1), fixture_ipv6(2), 1280, 1281};
	f->path[2] = (struct compile_path){0, fixture_ipv4(100), fixture_ipv4(3), 1280, 1280};
	f->path[3] = (struct compile_path){1, fixture_ipv4(1), fixture_ipv4(4), 1280, 1280};
	f->peer[0] = fixture_peer("west", &f->path[0]);
	f->peer[0].path_cnt = 2;
	f->peer[1] = fixture_peer("north", &f->path[2]);
	f->peer[2] = fixture_peer("wes", &f->path[3]);
	f->peer[2].name = "south";
	f->own = fixture_verdict(0x40);
	for (uint8_t i = 0; i < sizeof(f->der); i++)
		f->der[i] = i;
	EVP_Digest(f->der, sizeof(f->der), f->own.fingerprint, NULL, EVP_sha256(), NULL);
	f->credential.der = (struct rk_span){f->der, sizeof(f->der)};
	memset(f->credential.public_key_hash, 9, RK_DIGEST_LEN);
	f->credential.verdict = &f->own;
	f->config = (struct compile_config){
		.router = "east",
		.node = "node0",
		.peering_common_name = "east.example",
		.is_enabled = true,
		.clock_floor = 900,
		.trust_generation = 5,
		.credential = &f->credential,
		.port = f->port,
		.port_cnt = 2,
		.peer = f->peer,
		.peer_cnt = 3,
	};
}

struct bytes {
	uint8_t *data;
	size_t len;
};

/* Of a part, which is closed; the caller frees the data. */
static inline struct bytes read_part(struct compile_part *part)
{
	struct bytes b = {aligned_alloc(64, part->size), part->size};

	assert_non_null(b.data);
	assert_int_equal(pread(part->fd, b.data, b.len, 0), b.len);
	compile_part_close(part);
	return b;
}
