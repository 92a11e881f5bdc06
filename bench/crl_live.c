/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/crl_live.h"

#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/crl_export.h"
#include "bench/crl_plane.h"
#include "bench/loop_pause.h"
#include "bench/crl_server.h"
#include "bench/memory_peak.h"
#include "control/crl/manager.h"
#include "control/daemon.h"
#include "control/peers.h"
#include "control/publish_private.h"
#include "control/revocations.h"
#include "control/trust.h"
#include "pki/view/revocation.h"

#define DELTA_ENTRIES 1000
#define WAIT_NS       UINT64_C(300000000000)
#define SETTLE_MS     500 /* an old set is unmapped within */
#define PUBLICATIONS  3   /* and as many times without */

struct live {
	const struct bench_options *o;
	const struct crl_maker *maker;
	unsigned entries;
	char dir[32]; /* with the four folders of the daemon, and the lists */
	char path[4][64];
	char password[64];
	unsigned port;
	pid_t server, plane;
	size_t plane_own; /* the data plane's memory before there is any list: packets */
	struct rk_revocation_key wanted; /* the certificate that is to be refused */
	struct rk_generation before;     /* applied when its list was asked for */
	uint64_t refused_ns;             /* when every worker refused it; 0 = not yet */
	struct daemon_options options;
	struct daemon d;
	bool is_answered;
	int status;
	struct loop_pause *pause;
};

/* ---- the daemon ------------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	bench_must(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0, "a file");
}

static void configure(struct live *l)
{
	static const char *const name[] = {"config", "state", "run", "pki"};
	char text[1024], path[96];

	for (int i = 0; i < 4; i++) {
		snprintf(l->path[i], sizeof(l->path[i]), "%s/%s", l->dir, name[i]);
		bench_must(mkdir(l->path[i], 0700) == 0, "a folder");
	}
	snprintf(text, sizeof(text),
		"{\"authority\":{\"enhanced-security-key-management\":true,"
		"\"certificate-revocation\":[{\"name\":\"bench\",\"size-limit\":1024,"
		"\"shrink-limit\":100,\"allow-local-addresses\":true,\"polling-interval\":10080,"
		"\"crl-endpoint\":[{\"name\":\"list\",\"uri\":\"http://127.0.0.1:%u/full.crl\","
		"\"delta-uri\":\"http://127.0.0.1:%u/delta.crl\"}]}]},"
		"\"router\":{\"name\":\"r\",\"node\":\"n\",\"peering-common-name\":\"r\","
		"\"port\":[{\"name\":\"net_ring0\",\"address\":[\"192.0.2.1/24\"]}],\"peer\":[]}}",
		l->port, l->port);
	snprintf(path, sizeof(path), "%s/rekey.json", l->path[0]);
	write_file(path, text);
	snprintf(l->password, sizeof(l->password), "%s/password", l->dir);
	write_file(l->password, "TheAdminPassword1234");
	l->options = (struct daemon_options){.config_dir = l->path[0],
		.state_dir = l->path[1],
		.run_dir = l->path[2],
		.pki_dir = l->path[3],
		.admin_password_file = l->password,
		.is_on_huge_pages = true, /* where some are reserved */
		.listen = {"127.0.0.1:0"},
		.listen_cnt = 1};
}

static void answered(void *arg, struct answer *a)
{
	struct live *l = arg;

	l->is_answered = true;
	l->status = a->status;
}

static bool is_revoked(const struct live *l)
{
	const struct publisher *p = l->d.publisher;
	uint8_t state = 0;

	if (p->has_part[RK_PART_REVOCATION_OVERLAY])
		state = crl_plane_finds(&p->part[RK_PART_REVOCATION_OVERLAY], &l->wanted);
	if (state == 0)
		state = crl_plane_finds(&p->part[RK_PART_REVOCATION_BASE], &l->wanted);
	return state != 0 && state != 1 + RK_REASON_REMOVED;
}

/* Applied: the data plane says so when every worker runs on it and has judged every peer by it. */
static void look_for_refusal(struct live *l)
{
	struct rk_generation published, applied;

	publisher_generations(l->d.publisher, &published, &applied);
	if (l->refused_ns != 0 || rk_generation_cmp(published, applied) != 0 ||
		rk_generation_cmp(applied, l->before) == 0)
		return;
	l->before = applied;
	if (is_revoked(l))
		l->refused_ns = bench_wall_ns();
}

