/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a list's bytes to an answer: verified, checked, extracted, built; beside d2i_X509_CRL and its
 * first lookup, which sorts. Each contender runs in a process of its own, so that its memory is.
 * What the whole daemon does with lists over HTTP is in crl_live.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/crl_live.h"
#include "bench/crl_maker.h"
#include "bench/harness.h"
#include "bench/memory_peak.h"
#include "control/crl/ingest.h"
#include "control/revocations.h"

#define INGEST_ROUNDS 3

/* What a contender tells its parent. */
struct told {
	double sec;     /* by the wall clock: what somebody waits */
	double cpu_sec; /* of all its threads */
	size_t anonymous;
	size_t shared;
	double extra[2];
	struct stage {
		double sec;
		double cpu_sec;
	} list, set, reader; /* of the ingest, one after the other */
};

/* Runs work in a child; what it tells comes back. */
static struct told apart(void (*work)(void *arg, struct told *out), void *arg)
{
	struct told told;
	int pipes[2], status;
	pid_t child;

	bench_must(pipe(pipes) == 0, "a pipe");
	fflush(stdout);
	child = fork();
	bench_must(child >= 0, "a process");
	if (child == 0) {
		memset(&told, 0, sizeof(told));
		work(arg, &told);
		_exit(write(pipes[1], &told, sizeof(told)) == sizeof(told) ? 0 : 1);
	}
	close(pipes[1]);
	bench_must(read(pipes[0], &told, sizeof(told)) == sizeof(told) &&
			   waitpid(child, &status, 0) == child && status == 0,
		"a contender");
	close(pipes[0]);
	return told;
}

struct list_file {
	const struct crl_maker *maker;
	int fd;
	size_t len;
	bool is_ordered;
	unsigned entries;
};

static void make_list(
	struct list_file *f, const struct crl_maker *maker, const struct crl_order *order)
{
	FILE *file = tmpfile();
	uint8_t *der;

	*f = (struct list_file){
		.maker = maker, .entries = (unsigned)order->cnt, .is_ordered = order->is_ordered};
	der = crl_make(maker, order, &f->len);
	bench_must(file != NULL && fwrite(der, 1, f->len, file) == f->len && fflush(file) == 0,
		"a file for a list");
	f->fd = dup(fileno(file));
	fclose(file);
	free(der);
}

static void open_list(
	struct list_file *f, const struct crl_maker *maker, unsigned entries, bool is_ordered)
{
	make_list(f, maker,
		&(struct crl_order){.number = 1, .cnt = entries, .is_ordered = is_ordered});
}

/* ---- ours ------------------------------------------------------------------------------------- */

static struct pki_trust *trust_in(const struct crl_maker *m)
{
	struct pki_bundle bundle = {
		.name = "bench", .text = m->pem, .len = strlen(m->pem), .mode = PKI_MODE_STRICT};
	const struct pki_trust_config config = {
		.bundle = &bundle, .bundle_cnt = 1, .generation = 1, .now = time(NULL)};
	struct pki_trust *trust = NULL;

	bench_must(pki_trust_new(&config, NULL, &trust) == 0, "a trust");
	return trust;
}

/* Puts the list's entries into *list. */
static void take_into(struct master_list **list, const struct list_file *f, const char *url,
	struct pki_trust *trust)
{
	struct master_list *next;
	struct crl_ingest_args args = {.fd = dup(f->fd),
		.len = f->len,
		.url = url,
		.now = time(NULL),
		.trust = trust,
		.list = *list,
		.shrink_percent = 100};
	struct crl_ingest *in = crl_ingest_new(&args);

	bench_must(in != NULL, "memory");
	crl_ingest_work(in);
	bench_must(in->error == 0 && in->entry_cnt == f->entries, "taking a list");
	bench_must(
		master_list_replace_group(*list, in->source, in->source_cnt, &next) == 0, "a list");
	crl_ingest_free(in);
	master_list_put(*list);
	*list = next;
}

static struct master_list *take_list(const struct list_file *f, struct pki_trust *trust)
{
	struct master_list *list;

	bench_must(master_list_new(&list) == 0, "a list");
	take_into(&list, f, "http://pki.example/ca.crl", trust);
	return list;
}

