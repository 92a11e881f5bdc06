/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an exchange takes besides its asymmetric operations: messages, transcripts, derivations,
 * seals, timers, both sides counted.
 */
#include "bench/duo.h"
#include "bench/limit.h"
#include "bench/suites.h"

static void run(const struct bench_options *o)
{
	static const char *const names[2] = {"exchange", "rekey"};
	struct bench_case cases[2];
	struct duo *duo[2];
	int i;

	for (i = 0; i < 2; i++) {
		duo[i] = duo_new(&(struct duo_options){.pki = bench_pki_get(0),
			.group = limit_groups[0].id,
			.purpose = i == 0 ? DUO_EXCHANGES : DUO_REKEYS,
			.is_work_skipped = true});
		cases[i] = (struct bench_case){.name = names[i],
			.run = i == 0 ? duo_run_exchange : duo_run_rekey,
			.arg = duo[i]};
	}
	bench_run(o, cases, 2);
	for (i = 0; i < 2; i++) {
		bench_print(o, &(struct bench_row){.bench = "symmetric",
				       .operation = names[i],
				       .group = limit_groups[0].name,
				       .cert = bench_certs[0].name,
				       .value = cases[i].ns / 1e3,
				       .unit = "us"});
		duo_free(duo[i]);
	}
	bench_end(cases, 2);
}

const struct bench_suite bench_symmetric = {
	"symmetric", "what an exchange and a rekey take besides asymmetric work", run};
