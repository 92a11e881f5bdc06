/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The workers' revocation set: bytes an entry, one lookup, 32 at once, beside one random read of a
 * cache line in as much memory on pages of the same size, and beside what else could be asked.
 */
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/crl_maker.h"
#include "bench/harness.h"
#include "dataplane/rcu.h"
#include "pki/store/revocation_build.h"

#define BATCH     32
#define KEYS      (1u << 22) /* looked up in turns: more lines than caches keep */
#define HUGE_PAGE ((size_t)2 << 20)
#define CRL_MOST  1000000 /* libcrypto's own list beside ours: memory */

struct table {
	const char *pages;
	void *map;
	size_t size;
	size_t line_cnt;
	struct rk_revocation_key *key; /* KEYS */
	uint64_t sink;
	uint32_t at;
};

/* Nothing of the next one begins before this one is done: latency, not throughput. */
static inline void settle(void)
{
#if defined(__x86_64__)
	__builtin_ia32_lfence();
#elif defined(__aarch64__)
	__asm__ volatile("dsb ld\n\tisb" ::: "memory");
#endif
}

static uint64_t mix(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static struct rk_revocation_key key_of(uint64_t n)
{
	const uint64_t half[2] = {mix(n), mix(~n)};
	struct rk_revocation_key key;

	memcpy(key.bytes, half, sizeof(key.bytes));
	return key;
}

/* NULL: no such pages are reserved. As parts are: a sealed memfd, mapped and populated. */
static void *map_memfd(size_t size, bool is_huge)
{
	int fd = memfd_create("bench", MFD_CLOEXEC | (is_huge ? MFD_HUGETLB : 0));
	void *map = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, (off_t)size) == 0)
		map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (fd >= 0)
		close(fd);
	return map != MAP_FAILED ? map : NULL;
}

static bool open_table(struct table *t, unsigned entries, bool is_huge)
{
	*t = (struct table){.pages = is_huge ? "2M" : "4K"};
	t->line_cnt = rk_revocation_line_cnt(entries);
	t->size = (t->line_cnt * sizeof(struct rk_revocation_line) + HUGE_PAGE - 1) / HUGE_PAGE *
		  HUGE_PAGE;
	t->map = map_memfd(t->size, is_huge);
	t->key = malloc(KEYS * sizeof(*t->key));
	bench_must(t->key != NULL, "memory");
	return t->map != NULL;
}

static void close_table(struct table *t)
{
	if (t->map != NULL)
		munmap(t->map, t->size);
	free(t->key);
}

/* The time of building, in ns an entry. */
static double build(struct table *t, unsigned entries)
{
	struct rk_revocation_entry *entry = malloc(entries * sizeof(*entry));
	uint64_t begin;

	bench_must(entry != NULL, "memory");
	for (unsigned i = 0; i < entries; i++) {
		struct rk_revocation_key key = key_of(i);

		entry[i] = rk_revocation_entry(&key, i % 4 == 0 ? RK_REASON_KEY_COMPROMISE : 0);
	}
	begin = bench_cpu_ns();
	bench_must(revocation_build(t->map, t->line_cnt, entry, entries) == 0, "building a set");
	begin = bench_cpu_ns() - begin;
	free(entry);
	return (double)begin / entries;
}

/* Keys in the set, or none of them. */
static void choose_keys(struct table *t, unsigned entries, bool is_hit)
{
	for (unsigned i = 0; i < KEYS; i++)
		t->key[i] = key_of(is_hit ? mix(i) % entries : mix(i) | UINT64_C(1) << 63);
}

/*
 * The keys stand in the order in
 * which they are asked for, so that reading them costs next to nothing.
 */
static bool look_up(void *arg, unsigned cnt)
{
	struct table *t = arg;
	unsigned at = t->at;

	for (unsigned i = 0; i < cnt; i++) {
		unsigned state = rk_revocation_find(t->map, t->line_cnt, &t->key[at]);

		t->sink += state;
		at = (at + 1) % KEYS;
		settle();
	}
	t->at = at;
	return true;
}

static bool look_up_batch(void *arg, unsigned cnt)
{
	struct table *t = arg;

	for (unsigned i = 0; i < cnt; i++) {
		unsigned at = t->at++ * BATCH % KEYS;

		for (unsigned k = 0; k < BATCH; k++)
			rk_revocation_prefetch(t->map, t->line_cnt, &t->key[at + k]);
		for (unsigned k = 0; k < BATCH; k++)
			t->sink += rk_revocation_find(t->map, t->line_cnt, &t->key[at + k]);
	}
	return true;
}