static void must_answer(
	const struct list_file *f, const struct rk_part *part, const uint8_t *secret)
{
	struct pki_revocation_keyer *keyer = NULL;
	uint8_t hash[PKI_ISSUER_HASH_LEN], serial[CRL_SERIAL_LEN];
	struct rk_revocation_key key;
	struct rk_view view = {0};
	size_t size;
	const uint8_t *bytes = rk_part_bytes(part).data;
	const struct rk_section *section =
		(const struct rk_section *)(bytes + sizeof(struct rk_part_header));

	bench_must(pki_issuer_hash(X509_get_subject_name(f->maker->ca), hash) == 0 &&
			   pki_revocation_keyer_new(secret, &keyer) == 0,
		"a key");
	crl_serial(f->entries / 2, f->is_ordered, serial);
	pki_revocation_key(keyer, hash, serial, sizeof(serial), &key);
	pki_revocation_keyer_free(keyer);
	size = (size_t)section[0].count;
	view.base = (const struct rk_revocation_line *)(bytes + section[0].offset);
	view.base_line_cnt = size;
	bench_must(rk_view_revocation(&view, &key) != 0, "a revoked certificate found");
}

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
	static const uint8_t secret[INSTALLATION_KEY_LEN] = {1};
	const struct list_file *f = arg;
	struct pki_trust *trust = trust_in(f->maker);
	struct revocations_args args = {0};
	struct compile_part compiled = {.fd = -1};
	struct revocations *r;
	struct rk_part *part;
	struct rk_refusal why;
	uint64_t begin, cpu_begin;

	memory_peak_begin();
	begin = bench_wall_ns();
	cpu_begin = bench_process_cpu_ns();
	args.list = take_list(f, trust);
	out->list = end_stage(&begin, &cpu_begin);
	bench_must(revocations_new(&args, &r) == 0 &&
			   revocations_compile(
				   r, secret, COMPILE_PAGES_ORDINARY, &compiled, &why) == 0,
		"a set");
	out->set = end_stage(&begin, &cpu_begin);
	bench_must(rk_part_open(compiled.fd, RK_PART_REVOCATION_BASE, false, &part, &why) == 0,
		"a set that a reader takes");
	must_answer(f, part, secret);
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
	ASN1_INTEGER *serial = ASN1_INTEGER_new();
	uint8_t bytes[CRL_SERIAL_LEN];
	X509_REVOKED *revoked;
	X509_CRL *crl;
	uint64_t begin, cpu_begin;

	bench_must(map != MAP_FAILED && serial != NULL, "memory");
	crl_serial(f->entries / 2, f->is_ordered, bytes);
	bench_must(ASN1_STRING_set(serial, bytes, sizeof(bytes)) == 1, "memory");
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
	double ns[INGEST_ROUNDS];

	for (int i = 0; i < INGEST_ROUNDS; i++) {
		memcpy(&ns[i], (const char *)&ours[i] + at, sizeof(ns[i]));
		ns[i] *= 1e9 / f->entries;
	}
	return bench_median(ns, INGEST_ROUNDS);
}

#define ENTRY_NS(field) entry_ns(f, ours, offsetof(struct told, field))

/* Where the time goes: into the list as it is kept, the set, and the reader's look at it. */
static void print_stages(
	const struct bench_options *o, const struct list_file *f, const struct told *ours)
{
	bench_print(o, &(struct bench_row){.bench = "crl",
			       .operation = "ingest-stages",
			       .value = ENTRY_NS(sec),
			       .unit = "ns/entry",
			       .field = {{"case", .text = "ingest-stages"},
				       {"order", .text = f->is_ordered ? "serial" : "none"},
				       {"entries", .number = f->entries},
				       {"list_ns", .number = ENTRY_NS(list.sec)},
				       {"list_cpu_ns", .number = ENTRY_NS(list.cpu_sec)},
				       {"set_ns", .number = ENTRY_NS(set.sec)},
				       {"set_cpu_ns", .number = ENTRY_NS(set.cpu_sec)},
				       {"reader_ns", .number = ENTRY_NS(reader.sec)},
				       {"reader_cpu_ns", .number = ENTRY_NS(reader.cpu_sec)}}});
}

