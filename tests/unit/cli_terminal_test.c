/* SPDX-License-Identifier: BSD-3-Clause */
/* rekeyctl: typed and pasted text from a pseudo-terminal. What is typed waits there already. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/cli/terminal.h"

struct terminal {
	int ours, theirs;
	struct termios before;
	FILE *nowhere;
};

static void open_terminal(struct terminal *t)
{
	t->ours = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(t->ours >= 0 && grantpt(t->ours) == 0 && unlockpt(t->ours) == 0);
	t->theirs = open(ptsname(t->ours), O_RDWR | O_NOCTTY);
	assert_true(t->theirs >= 0);
	assert_int_equal(tcgetattr(t->theirs, &t->before), 0);
	/* As the shell leaves it between two lines; and CTRL-C waits like other bytes. */
	t->before.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	t->before.c_iflag &= ~(tcflag_t)ICRNL;
	assert_int_equal(tcsetattr(t->theirs, TCSANOW, &t->before), 0);
	t->nowhere = fopen("/dev/null", "w");
	assert_non_null(t->nowhere);
}

static void close_terminal(struct terminal *t)
{
	fclose(t->nowhere);
	close(t->theirs);
	close(t->ours);
}

static void type(const struct terminal *t, const char *text, size_t len)
{
	assert_int_equal(write(t->ours, text, len), len);
}

/* Waits for what the terminal shows: the kernel hands it over in its own time. */
static void expect_shown(const struct terminal *t, const char *wanted)
{
	struct pollfd waiting = {.fd = t->ours, .events = POLLIN};
	char seen[256] = "";
	size_t len = 0;
	ssize_t n;

	while (len < strlen(wanted) && poll(&waiting, 1, 5000) > 0) {
		n = read(t->ours, seen + len, sizeof(seen) - 1 - len);
		assert_true(n > 0);
		len += (size_t)n;
		seen[len] = '\0';
	}
	assert_string_equal(seen, wanted);
}

/* What comes of typing; the terminal is as before afterwards. NULL: wanted is the error. */
static void expect_of(enum terminal_mode mode, const char *typed, size_t len, size_t max,
	const char *wanted, int error, const char *echo)
{
	struct terminal t;
	struct termios after;
	char *out = NULL;

	open_terminal(&t);
	type(&t, typed, len);
	assert_int_equal(terminal_read(t.theirs, mode, t.nowhere, "?", max, &out), error);
	if (wanted != NULL)
		assert_string_equal(out, wanted);
	else
		assert_null(out);
	free(out);
	assert_int_equal(tcgetattr(t.theirs, &after), 0);
	assert_int_equal(after.c_lflag, t.before.c_lflag);
	assert_int_equal(after.c_iflag, t.before.c_iflag);
	if (echo != NULL)
		expect_shown(&t, echo);
	close_terminal(&t);
}

#define TYPED(text) (text), sizeof(text) - 1

static void lines_end_with_enter(void **state)
{
	(void)state;
	expect_of(TERMINAL_LINE, TYPED("abc\nrest"), 64, "abc", 0, "abc\r\n");
	expect_of(TERMINAL_LINE, TYPED("\n"), 64, "", 0, "\r\n");
	expect_of(TERMINAL_LINE, TYPED("abc\r"), 64, "abc", 0, "abc\r\n");
	expect_of(TERMINAL_LINE, TYPED("ab\x7f\x7f\x7fxy\n"), 64, "xy", 0, "ab\b \b\b \bxy\r\n");
	expect_of(TERMINAL_LINE, TYPED("a\xc3\xa9\x7f\n"), 64, "a", 0, NULL);
	expect_of(TERMINAL_LINE, TYPED("abc\x15xy\n"), 64, "xy", 0, NULL);
	expect_of(TERMINAL_LINE, TYPED("a\x1b\x01z\n"), 64, "az", 0, "az\r\n");
	expect_of(TERMINAL_LINE, TYPED("\x04"), 64, NULL, -ENODATA, NULL);
	expect_of(TERMINAL_LINE, TYPED("a\x03"), 64, NULL, -EINTR, "a^C\r\n");
	expect_of(TERMINAL_LINE, TYPED("12345\n"), 4, NULL, -EFBIG, NULL);
}

