/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Full exchanges and fast rekeys, both sides counted, beside libcrypto's limit and DTLS 1.2 in the
 * same rounds. One row for each group and certificate type, or for each group.
 */
#include "bench/allocation.h"
#include "bench/duo.h"
#include "bench/limit.h"
#include "bench/suites.h"
#include "bench/tls.h"

struct question {
	const char *bench;
	enum duo_purpose purpose;
	enum duo_certificates certificates;
	enum tls_kind baseline;
	bool has_limit;
	int group_cnt, cert_cnt; /* rows: the first of each */
};

static void ask(const struct bench_options *o, const struct question *q, int group, int cert)
{
	const struct bench_pki *pki = bench_pki_get((size_t)cert);
	struct duo *duo = duo_new(
		&(struct duo_options){pki, limit_groups[group].id, q->certificates, q->purpose});
	struct tls *tls = tls_new(q->baseline, pki, &limit_groups[group]);
	struct bench_case cases[3] = {
		{.name = q->bench,
			.run = q->purpose == DUO_REKEYS ? duo_run_rekey : duo_run_exchange,
			.arg = duo},
		{.name = tls_name(q->baseline), .run = tls_run, .arg = tls},
	};
	struct limit_chain limit;
	size_t n = 2;
	struct allocation_rate allocations = allocation_rate(cases[0].run, duo);

	if (q->has_limit) {
		limit_chain_init(&limit, group, q->purpose == DUO_REKEYS ? -1 : cert);
		cases[n++] =
			(struct bench_case){.name = "limit", .run = limit_chain_run, .arg = &limit};
	}
	bench_run(o, cases, n);
	duo_check(duo);
	bench_print(o, &(struct bench_row){.bench = q->bench,
			       .group = limit_groups[group].name,
			       .cert = bench_certs[cert].name,
			       .value = 1e9 / cases[0].ns,
			       .unit = "exchanges/s",
			       .baseline_name = cases[1].name,
			       .baseline_value = 1e9 / cases[1].ns,
			       .ratio = bench_ratio(&cases[0], &cases[1]),
			       .has_efficiency = q->has_limit,
			       .efficiency = q->has_limit ? bench_ratio(&cases[0], &cases[2]) : 0,
			       .field = {{"us", NULL, cases[0].ns / 1e3},
				       {"own_allocations", NULL, allocations.own},
				       {"libcrypto_allocations", NULL, allocations.libcrypto},
				       {q->has_limit ? "limit_us" : NULL, NULL,
					       q->has_limit ? cases[2].ns / 1e3 : 0}}});
	bench_end(cases, n);
	if (q->has_limit)
		limit_chain_fini(&limit);
	tls_free(tls);
	duo_free(duo);
}

static void run(const struct bench_options *o, const struct question *q)
{
	struct bench_options own = *o;
	int row_cnt = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (int group = 0; group < q->group_cnt; group++) {
			for (int cert = 0; cert < q->cert_cnt; cert++) {
				if (!bench_is_wanted(
					    o, limit_groups[group].name, bench_certs[cert].name))
					continue;
				if (pass == 0)
					row_cnt++;
				else
					ask(&own, q, group, cert);
			}
		}
		own.seconds = o->seconds / row_cnt;
	}
}

#define SUITE(id, name, help, ...)                                   \
	static void run_##id(const struct bench_options *o)          \
	{                                                            \
		run(o, &(const struct question){name, __VA_ARGS__}); \
	}                                                            \
	const struct bench_suite bench_##id = {name, help, run_##id}

SUITE(exchange, "exchange", "full exchanges, certificates known, beside DTLS 1.2", DUO_EXCHANGES,
	DUO_KNOWN, TLS_DTLS12, true, LIMIT_GROUP_CNT, BENCH_CERT_CNT);
SUITE(first_contact, "first-contact",
	"full exchanges, certificates sent and judged, beside DTLS 1.2", DUO_EXCHANGES, DUO_JUDGED,
	TLS_DTLS12, false, 1, BENCH_CERT_CNT);
SUITE(transfer, "transfer", "full exchanges, certificates sent, verdicts at hand, beside DTLS 1.2",
	DUO_EXCHANGES, DUO_TRANSFERRED, TLS_DTLS12, false, 1, BENCH_CERT_CNT);
SUITE(rekey, "rekey", "fast rekeys beside DTLS 1.2", DUO_REKEYS, DUO_KNOWN, TLS_DTLS12, true,
	LIMIT_GROUP_CNT, 1);
SUITE(rekey_tls13, "rekey-tls13", "fast rekeys beside TLS 1.3 resumption (psk_dhe_ke)", DUO_REKEYS,
	DUO_KNOWN, TLS_13_PSK_DHE, false, LIMIT_GROUP_CNT, 1);
