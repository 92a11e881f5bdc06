/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/queues.h"

#include <rte_mempool.h>

#include "dataplane/core/engine.h"
#include "dataplane/dataplane.h"

const char *queue_name(enum queue which)
{
	static const char *const names[] = {
#define X(id, name, help) [QUEUE_##id] = name,
		QUEUE_LIST(X)
#undef X
	};

	return names[which];
}

uint64_t queues_depth(const struct shared *shared, enum queue which)
{
	uint64_t sum = queue_depth(&shared->depths, which);

	for (unsigned i = 0; i < shared->worker_cnt; i++)
		sum += queue_depth(&shared->worker[i]->depths, which);
	return sum;
}

uint64_t queues_limit(const struct shared *shared, enum queue which)
{
	uint64_t workers = shared->worker_cnt;

	switch (which) {
	case QUEUE_EXCHANGES:
	case QUEUE_CRYPTO: /* one at a time of each exchange */
		return workers * shared->exchange_cnt;
	case QUEUE_PARKED:
		return workers * ENGINE_PARKED_MAX;
	case QUEUE_PASSED:
	case QUEUE_LEAVING:
		return workers > 1 ? workers * (PORT_RING_LEN - 1) : 0;
	case QUEUE_NEIGHBOURS:
		return workers * NEIGHBOUR_OPEN_MAX;
	case QUEUE_VALIDATIONS:
		return VALIDATION_MAX;
	case QUEUE_CHANNEL:
		return CHANNEL_QUEUE_MAX;
	case QUEUE_BUFFERS:
		return shared->buffers == NULL ? 0 : shared->buffers->size;
	default:
		return 0;
	}
}
