/* SPDX-License-Identifier: BSD-3-Clause */
/* The baselines by themselves: handshakes of libssl. */
#include "bench/suites.h"
#include "bench/tls.h"

struct row {
	int group, cert;
	enum tls_kind kind;
};

#define ROW_MAX 32

static void add(const struct bench_options *o, struct row *row, size_t *n, struct row next)
{
	if (bench_is_wanted(o, limit_groups[next.group].name, bench_certs[next.cert].name))
		row[(*n)++] = next;
}

static void measure(
	const struct bench_options *o, const char *bench, const struct row *row, size_t n)
{
	struct bench_case cases[ROW_MAX];
	struct tls *tls[ROW_MAX];
	size_t i;

	for (i = 0; i < n; i++) {
		tls[i] = tls_new(row[i].kind, bench_pki_get((size_t)row[i].cert),
			&limit_groups[row[i].group]);
		cases[i] = (struct bench_case){
			.name = tls_name(row[i].kind), .run = tls_run, .arg = tls[i]};
	}
	bench_run(o, cases, n);
	for (i = 0; i < n; i++) {
		bench_print(o, &(struct bench_row){.bench = bench,
				       .operation = cases[i].name,
				       .group = limit_groups[row[i].group].name,
				       .cert = bench_certs[row[i].cert].name,
				       .value = 1e9 / cases[i].ns,
				       .unit = "handshakes/s",
				       .field = {{"us", NULL, cases[i].ns / 1e3}}});
		tls_free(tls[i]);
	}
	bench_end(cases, n);
}

static void run_dtls12(const struct bench_options *o)
{
	struct row row[ROW_MAX];
	size_t n = 0;

	for (int group = 0; group < LIMIT_GROUP_CNT; group++)
		for (int cert = 0; cert < BENCH_CERT_CNT; cert++)
			add(o, row, &n, (struct row){group, cert, TLS_DTLS12});
	measure(o, "dtls12", row, n);
}

static void run_tls13(const struct bench_options *o)
{
	struct row row[ROW_MAX];
	size_t n = 0;

	for (int group = 0; group < LIMIT_GROUP_CNT; group++) {
		add(o, row, &n, (struct row){group, 0, TLS_13});
		add(o, row, &n, (struct row){group, 0, TLS_13_PSK_DHE});
	}
	measure(o, "tls13", row, n);
}

const struct bench_suite bench_dtls12 = {
	"dtls12", "libssl: DTLS 1.2, mutual certificates", run_dtls12};
const struct bench_suite bench_tls13 = {
	"tls13", "libssl: TLS 1.3, mutual certificates, and resumption with psk_dhe_ke", run_tls13};
