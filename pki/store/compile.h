/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Builds the parts of a view (pki/view/snapshot.h). Input: plain structs, all borrowed for the
 * call. Output: a sealed memfd. Everything is checked here with a reason that names the culprit,
 * and the finished part is opened once with rk_part_open before it is handed out, so that control
 * never publishes what the data plane would refuse.
 *
 * Deterministic: equal input gives equal bytes, whatever the order of ports, peers, verdicts,
 * entries and issuers. Order has meaning only for a port's addresses, a peer's paths and groups.
 *
 * 0; -EINVAL with the reason in why; or another -errno (-ENOMEM, -EMFILE, ...). Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pki/store/revocation_build.h"
#include "pki/view/bytes.h"
#include "pki/view/revocation.h"
#include "pki/view/snapshot.h"
#include "pki/view/verdict.h"

#define COMPILE_PORT_MAX    4096
#define COMPILE_PEER_MAX    1000000
#define COMPILE_OVERLAY_MAX 65536

struct compile_port {
	const char *name; /* DPDK port name, unique */
	uint16_t vlan;    /* 0 = untagged .. 4094 */
	uint16_t mtu;     /* 1280..9000 */
	const struct rk_address *address;
	size_t address_cnt;         /* 0..RK_ADDRESS_MAX */
	struct rk_address gateway4; /* family 0 = none */
	struct rk_address gateway6;
};

struct compile_path {
	size_t port; /* index into compile_config.port */
	struct rk_address local;
	struct rk_address remote;
	uint16_t udp_port_local;
	uint16_t udp_port_remote;
};

struct compile_peer {
	const char *name;                /* unique */
	const char *peering_common_name; /* unique, and not our own */
	const struct compile_path *path;
	size_t path_cnt; /* 1..RK_PATH_MAX */
	uint64_t rekey_interval_ns;
	uint64_t retransmit_interval_ns;
	uint64_t timeout_ns;
	uint64_t hold_ns;
	uint64_t reauth_interval_ns;
	uint64_t keep_alive_interval_ns;
	uint64_t rekey_packets;
	uint64_t rekey_bytes;
	uint16_t groups[8]; /* in order of preference, 0 = end; the same for all peers */
	enum rk_invalid_certificate_behavior invalid_certificate_behavior;
	bool is_roaming;
};

struct compile_credential {
	struct rk_span der; /* our certificate */
	uint8_t public_key_hash[RK_DIGEST_LEN];
	const struct rk_verdict
		*verdict; /* of our own certificate: fingerprint, status, chain, dates */
};

struct compile_config {
	const char *router;
	const char *node;
	const char *peering_common_name;
	bool is_enabled;
	bool is_ed25519_allowed;
	uint8_t suites[RK_SUITE_CNT]; /* in order of preference, 0 = end */
	int64_t clock_floor;
	uint64_t trust_generation;
	const struct compile_credential *credential; /* NULL: none yet */
	const struct compile_port *port;
	size_t port_cnt;
	const struct compile_peer *peer;
	size_t peer_cnt;
};

/* A finished part. compile_part_close closes the descriptor; fd -1 = none. */
struct compile_part {
	int fd; /* memfd, F_SEAL_SHRINK | GROW | WRITE | SEAL, close-on-exec */
	enum rk_part_kind kind;
	uint64_t size;
	size_t page_size; /* of its memory */
	uint8_t digest[RK_DIGEST_LEN];
};

/*
 * Which pages a large part may lie on: ordinary ones, or those of 2 MiB that somebody has reserved
 * (vm.nr_hugepages), as long as there are enough; a random look into millions of entries then misses
 * no translation.
 */
enum compile_pages { COMPILE_PAGES_ORDINARY, COMPILE_PAGES_RESERVED };
void compile_part_close(struct compile_part *part);

int compile_config(const struct compile_config *input, struct compile_part *out,
	struct rk_refusal *why) RK_MUST_CHECK;

/* Refuses two records with one fingerprint, and any that is not sound. */
int compile_verdicts(const struct rk_verdict *const *verdict, size_t verdict_cnt,
	struct compile_part *out, struct rk_refusal *why) RK_MUST_CHECK;

/*
 * kind is RK_PART_REVOCATION_BASE or RK_PART_REVOCATION_OVERLAY. Equal keys become one (see
 * revocation_builder_finish). RK_REASON_REMOVED is for overlays only; an overlay holds at most
 * COMPILE_OVERLAY_MAX entries. issuer: every issuer with a policy, keys unique; the overlay's
 * issuers take the place of the base's, so it names them all too.
 */
int compile_revocations(enum rk_part_kind kind, const struct rk_revocation_entry *entry,
	size_t entry_cnt, const struct rk_issuer *issuer, size_t issuer_cnt,
	struct compile_part *out, struct rk_refusal *why) RK_MUST_CHECK;

/* Entries that are made on the way to where they go. */
struct compile_entries {
	size_t cnt;          /* at the most */
	unsigned thread_cnt; /* 1: what is done with them takes no other thread; or 2 */
	/*
	 * Adds them all to b; its -errno ends the compilation. Called again, for the same entries, when
	 * a try was in vain.
	 */
	int (*give)(void *ctx, struct revocation_builder *b);
	void *ctx;
	enum compile_pages pages;
};
/* The same for those, of which each is checked as it is added, and all once more in the end. */
int compile_revocations_given(enum rk_part_kind kind, const struct compile_entries *entries,
	const struct rk_issuer *issuer, size_t issuer_cnt, struct compile_part *out,
	struct rk_refusal *why) RK_MUST_CHECK;