static void turn(struct live *l)
{
	bench_must(event_base_loop(l->d.base, EVLOOP_ONCE) >= 0, "the loop");
	look_for_refusal(l);
}

static void wait_for_answer(struct live *l)
{
	uint64_t limit = bench_wall_ns() + WAIT_NS;

	while (!l->is_answered) {
		turn(l);
		bench_must(bench_wall_ns() < limit, "an answer in time");
	}
}

static void wait_answer(struct live *l)
{
	wait_for_answer(l);
	bench_must(l->status == 200, "a good answer");
}

static void wait_ms(struct live *l, unsigned ms)
{
	uint64_t limit = bench_wall_ns() + ms * UINT64_C(1000000);

	while (bench_wall_ns() < limit)
		turn(l);
}

/* Once something is applied, which the data plane says. */
static void start_plane(struct live *l)
{
	uint64_t limit = bench_wall_ns() + WAIT_NS;
	struct rk_generation published, applied;

	l->plane = crl_plane_start(l->dir);
	do {
		turn(l);
		publisher_generations(l->d.publisher, &published, &applied);
		bench_must(bench_wall_ns() < limit && waitpid(l->plane, NULL, WNOHANG) == 0,
			"a data plane");
	} while (applied.counter == 0);
	l->plane_own = memory_of(l->plane);
}

static void install_trust(struct live *l)
{
	json_t *body = json_pack("{s:s, s:s}", "name", "bench", "content", l->maker->pem);

	l->is_answered = false;
	trust_install(l->d.trust, body, answered, l);
	wait_answer(l);
	json_decref(body);
}

static void refresh(struct live *l)
{
	json_t *body = json_object();

	l->is_answered = false;
	crl_manager_refresh(l->d.crl, body, answered, l);
	json_decref(body);
	wait_for_answer(
		l); /* on a busy machine that it was not applied in time: the refusal tells */
}

/* The worker's longest round since this was asked last, in ms. */
static double ask_stall(struct live *l)
{
	const json_t *told;

	l->is_answered = false;
	peers_stats(l->d.peers, answered, l);
	wait_answer(l);
	told = json_object_get(peers_counters_json(l->d.peers), "gauge-longest-pause-ns");
	bench_must(told != NULL, "a data plane's counters");
	return (double)json_integer_value(told) / 1e6;
}

static void open_daemon(struct live *l)
{
	l->server = crl_server_start(l->dir, &l->port);
	configure(l);
	log_set_level(RK_LOG_ERROR);
	bench_must(daemon_open(&l->d, &l->options) == 0, "a daemon");
	l->pause = loop_pause_new(l->d.base);
	install_trust(l);
}

/* ---- lists on the server ---------------------------------------------------------------------- */

static void put_list(struct live *l, const char *name, const struct crl_order *order)
{
	struct crl_order usual = *order;
	char path[96], next[112];
	uint8_t *der;
	size_t len;
	FILE *f;

	usual.reasons = CRL_REASONS_USUAL;
	der = crl_make(l->maker, &usual, &len);
	snprintf(path, sizeof(path), "%s/%s", l->dir, name);
	snprintf(next, sizeof(next), "%s.next", path);
	f = fopen(next, "w");
	bench_must(f != NULL && fwrite(der, 1, len, f) == len && fclose(f) == 0 &&
			   rename(next, path) == 0,
		"a list on the server");
	free(der);
}

/* Which certificate the workers are to refuse. */
static void watch_certificate(struct live *l, uint64_t n)
{
	struct pki_revocation_keyer *keyer = NULL;
	uint8_t hash[PKI_ISSUER_HASH_LEN], serial[CRL_SERIAL_LEN];
	struct rk_generation published;

	bench_must(pki_issuer_hash(X509_get_subject_name(l->maker->ca), hash) == 0 &&
			   pki_revocation_keyer_new(l->d.installation_key, &keyer) == 0,
		"a key");
	crl_serial(n, true, serial);
	pki_revocation_key(keyer, hash, serial, sizeof(serial), &l->wanted);
	pki_revocation_keyer_free(keyer);
	bench_must(!is_revoked(l), "a certificate that is not revoked yet");
	l->refused_ns = 0;
	publisher_generations(l->d.publisher, &published, &l->before);
}

