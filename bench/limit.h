/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What libcrypto takes for the asymmetric operations of an exchange, each at its fastest correct
 * call: everything prepared outside that can be, nothing fetched inside. Where two calls do the
 * same, both are contenders and the faster one counts. The limit that exchanges are held against.
 */
#pragma once

#include "bench/harness.h"

struct limit_group {
	const char *name; /* RFC 8422 name */
	uint16_t id;      /* IANA number */
	const char *type;
	const char *curve;
};
#define LIMIT_GROUP_CNT 5
extern const struct limit_group limit_groups[LIMIT_GROUP_CNT];

enum limit_operation {
	LIMIT_KEYGEN,
	LIMIT_IMPORT, /* the peer's share, checked */
	LIMIT_DERIVE,
	LIMIT_SIGN,
	LIMIT_VERIFY,
	LIMIT_OPERATION_CNT
};
const char *limit_operation_name(enum limit_operation operation);

struct limit_call {
	enum limit_operation operation;
	const char *name;
	bool (*run)(void *arg, unsigned cnt);
	void *arg;
};

/* Every call of a group's and a certificate type's operations. */
#define LIMIT_CALL_MAX 7
struct limit {
	struct limit_call call[LIMIT_CALL_MAX];
	size_t cnt;
	struct limit_agreement *agreement;
	struct limit_signature *signature;
};
void limit_init(struct limit *l, int group, int cert); /* -1: without */
void limit_fini(struct limit *l);

/*
 * The operations of both sides, each by the fastest of its calls (tried out when it is made), one
 * after the other as they come in an exchange; without a certificate those of a rekey. What this
 * takes is the limit: an operation finds the caches as the one before it left them.
 */
struct limit_chain {
	struct limit side[2];
	const struct limit_call *fastest[2][LIMIT_OPERATION_CNT];
};
void limit_chain_init(struct limit_chain *c, int group, int cert);
void limit_chain_fini(struct limit_chain *c);
bool limit_chain_run(void *arg, unsigned cnt); /* arg: a limit_chain */
