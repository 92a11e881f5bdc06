/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <unistd.h>

#include "control/helper.h"

struct task {
	struct event_base *base;
	pthread_t worked_on, done_on;
	int worked_cnt, done_cnt;
	unsigned left;
	unsigned *left_total;
};

static void work(void *arg)
{
	struct task *t = arg;

	t->worked_on = pthread_self();
	t->worked_cnt++;
}

static void done(void *arg)
{
	struct task *t = arg;

	t->done_on = pthread_self();
	t->done_cnt++;
	if (--*t->left_total == 0)
		event_base_loopbreak(t->base);
}

static void test_runs_and_returns(void **state)
{
	struct event_base *base = event_base_new();
	struct helper_pool *pool = NULL;
	struct task task[50] = {0};
	unsigned left = 50;

	(void)state;
	assert_int_equal(helper_pool_new(base, 2, 64, &pool), 0);
	for (size_t i = 0; i < 50; i++) {
		task[i].base = base;
		task[i].left_total = &left;
		assert_int_equal(helper_run(pool, work, done, &task[i]), 0);
	}
	event_base_dispatch(base);
	for (size_t i = 0; i < 50; i++) {
		assert_int_equal(task[i].worked_cnt, 1);
		assert_int_equal(task[i].done_cnt, 1);
		assert_true(pthread_equal(task[i].done_on, pthread_self()));
		assert_false(pthread_equal(task[i].worked_on, pthread_self()));
	}
	helper_pool_free(pool);
	event_base_free(base);
}

static int nice_value(void)
{
	errno = 0;
	return getpriority(PRIO_PROCESS, 0);
}

static void *look_beside(void *arg)
{
	*(int *)arg = nice_value();
	return NULL;
}

struct nice_values {
	int helper;
	int beside; /* of a thread that the helper began */
};

static void look(void *arg)
{
	struct nice_values *seen = arg;
	pthread_t beside;

	seen->helper = nice_value();
	if (pthread_create(&beside, NULL, look_beside, &seen->beside) == 0)
		pthread_join(beside, NULL);
}

static void ignore(void *arg)
{
	(void)arg;
}

/* Where they share a core: whoever wakes for a moment before whoever works for seconds. */
static void test_gives_way_to_the_loop(void **state)
{
	const int own = nice_value(), behind = own + 5 < 19 ? own + 5 : 19;
	struct event_base *base = event_base_new();
	struct nice_values seen = {0};
	struct helper_pool *pool = NULL;

	(void)state;
	assert_int_equal(helper_pool_new(base, 1, 1, &pool), 0);
	assert_int_equal(helper_run(pool, look, ignore, &seen), 0);
	helper_pool_drain(pool);
	helper_pool_free(pool);
	event_base_free(base);
	assert_int_equal(seen.helper, behind);
	assert_int_equal(seen.beside, behind);
	assert_int_equal(nice_value(), own);
}

static atomic_bool is_gate_open;

static void wait_for_gate(void *arg)
{
	(void)arg;
	while (!atomic_load(&is_gate_open))
		usleep(1000);
}

static void count_done(void *arg)
{
	++*(int *)arg;
}

static void *open_gate(void *arg)
{
	(void)arg;
	usleep(20000);
	atomic_store(&is_gate_open, true);
	return NULL;
}

/* Full is said at once, and whatever was accepted comes back through done, run or not. */
static void test_bounded_and_drained(void **state)
{
	struct event_base *base = event_base_new();
	struct helper_pool *pool = NULL;
	pthread_t opener;
	int done_cnt = 0;

	(void)state;
	assert_int_equal(helper_pool_new(base, 1, 3, &pool), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(helper_run(pool, wait_for_gate, count_done, &done_cnt), 0);
	assert_int_equal(helper_run(pool, wait_for_gate, count_done, &done_cnt), -EAGAIN);
	assert_int_equal(pthread_create(&opener, NULL, open_gate, NULL), 0);
	helper_pool_free(pool);
	pthread_join(opener, NULL);
	assert_int_equal(done_cnt, 3);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs_and_returns),
		cmocka_unit_test(test_gives_way_to_the_loop),
		cmocka_unit_test(test_bounded_and_drained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
