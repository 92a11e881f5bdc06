/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/terminal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define CTRL_C 0x03
#define CTRL_D 0x04
#define CTRL_U 0x15
#define RUBOUT 0x7f

struct typed {
	int fd;
	enum terminal_mode mode;
	char *text;
	size_t len, size, max;
	bool is_too_large;
};

static void echo(const struct typed *t, const char *text, size_t len)
{
	if (t->mode != TERMINAL_SECRET && write(t->fd, text, len) < 0)
		return; /* what is typed counts, seen or not */
}

/* Old memory is wiped: it may hold a password. */
static bool grow(struct typed *t)
{
	size_t size = 2 * t->size + 256;
	char *text = malloc(size);

	if (text == NULL)
		return false;
	if (t->text != NULL) {
		memcpy(text, t->text, t->len);
		explicit_bzero(t->text, t->len);
	}
	free(t->text);
	t->text = text;
	t->size = size;
	return true;
}

static int add(struct typed *t, char c)
{
	if (t->len == t->max) {
		t->is_too_large = true;
		return 0;
	}
	if (t->len + 1 >= t->size && !grow(t))
		return -ENOMEM;
	t->text[t->len++] = c;
	return 0;
}

/* The last character of this line, all bytes of it. */
static bool rub_out(struct typed *t)
{
	if (t->len == 0 || t->text[t->len - 1] == '\n')
		return false;
	while (t->len > 0 && ((unsigned char)t->text[t->len - 1] & 0xc0) == 0x80)
		t->len--;
	if (t->len > 0)
		t->len--;
	echo(t, "\b \b", 3);
	return true;
}

/* One byte. 1 = the end; 0; -errno. */
static int take(struct typed *t, char c)
{
	int ret;

	switch (c) {
	case CTRL_C:
		echo(t, "^C\n", 3);
		return -EINTR;
	case '\0': /* what the terminal makes of a CTRL-D that was typed ahead, before we asked */
	case CTRL_D:
		if (t->mode == TERMINAL_TEXT && t->len > 0 && t->text[t->len - 1] != '\n')
			echo(t, "\n", 1);
		return t->mode == TERMINAL_TEXT ? 1 : t->len > 0 ? 0 : -ENODATA;
	case CTRL_U:
		while (rub_out(t))
			;
		return 0;
	case '\b':
	case RUBOUT:
		rub_out(t);
		return 0;
	case '\r':
	case '\n':
		echo(t, "\n", 1);
		return t->mode == TERMINAL_TEXT ? add(t, '\n') : 1;
	default:
		if ((unsigned char)c < 0x20 && c != '\t')
			return 0; /* no text, and nothing to show on a terminal */
		ret = add(t, c);
		echo(t, &c, 1);
		return ret;
	}
}

static int take_all(struct typed *t)
{
	char c;
	int ret = 0;

	while (ret == 0) {
		/* One byte at a time: what comes after the end is somebody else's. */
		ssize_t n = read(t->fd, &c, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : t->len > 0 ? 0 : -ENODATA;
		ret = take(t, c);
	}
	return ret < 0 ? ret : 0;
}

int terminal_read(
	int fd, enum terminal_mode mode, FILE *prompt, const char *question, size_t max, char **out)
{
	struct typed t = {.fd = fd, .mode = mode, .max = max};
	struct termios shown, raw;
	int ret;

	if (tcgetattr(fd, &shown) < 0)
		return -errno;
	raw = shown;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ECHONL | ISIG | IEXTEN);
	raw.c_iflag |= ICRNL;
	raw.c_iflag &= ~(tcflag_t)(IGNCR | INLCR | ISTRIP);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(fd, TCSADRAIN, &raw) < 0)
		return -errno;
	fputs(question, prompt);
	fflush(prompt);
	ret = grow(&t) ? take_all(&t) : -ENOMEM;
	if (mode == TERMINAL_SECRET && write(fd, "\n", 1) < 0)
		ret = ret == 0 ? -errno : ret;
	tcsetattr(fd, TCSADRAIN, &shown);
	if (ret == 0 && t.is_too_large)
		ret = -EFBIG;
	if (ret < 0) {
		if (t.text != NULL)
			explicit_bzero(t.text, t.len);
		free(t.text);
		return ret;
	}
	t.text[t.len] = '\0';
	*out = t.text;
	return 0;
}
