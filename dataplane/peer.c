/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/peer.h"

#include "pki/view/secret.h"

#define SLAB_LEN_MIN (64 * 1024)

struct peer_slab {
	_Alignas(PEER_ALIGN) struct peer_slab *next;
	size_t len;
};

void peer_pool_init(struct peer_pool *pool, size_t session_len)
{
	size_t len = sizeof(struct peer) + session_len;

	*pool = (struct peer_pool){.stride = (len + PEER_ALIGN - 1) / PEER_ALIGN * PEER_ALIGN};
}

void peer_pool_fini(struct peer_pool *pool)
{
	struct peer_slab *slab;

	while ((slab = pool->slabs) != NULL) {
		pool->slabs = slab->next;
		rk_secret_free(slab, slab->len);
	}
	pool->free = NULL;
}

static bool add_slab(struct peer_pool *pool)
{
	size_t len = sizeof(struct peer_slab) + pool->stride;
	struct peer_slab *slab;
	uint8_t *next;

	if (len < SLAB_LEN_MIN)
		len = SLAB_LEN_MIN;
	slab = rk_secret_new(len);
	if (slab == NULL)
		return false;
	slab->len = len;
	slab->next = pool->slabs;
	pool->slabs = slab;
	for (next = (uint8_t *)(slab + 1); next + pool->stride <= (uint8_t *)slab + len;
		next += pool->stride) {
		struct peer *p = (struct peer *)(void *)next;

		p->next = pool->free;
		pool->free = p;
	}
	return true;
}

struct peer *peer_new(struct peer_pool *pool)
{
	struct peer *p;

	if (pool->free == NULL && !add_slab(pool))
		return NULL;
	p = pool->free;
	pool->free = p->next;
	p->next = NULL;
	p->pool = pool;
	return p;
}

void peer_free(struct peer *p)
{
	struct peer_pool *pool;

	if (p == NULL)
		return;
	pool = p->pool;
	rk_wipe(p, pool->stride);
	p->next = pool->free;
	pool->free = p;
}
