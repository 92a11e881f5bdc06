/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "control/cli/terminal.h"

#define CTRL_D 0x04

void input_init(struct input *in, FILE *prompt)
{
	in->is_terminal = isatty(STDIN_FILENO) != 0;
	in->prompt = prompt;
}

/* Up to the byte end, which is taken away, or the end of input. */
static int read_stream(size_t max, int end, char **out)
{
	char *text = NULL, *grown;
	size_t len = 0, size = 0;
	bool is_too_large = false;
	int c;

	while ((c = getc(stdin)) != EOF && c != end) {
		if (len == max) {
			is_too_large = true;
			continue;
		}
		if (len + 1 >= size) {
			size = 2 * size + 256;
			grown = realloc(text, size);
			if (grown == NULL) {
				free(text);
				return -ENOMEM;
			}
			text = grown;
		}
		text[len++] = (char)c;
	}
	if (is_too_large || (text == NULL && c == EOF) || (len > 0 && memchr(text, 0, len))) {
		free(text);
		return is_too_large ? -EFBIG : len == 0 ? -ENODATA : -EILSEQ;
	}
	if (text == NULL && (text = malloc(1)) == NULL)
		return -ENOMEM;
	text[len] = '\0';
	*out = text;
	return 0;
}

static int read_answer(
	struct input *in, enum terminal_mode mode, size_t max, const char *question, char **out)
{
	fflush(stdout);
	if (in->is_terminal)
		return terminal_read(STDIN_FILENO, mode, in->prompt, question, max, out);
	fputs(question, in->prompt);
	fflush(in->prompt);
	return read_stream(max, mode == TERMINAL_TEXT ? CTRL_D : '\n', out);
}

static void trim_end(char *line)
{
	size_t len = strlen(line);

	while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n'))
		line[--len] = '\0';
}

int input_ask(struct input *in, const char *question, char **out)
{
	int ret = read_answer(in, TERMINAL_LINE, INPUT_LINE_MAX, question, out);

	if (ret == 0)
		trim_end(*out);
	if (!in->is_terminal)
		fputc('\n', in->prompt); /* the answer is not echoed */
	return ret;
}

int input_password(struct input *in, const char *question, char **out)
{
	int ret = read_answer(
		in, TERMINAL_SECRET, INPUT_LINE_MAX, in->is_terminal ? question : "", out);

	if (ret == 0)
		trim_end(*out);
	return ret;
}

/* "\r\n" becomes "\n". */
static void join_line_ends(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		if (from[0] != '\r' || from[1] != '\n')
			*to++ = *from;
	}
	*to = '\0';
}

int input_paste(struct input *in, const char *question, char **out)
{
	int ret = read_answer(in, TERMINAL_TEXT, INPUT_TEXT_MAX, question, out);

	if (ret == 0)
		join_line_ends(*out);
	return ret;
}

const char *input_why(int error)
{
	return error == -EINTR     ? "stopped"
	       : error == -ENODATA ? "nothing was entered"
	       : error == -EFBIG   ? "it is too long"
	       : error == -EILSEQ  ? "it is no text"
				   : strerror(-error);
}

bool input_confirm(struct input *in, const char *question)
{
	char *answer = NULL;
	bool is_yes;

	if (input_ask(in, question, &answer) < 0)
		return false;
	is_yes = strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
	free(answer);
	return is_yes;
}

int input_line(struct input *in, char **out)
{
	int ret;

	(void)in;
	ret = read_stream(4 * INPUT_TEXT_MAX, '\n', out);
	if (ret == 0)
		trim_end(*out);
	return ret;
}
