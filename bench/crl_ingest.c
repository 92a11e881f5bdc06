/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a list's bytes to an answer: verified, checked, extracted, built; beside d2i_X509_CRL and its
 * first lookup, which sorts. Each contender runs in a process of its own, so that its memory is.
 */
#include "bench/crl_ingest.h"

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/crl_lists.h"
#include "bench/memory_peak.h"
#include "control/revocations.h"

#define ROUNDS       3
#define ENTRY_MEMORY ((size_t)400) /* what the hungrier of the two takes for one */

/* What passed since begin and cpu_begin, which become now. */
static struct stage end_stage(uint64_t *begin, uint64_t *cpu_begin)
{
	uint64_t now = bench_wall_ns(), cpu_now = bench_process_cpu_ns();
	struct stage s = {(double)(now - *begin) / 1e9, (double)(cpu_now - *cpu_begin) / 1e9};

	*begin = now;
	*cpu_begin = cpu_now;
	return s;
}

static void ingest_ours(void *arg, struct told *out)
{
	const struct list_file *f = arg;
	struct pki_trust *trust = crl_trust(f->maker);
	struct revocations_args args = {0};
	struct compile_part compiled = {.fd = -1};
	struct revocations *r;
	struct rk_part *part;
	struct rk_refusal why;
	uint64_t begin, cpu_begin;

	memory_touch(f->entries * ENTRY_MEMORY);
	memory_peak_begin();
	begin = bench_wall_ns();
	cpu_begin = bench_process_cpu_ns();
	args.list = crl_take(f, trust);
	out->list = end_stage(&begin, &cpu_begin);
	bench_must(revocations_new(&args, &r) == 0 &&
			   revocations_compile(r, crl_installation_key, COMPILE_PAGES_ORDINARY,
				   &compiled, &why) == 0,
		"a set");
	out->set = end_stage(&begin, &cpu_begin);
	bench_must(rk_part_open(compiled.fd, RK_PART_REVOCATION_BASE, false, &part, &why) == 0,
		"a set that a reader takes");
	crl_must_answer(f, part);
	out->reader = end_stage(&begin, &cpu_begin);
	out->sec = out->list.sec + out->set.sec + out->reader.sec;
	out->cpu_sec = out->list.cpu_sec + out->set.cpu_sec + out->reader.cpu_sec;
	memory_peak_end(&out->anonymous, &out->shared);
}

/* ---- theirs ----------------------------------------------------------------------------------- */

static void ingest_theirs(void *arg, struct told *out)
{
	const struct list_file *f = arg;
	void *map = mmap(NULL, f->len, PROT_READ, MAP_PRIVATE, f->fd, 0);
	const unsigned char *next = map;
	ASN1_INTEGER *serial = crl_serial_number(f->entries / 2, f->is_ordered);
	X509_REVOKED *revoked;
	X509_CRL *crl;
	uint64_t begin, cpu_begin;

	memory_touch(f->entries * ENTRY_MEMORY);
	bench_must(map != MAP_FAILED, "memory");
	memory_peak_begin();
	begin = bench_wall_ns();
	cpu_begin = bench_process_cpu_ns();
	crl = d2i_X509_CRL(NULL, &next, (long)f->len);
	bench_must(crl != NULL && X509_CRL_get0_by_serial(crl, &revoked, serial) == 1,
		"a revoked certificate found");
	out->sec = (double)(bench_wall_ns() - begin) / 1e9;
	out->cpu_sec = (double)(bench_process_cpu_ns() - cpu_begin) / 1e9;
	memory_peak_end(&out->anonymous, &out->shared);
}

/* The middle of the rounds, in nanoseconds an entry. */
static double entry_ns(const struct list_file *f, const struct told *ours, size_t at)
{
	double ns[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		memcpy(&ns[i], (const char *)&ours[i] + at, sizeof(ns[i]));
		ns[i] *= 1e9 / f->entries;
	}
	return bench_median(ns, ROUNDS);
}

#define ENTRY_NS(field) entry_ns(f, ours, offsetof(struct told, field))