/* One load of a line chosen by the same keys. */
static bool read_line(void *arg, unsigned cnt)
{
	struct table *t = arg;
	const struct rk_revocation_line *lines = t->map;
	unsigned at = t->at;

	for (unsigned i = 0; i < cnt; i++) {
		uint64_t head;
		unsigned seen;

		memcpy(&head, t->key[at].bytes, sizeof(head));
		seen = lines[(size_t)((unsigned __int128)head * t->line_cnt >> 64)].spill;
		t->sink += seen;
		at = (at + 1) % KEYS;
		settle();
	}
	t->at = at;
	return true;
}

static bool read_line_batch(void *arg, unsigned cnt)
{
	struct table *t = arg;
	const struct rk_revocation_line *lines = t->map;

	for (unsigned i = 0; i < cnt; i++) {
		unsigned at = t->at++ * BATCH % KEYS;

		for (unsigned k = 0; k < BATCH; k++) {
			uint64_t head;

			memcpy(&head, t->key[at + k].bytes, sizeof(head));
			t->sink +=
				lines[(size_t)((unsigned __int128)head * t->line_cnt >> 64)].spill;
		}
	}
	return true;
}

/* ---- others ----------------------------------------------------------------------------------- */

struct node {
	struct rk_rcu_table_node node;
	struct rk_revocation_key key;
};

struct others {
	struct node *node;
	struct rk_rcu_table table; /* cds_lfht */
	uint64_t *sorted;          /* the first halves of the keys */
	size_t cnt;
	X509_CRL *crl;
	ASN1_INTEGER *serial[256];
	uint64_t sink;
	unsigned at;
};

