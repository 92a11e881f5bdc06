/* SPDX-License-Identifier: BSD-3-Clause */
/* rekeyctl: answers and texts from a standard input that is no terminal. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/cli/input.h"

static struct input in;
static char *asked;
static size_t asked_len;

/* Standard input holds these bytes; questions go to memory. */
static void give(const char *text, size_t len)
{
	char path[] = "/tmp/cli-input.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
	assert_non_null(freopen(path, "r", stdin));
	unlink(path);
	input_init(&in, open_memstream(&asked, &asked_len));
	assert_false(in.is_terminal);
}

static void done(const char *questions)
{
	fclose(in.prompt);
	if (questions != NULL)
		assert_string_equal(asked, questions);
	free(asked);
}

#define GIVE(text) give((text), sizeof(text) - 1)

/* text is looked at after the call. */
#define EXPECT(call, wanted)                       \
	do {                                       \
		assert_int_equal((call), 0);       \
		assert_string_equal(text, wanted); \
		free(text);                        \
	} while (0)

static void a_dialogue_is_read_in_order(void **state)
{
	char *text = NULL;

	(void)state;
	GIVE("content\nPEM\r\nmore\n\x04warn\ny\nsecret\nlast");
	EXPECT(input_line(&in, &text), "content");
	EXPECT(input_paste(&in, "Paste:\n", &text), "PEM\nmore\n");
	EXPECT(input_ask(&in, "Mode: ", &text), "warn");
	assert_true(input_confirm(&in, "Sure? "));
	EXPECT(input_password(&in, "Password: ", &text), "secret");
	EXPECT(input_line(&in, &text), "last");
	assert_int_equal(input_line(&in, &text), -ENODATA);
	/* a password is not asked for where nobody can answer */
	done("Paste:\nMode: \nSure? \n");
}

static void a_text_may_end_with_the_input(void **state)
{
	char *text = NULL;

	(void)state;
	GIVE("all\nof it");
	EXPECT(input_paste(&in, "", &text), "all\nof it");
	assert_int_equal(input_paste(&in, "", &text), -ENODATA);
	done("");
	GIVE("\x04");
	EXPECT(input_paste(&in, "", &text), "");
	done("");
}

static void only_yes_is_yes(void **state)
{
	(void)state;
	GIVE("y\nYES\nYes\r\nn\n\nyy\nye\n");
	assert_true(input_confirm(&in, ""));
	assert_true(input_confirm(&in, ""));
	assert_true(input_confirm(&in, ""));
	for (size_t i = 0; i < 5; i++)
		assert_false(input_confirm(&in, "")); /* the last one has no answer */
	done(NULL);
}

static void floods_and_binary_are_refused_whole(void **state)
{
	char *flood = malloc(INPUT_TEXT_MAX + 16), *text = NULL;

	(void)state;
	memset(flood, 'a', INPUT_TEXT_MAX + 16);
	flood[INPUT_TEXT_MAX + 1] = '\x04';
	flood[INPUT_TEXT_MAX + 15] = '\n';
	give(flood, INPUT_TEXT_MAX + 16);
	assert_int_equal(input_paste(&in, "", &text), -EFBIG);
	assert_null(text);
	EXPECT(input_line(&in, &text), "aaaaaaaaaaaaa");
	done(NULL);
	flood[INPUT_TEXT_MAX] = '\x04';
	give(flood, INPUT_TEXT_MAX + 1);
	assert_int_equal(input_paste(&in, "", &text), 0);
	assert_int_equal(strlen(text), INPUT_TEXT_MAX);
	free(text);
	done(NULL);
	free(flood);
	GIVE("a\0b\nnext\n");
	text = NULL;
	assert_int_equal(input_line(&in, &text), -EILSEQ);
	assert_null(text);
	EXPECT(input_line(&in, &text), "next");
	done(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dialogue_is_read_in_order),
		cmocka_unit_test(a_text_may_end_with_the_input),
		cmocka_unit_test(only_yes_is_yes),
		cmocka_unit_test(floods_and_binary_are_refused_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
