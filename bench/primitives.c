/* SPDX-License-Identifier: BSD-3-Clause */
/* libcrypto's asymmetric operations, by each call that is a contender. */
#include "bench/identity.h"
#include "bench/limit.h"
#include "bench/suites.h"

#define LIMIT_CNT (LIMIT_GROUP_CNT + BENCH_CERT_CNT)

/* Which group or which certificate type the i-th limit is of. */
static const char *group_of(int i)
{
	return i < LIMIT_GROUP_CNT ? limit_groups[i].name : NULL;
}

static const char *cert_of(int i)
{
	return i < LIMIT_GROUP_CNT ? NULL : bench_certs[i - LIMIT_GROUP_CNT].name;
}

static size_t add(struct bench_case *cases, const struct limit *l)
{
	for (size_t i = 0; i < l->cnt; i++)
		cases[i] = (struct bench_case){
			.name = l->call[i].name, .run = l->call[i].run, .arg = l->call[i].arg};
	return l->cnt;
}

static void report(const struct bench_options *o, int which, const struct limit *l,
	const struct bench_case *cases)
{
	for (size_t i = 0; i < l->cnt; i++)
		bench_print(o, &(struct bench_row){.bench = "primitives",
				       .operation = limit_operation_name(l->call[i].operation),
				       .group = group_of(which),
				       .cert = cert_of(which),
				       .value = 1e9 / cases[i].ns,
				       .unit = "ops/s",
				       .field = {{"us", NULL, cases[i].ns / 1e3},
					       {"call", cases[i].name, 0}}});
}

static void run(const struct bench_options *o)
{
	struct limit limit[LIMIT_CNT] = {0};
	struct bench_case cases[LIMIT_CNT * LIMIT_CALL_MAX];
	size_t n = 0, first = 0;
	int i;

	for (i = 0; i < LIMIT_CNT; i++) {
		if (!bench_is_wanted(o, group_of(i), cert_of(i)))
			continue;
		limit_init(&limit[i], i < LIMIT_GROUP_CNT ? i : -1,
			i < LIMIT_GROUP_CNT ? -1 : i - LIMIT_GROUP_CNT);
		n += add(&cases[n], &limit[i]);
	}
	bench_run(o, cases, n);
	for (i = 0; i < LIMIT_CNT; i++) {
		report(o, i, &limit[i], &cases[first]);
		first += limit[i].cnt;
		limit_fini(&limit[i]);
	}
	bench_end(cases, n);
}

const struct bench_suite bench_primitives = {
	"primitives", "libcrypto's asymmetric operations: the limit", run};
