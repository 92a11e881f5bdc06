/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Peers by identity (peering-common-name, byte-exact) and by configured name. Main is the one
 * writer; workers find without locks. A found peer is borrowed until the next quiescent point.
 */
#pragma once

#include "dataplane/peer.h"

struct peer_table {
	struct rk_rcu_table by_identity;
	struct rk_rcu_table by_name;
	size_t cnt; /* main */
};

int peer_table_init(struct peer_table *t) RK_MUST_CHECK;
void peer_table_fini(struct peer_table *t); /* empty, after rk_rcu_barrier */
struct peer *peer_table_find(const struct peer_table *t, const char *identity, size_t len);
struct peer *peer_table_find_name(const struct peer_table *t, const char *name);
/* Links p by its identity and name; false: the identity is taken, nothing changed. */
bool peer_table_add(struct peer_table *t, struct peer *p) RK_MUST_CHECK;
/* Unlinks and marks dead; p itself is retired once its owner has let go. */
void peer_table_remove(struct peer_table *t, struct peer *p);
/* Main only; visit may remove the peer it is given. */
void peer_table_walk(
	const struct peer_table *t, void (*visit)(struct peer *p, void *arg), void *arg);
