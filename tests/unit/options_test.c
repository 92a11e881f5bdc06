/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "dataplane/options.h"

#define ARG_MAX_CNT 16

static struct options o;
static char why[200];

/* Parses "rekey-dataplane" and the words given, up to NULL. */
static enum options_answer parse(const char *first, ...)
{
	static char text[ARG_MAX_CNT][64];
	char *argv[ARG_MAX_CNT + 1] = {NULL};
	const char *word = first;
	int argc = 1;
	va_list args;

	strcpy(text[0], "rekey-dataplane");
	argv[0] = text[0];
	va_start(args, first);
	while (word != NULL) {
		snprintf(text[argc], sizeof(text[argc]), "%s", word);
		argv[argc] = text[argc];
		argc++;
		word = va_arg(args, const char *);
	}
	va_end(args);
	why[0] = '\0';
	return options_parse(&o, argc, argv, why, sizeof(why));
}

static void test_defaults(void **state)
{
	(void)state;
	assert_int_equal(parse(NULL), OPTIONS_RUN);
	assert_string_equal(o.run_dir, "/run/rekey");
	assert_string_equal(o.state_dir, "/var/lib/rekey-dataplane");
	assert_int_equal(o.control_uid, geteuid());
	assert_int_equal(o.idle_sleep_us, 0);
	assert_ptr_equal(o.kex, kex_backend_find("auto"));
	assert_int_equal(o.mtu_max, 2000);
	assert_int_equal(o.eal_argc, 1);
}

static void test_all(void **state)
{
	(void)state;
	assert_int_equal(parse("--no-huge", "--lcores", "(0,1)@0", "--", "--run-dir", "/r",
				 "--state-dir=/s", "--crypto-lcores", "2,4-6", "--idle-sleep-us",
				 "500", "--mtu-max", "9000", "--control-user", "root", NULL),
		OPTIONS_RUN);
	assert_int_equal(o.eal_argc, 4);
	assert_string_equal(o.run_dir, "/r");
	assert_string_equal(o.state_dir, "/s");
	assert_int_equal(o.idle_sleep_us, 500);
	assert_int_equal(o.mtu_max, 9000);
	assert_int_equal(o.control_uid, 0);
	assert_false(o.is_crypto_lcore[1]);
	assert_true(o.is_crypto_lcore[2]);
	assert_false(o.is_crypto_lcore[3]);
	assert_true(o.is_crypto_lcore[4] && o.is_crypto_lcore[5] && o.is_crypto_lcore[6]);
	assert_false(o.is_crypto_lcore[7]);
}

static void test_help_and_version(void **state)
{
	(void)state;
	assert_int_equal(parse("--help", NULL), OPTIONS_HELP);
	assert_int_equal(parse("--version", NULL), OPTIONS_VERSION);
	assert_int_equal(parse("--no-pci", "--", "--help", NULL), OPTIONS_HELP);
	assert_int_equal(parse("--", "--version", NULL), OPTIONS_VERSION);
}

static void test_kex(void **state)
{
	(void)state;
	assert_int_equal(parse("--", "--kex", "libcrypto", NULL), OPTIONS_RUN);
	assert_string_equal(kex_backend_name(o.kex), "libcrypto");
	assert_int_equal(parse("--", "--kex", "ifma", NULL),
		kex_backend_find("ifma") != NULL ? OPTIONS_RUN : OPTIONS_BAD);
}

/* Refused with a line that names the culprit. */
static void check_bad(const char *option, const char *value)
{
	assert_int_equal(parse("--", option, value, NULL), OPTIONS_BAD);
	assert_non_null(strstr(why, value == NULL ? "option" : value));
}

static void test_bad(void **state)
{
	static const char *const list[] = {"", "x", "1-", "3-2", "1,,2", "128", "1;2", "-1"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		check_bad("--crypto-lcores", list[i]);
	check_bad("--kex", "");
	check_bad("--kex", "ifm");
	check_bad("--mtu-max", "1999");
	check_bad("--mtu-max", "9001");
	check_bad("--mtu-max", "9000x");
	check_bad("--idle-sleep-us", "-1");
	check_bad("--idle-sleep-us", "5ms");
	check_bad("--idle-sleep-us", "100001");
	check_bad("--control-user", "nobody-of-this-name");
	check_bad("--no-such-option", NULL);
	check_bad("--run-dir", NULL);
	assert_int_equal(parse("--", "stray", NULL), OPTIONS_BAD);
	assert_non_null(strstr(why, "stray"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_kex),
		cmocka_unit_test(test_help_and_version),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
