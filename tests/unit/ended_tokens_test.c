/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/ended_tokens.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pki/view/file.h"
#include "tests/unit/folder_fixture.h"

#define NOW  INT64_C(1800000000)
#define HOUR INT64_C(3600)
#define YEAR (INT64_C(365) * 24 * HOUR)

static struct folder folder;
static struct ended_tokens *ended;
static struct ended_clock now;

static int set_up(void **state)
{
	(void)state;
	folder_init(&folder);
	now = (struct ended_clock){.wall = NOW, .up = 1000};
	return ended_tokens_open(folder.fd, now, &ended);
}

static int tear_down(void **state)
{
	(void)state;
	ended_tokens_close(ended);
	folder_fini(&folder);
	return 0;
}

/* Both clocks go on, as they do when nobody sets one. */
static void pass(int64_t sec)
{
	now.wall += sec;
	now.up += sec;
}

static void restart(void)
{
	ended_tokens_close(ended);
	now.up = 5; /* another boot, even */
	assert_int_equal(ended_tokens_open(folder.fd, now, &ended), 0);
}

static const char *id_of(unsigned i)
{
	static char id[TOKEN_ID_LEN + 1];

	snprintf(id, sizeof(id), "%022u", i);
	return id;
}

static int end_one(unsigned i, int64_t expires)
{
	char *text = NULL;
	int ret = ended_tokens_print(ended, id_of(i), expires, now, &text);

	if (ret < 0)
		return ret;
	assert_int_equal(
		rk_file_replace(folder.fd, ENDED_TOKENS_FILE, 0600, text, strlen(text)), 0);
	free(text);
	ended_tokens_take(ended, id_of(i), expires, now);
	return 0;
}

static void forgotten_when_over(void **state)
{
	(void)state;
	assert_int_equal(end_one(1, now.wall + HOUR), 0);
	pass(HOUR - 1);
	assert_int_equal(end_one(2, now.wall + YEAR), 0);
	assert_true(ended_tokens_has(ended, id_of(1)));
	pass(1);
	assert_int_equal(end_one(3, now.wall + YEAR), 0);
	assert_false(ended_tokens_has(ended, id_of(1)));
	assert_true(ended_tokens_has(ended, id_of(2)));
	restart();
	assert_false(ended_tokens_has(ended, id_of(1)));
	assert_true(ended_tokens_has(ended, id_of(2)));
	assert_true(ended_tokens_has(ended, id_of(3)));
}

/* The clock says for a while that a year has passed. */
static void clock_ahead_and_back(void **state)
{
	(void)state;
	assert_int_equal(end_one(1, now.wall + HOUR), 0);
	now.wall += YEAR;
	assert_int_equal(end_one(2, now.wall + HOUR), 0);
	assert_true(ended_tokens_has(ended, id_of(1)));
	now.wall -= YEAR;
	assert_true(ended_tokens_has(ended, id_of(1)));
	assert_true(ended_tokens_has(ended, id_of(2)));
}

static void clock_ahead_over_a_restart(void **state)
{
	(void)state;
	assert_int_equal(end_one(1, now.wall + HOUR), 0);
	now.wall += YEAR;
	restart();
	assert_int_equal(end_one(2, now.wall + HOUR), 0);
	now.wall -= YEAR;
	restart();
	assert_true(ended_tokens_has(ended, id_of(1)));
	/* what was left has passed, and the clock that was behind says so, too */
	pass(2 * HOUR);
	assert_int_equal(end_one(3, now.wall + HOUR), 0);
	assert_false(ended_tokens_has(ended, id_of(1)));
	assert_true(ended_tokens_has(ended, id_of(2)));
}

/* Set back, the clock takes longer until it says that the token has expired. */
static void clock_back(void **state)
{
	(void)state;
	assert_int_equal(end_one(1, now.wall + HOUR), 0);
	now.wall -= 10 * HOUR;
	pass(2 * HOUR);
	assert_int_equal(end_one(2, now.wall + YEAR), 0);
	assert_true(ended_tokens_has(ended, id_of(1)));
}

static void only_so_many(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ENDED_TOKENS_MAX; i++)
		ended_tokens_take(ended, id_of(i), now.wall + HOUR, now);
	assert_int_equal(end_one(ENDED_TOKENS_MAX, now.wall + HOUR), -ENOSPC);
	now.wall += YEAR;
	assert_int_equal(end_one(ENDED_TOKENS_MAX, now.wall + HOUR), -ENOSPC);
	now.up += HOUR;
	assert_int_equal(end_one(ENDED_TOKENS_MAX, now.wall + HOUR), 0);
}

static void write_file(const char *text)
{
	assert_int_equal(
		rk_file_replace(folder.fd, ENDED_TOKENS_FILE, 0600, text, strlen(text)), 0);
}

static void file_of_before(void **state)
{
	(void)state;
	write_file("[{\"id\": \"0000000000000000000001\", \"expires\": 1800003600}]");
	restart();
	pass(HOUR / 2);
	now.wall += YEAR;
	assert_int_equal(end_one(2, now.wall + YEAR), 0);
	assert_true(ended_tokens_has(ended, id_of(1)));
	pass(HOUR / 2);
	assert_int_equal(end_one(3, now.wall + YEAR), 0);
	assert_false(ended_tokens_has(ended, id_of(1)));
}

static void damaged_file(void **state)
{
	static const char *const texts[] = {"", "{}", "[1]",
		"[{\"id\": \"short\", \"expires\": 1}]", "[{\"id\": \"0000000000000000000001\"}]",
		"[{\"id\": \"0000000000000000000001\", \"expires\": 1, \"left\": \"long\"}]"};
	struct ended_tokens *none = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_file(texts[i]);
		assert_int_equal(ended_tokens_open(folder.fd, now, &none), -EINVAL);
		assert_null(none);
	}
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(forgotten_when_over),
		T(clock_ahead_and_back),
		T(clock_ahead_over_a_restart),
		T(clock_back),
		T(only_so_many),
		T(file_of_before),
		T(damaged_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
