/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The CRL manager in time: both clocks are the test's, which is linked with --wrap=crl_now_ns and
 * --wrap=crl_wall_sec.
 */
#pragma once

#include "control/crl/state.h"
#include "tests/unit/crl_fixture.h"

#define SEC UINT64_C(1000000000)

static int64_t wall_step;   /* off the real one */
static uint64_t mono_ahead; /* ns */

uint64_t __real_crl_now_ns(void);
uint64_t __wrap_crl_now_ns(void);
int64_t __real_crl_wall_sec(void);
int64_t __wrap_crl_wall_sec(void);

uint64_t __wrap_crl_now_ns(void)
{
	return __real_crl_now_ns() + mono_ahead;
}

int64_t __wrap_crl_wall_sec(void)
{
	return __real_crl_wall_sec() + wall_step + (int64_t)(mono_ahead / SEC);
}

static inline int begin(void **state)
{
	wall_step = 0;
	mono_ahead = 0;
	return set_up(state);
}

static inline struct crl_source *add_source(struct bench *b, const char *name, bool is_configured)
{
	char url[192];
	struct crl_source *s;

	snprintf(url, sizeof(url), "file://%s/%s", b->dir, name);
	s = crl_source_get(b->d.crl, name, url);
	assert_non_null(s);
	s->is_configured = is_configured;
	return s;
}

static inline void run_until_idle(struct bench *b)
{
	for (int turns = 0; turns < 1000 && b->d.crl->running_cnt > 0; turns++)
		event_base_loop(b->d.base, EVLOOP_ONCE);
	assert_int_equal(b->d.crl->running_cnt, 0);
}
