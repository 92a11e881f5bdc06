/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/watchdog.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "dataplane/log.h"

void watchdog_add(struct watchdog *w, const _Atomic uint64_t *round_ns, const char *format, ...)
{
	struct watchdog_thread *t = &w->thread[w->cnt++];
	va_list args;

	assert(w->cnt <= WATCHDOG_THREAD_MAX);
	va_start(args, format);
	vsnprintf(t->name, sizeof(t->name), format, args);
	va_end(args);
	t->round_ns = round_ns;
}

static uint64_t hung_for(const struct watchdog *w, const struct watchdog_thread *t, uint64_t now_ns)
{
	uint64_t since = atomic_load_explicit(t->round_ns, memory_order_relaxed);

	if (since < w->since_ns)
		since = w->since_ns;
	return now_ns > since + WATCHDOG_HUNG_NS ? now_ns - since : 0;
}

static void look_at(const struct watchdog *w, struct watchdog_thread *t, uint64_t now_ns)
{
	uint64_t hung = hung_for(w, t, now_ns);

	if (hung != 0 && t->hung_ns == 0)
		log_error("%s hangs: it has not begun a round for %u s", t->name,
			(unsigned)(hung / NS_PER_SEC));
	else if (hung == 0 && t->hung_ns != 0)
		log_warning(
			"%s runs again, after %u s", t->name, (unsigned)(t->hung_ns / NS_PER_SEC));
	t->hung_ns = hung;
}

void watchdog_look(struct watchdog *w, uint64_t now_ns)
{
	if (now_ns < watchdog_deadline_ns(w))
		return;
	if (now_ns - w->looked_ns > 3 * WATCHDOG_LOOK_NS)
		w->since_ns = now_ns;
	w->looked_ns = now_ns;
	w->hung_cnt = 0;
	for (unsigned i = 0; i < w->cnt; i++) {
		look_at(w, &w->thread[i], now_ns);
		w->hung_cnt += w->thread[i].hung_ns != 0;
	}
}

uint64_t watchdog_deadline_ns(const struct watchdog *w)
{
	return w->looked_ns + WATCHDOG_LOOK_NS;
}
