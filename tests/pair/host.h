/* SPDX-License-Identifier: BSD-3-Clause */
/* The host's side of a pair: what the engines call. For pair.c alone. */
#pragma once

#include "tests/pair/pair.h"

/* Control's answer on its way back. */
struct pair_answer {
	struct pair_answer *next;
	uint64_t at_ns;
	unsigned node;
	uint64_t request;
	bool has_verdict;
	struct rk_verdict verdict;
};

extern const struct engine_ops pair_ops; /* ctx: struct pair_node */
/* Before any call into the node's engine. */
void pair_begin(struct pair_node *n);
/* Makes the node's view, and its credential, of what it is to be. */
void pair_publish(struct pair_node *n);
void pair_set_credential(struct pair_node *n);
/* Its private key as control sends it; also of the types that control makes no keys of. */
bool pair_private_key(const struct pair_identity *id, struct rk_private_key *out);
void pair_cancel(void *node, struct core_timer *t);
void pair_confirm(void *node, const struct rk_verdict *v);
