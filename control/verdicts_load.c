/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Kept certificates at start: read and judged by as many threads as there are cores, a batch at a
 * time, for a router with many peers has many. The loop runs meanwhile: whoever asks is told how far
 * it is.
 */
#include "control/verdicts_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/clock_watch.h"
#include "control/config.h"
#include "control/crl/manager.h"
#include "control/helper.h"
#include "control/startup.h"
#include "control/trust.h"
#include "pki/view/file.h"
#include "pki/x509/cert.h"
#include "pki/x509/validate.h"

#define BATCH_MAX   16 /* taken at once by the loop, which others wait for */
#define BATCHES_MAX 32 /* under way or waiting */
#define THREADS_MAX 16

struct kept {
	char name[VERDICTS_NAME_LEN];
	uint8_t *der; /* NULL: not read, or judged */
	size_t len;
	X509 *cert;
	struct rk_verdict verdict;
};

/* The loop waits while these are judged: what args point to stays. */
struct batch {
	struct verdicts *verdicts;
	const struct pki_validate_args *args;
	size_t cnt;
	struct kept kept[BATCH_MAX];
};

static void judge(const struct batch *b, struct kept *k)
{
	if (rk_file_read(b->verdicts->dir, k->name, RK_CERT_DER_MAX, &k->der, &k->len) == 0 &&
		pki_validate_der(b->args, k->der, k->len, NULL, &k->verdict) == 0 &&
		pki_cert_parse_der(k->der, k->len, NULL, &k->cert) == 0)
		return;
	free(k->der);
	k->der = NULL;
}

static void judge_batch(void *arg)
{
	struct batch *b = arg;

	for (size_t i = 0; i < b->cnt; i++)
		judge(b, &b->kept[i]);
}

static void take(struct verdicts *v, const struct kept *k)
{
	if (k->der == NULL)
		log_warning("%s/%s cannot be read", VERDICTS_FOLDER, k->name);
	else if (verdicts_find_record(v, k->verdict.fingerprint) != NULL)
		return;
	else if (verdicts_add_record(v, (struct rk_span){k->der, k->len}, &k->verdict, true) ==
		 NULL)
		log_warning("%s/%s: no memory", VERDICTS_FOLDER, k->name);
	else
		crl_manager_note_certificate(v->daemon->crl, k->cert);
}

static void batch_judged(void *arg)
{
	struct batch *b = arg;

	for (size_t i = 0; i < b->cnt; i++) {
		take(b->verdicts, &b->kept[i]);
		X509_free(b->kept[i].cert);
		free(b->kept[i].der);
	}
	startup_step(b->verdicts->daemon, b->verdicts->daemon->start.done + b->cnt);
	free(b);
}

/* Takes b. */
static void give(struct helper_pool *pool, struct batch *b)
{
	helper_pool_settle(pool, BATCHES_MAX - 1);
	if (helper_run(pool, judge_batch, batch_judged, b) == 0)
		return;
	judge_batch(b);
	batch_judged(b);
}

static bool is_kept(const char *name)
{
	return strlen(name) == VERDICTS_NAME_LEN - 1 &&
	       strcmp(name + 2 * RK_FINGERPRINT_LEN, VERDICTS_SUFFIX) == 0;
}

static size_t count_kept(DIR *dir)
{
	const struct dirent *entry;
	size_t cnt = 0;

	while ((entry = readdir(dir)) != NULL)
		cnt += is_kept(entry->d_name);
	rewinddir(dir);
	return cnt;
}

static int load_all(struct verdicts *v, DIR *dir, struct helper_pool *pool,
	const struct pki_validate_args *args)
{
	const struct dirent *entry;
	struct batch *b = NULL;

	while ((entry = readdir(dir)) != NULL) {
		if (!is_kept(entry->d_name))
			continue;
		if (b == NULL) {
			b = calloc(1, sizeof(*b));
			if (b == NULL)
				return -ENOMEM;
			b->verdicts = v;
			b->args = args;
		}
		memcpy(b->kept[b->cnt++].name, entry->d_name, VERDICTS_NAME_LEN);
		if (b->cnt == BATCH_MAX) {
			give(pool, b);
			b = NULL;
		}
	}
	if (b != NULL)
		give(pool, b);
	return 0;
}

static unsigned thread_cnt(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores < 1 ? 1 : cores > THREADS_MAX ? THREADS_MAX : (unsigned)cores;
}

int verdicts_load(struct verdicts *v)
{
	const struct pki_validate_args args = {
		.trust = trust_current(v->daemon->trust),
		.installation_key = v->daemon->installation_key,
		.now = clock_now(v->daemon),
		.is_ed25519_allowed = v->daemon->config->is_ed25519_allowed,
		.kinds = v->daemon->kinds,
	};
	int fd = openat(v->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct helper_pool *pool = NULL;
	int ret;

	if (dir == NULL) {
		ret = -errno;
		if (fd >= 0)
			close(fd);
		return ret;
	}
	startup_begin(v->daemon, "kept certificates are judged", count_kept(dir));
	ret = helper_pool_new(v->daemon->base, thread_cnt(), BATCHES_MAX, &pool);
	if (ret == 0) {
		ret = load_all(v, dir, pool, &args);
		helper_pool_settle(pool, 0);
	}
	helper_pool_free(pool);
	closedir(dir);
	if (ret == 0 && v->confirmed_cnt > 0)
		log_info("%zu kept certificates are judged", v->confirmed_cnt);
	return ret;
}
