/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/crl_daemon.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/crl_plane.h"
#include "bench/crl_server.h"
#include "bench/memory_peak.h"
#include "control/crl/manager.h"
#include "control/peers.h"
#include "control/publish_private.h"
#include "control/trust.h"
#include "pki/x509/revocation_key.h"

#define WAIT_NS UINT64_C(300000000000)

/* ---- the daemon ------------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	bench_must(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0, "a file");
}

static void configure(struct crl_daemon *l)
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
	struct crl_daemon *l = arg;

	l->is_answered = true;
	l->status = a->status;
}

static bool is_revoked(const struct crl_daemon *l)
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
static void look_for_refusal(struct crl_daemon *l)
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

void crl_daemon_turn(struct crl_daemon *l)
{
	bench_must(event_base_loop(l->d.base, EVLOOP_ONCE) >= 0, "the loop");
	look_for_refusal(l);
}

static void wait_for_answer(struct crl_daemon *l)
{
	uint64_t limit = bench_wall_ns() + WAIT_NS;

	while (!l->is_answered) {
		crl_daemon_turn(l);
		bench_must(bench_wall_ns() < limit, "an answer in time");
	}
}

static void wait_answer(struct crl_daemon *l)
{
	wait_for_answer(l);
	bench_must(l->status == 200, "a good answer");
}

void crl_daemon_wait_ms(struct crl_daemon *l, unsigned ms)
{
	uint64_t limit = bench_wall_ns() + ms * UINT64_C(1000000);

	while (bench_wall_ns() < limit)
		crl_daemon_turn(l);
}

/* Once something is applied, which the data plane says. */
static void start_plane(struct crl_daemon *l)
{
	uint64_t limit = bench_wall_ns() + WAIT_NS;
	struct rk_generation published, applied;

	l->plane = crl_plane_start(l->dir);
	do {
		crl_daemon_turn(l);
		publisher_generations(l->d.publisher, &published, &applied);
		bench_must(bench_wall_ns() < limit && waitpid(l->plane, NULL, WNOHANG) == 0,
			"a data plane");
	} while (applied.counter == 0);
	l->plane_own = memory_of(l->plane);
}

static void install_trust(struct crl_daemon *l)
{
	json_t *body = json_pack("{s:s, s:s}", "name", "bench", "content", l->maker->pem);

	l->is_answered = false;
	trust_install(l->d.trust, body, answered, l);
	wait_answer(l);
	json_decref(body);
}

void crl_daemon_refresh(struct crl_daemon *l)
{
	json_t *body = json_object();

	l->is_answered = false;
	crl_manager_refresh(l->d.crl, body, answered, l);
	json_decref(body);
	wait_for_answer(
		l); /* on a busy machine that it was not applied in time: the refusal tells */
}

/* The worker's longest round since this was asked last, in ms. */
double crl_daemon_ask_stall(struct crl_daemon *l)
{
	const json_t *told;

	l->is_answered = false;
	peers_stats(l->d.peers, answered, l);
	wait_answer(l);
	told = json_object_get(peers_counters_json(l->d.peers), "gauge-longest-pause-ns");
	bench_must(told != NULL, "a data plane's counters");
	return (double)json_integer_value(told) / 1e6;
}

static void open_daemon(struct crl_daemon *l)
{
	l->server = crl_server_start(l->dir, &l->port);
	configure(l);
	log_set_level(RK_LOG_ERROR);
	bench_must(daemon_open(&l->d, &l->options) == 0, "a daemon");
	l->pause = loop_pause_new(l->d.base);
	l->machine = machine_pause_new();
	install_trust(l);
}

/* ---- lists on the server ---------------------------------------------------------------------- */

void crl_daemon_put_list(struct crl_daemon *l, const char *name, const struct crl_order *order)
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
static void watch_certificate(struct crl_daemon *l, uint64_t n)
{
	struct pki_revocation_keyer *keyer = NULL;
	uint8_t hash[PKI_ISSUER_HASH_LEN], serial[CRL_SERIAL_LEN];
	struct rk_generation published;
	size_t len;

	bench_must(pki_issuer_hash(X509_get_subject_name(l->maker->ca), hash) == 0 &&
			   pki_revocation_keyer_new(l->d.installation_key, &keyer) == 0,
		"a key");
	len = crl_serial(n, true, serial);
	pki_revocation_key(keyer, hash, serial, len, &l->wanted);
	pki_revocation_keyer_free(keyer);
	bench_must(!is_revoked(l), "a certificate that is not revoked yet");
	l->refused_ns = 0;
	publisher_generations(l->d.publisher, &published, &l->before);
}

/* From the refresh until every worker refuses it. */
double crl_daemon_refuse(struct crl_daemon *l, uint64_t n)
{
	uint64_t begin;

	watch_certificate(l, n);
	loop_pause_begin(l->pause);
	machine_pause_begin(l->machine);
	begin = bench_wall_ns();
	crl_daemon_refresh(l);
	while (l->refused_ns == 0) {
		crl_daemon_turn(l);
		bench_must(bench_wall_ns() < begin + WAIT_NS, "a refusal in time");
	}
	return (double)(l->refused_ns - begin) / 1e6;
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void crl_daemon_open(struct crl_daemon *l, const struct bench_options *o,
	const struct crl_maker *maker, unsigned entries)
{
	*l = (struct crl_daemon){
		.o = o, .maker = maker, .entries = entries, .dir = "/tmp/rekey-bench-XXXXXX"};
	bench_must(mkdtemp(l->dir) != NULL, "a folder");
	crl_plane_reserve();
	open_daemon(l);
	start_plane(l);
}

void crl_daemon_close(struct crl_daemon *l)
{
	crl_plane_stop(l->plane);
	kill(l->server, SIGTERM);
	waitpid(l->server, NULL, 0);
	machine_pause_free(l->machine);
	loop_pause_free(l->pause);
	daemon_close(&l->d);
	crl_plane_release();
	nftw(l->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}