/* Where the time goes: into the list as it is kept, the set, and the reader's look at it. */
static void print_stages(const struct bench_options *o, const char *suite,
	const struct list_file *f, const struct told *ours)
{
	bench_print(o, &(struct bench_row){.bench = suite,
			       .operation = "ingest-stages",
			       .value = ENTRY_NS(sec),
			       .unit = "ns/entry",
			       .field = {{"case", .text = "ingest-stages"},
				       {"order", .text = f->is_ordered ? "serial" : "none"},
				       {"reasons", .number = f->reasons},
				       {"entries", .number = f->entries},
				       {"list_ns", .number = ENTRY_NS(list.sec)},
				       {"list_cpu_ns", .number = ENTRY_NS(list.cpu_sec)},
				       {"set_ns", .number = ENTRY_NS(set.sec)},
				       {"set_cpu_ns", .number = ENTRY_NS(set.cpu_sec)},
				       {"reader_ns", .number = ENTRY_NS(reader.sec)},
				       {"reader_cpu_ns", .number = ENTRY_NS(reader.cpu_sec)}}});
}

/* One list, and what its rounds told. */
struct contest {
	struct list_file file;
	struct told ours[ROUNDS];
	struct told theirs[ROUNDS];
};

static void run_round(struct contest *c, int i)
{
	c->theirs[i] = crl_apart(ingest_theirs, &c->file);
	c->ours[i] = crl_apart(ingest_ours, &c->file);
}

/* Ours uses two threads, and so its time is the wall clock's: true where two cores have nothing else. */
static void print_contest(const struct bench_options *o, const char *suite, struct contest *c)
{
	const struct list_file *f = &c->file;
	double ratio[ROUNDS], cpu_ratio[ROUNDS], sec[ROUNDS], cpu_sec[ROUNDS], their_sec[ROUNDS];
	double median_sec;

	for (int i = 0; i < ROUNDS; i++) {
		sec[i] = c->ours[i].sec;
		cpu_sec[i] = c->ours[i].cpu_sec;
		their_sec[i] = c->theirs[i].sec;
		ratio[i] = c->theirs[i].sec / c->ours[i].sec;
		cpu_ratio[i] = c->theirs[i].cpu_sec / c->ours[i].cpu_sec;
	}
	median_sec = bench_median(sec, ROUNDS);
	print_stages(o, suite, f, c->ours);
	bench_print(o,
		&(struct bench_row){.bench = suite,
			.operation = "ingest",
			.value = f->entries / median_sec,
			.unit = "entries/s",
			.baseline_name = "d2i_X509_CRL and first lookup",
			.baseline_value = f->entries / bench_median(their_sec, ROUNDS),
			.ratio = bench_median(ratio, ROUNDS),
			.field = {{"case", .text = "ingest"},
				{"order", .text = f->is_ordered ? "serial" : "none"},
				{"reasons", .number = f->reasons},
				{"entries", .number = f->entries}, {"sec", .number = median_sec},
				{"cpu_sec", .number = bench_median(cpu_sec, ROUNDS)},
				{"cpu_ratio", .number = bench_median(cpu_ratio, ROUNDS)},
				{"memory_share", .number = (double)c->ours[0].anonymous /
							   (double)(c->theirs[0].anonymous + 1)}}});
}

void crl_ingest_run(const struct bench_options *o, const char *suite, const struct crl_maker *maker,
	unsigned reasons)
{
	struct contest contest[2];

	for (int k = 0; k < 2; k++)
		crl_list_open(&contest[k].file, maker,
			&(struct crl_order){.number = 1,
				.cnt = bench_count(o->entries, 100000),
				.is_ordered = k == 0,
				.reasons = reasons});
	/* In turns, so that neither has the first, or the quieter, half of the run. */
	for (int i = 0; i < ROUNDS; i++) {
		run_round(&contest[i % 2], i);
		run_round(&contest[1 - i % 2], i);
	}
	for (int k = 0; k < 2; k++) {
		print_contest(o, suite, &contest[k]);
		close(contest[k].file.fd);
	}
}

/* No entry, every fourth, every one: CAs differ. */
static void run(const struct bench_options *o)
{
	static const unsigned reasons[] = {CRL_REASONS_NONE, CRL_REASONS_USUAL, CRL_REASONS_ALL};
	struct crl_maker maker;

	crl_maker_init(&maker);
	for (size_t i = 0; i < 3; i++)
		crl_ingest_run(o, "crl-ingest", &maker, reasons[i]);
	crl_maker_fini(&maker);
}

const struct bench_suite bench_crl_ingest = {"crl-ingest",
	"revocation lists: from bytes to the set, by how many entries have a reason (--entries)",
	run};
