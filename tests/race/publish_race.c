/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Publish and retire under readers that look at every byte. With an argument the rule of that name
 * is broken on purpose, and ThreadSanitizer must say so: "no-grace" frees without waiting for
 * readers, "keep" uses a pointer after the reader's quiescent point.
 */
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/rcu.h"
#include "tests/race/race.h"

#define UPDATE_CNT 20000
#define WORD_CNT   32

struct object {
	struct rk_rcu_node node;
	uint64_t word[WORD_CNT];
};

struct fixture {
	struct race race;
	_Atomic(struct object *) slot;
	bool keeps;
};

static struct object *make(uint64_t value)
{
	struct object *o = malloc(sizeof(*o));
	unsigned i;

	RACE_CHECK(o != NULL);
	for (i = 0; i < WORD_CNT; i++)
		o->word[i] = value;
	return o;
}

static void release(struct rk_rcu_node *node)
{
	struct object *o = (struct object *)((uintptr_t)node - offsetof(struct object, node));

	memset(o->word, 0xdd, sizeof(o->word)); /* what a late reader would see */
	free(o);
}

static void check_whole(const struct object *o)
{
	unsigned i;

	for (i = 1; i < WORD_CNT; i++)
		RACE_CHECK(o->word[i] == o->word[0]);
}

static void *reader(void *arg)
{
	struct fixture *f = arg;
	const struct object *o = NULL;
	uint64_t last = 0;

	rk_rcu_register();
	atomic_fetch_add(&f->race.running_cnt, 1);
	while (!atomic_load(&f->race.is_over)) {
		if (f->keeps)
			usleep(200); /* time enough for the writer to replace it */
		rk_rcu_quiescent();
		if (f->keeps && o != NULL) {
			usleep(400); /* and to release it */
			check_whole(o);
		}
		o = rk_rcu_read(&f->slot);
		check_whole(o);
		RACE_CHECK(o->word[0] >= last); /* never back to an older one */
		last = o->word[0];
		atomic_fetch_add_explicit(&f->race.read_cnt, 1, memory_order_relaxed);
	}
	rk_rcu_unregister();
	return NULL;
}

int main(int argc, char **argv)
{
	struct fixture f = {0};
	const char *broken = argc > 1 ? argv[1] : "";
	struct object *old;
	uint64_t i;

	RACE_SKIP();
	f.keeps = strcmp(broken, "keep") == 0;
	RACE_CHECK(rk_rcu_start() == 0);
	atomic_init(&f.slot, make(1));
	race_start(&f.race, reader, &f);
	for (i = 2; i < UPDATE_CNT; i++) {
		rk_rcu_quiescent();
		old = rk_rcu_publish(&f.slot, make(i));
		if (strcmp(broken, "no-grace") == 0)
			release(&old->node);
		else
			rk_rcu_retire(&old->node, release);
	}
	race_stop(&f.race);
	rk_rcu_retire(&rk_rcu_publish(&f.slot, NULL)->node, release);
	rk_rcu_stop();
	return 0;
}
