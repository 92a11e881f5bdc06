/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where retired objects wait: after their grace period they come back to the main thread, which
 * frees them in small steps, so that neither the reclaim thread nor a big unmapping holds anybody
 * up and only one thread ever frees.
 */
#pragma once

#include <stdbool.h>

#include "dataplane/inbox.h"
#include "dataplane/rcu.h"

struct graveyard {
	struct inbox inbox;       /* reclaim thread -> main */
	struct inbox_list buried; /* main */
	int wake_fd;              /* eventfd, borrowed */
};

/* Embedded in what is retired. */
struct grave {
	struct rk_rcu_node rcu;
	struct inbox_node node;
	struct graveyard *graveyard;
	void (*release)(struct grave *grave); /* main thread: frees the object */
};

void graveyard_init(struct graveyard *g, int wake_fd);
/* Main thread. The object is linked nowhere any more; release is called on the main thread. */
void graveyard_retire(
	struct graveyard *g, struct grave *grave, void (*release)(struct grave *grave));
/* Releases at most max objects whose grace period is over. True when more wait. */
bool graveyard_step(struct graveyard *g, unsigned max);
