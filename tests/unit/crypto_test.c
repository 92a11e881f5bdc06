/* SPDX-License-Identifier: BSD-3-Clause */
/* What a round of the worker may spend on asymmetric work that it does itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/job_fields.h"
#include "dataplane/crypto.h"

#define JOB_CNT         3
#define ROUND_MAX       10000
#define MIXED_CNT       9
#define MIXED_BEGUN_CNT 6
#define LATE_NS         UINT64_C(1000000000) /* beyond any budget */

static struct crypto_service *service;
static struct crypto_job job[JOB_CNT];

static void submit_all(uint16_t group)
{
	memset(job, 0, sizeof(job));
	for (unsigned i = 0; i < JOB_CNT; i++) {
		job[i].kind = JOB_KEYGEN;
		job[i].group = kex_find(group);
		crypto_submit(service, &job[i]);
	}
}

/* How many come back in a round in which no time passes. */
static unsigned round_at(uint64_t now_ns)
{
	unsigned cnt = 0;

	crypto_begin(service, now_ns);
	while (crypto_next(service, now_ns) != NULL)
		cnt++;
	return cnt;
}

/* C1: in order, each computed. */
static void each_round_gets_one(void **state)
{
	(void)state;
	submit_all(KEX_SECP521R1);
	for (unsigned i = 0; i < JOB_CNT; i++) {
		assert_true(crypto_is_busy(service));
		crypto_begin(service, i);
		assert_ptr_equal(crypto_next(service, i + LATE_NS), &job[i]);
		assert_true(job[i].is_done);
		assert_null(crypto_next(service, i + LATE_NS));
	}
	assert_false(crypto_is_busy(service));
	assert_int_equal(round_at(0), 0);
}

/* C1: computed together or not, they come back one by one, in order. */
static void batch_comes_back_in_order(void **state)
{
	struct kex_ctx *ctx;
	struct kex_op *op[JOB_CNT];

	(void)state;
	assert_int_equal(kex_ctx_new(&ctx), 0);
	memset(job, 0, sizeof(job));
	for (unsigned i = 0; i < JOB_CNT; i++) {
		job[i].kind = JOB_DERIVE;
		job[i].group = kex_find(KEX_X25519);
		op[i] = &job[i].kex;
	}
	kex_keygen(ctx, job[0].group, op, JOB_CNT);
	for (unsigned i = 0; i < JOB_CNT; i++) {
		memcpy(job[i].kex.peer, job[(i + 1) % JOB_CNT].kex.share, KEX_SHARE_MAX);
		crypto_submit(service, &job[i]);
	}
	for (unsigned i = 0; i < JOB_CNT; i++) {
		crypto_begin(service, i);
		assert_ptr_equal(crypto_next(service, i + LATE_NS), &job[i]);
		assert_true(job[i].is_done);
		assert_null(crypto_next(service, i + LATE_NS));
	}
	assert_false(crypto_is_busy(service));
	kex_ctx_free(ctx);
}

/* C2: an operation longer than the budget never has another one before it. */
static void long_operations_come_one_a_round(void **state)
{
	(void)state;
	submit_all(KEX_SECP384R1);
	for (unsigned i = 0; i < JOB_CNT; i++)
		assert_int_equal(round_at(0), 1);
}

/* C2: short ones share a round, once it is known that they are short. */
static void short_operations_share_a_round(void **state)
{
	unsigned rounds = 0;

	(void)state;
	do {
		while (round_at(0) > 0)
			;
		submit_all(KEX_SECP256R1);
		assert_true(rounds++ < ROUND_MAX);
	} while (round_at(0) < 2);
	while (round_at(0) > 0)
		;
}

/* C3: what was begun keeps its order; of what was not, the newest comes first, each fourth turn. */
static void newest_has_every_fourth_turn(void **state)
{
	static const unsigned order[MIXED_CNT] = {8, 0, 1, 2, 7, 3, 4, 5, 6};
	static struct crypto_job mixed[MIXED_CNT];

	(void)state;
	memset(mixed, 0, sizeof(mixed));
	for (unsigned i = 0; i < MIXED_CNT; i++) {
		mixed[i].kind = JOB_KEYGEN;
		mixed[i].group = kex_find(KEX_SECP256R1);
		mixed[i].is_first = i >= MIXED_BEGUN_CNT;
		crypto_submit(service, &mixed[i]);
	}
	for (unsigned i = 0; i < MIXED_CNT; i++) {
		assert_true(crypto_is_busy(service));
		crypto_begin(service, i);
		assert_ptr_equal(crypto_next(service, i + LATE_NS), &mixed[order[i]]);
		assert_null(crypto_next(service, i + LATE_NS));
	}
	assert_false(crypto_is_busy(service));
}

static int set_up(void **state)
{
	(void)state;
	return crypto_service_new(&(struct crypto_config){.job_cnt = JOB_CNT}, &service);
}

static int tear_down(void **state)
{
	(void)state;
	crypto_service_free(service);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_round_gets_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(batch_comes_back_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			long_operations_come_one_a_round, set_up, tear_down),
		cmocka_unit_test_setup_teardown(short_operations_share_a_round, set_up, tear_down),
		cmocka_unit_test_setup_teardown(newest_has_every_fourth_turn, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