/* The halves of a line end may be read by two. */
static void line_ends_are_one(void **state)
{
	(void)state;
	assert_false(terminal_is_second_half('a'));
	assert_false(terminal_is_second_half('\r'));
	assert_true(terminal_is_second_half('\n'));
	assert_false(terminal_is_second_half('\n'));
	expect_of(TERMINAL_LINE, TYPED("y\r"), 64, "y", 0, NULL);
	expect_of(TERMINAL_LINE, TYPED("\ny\r\n"), 64, "y", 0, NULL);
	expect_of(TERMINAL_LINE, TYPED("\n\n"), 64, "", 0, NULL);
}

static void secrets_are_not_shown(void **state)
{
	(void)state;
	expect_of(TERMINAL_SECRET, TYPED("pass word\n"), 64, "pass word", 0, "\r\n");
	expect_of(TERMINAL_SECRET, TYPED("ab\x7f\x03"), 64, NULL, -EINTR, "\r\n");
}

static void texts_end_with_ctrl_d(void **state)
{
	(void)state;
	expect_of(TERMINAL_TEXT, TYPED("a\nb\n\x04rest"), 64, "a\nb\n", 0, "a\r\nb\r\n");
	expect_of(TERMINAL_TEXT, TYPED("a\r\nb\r\n\x04"), 64, "a\nb\n", 0, NULL);
	expect_of(TERMINAL_TEXT, TYPED("ab\x04"), 64, "ab", 0, "ab\r\n");
	expect_of(TERMINAL_TEXT, TYPED("\x04"), 64, "", 0, NULL);
	/* a CTRL-D that the terminal had taken for an end of file before we asked */
	expect_of(TERMINAL_TEXT, TYPED("a\n\0"), 64, "a\n", 0, NULL);
	/* a line is not rubbed out beyond its beginning */
	expect_of(TERMINAL_TEXT,
		TYPED("a\n\x7f\x7f"
		      "b\x04"),
		64, "a\nb", 0, NULL);
	expect_of(TERMINAL_TEXT, TYPED("a\n\x03"), 64, NULL, -EINTR, NULL);
	expect_of(TERMINAL_TEXT, TYPED("12345\x04"), 4, NULL, -EFBIG, NULL);
	expect_of(TERMINAL_TEXT, TYPED("1234\x04"), 4, "1234", 0, NULL);
}

/* Answer, text and answer typed at once: each reader takes its own. */
static void what_follows_is_left(void **state)
{
	struct terminal t;
	char *out = NULL;

	(void)state;
	open_terminal(&t);
	type(&t, TYPED("y\nPEM\n\x04no\n"));
	assert_int_equal(terminal_read(t.theirs, TERMINAL_LINE, t.nowhere, "", 64, &out), 0);
	assert_string_equal(out, "y");
	free(out);
	assert_int_equal(terminal_read(t.theirs, TERMINAL_TEXT, t.nowhere, "", 64, &out), 0);
	assert_string_equal(out, "PEM\n");
	free(out);
	assert_int_equal(terminal_read(t.theirs, TERMINAL_SECRET, t.nowhere, "", 64, &out), 0);
	assert_string_equal(out, "no");
	free(out);
	close_terminal(&t);
}

static void what_is_no_terminal_is_told(void **state)
{
	char *out = NULL;
	int fd = open("/dev/null", O_RDWR);

	(void)state;
	assert_int_equal(terminal_read(fd, TERMINAL_LINE, stderr, "", 64, &out), -ENOTTY);
	assert_null(out);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_with_enter),
		cmocka_unit_test(line_ends_are_one),
		cmocka_unit_test(secrets_are_not_shown),
		cmocka_unit_test(texts_end_with_ctrl_d),
		cmocka_unit_test(what_follows_is_left),
		cmocka_unit_test(what_is_no_terminal_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
