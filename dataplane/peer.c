/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/peer.h"

#include <stdlib.h>
#include <string.h>

#include "pki/view/secret.h"

/* Small for a few peers; then large, so that what a slab costs does not count. */
#define SLAB_LEN_FIRST (64 * 1024)
#define SLAB_LEN_NEXT  (1024 * 1024)

struct peer_slab {
	_Alignas(PEER_ALIGN) struct peer_slab *next;
	struct peer_pool *pool;
	size_t len;
	void *slots;
	unsigned peer_cnt;
	bool are_slots_taken;
};

void peer_pool_init(
	struct peer_pool *pool, size_t session_len, size_t (*slots_size)(unsigned session_cnt))
{
	size_t len = sizeof(struct peer) + session_len;

	*pool = (struct peer_pool){.stride = (len + PEER_ALIGN - 1) / PEER_ALIGN * PEER_ALIGN,
		.slots_size = slots_size};
}

void peer_pool_fini(struct peer_pool *pool)
{
	struct peer_slab *slab;

	while ((slab = pool->slabs) != NULL) {
		pool->slabs = slab->next;
		rk_secret_free(slab->slots, pool->slots_size(slab->peer_cnt));
		rk_secret_free(slab, slab->len);
	}
	pool->free = NULL;
}

static bool add_slab(struct peer_pool *pool)
{
	size_t len = pool->slabs == NULL ? SLAB_LEN_FIRST : SLAB_LEN_NEXT;
	struct peer_slab *slab;
	unsigned i;

	slab = rk_secret_new(len);
	if (slab == NULL)
		return false;
	slab->len = len;
	slab->pool = pool;
	slab->peer_cnt = (unsigned)((len - sizeof(struct peer_slab)) / pool->stride);
	slab->slots = rk_secret_reserve(pool->slots_size(slab->peer_cnt));
	if (slab->slots == NULL) {
		rk_secret_free(slab, len);
		return false;
	}
	slab->next = pool->slabs;
	pool->slabs = slab;
	for (i = slab->peer_cnt; i-- > 0;) {
		struct peer *p = (struct peer *)(void *)((uint8_t *)(slab + 1) + i * pool->stride);

		p->slab = slab;
		p->next = pool->free;
		pool->free = p;
	}
	return true;
}

struct peer *peer_new(
	struct peer_pool *pool, const char *name, const char *identity, size_t identity_len)
{
	size_t name_size = strlen(name) + 1;
	char *names = malloc(name_size + identity_len);
	struct peer *p;

	if (names == NULL || (pool->free == NULL && !add_slab(pool))) {
		free(names);
		return NULL;
	}
	p = pool->free;
	pool->free = p->next;
	p->next = NULL;
	memcpy(names, name, name_size);
	memcpy(names + name_size, identity, identity_len);
	p->name = names;
	p->identity = names + name_size;
	p->identity_len = (uint8_t)identity_len;
	return p;
}

void peer_free(struct peer *p)
{
	struct peer_slab *slab;

	if (p == NULL)
		return;
	slab = p->slab;
	free(p->config);
	free((char *)(uintptr_t)p->name);
	rk_wipe(p, slab->pool->stride);
	p->slab = slab;
	p->next = slab->pool->free;
	slab->pool->free = p;
}

void *peer_take_slots(struct peer *p, unsigned *session_cnt)
{
	struct peer_slab *slab = p->slab;

	if (slab->are_slots_taken)
		return NULL;
	slab->are_slots_taken = true;
	*session_cnt = slab->peer_cnt;
	return slab->slots;
}

/* The part of it that is compared as bytes. */
static size_t settings_len(void)
{
	return sizeof(struct session_config) -
	       offsetof(struct session_config, peering_common_name_len);
}

struct session_config *peer_config_new(const struct peer *p, const struct session_config *from)
{
	size_t path_len = from->path_cnt * sizeof(*from->path);
	struct session_config *c = malloc(sizeof(*c) + path_len);
	struct endpoint *path;

	if (c == NULL)
		return NULL;
	path = (struct endpoint *)(c + 1);
	memcpy(c, from, sizeof(*c));
	memcpy(path, from->path, path_len);
	c->path = path;
	c->name = p->name;
	c->peering_common_name = p->identity;
	return c;
}

bool peer_config_is_same(const struct session_config *a, const struct session_config *b)
{
	return memcmp(&a->peering_common_name_len, &b->peering_common_name_len, settings_len()) ==
		       0 &&
	       memcmp(a->path, b->path, a->path_cnt * sizeof(*a->path)) == 0;
}
