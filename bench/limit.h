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

#define LIMIT_CASE_MAX 8
struct limit {
	struct bench_case *cases; /* of the caller's bench_run; those of this limit */
	size_t cnt;
	enum limit_operation operation[LIMIT_CASE_MAX];
	struct limit_agreement *agreement;
	struct limit_signature *signature;
};
/* Fills cases (room for LIMIT_CASE_MAX) of a group's and a certificate's operations; -1: without. */
void limit_init(struct limit *l, struct bench_case *cases, int group, int cert);
void limit_fini(struct limit *l);

/* After bench_run. The fastest case of an operation; NULL: none. */
const struct bench_case *limit_fastest(const struct limit *l, enum limit_operation operation);
/* What the operations of both sides take together: 1 / this is the limit. */
double limit_ns(const struct limit *l);
/* limit / reached: the median over the rounds. c: an exchange of the same bench_run. */
double limit_efficiency(const struct limit *l, const struct bench_case *c);
