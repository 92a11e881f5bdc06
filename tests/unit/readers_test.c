/* SPDX-License-Identifier: BSD-3-Clause */
/* What people look at, however long it is, keeps no helper busy; and is not kept from by them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>

#include "control/audit.h"
#include "control/configuration.h"
#include "control/helper.h"
#include "tests/unit/daemon_fixture.h"

#define BLOCKING_MAX 16 /* more than a pool has threads */

static struct daemon_fixture f;
static sem_t gate;

static int set_up(void **state)
{
	(void)state;
	daemon_fixture_open(&f, NULL);
	return sem_init(&gate, 0, 0);
}

static int tear_down(void **state)
{
	(void)state;
	for (unsigned i = 0; i < BLOCKING_MAX; i++)
		sem_post(&gate);
	daemon_fixture_close(&f);
	return sem_destroy(&gate);
}

static void block(void *arg)
{
	(void)arg;
	while (sem_wait(&gate) < 0)
		;
}

static void unblocked(void *arg)
{
	(void)arg;
}

static void occupy(struct helper_pool *pool)
{
	for (unsigned i = 0; i < BLOCKING_MAX; i++)
		assert_int_equal(helper_run(pool, block, unblocked, NULL), 0);
}

static void looking_needs_no_helper(void **state)
{
	struct call c = {0};

	(void)state;
	occupy(f.d.helpers);
	audit_verify(f.d.audit, call_answered, &c);
	call_wait(&f, &c, 200);
	call_fini(&c);
	configuration_diff(f.d.configuration, "", call_answered, &c);
	call_wait(&f, &c, 200);
	call_fini(&c);
}

/* Nobody who may only look keeps a key from being made. */
static void helpers_go_on_while_somebody_looks(void **state)
{
	struct call c = {0};

	(void)state;
	occupy(f.d.readers);
	audit_verify(f.d.audit, call_answered, &c);
	fixture_create_key(&f,
		json_pack("{s:s, s:s, s:s}", "name", "custom_ssr_peering", "algorithm", "ECC",
			"ecc_curve", "SECP256R1"),
		200);
	assert_false(c.is_done);
	for (unsigned i = 0; i < BLOCKING_MAX; i++)
		sem_post(&gate);
	call_wait(&f, &c, 200);
	call_fini(&c);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(looking_needs_no_helper),
		T(helpers_go_on_while_somebody_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