static int compare_numbers(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool is_key(const struct rk_rcu_table_node *node, const void *key)
{
	return memcmp(&((const struct node *)(const void *)node)->key, key,
		       sizeof(struct rk_revocation_key)) == 0;
}

/* Keys are keyed hashes: eight bytes of one serve as its hash. */
static uint64_t hash_of(const struct rk_revocation_key *key)
{
	uint64_t hash;

	memcpy(&hash, key->bytes, sizeof(hash));
	return hash;
}

static void open_table_of_nodes(struct others *o, unsigned entries)
{
	bench_start_rcu();
	o->node = calloc(entries, sizeof(*o->node));
	bench_must(o->node != NULL && rk_rcu_table_init(&o->table) == 0, "memory");
	for (unsigned i = 0; i < entries; i++) {
		struct node *n = &o->node[i];

		n->key = key_of(i);
		bench_must(rk_rcu_table_add(&o->table, hash_of(&n->key), is_key, &n->key, &n->node),
			"a key of its own");
	}
}

static void drop_node(struct rk_rcu_table_node *node, void *arg)
{
	rk_rcu_table_remove(arg, node);
}

static bool search_table(void *arg, unsigned cnt)
{
	struct others *o = arg;

	for (unsigned i = 0; i < cnt; i++) {
		struct rk_revocation_key key = key_of(mix(o->at++ + (o->sink & 1)) % o->cnt);

		o->sink += rk_rcu_table_find(&o->table, hash_of(&key), is_key, &key) != NULL;
	}
	return true;
}

static void open_others(struct others *o, unsigned entries)
{
	struct crl_maker maker;
	const uint8_t *next;
	uint8_t *der;
	size_t len;

	*o = (struct others){.cnt = entries};
	open_table_of_nodes(o, entries);
	o->sorted = malloc(entries * sizeof(*o->sorted));
	bench_must(o->sorted != NULL, "memory");
	for (unsigned i = 0; i < entries; i++)
		o->sorted[i] = mix(i);
	qsort(o->sorted, entries, sizeof(*o->sorted), compare_numbers);
	if (entries > CRL_MOST)
		return;
	crl_maker_init(&maker);
	der = crl_make(&maker,
		&(struct crl_order){.number = 1, .cnt = entries, .reasons = CRL_REASONS_USUAL},
		&len);
	next = der;
	o->crl = d2i_X509_CRL(NULL, &next, (long)len);
	bench_must(o->crl != NULL, "reading a list");
	for (unsigned i = 0; i < 256; i++)
		o->serial[i] = crl_serial_number(mix(i) % entries, false);
	free(der);
	crl_maker_fini(&maker);
}

static void close_others(struct others *o)
{
	for (unsigned i = 0; i < 256; i++)
		ASN1_INTEGER_free(o->serial[i]);
	X509_CRL_free(o->crl);
	free(o->sorted);
	rk_rcu_table_walk(&o->table, drop_node, &o->table);
	rk_rcu_barrier();
	rk_rcu_table_fini(&o->table);
	free(o->node);
}

static bool search_binary(void *arg, unsigned cnt)
{
	struct others *o = arg;

	for (unsigned i = 0; i < cnt; i++) {
		uint64_t wanted = mix(mix(o->at++ + (o->sink & 1)) % o->cnt);
		size_t low = 0, high = o->cnt;

		while (low < high) {
			size_t middle = low + (high - low) / 2;

			if (o->sorted[middle] < wanted)
				low = middle + 1;
			else
				high = middle;
		}
		o->sink += low;
	}
	return true;
}

static bool search_crl(void *arg, unsigned cnt)
{
	struct others *o = arg;
	X509_REVOKED *revoked;

	for (unsigned i = 0; i < cnt; i++)
		if (X509_CRL_get0_by_serial(o->crl, &revoked, o->serial[o->at++ % 256]) != 1)
			return false;
	return true;
}

/* ---- the report ------------------------------------------------------------------------------- */

static void print(const struct bench_options *o, const char *name, const char *pages,
	unsigned entries, const char *what, const struct bench_case *c,
	const struct bench_case *baseline, unsigned per)
{
	/* Of a row with a baseline more is better: lookups a second. */
	struct bench_row row = {.bench = "revocation",
		.operation = name,
		.value = 1e9 / c->ns * per,
		.unit = "lookups/s",
		.field = {{"case", .text = name}, {"what", .text = what}, {"pages", .text = pages},
			{"entries", .number = entries}, {"ns", .number = c->ns / per}}};

	if (baseline != NULL) {
		row.baseline_name = baseline->name;
		row.baseline_value = 1e9 / baseline->ns * per;
		row.ratio = bench_ratio(c, baseline);
		row.field[5] = (struct bench_field){"times", .number = 1 / row.ratio};
		row.field[6] = (struct bench_field){"baseline_ns", .number = baseline->ns / per};
	}
	bench_print(o, &row);
}

static void run_lookups(
	const struct bench_options *o, struct table *t, unsigned entries, bool is_hit)
{
	const char *what = is_hit ? "hits" : "misses";
	struct bench_case c[] = {{"lookup", look_up, t}, {"random-read", read_line, t},
		{"lookup-batch", look_up_batch, t}, {"random-read-32", read_line_batch, t}};

	choose_keys(t, entries, is_hit);
	bench_run(o, c, 4);
	print(o, "lookup", t->pages, entries, what, &c[0], &c[1], 1);
	print(o, "lookup-batch", t->pages, entries, what, &c[2], &c[3], BATCH);
	bench_end(c, 4);
}

static void run_others(const struct bench_options *o, struct table *t, unsigned entries)
{
	struct others others;
	struct bench_case c[4] = {{"lookup", look_up, t}, {"binary-search", search_binary, &others},
		{"cds_lfht", search_table, &others}};
	size_t cnt = 3;

	open_others(&others, entries);
	if (others.crl != NULL)
		c[cnt++] = (struct bench_case){"X509_CRL_get0_by_serial", search_crl, &others};
	choose_keys(t, entries, true);
	bench_run(o, c, cnt);
	for (size_t i = 1; i < cnt; i++)
		print(o, "lookup", t->pages, entries, "hits", &c[0], &c[i], 1);
	bench_end(c, cnt);
	close_others(&others);
}

static void run(const struct bench_options *o)
{
	unsigned entries = bench_count(o->entries, 1000000);
	struct table t;

	for (int is_huge = 0; is_huge < 2; is_huge++) {
		double ns;

		if (!open_table(&t, entries, is_huge)) {
			bench_must(is_huge, "memory for the set");
			close_table(&t);
			continue; /* no such pages are reserved */
		}
		ns = build(&t, entries);
		bench_print(
			o, &(struct bench_row){.bench = "revocation",
				   .operation = "set",
				   .value = (double)t.line_cnt * sizeof(struct rk_revocation_line) /
					    entries,
				   .unit = "bytes/entry",
				   .field = {{"case", .text = "set"}, {"pages", .text = t.pages},
					   {"entries", .number = entries},
					   {"build_ns", .number = ns}}});
		run_lookups(o, &t, entries, true);
		run_lookups(o, &t, entries, false);
		if (!is_huge)
			run_others(o, &t, entries);
		close_table(&t);
	}
}

const struct bench_suite bench_revocation = {
	"revocation", "the workers' revocation set: size and lookups (--entries)", run};