/* From the refresh until every worker refuses it. */
static double refuse_after_refresh(struct live *l, uint64_t n)
{
	uint64_t begin;

	watch_certificate(l, n);
	loop_pause_begin(l->pause);
	begin = bench_wall_ns();
	refresh(l);
	while (l->refused_ns == 0) {
		turn(l);
		bench_must(bench_wall_ns() < begin + WAIT_NS, "a refusal in time");
	}
	return (double)(l->refused_ns - begin) / 1e6;
}

static void print_ms(struct live *l, const char *name, double ms)
{
	bench_print(l->o,
		&(struct bench_row){.bench = "crl",
			.operation = name,
			.value = ms,
			.unit = "ms",
			.field = {{"case", .text = name}, {"entries", .number = l->entries}}});
}

/* What is neither the loop's own work nor a lock's is other programs and threads on its CPU. */
static void print_pause(struct live *l)
{
	bench_print(l->o,
		&(struct bench_row){.bench = "crl",
			.operation = "loop-pause",
			.value = (double)loop_pause_most(l->pause)->wall_ns / 1e6,
			.unit = "ms",
			.field = {{"case", .text = "loop-pause"}, {"entries", .number = l->entries},
				{"work_ms",
					.number = (double)loop_pause_most(l->pause)->cpu_ns / 1e6},
				{"blocked_ms",
					.number = (double)loop_pause_most(l->pause)->blocked_ns /
						  1e6}}});
}

/* What the worker went through in a stretch of time. */
struct rounds {
	double longest_ms;
	double kept_off_ms; /* in all rounds, by other programs on its CPU */
};

static void begin_rounds(struct live *l, struct rounds *r)
{
	wait_ms(l, SETTLE_MS);
	(void)ask_stall(l);
	r->kept_off_ms = -crl_plane_kept_off_ms(l->plane);
}

static void end_rounds(struct live *l, struct rounds *r)
{
	wait_ms(l, SETTLE_MS); /* the old set is unmapped meanwhile */
	r->longest_ms = ask_stall(l);
	r->kept_off_ms += crl_plane_kept_off_ms(l->plane);
}

/* Publications and, in turns with them, as long a time in which the same list is fetched, and stays. */
struct publications {
	struct rounds with[PUBLICATIONS];
	struct rounds without[PUBLICATIONS];
	struct memory_both memory; /* of the first */
};

static void publish_another(struct live *l, struct publications *p, unsigned i)
{
	const uint64_t first = (3 + i) * (uint64_t)l->entries;
	double ms;

	put_list(l, "full.crl",
		&(struct crl_order){
			.number = 5 + i, .first = first, .cnt = l->entries, .is_ordered = true});
	begin_rounds(l, &p->with[i]);
	if (i == 0)
		memory_both_begin(l->plane);
	ms = refuse_after_refresh(l, first + 1);
	if (i == 0)
		memory_both_end(&p->memory);
	end_rounds(l, &p->with[i]);
	begin_rounds(l, &p->without[i]);
	ms += (double)bench_wall_ns() / 1e6;
	refresh(l);
	while ((double)bench_wall_ns() / 1e6 < ms)
		turn(l);
	end_rounds(l, &p->without[i]);
}

static double middle(const struct rounds *r, size_t field)
{
	double v[PUBLICATIONS];

	for (unsigned i = 0; i < PUBLICATIONS; i++)
		memcpy(&v[i], (const char *)&r[i] + field, sizeof(v[i]));
	return bench_median(v, PUBLICATIONS);
}

#define MIDDLE(which, field) middle(p.which, offsetof(struct rounds, field))

/*
 * The worker's longest round while one set takes another's place, beside the longest of as long a time
 * without; of both the middle of some. And what both processes together held at the most, above what
 * they held before, in sizes of the set. In all: the old ones too, without the data plane's own.
 */
