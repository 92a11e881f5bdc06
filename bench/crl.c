/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lists of revoked certificates: from bytes to an answer (crl_ingest.c), the master list on disk, one
 * issuer's list in partitions, and what the whole daemon does with lists over HTTP (crl_live.c).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/crl_ingest.h"
#include "bench/crl_lists.h"
#include "bench/crl_live.h"
#include "bench/harness.h"
#include "bench/memory_peak.h"
#include "control/revocations.h"

/* ---- the master list -------------------------------------------------------------------------- */

static void sort_and_save(void *arg, struct told *out)
{
	const struct list_file *f = arg;
	struct master_list *list = crl_take(f, crl_trust(f->maker));
	char dir[] = "/tmp/rekey-bench-XXXXXX", path[64];
	struct master_builder *b = NULL;
	struct master_source *s;
	struct master_source_info info = *master_source_info(master_list_source(list, 0));
	uint8_t serial[CRL_SERIAL_LEN];
	uint64_t begin;
	struct stat st;
	int fd;

	bench_must(master_builder_new(&info, &b) == 0, "a list");
	for (unsigned i = 0; i < f->entries; i++) {
		size_t len = crl_serial(i, false, serial);

		bench_must(master_builder_add(b, (struct rk_span){serial, len}, 1, 0) == 0,
			"an entry");
	}
	begin = bench_cpu_ns();
	bench_must(master_builder_finish(b, &s) == 0, "sorting");
	out->cpu_sec = (double)(bench_cpu_ns() - begin) / 1e9;
	bench_must(mkdtemp(dir) != NULL, "a folder");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	begin = bench_wall_ns();
	bench_must(
		master_list_save(list, fd, NULL) == 0 && fstatat(fd, MASTER_LIST_FILE, &st, 0) == 0,
		"writing the list");
	out->extra[0] = (double)(bench_wall_ns() - begin) / 1e9;
	out->extra[1] = (double)st.st_size;
	snprintf(path, sizeof(path), "%s/%s", dir, MASTER_LIST_FILE);
	unlink(path);
	rmdir(dir);
}

static void run_master_list(const struct bench_options *o, struct list_file *f)
{
	struct told told = crl_apart(sort_and_save, f);

	bench_print(o, &(struct bench_row){.bench = "crl",
			       .operation = "master-list",
			       .value = told.extra[1] / f->entries,
			       .unit = "bytes/entry",
			       .field = {{"case", .text = "master-list"},
				       {"entries", .number = f->entries},
				       {"sort_sec", .number = told.cpu_sec},
				       {"write_sec", .number = told.extra[0]}}});
}

/* ---- one issuer's list in partitions ---------------------------------------------------------- */

#define PARTITION_ENTRIES 10000000u

struct partitions {
	const struct crl_maker *maker;
	unsigned cnt;
};

/* Each list is made, taken and forgotten; then the set of all is compiled and opened. */
static void take_partitions(void *arg, struct told *out)
{
	const struct partitions *p = arg;
	struct pki_trust *trust = crl_trust(p->maker);
	struct revocations_args args = {0};
	struct compile_part compiled = {.fd = -1};
	struct revocations *r;
	struct rk_part *part;
	struct rk_refusal why;
	struct list_file f;
	uint64_t begin;
	char url[64];

	bench_must(master_list_new(&args.list) == 0, "a list");
	for (unsigned i = 0; i < p->cnt; i++) {
		crl_list_open(&f, p->maker,
			&(struct crl_order){.number = 1,
				.partition = i + 1,
				.first = (uint64_t)i * PARTITION_ENTRIES,
				.cnt = PARTITION_ENTRIES,
				.is_ordered = true,
				.reasons = CRL_REASONS_USUAL});
		snprintf(url, sizeof(url), "http://pki.example/%u.crl", i + 1);
		begin = bench_wall_ns();
		crl_take_into(&args.list, &f, url, trust);
		out->sec += (double)(bench_wall_ns() - begin) / 1e9;
		close(f.fd);
	}
	memory_peak_begin();
	begin = bench_wall_ns();
	bench_must(
		revocations_new(&args, &r) == 0 &&
			revocations_compile(r, crl_installation_key, COMPILE_PAGES_ORDINARY,
				&compiled, &why) == 0 &&
			rk_part_open(compiled.fd, RK_PART_REVOCATION_BASE, false, &part, &why) == 0,
		"a set");
	out->extra[0] = (double)(bench_wall_ns() - begin) / 1e9;
	out->extra[1] = (double)compiled.size;
	crl_must_answer(&f, part);
	memory_peak_end(&out->anonymous, &out->shared);
	out->anonymous += master_list_entry_cnt(args.list) * 24; /* held before already */
}

static void run_partitions(
	const struct bench_options *o, const struct crl_maker *maker, unsigned entries)
{
	struct partitions p = {maker, entries / PARTITION_ENTRIES};
	struct told told = crl_apart(take_partitions, &p);

	bench_print(o, &(struct bench_row){.bench = "crl",
			       .operation = "partitions",
			       .value = p.cnt * (double)PARTITION_ENTRIES / told.sec,
			       .unit = "entries/s",
			       .field = {{"case", .text = "partitions"}, {"lists", .number = p.cnt},
				       {"list_sec", .number = told.sec / p.cnt},
				       {"set_sec", .number = told.extra[0]},
				       {"set_mib", .number = told.extra[1] / (1 << 20)},
				       {"list_mib", .number = (double)(told.anonymous >> 20)},
				       {"shared_mib", .number = (double)(told.shared >> 20)}}});
}

static void run(const struct bench_options *o)
{
	unsigned entries = bench_count(o->entries, 100000);
	struct crl_maker maker;
	struct list_file f;

	crl_maker_init(&maker);
	if (entries >= 2 * PARTITION_ENTRIES) {
		run_partitions(o, &maker, entries);
		crl_maker_fini(&maker);
		return;
	}
	crl_ingest_run(o, "crl", &maker, CRL_REASONS_USUAL);
	crl_list_open(&f, &maker,
		&(struct crl_order){.number = 1, .cnt = entries, .reasons = CRL_REASONS_USUAL});
	run_master_list(o, &f);
	close(f.fd);
	crl_live_run(o, &maker, entries);
	crl_maker_fini(&maker);
}

const struct bench_suite bench_crl = {
	"crl", "revocation lists: from bytes and from a server to the workers (--entries)", run};
