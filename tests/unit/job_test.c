/* SPDX-License-Identifier: BSD-3-Clause */
/* Jobs in batches, and keys made ahead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/ahead.h"
#include "dataplane/core/job_fields.h"
#include "tests/unit/kex_backends.h"

#define JOB_CNT 30
#define SEC_NS  UINT64_C(1000000000)

static struct crypto_job job[JOB_CNT];
static struct crypto_queue queue;

/* The vectorised one in plain C: here on any processor. */
static const struct kex_backend *plain(void)
{
	const struct kex_backend *all[KEX_BACKENDS_MAX];

	assert_true(kex_backends(all) >= 2);
	return all[1];
}

static struct crypto_ctx *open_on(const struct kex_backend *b)
{
	struct crypto_ctx *ctx;

	kex_backend_use(b);
	assert_int_equal(crypto_ctx_new(&ctx), 0);
	return ctx;
}

static void push(unsigned i, enum job_kind kind, uint16_t group)
{
	job[i] = (struct crypto_job){.kind = (uint8_t)kind, .group = kex_find(group)};
	crypto_queue_push(&queue, &job[i]);
}

static unsigned length(struct crypto_job *batch)
{
	unsigned n = 0;

	for (; batch != NULL; batch = *crypto_job_link(batch))
		n++;
	return n;
}

static void what_goes_together_is_taken_together(void **state)
{
	struct crypto_ctx *ctx = open_on(plain());
	struct crypto_job *batch;

	(void)state;
	crypto_queue_init(&queue);
	assert_null(crypto_queue_take(ctx, &queue));
	push(0, JOB_DERIVE, KEX_X25519);
	push(1, JOB_DERIVE, KEX_X448);
	push(2, JOB_DERIVE, KEX_X25519);
	push(3, JOB_KEYGEN, KEX_X25519);
	push(4, JOB_DERIVE, KEX_X25519); /* the last: the end moves */
	batch = crypto_queue_take(ctx, &queue);
	assert_ptr_equal(batch, &job[0]);
	assert_int_equal(length(batch), 3);
	assert_ptr_equal(job[0].link, &job[2]);
	assert_ptr_equal(job[2].link, &job[4]);
	push(5, JOB_DERIVE, KEX_X448);
	for (unsigned i = 1; i <= 5; i += 2) { /* the others in their order, one by one */
		assert_ptr_equal(crypto_queue_take(ctx, &queue), &job[i]);
		assert_null(job[i].link);
	}
	assert_null(crypto_queue_take(ctx, &queue));
	push(6, JOB_KEYGEN, KEX_X25519);
	assert_ptr_equal(crypto_queue_take(ctx, &queue), &job[6]);
	crypto_ctx_free(ctx);
}

static void a_batch_is_of_eight_at_most(void **state)
{
	struct crypto_ctx *ctx = open_on(plain());
	unsigned left = JOB_CNT;

	(void)state;
	crypto_queue_init(&queue);
	for (unsigned i = 0; i < JOB_CNT; i++)
		push(i, JOB_DERIVE, KEX_X25519);
	for (; left > 0; left -= left < KEX_BATCH_MAX ? left : KEX_BATCH_MAX)
		assert_int_equal(length(crypto_queue_take(ctx, &queue)),
			left < KEX_BATCH_MAX ? left : KEX_BATCH_MAX);
	assert_null(crypto_queue_take(ctx, &queue));
	crypto_ctx_free(ctx);
}

static void one_by_one_on_libcrypto(void **state)
{
	struct crypto_ctx *ctx = open_on(&kex_libcrypto);

	(void)state;
	crypto_queue_init(&queue);
	push(0, JOB_DERIVE, KEX_X25519);
	push(1, JOB_DERIVE, KEX_X25519);
	assert_int_equal(length(crypto_queue_take(ctx, &queue)), 1);
	assert_int_equal(length(crypto_queue_take(ctx, &queue)), 1);
	crypto_ctx_free(ctx);
}

/* Each its own result and its own refusal. */
static void a_batch_gives_each_job_its_own(void **state)
{
	static const uint8_t zeros[32];
	struct crypto_ctx *ctx = open_on(plain());
	const struct kex_group *g = kex_find(KEX_X25519);

	(void)state;
	crypto_queue_init(&queue);
	for (unsigned i = 0; i < KEX_BATCH_MAX; i++) {
		job[i] = (struct crypto_job){.kind = JOB_KEYGEN, .group = g};
		crypto_job_run(ctx, &job[i]);
		assert_true(job[i].is_done);
	}
	for (unsigned i = 0; i < KEX_BATCH_MAX; i++) {
		job[i].kind = JOB_DERIVE;
		job[i].is_done = false;
		memcpy(job[i].kex.peer, job[i ^ 1].kex.share, 32);
		if (i == 5)
			memset(job[i].kex.peer, 0, 32);
		crypto_queue_push(&queue, &job[i]);
	}
	crypto_batch_run(ctx, crypto_queue_take(ctx, &queue));
	for (unsigned i = 0; i < KEX_BATCH_MAX; i++) {
		assert_int_equal(job[i].is_done, i != 5);
		if (i == 5)
			assert_memory_equal(job[i].kex.shared, zeros, 32);
		else if (i != 4)
			assert_memory_equal(job[i].kex.shared, job[i ^ 1].kex.shared, 32);
	}
	assert_true(crypto_batch_estimate_ns(ctx, &job[0]) > 0);
	crypto_ctx_free(ctx);
}

/* Never twice the same, and nothing of it stays. */
static void a_key_made_ahead_is_used_once_and_soon(void **state)
{
	const struct kex_group *g = kex_find(KEX_X25519);
	struct kex_ctx *kex = kex_backends_open(plain());
	struct kex_op op[3 * KEX_BATCH_MAX] = {0};
	struct ahead *a;
	uint64_t now = SEC_NS;

	(void)state;
	assert_int_equal(ahead_new(&a), 0);
	assert_true(ahead_is_empty(a));
	for (unsigned i = 0; i < 3 * KEX_BATCH_MAX; i++) {
		assert_int_equal(ahead_has(a, g, now), i % KEX_BATCH_MAX != 0);
		ahead_take(a, kex, g, now, &op[i]);
		assert_true(op[i].is_done);
		for (unsigned j = 0; j < i; j++)
			assert_memory_not_equal(op[i].secret, op[j].secret, 32);
	}
	assert_true(ahead_is_empty(a));
	ahead_take(a, kex, g, now, &op[0]);
	ahead_expire(a, now + AHEAD_AGE_MAX_NS);
	assert_false(ahead_is_empty(a));
	assert_false(ahead_has(a, g, now + AHEAD_AGE_MAX_NS + 1)); /* not even before it is wiped */
	ahead_take(a, kex, g, now + AHEAD_AGE_MAX_NS + 1, &op[1]);
	assert_true(ahead_has(a, g, now + 2 * AHEAD_AGE_MAX_NS)); /* new ones */
	ahead_expire(a, now + 3 * AHEAD_AGE_MAX_NS);
	assert_true(ahead_is_empty(a));
	ahead_free(a);
	kex_ctx_free(kex);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_together_is_taken_together),
		cmocka_unit_test(a_batch_is_of_eight_at_most),
		cmocka_unit_test(one_by_one_on_libcrypto),
		cmocka_unit_test(a_batch_gives_each_job_its_own),
		cmocka_unit_test(a_key_made_ahead_is_used_once_and_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
