/* SPDX-License-Identifier: BSD-3-Clause */
/* The last good configuration steps in for a missing or damaged one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/config.h"

#define GOOD \
	"{\"router\":{\"name\":\"east\",\"node\":\"node0\",\"peering-common-name\":\"east-cn\"}}"

static void write_text(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void test_last_good(void **state)
{
	char root[] = "/tmp/rekey-config-XXXXXX";
	struct config_error error;
	enum config_origin origin;
	struct config *c = NULL;
	int config_dir, state_dir;

	(void)state;
	assert_non_null(mkdtemp(root));
	config_dir = open(root, O_DIRECTORY | O_RDONLY);
	assert_int_equal(mkdirat(config_dir, "state", 0700), 0);
	state_dir = openat(config_dir, "state", O_DIRECTORY | O_RDONLY);

	assert_int_equal(config_load(config_dir, state_dir, &c, &origin, &error), -ENOENT);
	assert_non_null(strstr(error.text, "cannot be read"));
	write_text(config_dir, CONFIG_FILE, GOOD);
	assert_int_equal(config_load(config_dir, state_dir, &c, &origin, &error), 0);
	assert_int_equal(origin, CONFIG_CURRENT);
	config_free(c);
	write_text(config_dir, CONFIG_FILE, "{\"router\":{},\n \"x\":1}");
	assert_int_equal(config_load(config_dir, state_dir, &c, &origin, &error), 0);
	assert_int_equal(origin, CONFIG_LAST);
	assert_int_equal(error.line, 1);
	assert_string_equal(c->router, "east");
	config_free(c);
	c = NULL;
	assert_int_equal(config_load_current(config_dir, state_dir, &c, &error), -EINVAL);
	assert_null(c);
	assert_int_equal(unlinkat(config_dir, CONFIG_FILE, 0), 0);
	assert_int_equal(config_load(config_dir, state_dir, &c, &origin, &error), 0);
	assert_int_equal(origin, CONFIG_LAST);
	config_free(c);
	unlinkat(state_dir, CONFIG_FILE_LAST, 0);
	close(state_dir);
	unlinkat(config_dir, "state", AT_REMOVEDIR);
	close(config_dir);
	rmdir(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
