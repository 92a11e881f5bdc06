/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/crl_lists.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/harness.h"
#include "control/crl/ingest.h"

const uint8_t crl_installation_key[INSTALLATION_KEY_LEN] = {1};

struct told crl_apart(void (*work)(void *arg, struct told *out), void *arg)
{
	struct told told;
	int pipes[2], status;
	pid_t child;

	bench_must(pipe(pipes) == 0, "a pipe");
	fflush(stdout);
	malloc_trim(
		0); /* what this process has freed, the child would have to copy before it writes to it */
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

void crl_list_open(
	struct list_file *f, const struct crl_maker *maker, const struct crl_order *order)
{
	FILE *file = tmpfile();
	uint8_t *der;

	*f = (struct list_file){.maker = maker,
		.entries = (unsigned)order->cnt,
		.is_ordered = order->is_ordered,
		.reasons = order->reasons};
	der = crl_make(maker, order, &f->len);
	bench_must(file != NULL && fwrite(der, 1, f->len, file) == f->len && fflush(file) == 0,
		"a file for a list");
	f->fd = dup(fileno(file));
	fclose(file);
	free(der);
}

struct pki_trust *crl_trust(const struct crl_maker *m)
{
	struct pki_bundle bundle = {
		.name = "bench", .text = m->pem, .len = strlen(m->pem), .mode = PKI_MODE_STRICT};
	const struct pki_trust_config config = {
		.bundle = &bundle, .bundle_cnt = 1, .generation = 1, .now = time(NULL)};
	struct pki_trust *trust = NULL;

	bench_must(pki_trust_new(&config, NULL, &trust) == 0, "a trust");
	return trust;
}

void crl_take_into(struct master_list **list, const struct list_file *f, const char *url,
	struct pki_trust *trust)
{
	struct master_list *next;
	struct crl_ingest_args args = {.fd = dup(f->fd),
		.len = f->len,
		.url = url,
		.now = time(NULL),
		.trust = trust,
		.list = *list,
		.shrink_percent = 100,
		.installation_key = crl_installation_key};
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

struct master_list *crl_take(const struct list_file *f, struct pki_trust *trust)
{
	struct master_list *list;

	bench_must(master_list_new(&list) == 0, "a list");
	crl_take_into(&list, f, "http://pki.example/ca.crl", trust);
	return list;
}

void crl_must_answer(const struct list_file *f, const struct rk_part *part)
{
	struct pki_revocation_keyer *keyer = NULL;
	uint8_t hash[PKI_ISSUER_HASH_LEN], serial[CRL_SERIAL_LEN];
	struct rk_revocation_key key;
	struct rk_view view = {0};
	size_t size, len;
	const uint8_t *bytes = rk_part_bytes(part).data;
	const struct rk_section *section =
		(const struct rk_section *)(bytes + sizeof(struct rk_part_header));

	bench_must(pki_issuer_hash(X509_get_subject_name(f->maker->ca), hash) == 0 &&
			   pki_revocation_keyer_new(crl_installation_key, &keyer) == 0,
		"a key");
	len = crl_serial(f->entries / 2, f->is_ordered, serial);
	pki_revocation_key(keyer, hash, serial, len, &key);
	pki_revocation_keyer_free(keyer);
	size = (size_t)section[0].count;
	view.base = (const struct rk_revocation_line *)(bytes + section[0].offset);
	view.base_line_cnt = size;
	bench_must(rk_view_revocation(&view, &key) != 0, "a revoked certificate found");
}
