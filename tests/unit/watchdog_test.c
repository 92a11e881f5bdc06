/* SPDX-License-Identifier: BSD-3-Clause */
/* Who hangs is told from who is only slow, and from a process that did not run at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/watchdog.h"

#define START (1000 * NS_PER_SEC)

static struct watchdog w;
static _Atomic uint64_t round_ns[2];
static char said[4096]; /* since it was last taken */
static int pipe_fd[2];

static int set_up(void **state)
{
	(void)state;
	w = (struct watchdog){.looked_ns = START};
	atomic_store(&round_ns[0], START);
	atomic_store(&round_ns[1], START);
	watchdog_add(&w, &round_ns[0], "worker-%u-lcore-%u", 0, 1);
	watchdog_add(&w, &round_ns[1], "crypto-lcore-%u", 2);
	return 0;
}

/* Each second, as main does, while the first runs and the second does or does not. */
static void look_from_to(uint64_t first_sec, uint64_t last_sec, bool does_second_run)
{
	for (uint64_t sec = first_sec; sec <= last_sec; sec++) {
		atomic_store(&round_ns[0], START + sec * NS_PER_SEC);
		if (does_second_run)
			atomic_store(&round_ns[1], START + sec * NS_PER_SEC);
		watchdog_look(&w, START + sec * NS_PER_SEC);
	}
}

static const char *take_said(void)
{
	ssize_t n = read(pipe_fd[0], said, sizeof(said) - 1);

	said[n > 0 ? n : 0] = '\0';
	return said;
}

static void who_hangs_is_named_once(void **state)
{
	int old = dup(STDERR_FILENO);

	(void)state;
	assert_int_equal(pipe2(pipe_fd, O_NONBLOCK), 0);
	assert_true(dup2(pipe_fd[1], STDERR_FILENO) >= 0);
	look_from_to(1, 10, false);
	assert_int_equal(w.hung_cnt, 0);
	look_from_to(11, 15, false);
	assert_true(dup2(old, STDERR_FILENO) >= 0);
	assert_int_equal(w.hung_cnt, 1);
	assert_int_equal(w.thread[0].hung_ns, 0);
	assert_int_equal(w.thread[1].hung_ns, 15 * NS_PER_SEC);
	assert_string_equal(take_said(), "rekey-dataplane: error: crypto-lcore-2 hangs: it has not "
					 "begun a round for 11 s\n");
	assert_true(dup2(pipe_fd[1], STDERR_FILENO) >= 0);
	look_from_to(16, 17, true);
	assert_true(dup2(old, STDERR_FILENO) >= 0);
	assert_int_equal(w.hung_cnt, 0);
	assert_string_equal(
		take_said(), "rekey-dataplane: warning: crypto-lcore-2 runs again, after 15 s\n");
	close(old);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

static void between_two_looks_nothing_is_done(void **state)
{
	(void)state;
	look_from_to(1, 1, true);
	assert_int_equal(watchdog_deadline_ns(&w), START + 2 * NS_PER_SEC);
	watchdog_look(&w, START + 2 * NS_PER_SEC - 1);
	assert_int_equal(w.looked_ns, START + NS_PER_SEC);
}

/* The process was stopped, or the machine slept: main looks before the others have had a chance. */
static void a_process_that_was_stopped_hangs_not(void **state)
{
	(void)state;
	look_from_to(1, 1, true);
	watchdog_look(&w, START + 60 * NS_PER_SEC);
	assert_int_equal(w.hung_cnt, 0);
	look_from_to(61, 70, false);
	assert_int_equal(w.hung_cnt, 0);
	look_from_to(71, 71, false);
	assert_int_equal(w.hung_cnt, 1);
	assert_int_equal(w.thread[1].hung_ns, 11 * NS_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(who_hangs_is_named_once, set_up),
		cmocka_unit_test_setup(between_two_looks_nothing_is_done, set_up),
		cmocka_unit_test_setup(a_process_that_was_stopped_hangs_not, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
