/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/store/part_digest.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "pki/store/beside.h"
#include "pki/view/part.h"

struct part_digest {
	const uint8_t *map;
	size_t size;
	struct beside thread;
	pthread_mutex_t lock; /* guards settled and is_aborted */
	pthread_cond_t more;
	size_t settled;
	bool is_aborted;
	EVP_MD_CTX *ctx; /* the thread's, until it ended */
	int error;
};

/* Waits until more than at is settled. at: it never will be. */
static size_t wait_for_more(struct part_digest *d, size_t at)
{
	size_t end;

	pthread_mutex_lock(&d->lock);
	while (d->settled <= at && !d->is_aborted)
		pthread_cond_wait(&d->more, &d->lock);
	end = d->is_aborted ? at : d->settled;
	pthread_mutex_unlock(&d->lock);
	return end;
}

static void follow(void *arg)
{
	struct part_digest *d = arg;
	size_t at = sizeof(struct rk_part_header), end = wait_for_more(d, at - 1);

	d->error = end < at ? -ECANCELED : rk_part_digest_begin(d->ctx, (const void *)d->map);
	while (d->error == 0 && at < d->size) {
		end = wait_for_more(d, at);
		if (end == at)
			d->error = -ECANCELED;
		else if (EVP_DigestUpdate(d->ctx, d->map + at, end - at) != 1)
			d->error = -EIO;
		at = end;
	}
}

static void digest_free(struct part_digest *d)
{
	pthread_cond_destroy(&d->more);
	pthread_mutex_destroy(&d->lock);
	EVP_MD_CTX_free(d->ctx);
	free(d);
}

struct part_digest *part_digest_begin(const uint8_t *map, size_t size)
{
	struct part_digest *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->map = map;
	d->size = size;
	d->ctx = EVP_MD_CTX_new();
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->more, NULL);
	if (d->ctx == NULL) {
		digest_free(d);
		return NULL;
	}
	beside_begin(&d->thread, follow, d);
	return d;
}

void part_digest_settle(struct part_digest *d, size_t end)
{
	pthread_mutex_lock(&d->lock);
	d->settled = end;
	pthread_cond_signal(&d->more);
	pthread_mutex_unlock(&d->lock);
}

int part_digest_finish(struct part_digest *d, uint8_t out[RK_DIGEST_LEN])
{
	int ret;

	part_digest_settle(d, d->size);
	beside_end(&d->thread);
	ret = d->error;
	if (ret == 0 && EVP_DigestFinal_ex(d->ctx, out, NULL) != 1)
		ret = -EIO;
	digest_free(d);
	return ret;
}

void part_digest_abort(struct part_digest *d)
{
	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	d->is_aborted = true;
	pthread_cond_signal(&d->more);
	pthread_mutex_unlock(&d->lock);
	beside_end(&d->thread);
	digest_free(d);
}
