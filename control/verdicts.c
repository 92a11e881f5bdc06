/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/verdicts_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/config.h"
#include "control/crl/manager.h"
#include "control/publish.h"
#include "control/trust.h"
#include "pki/view/file.h"
#include "pki/x509/cert.h"

#define PAUSE_USEC      1000000L
#define PAUSE_USEC_EACH 100L /* of a hundred thousand, eleven seconds */

static struct bucket *bucket_of(const struct verdicts *v, const uint8_t *fingerprint)
{
	size_t i = ((size_t)fingerprint[0] << 8 | fingerprint[1]) % BUCKET_CNT;

	return (struct bucket *)(uintptr_t)&v->bucket[i];
}

struct record *verdicts_find_record(const struct verdicts *v, const uint8_t *fingerprint)
{
	struct record *r;

	LIST_FOREACH(r, bucket_of(v, fingerprint), in_bucket)
	if (memcmp(r->verdict.fingerprint, fingerprint, RK_FINGERPRINT_LEN) == 0)
		return r;
	return NULL;
}

void verdicts_unlink_record(struct verdicts *v, struct record *r)
{
	LIST_REMOVE(r, in_bucket);
	if (r->is_confirmed) {
		TAILQ_REMOVE(&v->confirmed, r, in_age);
		v->confirmed_cnt--;
	} else {
		TAILQ_REMOVE(&v->pending, r, in_age);
		v->pending_cnt--;
	}
}

static void link_record(struct verdicts *v, struct record *r)
{
	LIST_INSERT_HEAD(bucket_of(v, r->verdict.fingerprint), r, in_bucket);
	if (r->is_confirmed) {
		TAILQ_INSERT_TAIL(&v->confirmed, r, in_age);
		v->confirmed_cnt++;
	} else {
		TAILQ_INSERT_TAIL(&v->pending, r, in_age);
		v->pending_cnt++;
	}
}

/* A peer whose certificate was forgotten would be asked to prove itself at every new view. */
static size_t confirmed_max(const struct verdicts *v)
{
	return VERDICTS_CONFIRMED_MAX + v->daemon->config->peer_cnt;
}

/* Before a record is added: the oldest of its kind makes room. */
static void make_room(struct verdicts *v, bool is_confirmed)
{
	struct record *r = NULL;

	if (is_confirmed && v->confirmed_cnt >= confirmed_max(v)) {
		r = TAILQ_FIRST(&v->confirmed);
		verdicts_drop_file(v, r);
	} else if (!is_confirmed && v->pending_cnt >= VERDICTS_PENDING_MAX) {
		r = TAILQ_FIRST(&v->pending);
	}
	if (r != NULL) {
		verdicts_unlink_record(v, r);
		free(r);
	}
}

struct record *verdicts_add_record(
	struct verdicts *v, struct rk_span der, const struct rk_verdict *verdict, bool is_confirmed)
{
	struct record *r = calloc(1, sizeof(*r) + der.len);

	if (r == NULL)
		return NULL;
	make_room(v, is_confirmed);
	r->verdict = *verdict;
	r->is_confirmed = is_confirmed;
	r->der_len = der.len;
	memcpy(r->der, der.data, der.len);
	link_record(v, r);
	return r;
}

/* Its CRL distribution points are followed from now on. */
static void note_certificate(struct verdicts *v, const struct record *r)
{
	X509 *cert = NULL;

	if (pki_cert_parse_der(r->der, r->der_len, NULL, &cert) == 0)
		crl_manager_note_certificate(v->daemon->crl, cert);
	X509_free(cert);
}

/*
 * The data plane has it already: what is published is for its next start. First contacts come many
 * in a row, and each publication copies all verdicts and has every peer judged anew.
 */
static long publication_pause(const struct verdicts *v)
{
	return PAUSE_USEC + PAUSE_USEC_EACH * (long)v->confirmed_cnt;
}

void verdicts_confirm(struct verdicts *v, const uint8_t fingerprint[RK_FINGERPRINT_LEN])
{
	struct record *r = verdicts_find_record(v, fingerprint);

	if (r == NULL || r->is_confirmed)
		return;
	verdicts_keep_file(v, r);
	verdicts_unlink_record(v, r);
	make_room(v, true);
	r->is_confirmed = true;
	link_record(v, r);
	publisher_mark_later(v->daemon->publisher, RK_PART_VERDICTS, publication_pause(v));
	note_certificate(v, r);
}

int verdicts_collect(const struct verdicts *v, const struct rk_verdict ***out, size_t *cnt)
{
	uint64_t generation = trust_generation(v->daemon->trust);
	const struct rk_verdict **list = calloc(v->confirmed_cnt + 1, sizeof(*list));
	const struct record *r;
	size_t n = 0;

	if (list == NULL)
		return -ENOMEM;
	TAILQ_FOREACH(r, &v->confirmed, in_age)
	if (r->verdict.trust_generation == generation)
		list[n++] = &r->verdict;
	*out = list;
	*cnt = n;
	return 0;
}

const struct rk_verdict *verdicts_find(
	const struct verdicts *v, const uint8_t fingerprint[RK_FINGERPRINT_LEN])
{
	const struct record *r = verdicts_find_record(v, fingerprint);

	return r != NULL ? &r->verdict : NULL;
}

struct rk_span verdicts_find_der(
	const struct verdicts *v, const uint8_t fingerprint[RK_FINGERPRINT_LEN])
{
	const struct record *r = verdicts_find_record(v, fingerprint);

	return r != NULL ? (struct rk_span){r->der, r->der_len} : (struct rk_span){0};
}

int verdicts_open(struct daemon *d, struct verdicts **out)
{
	struct verdicts *v = calloc(1, sizeof(*v));
	int ret;

	if (v == NULL)
		return -ENOMEM;
	v->daemon = d;
	v->dir = -1;
	TAILQ_INIT(&v->confirmed);
	TAILQ_INIT(&v->pending);
	STAILQ_INIT(&v->changes);
	if (mkdirat(d->state_fd, VERDICTS_FOLDER, 0700) < 0 && errno != EEXIST) {
		ret = -errno;
		goto fail;
	}
	v->dir = openat(
		d->state_fd, VERDICTS_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	ret = v->dir < 0 ? -errno : rk_file_clean(v->dir);
	if (ret >= 0)
		ret = verdicts_load(v);
	if (ret < 0)
		goto fail;
	*out = v;
	return 0;
fail:
	log_error("%s: %s", VERDICTS_FOLDER, strerror(-ret));
	verdicts_close(v);
	return ret;
}

void verdicts_close(struct verdicts *v)
{
	struct record *r;

	if (v == NULL)
		return;
	verdicts_finish_saving(v);
	verdicts_drop_rejudging(v->rejudging);
	while ((r = TAILQ_FIRST(&v->confirmed)) != NULL || (r = TAILQ_FIRST(&v->pending)) != NULL) {
		verdicts_unlink_record(v, r);
		free(r);
	}
	if (v->dir >= 0)
		close(v->dir);
	free(v);
}