static void measure_publication(struct live *l)
{
	double set = (double)rk_revocation_line_cnt(l->entries) * sizeof(struct rk_revocation_line);
	struct publications p;
	size_t page;

	for (unsigned i = 0; i < PUBLICATIONS; i++)
		publish_another(l, &p, i);
	page = l->d.publisher->part[RK_PART_REVOCATION_BASE].page_size;
	bench_print(l->o,
		&(struct bench_row){.bench = "crl",
			.operation = "publication",
			.value = MIDDLE(with, longest_ms),
			.unit = "ms",
			.field = {{"case", .text = "publication"},
				{"pages", .text = page > 65536 ? "2M" : "4K"},
				{"entries", .number = l->entries},
				{"set_mib", .number = set / (1 << 20)},
				{"without_ms", .number = MIDDLE(without, longest_ms)},
				{"kept_off_ms", .number = MIDDLE(with, kept_off_ms)},
				{"without_kept_off_ms", .number = MIDDLE(without, kept_off_ms)},
				{"times_set",
					.number = (double)(p.memory.most - p.memory.before) / set},
				{"times_set_in_all",
					.number = (double)(p.memory.most - l->plane_own) / set}}});
}

/* Every revoked certificate to a client that reads as fast as it can, while the loop serves others. */
static void measure_export(struct live *l, const char *format)
{
	size_t anonymous, shared;
	struct pollfd readable;
	uint64_t begin, octets;
	double sec;
	pid_t client;

	loop_pause_begin(l->pause);
	memory_peak_begin();
	begin = bench_wall_ns();
	client = crl_export_start(l->path[2], format, &readable.fd);
	readable.events = POLLIN;
	while (poll(&readable, 1, 0) == 0)
		turn(l);
	sec = (double)(bench_wall_ns() - begin) / 1e9;
	octets = crl_export_end(client, readable.fd);
	memory_peak_end(&anonymous, &shared);
	bench_must(octets > (uint64_t)l->entries * CRL_SERIAL_LEN * 2, "all of the list");
	bench_print(l->o,
		&(struct bench_row){.bench = "crl",
			.operation = "export",
			.value = l->entries / sec,
			.unit = "entries/s",
			.field = {{"case", .text = "export"}, {"format", .text = format},
				{"entries", .number = l->entries}, {"sec", .number = sec},
				{"mib", .number = (double)(octets >> 20)},
				{"memory_mib", .number = (double)(anonymous >> 20)},
				{"pause_ms",
					.number = (double)loop_pause_most(l->pause)->wall_ns / 1e6},
				{"work_ms",
					.number = (double)loop_pause_most(l->pause)->cpu_ns / 1e6},
				{"blocked_ms",
					.number = (double)loop_pause_most(l->pause)->blocked_ns /
						  1e6}}});
}

static void measure(struct live *l)
{
	const unsigned n = l->entries;
	double ms;

	put_list(l, "full.crl", &(struct crl_order){.number = 1, .cnt = n, .is_ordered = true});
	refuse_after_refresh(l, n / 2);
	put_list(l, "full.crl", &(struct crl_order){.number = 2, .cnt = n + 1, .is_ordered = true});
	ms = refuse_after_refresh(l, n);
	print_ms(l, "refresh-to-refusal", ms);
	print_pause(l);
	put_list(l, "delta.crl",
		&(struct crl_order){.number = 3,
			.delta_base = 2,
			.first = n + 1,
			.cnt = DELTA_ENTRIES,
			.is_ordered = true});
	/* The full list is asked for again by a refresh: only the delta is new. */
	print_ms(l, "delta-to-refusal", refuse_after_refresh(l, n + 5));
	/* Another list altogether: a new base. */
	put_list(l, "full.crl",
		&(struct crl_order){
			.number = 4, .first = 2 * (uint64_t)n, .cnt = n, .is_ordered = true});
	ms = refuse_after_refresh(l, 2 * (uint64_t)n + 1);
	print_ms(l, "replacement-to-refusal", ms);
	print_pause(l);
	measure_publication(l);
	measure_export(l, "json");
	measure_export(l, "text");
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void crl_live_run(const struct bench_options *o, const struct crl_maker *maker, unsigned entries)
{
	struct live l = {
		.o = o, .maker = maker, .entries = entries, .dir = "/tmp/rekey-bench-XXXXXX"};

	bench_must(mkdtemp(l.dir) != NULL, "a folder");
	crl_plane_reserve();
	open_daemon(&l);
	start_plane(&l);
	measure(&l);
	crl_plane_stop(l.plane);
	kill(l.server, SIGTERM);
	waitpid(l.server, NULL, 0);
	loop_pause_free(l.pause);
	daemon_close(&l.d);
	crl_plane_release();
	nftw(l.dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}
