/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define CTRL_C 0x03
#define CTRL_D 0x04
#define CTRL_U 0x15
#define RUBOUT 0x7f

static volatile sig_atomic_t caught; /* a signal that ends the process, for later */

static void on_signal(int signal)
{
	caught = signal;
}

bool terminal_is_second_half(char c)
{
	static bool is_after_return;
	bool is_half = c == '\n' && is_after_return;

	is_after_return = c == '\r';
	return is_half;
}

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

	if (terminal_is_second_half(c))
		return 0;
	switch (c) {
	case CTRL_C:
		echo(t, "^C\n", 3);
		return -EINTR;
	case '\0': /* what the terminal makes of a CTRL-D that was typed ahead, before we asked */
	case CTRL_D:
		/* Whatever is said next begins a line; what is typed in a line goes on. */
		if (t->mode == TERMINAL_TEXT ? t->len > 0 && t->text[t->len - 1] != '\n'
					     : t->len == 0)
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

/* ---- the terminal's mode ------------------------------------------------------------------------- */

/* The terminal is given back as it was whatever ends us: without echo nobody could work in it. */
static const int ending[] = {SIGTERM, SIGHUP, SIGQUIT};
#define ENDING_CNT (sizeof(ending) / sizeof(ending[0]))

struct switched {
	struct termios shown;
	struct sigaction before[ENDING_CNT];
	sigset_t mask; /* the ending signals come only while we wait */
};

static void switch_back(int fd, const struct switched *s)
{
	tcsetattr(fd, TCSADRAIN, &s->shown);
	for (size_t i = 0; i < ENDING_CNT; i++)
		sigaction(ending[i], &s->before[i], NULL);
	sigprocmask(SIG_SETMASK, &s->mask, NULL);
	if (caught != 0)
		raise(caught);
}

/* Single bytes, no echo, no signals from keys; what waits is kept. */
static int switch_over(int fd, struct switched *s)
{
	const struct sigaction action = {.sa_handler = on_signal};
	struct termios raw;
	sigset_t blocked;
	int ret;

	if (tcgetattr(fd, &s->shown) < 0)
		return -errno;
	caught = 0;
	sigemptyset(&blocked);
	for (size_t i = 0; i < ENDING_CNT; i++) {
		sigaction(ending[i], &action, &s->before[i]);
		sigaddset(&blocked, ending[i]);
	}
	sigprocmask(SIG_BLOCK, &blocked, &s->mask);
	raw = s->shown;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ECHONL | ISIG | IEXTEN);
	raw.c_iflag &= ~(tcflag_t)(ICRNL | IGNCR | INLCR | ISTRIP);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(fd, TCSADRAIN, &raw) == 0)
		return 0;
	ret = -errno;
	switch_back(fd, s);
	return ret;
}

static int take_all(struct typed *t, const struct switched *s)
{
	struct pollfd waiting = {.fd = t->fd, .events = POLLIN};
	char c;
	int ret = 0;

	while (ret == 0) {
		ssize_t n = ppoll(&waiting, 1, NULL, &s->mask);

		if (n < 0 && errno == EINTR && caught == 0)
			continue;
		/* One byte at a time: what comes after the end is somebody else's. */
		if (n >= 0)
			n = read(t->fd, &c, 1);
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
	struct switched s;
	int ret = switch_over(fd, &s);

	if (ret < 0)
		return ret;
	fputs(question, prompt);
	fflush(prompt);
	ret = grow(&t) ? take_all(&t, &s) : -ENOMEM;
	if (mode == TERMINAL_SECRET && write(fd, "\n", 1) < 0)
		ret = ret == 0 ? -errno : ret;
	switch_back(fd, &s);
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
