/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads the command line and runs one suite; --list names them. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/identity.h"
#include "bench/limit.h"
#include "bench/suites.h"
#include "dataplane/core/kex.h"
#include "dataplane/port.h"

static const struct bench_suite *const suites[] = {
#define X(name) &bench_##name,
	BENCH_SUITES(X)
#undef X
};
#define SUITE_CNT (sizeof(suites) / sizeof(suites[0]))

static int usage(FILE *f)
{
	size_t i;

	fprintf(f,
		"usage: rekey-bench SUITE [--json] [--seconds N] [--peers N] [--entries N]\n"
		"                         [--group NAME] [--cert TYPE] [--queue N] [--kex NAME]\n"
		"       rekey-bench --list\n\n");
	for (i = 0; i < SUITE_CNT; i++)
		fprintf(f, "  %-22s %s\n", suites[i]->name, suites[i]->help);
	return f == stdout ? 0 : 2;
}

/* What a number may be; beyond that a suite would take days, or all memory. */
static const struct range {
	int option;
	const char *name;
	double low, high;
	bool is_whole;
} ranges[] = {
	{'s', "--seconds", 0.1, 3600, false},
	{'p', "--peers", 1, 1000000, true},
	{'e', "--entries", 1, 100000000, true},
	{'q', "--queue", 32, PORT_RECEIVE_LEN, true},
};
#define RANGE_CNT (sizeof(ranges) / sizeof(ranges[0]))

/* True: no number is wanted, or *out is one. */
static bool read_number(int option, const char *text, double *out)
{
	for (const struct range *r = ranges; r < ranges + RANGE_CNT; r++) {
		char *end;
		double v;

		if (r->option != option)
			continue;
		v = strtod(text, &end);
		if (end == text || *end != '\0' || !(v >= r->low && v <= r->high) ||
			(r->is_whole && v != (double)(unsigned)v)) {
			fprintf(stderr,
				"rekey-bench: %s: '%s' is not a%s number from %.10g to %.10g\n",
				r->name, text, r->is_whole ? " whole" : "", r->low, r->high);
			return false;
		}
		*out = v;
	}
	return true;
}

static bool is_group(const char *name)
{
	for (size_t i = 0; i < LIMIT_GROUP_CNT; i++)
		if (strcmp(name, limit_groups[i].name) == 0)
			return true;
	fprintf(stderr, "rekey-bench: --group: '%s' is none of", name);
	for (size_t i = 0; i < LIMIT_GROUP_CNT; i++)
		fprintf(stderr, " %s", limit_groups[i].name);
	fputc('\n', stderr);
	return false;
}

static bool is_cert(const char *name)
{
	for (size_t i = 0; i < BENCH_CERT_CNT; i++)
		if (strcmp(name, bench_certs[i].name) == 0)
			return true;
	fprintf(stderr, "rekey-bench: --cert: '%s' is none of", name);
	for (size_t i = 0; i < BENCH_CERT_CNT; i++)
		fprintf(stderr, " %s", bench_certs[i].name);
	fputc('\n', stderr);
	return false;
}

static bool use_kex(const char *name)
{
	const struct kex_backend *b = kex_backend_find(name);

	if (b == NULL)
		fprintf(stderr, "rekey-bench: --kex %s: unknown, or not on this processor\n", name);
	else
		kex_backend_use(b);
	return b != NULL;
}

/* 0, or the exit code + 1 to leave with. */
static int read_options(int argc, char *argv[], struct bench_options *o)
{
	static const struct option longs[] = {
		{"json", no_argument, NULL, 'j'},
		{"seconds", required_argument, NULL, 's'},
		{"peers", required_argument, NULL, 'p'},
		{"entries", required_argument, NULL, 'e'},
		{"queue", required_argument, NULL, 'q'},
		{"group", required_argument, NULL, 'g'},
		{"cert", required_argument, NULL, 'c'},
		{"kex", required_argument, NULL, 'k'},
		{"list", no_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	double v = 0;
	size_t i;
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (!read_number(c, optarg, &v) || (c == 'g' && !is_group(optarg)) ||
			(c == 'c' && !is_cert(optarg)))
			return 2 + 1;
		switch (c) {
		case 'j':
			o->is_json = true;
			break;
		case 's':
			o->seconds = v;
			break;
		case 'p':
			o->peers = (unsigned)v;
			break;
		case 'e':
			o->entries = (unsigned)v;
			break;
		case 'q':
			o->queue = (unsigned)v;
			break;
		case 'g':
			o->group = optarg;
			break;
		case 'c':
			o->cert = optarg;
			break;
		case 'k':
			if (!use_kex(optarg))
				return 2 + 1;
			break;
		case 'l':
			for (i = 0; i < SUITE_CNT; i++)
				puts(suites[i]->name);
			return 1;
		case 'h':
			return usage(stdout) + 1;
		default:
			return usage(stderr) + 1;
		}
	}
	return 0;
}

int main(int argc, char *argv[])
{
	struct bench_options o = {.seconds = 5};
	int ret = read_options(argc, argv, &o);
	size_t i;

	if (ret != 0)
		return ret - 1;
	for (i = 0; i < SUITE_CNT && optind + 1 == argc; i++) {
		if (strcmp(argv[optind], suites[i]->name) == 0) {
			suites[i]->run(&o);
			bench_must(bench_row_cnt() > 0, "the suite has no such --group or --cert");
			return 0;
		}
	}
	if (optind + 1 == argc) {
		fprintf(stderr, "rekey-bench: there is no suite '%s': see --list\n", argv[optind]);
		return 2;
	}
	return usage(stderr);
}