/* Ours uses two threads, and so its time is the wall clock's: true where two cores have nothing else. */
static void run_ingest(const struct bench_options *o, struct list_file *f)
{
	struct told ours[INGEST_ROUNDS], theirs[INGEST_ROUNDS];
	double ratio[INGEST_ROUNDS], cpu_ratio[INGEST_ROUNDS], sec[INGEST_ROUNDS];
	double cpu_sec[INGEST_ROUNDS], their_sec[INGEST_ROUNDS];
	double median_sec;

	for (int i = 0; i < INGEST_ROUNDS; i++) {
		ours[i] = apart(ingest_ours, f);
		theirs[i] = apart(ingest_theirs, f);
		sec[i] = ours[i].sec;
		cpu_sec[i] = ours[i].cpu_sec;
		their_sec[i] = theirs[i].sec;
		ratio[i] = theirs[i].sec / ours[i].sec;
		cpu_ratio[i] = theirs[i].cpu_sec / ours[i].cpu_sec;
	}
	median_sec = bench_median(sec, INGEST_ROUNDS);
	print_stages(o, f, ours);
	bench_print(
		o, &(struct bench_row){.bench = "crl",
			   .operation = "ingest",
			   .value = f->entries / median_sec,
			   .unit = "entries/s",
			   .baseline_name = "d2i_X509_CRL and first lookup",
			   .baseline_value = f->entries / bench_median(their_sec, INGEST_ROUNDS),
			   .ratio = bench_median(ratio, INGEST_ROUNDS),
			   .field = {{"case", .text = "ingest"},
				   {"order", .text = f->is_ordered ? "serial" : "none"},
				   {"entries", .number = f->entries}, {"sec", .number = median_sec},
				   {"cpu_sec", .number = bench_median(cpu_sec, INGEST_ROUNDS)},
				   {"cpu_ratio", .number = bench_median(cpu_ratio, INGEST_ROUNDS)},
				   {"memory_share", .number = (double)ours[0].anonymous /
							      (double)(theirs[0].anonymous + 1)}}});
}

/* ---- the master list -------------------------------------------------------------------------- */

static void sort_and_save(void *arg, struct told *out)
{
	const struct list_file *f = arg;
	struct master_list *list = take_list(f, trust_in(f->maker));
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
		crl_serial(i, false, serial);
		bench_must(
			master_builder_add(b, (struct rk_span){serial, sizeof(serial)}, 1, 0) == 0,
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
	struct told told = apart(sort_and_save, f);

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
	static const uint8_t secret[INSTALLATION_KEY_LEN] = {1};
	const struct partitions *p = arg;
	struct pki_trust *trust = trust_in(p->maker);
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
		make_list(&f, p->maker,
			&(struct crl_order){.number = 1,
				.partition = i + 1,
				.first = (uint64_t)i * PARTITION_ENTRIES,
				.cnt = PARTITION_ENTRIES,
				.is_ordered = true});
		snprintf(url, sizeof(url), "http://pki.example/%u.crl", i + 1);
		begin = bench_wall_ns();
		take_into(&args.list, &f, url, trust);
		out->sec += (double)(bench_wall_ns() - begin) / 1e9;
		close(f.fd);
	}
	memory_peak_begin();
	begin = bench_wall_ns();
	bench_must(
		revocations_new(&args, &r) == 0 &&
			revocations_compile(r, secret, COMPILE_PAGES_ORDINARY, &compiled, &why) ==
				0 &&
			rk_part_open(compiled.fd, RK_PART_REVOCATION_BASE, false, &part, &why) == 0,
		"a set");
	out->extra[0] = (double)(bench_wall_ns() - begin) / 1e9;
	out->extra[1] = (double)compiled.size;
	must_answer(&f, part, secret);
	memory_peak_end(&out->anonymous, &out->shared);
	out->anonymous += master_list_entry_cnt(args.list) * 24; /* held before already */
}

static void run_partitions(
	const struct bench_options *o, const struct crl_maker *maker, unsigned entries)
{
	struct partitions p = {maker, entries / PARTITION_ENTRIES};
	struct told told = apart(take_partitions, &p);

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
	for (int is_ordered = 1; is_ordered >= 0; is_ordered--) {
		open_list(&f, &maker, entries, is_ordered);
		run_ingest(o, &f);
		if (!is_ordered)
			run_master_list(o, &f);
		close(f.fd);
	}
	crl_live_run(o, &maker, entries);
	crl_maker_fini(&maker);
}

const struct bench_suite bench_crl = {
	"crl", "revocation lists: from bytes and from a server to the workers (--entries)", run};
