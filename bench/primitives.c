/* SPDX-License-Identifier: BSD-3-Clause */
/* libcrypto's asymmetric operations, by each call that is a contender. */
#include "bench/identity.h"
#include "bench/limit.h"
#include "bench/suites.h"

static void report(
	const struct bench_options *o, const struct limit *l, const char *group, const char *cert)
{
	for (size_t i = 0; i < l->cnt; i++) {
		const struct bench_case *c = &l->cases[i];

		bench_print(o, &(struct bench_row){.bench = "primitives",
				       .operation = limit_operation_name(l->operation[i]),
				       .group = group,
				       .cert = cert,
				       .value = 1e9 / c->ns,
				       .unit = "ops/s",
				       .field = {{"us", NULL, c->ns / 1e3}, {"call", c->name, 0}}});
	}
}

static void run(const struct bench_options *o)
{
	struct limit limit[LIMIT_GROUP_CNT + BENCH_CERT_CNT];
	struct bench_case cases[(LIMIT_GROUP_CNT + BENCH_CERT_CNT) * LIMIT_CASE_MAX];
	size_t n = 0;
	int i;

	for (i = 0; i < LIMIT_GROUP_CNT + BENCH_CERT_CNT; i++) {
		limit[i] = (struct limit){0};
		if (i < LIMIT_GROUP_CNT
				? !bench_is_wanted(o, limit_groups[i].name, NULL)
				: !bench_is_wanted(o, NULL, bench_certs[i - LIMIT_GROUP_CNT].name))
			continue;
		if (i < LIMIT_GROUP_CNT)
			limit_init(&limit[i], &cases[n], i, -1);
		else
			limit_init(&limit[i], &cases[n], -1, i - LIMIT_GROUP_CNT);
		n += limit[i].cnt;
	}
	bench_run(o, cases, n);
	for (i = 0; i < LIMIT_GROUP_CNT; i++)
		report(o, &limit[i], limit_groups[i].name, NULL);
	for (i = 0; i < BENCH_CERT_CNT; i++)
		report(o, &limit[LIMIT_GROUP_CNT + i], NULL, bench_certs[i].name);
	bench_end(cases, n);
	for (i = 0; i < LIMIT_GROUP_CNT + BENCH_CERT_CNT; i++)
		limit_fini(&limit[i]);
}

const struct bench_suite bench_primitives = {
	"primitives", "libcrypto's asymmetric operations: the limit", run};
