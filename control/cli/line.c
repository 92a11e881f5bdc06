/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/line.h"

#include <fcntl.h>
#include <histedit.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "control/cli/complete.h"
#include "control/cli/print.h"
#include "control/cli/terminal.h"
#include "control/cli/words.h"

#define HISTORY_MAX 1000
#define SHOWN_MAX   200

struct line_editor {
	struct cli *cli;
	EditLine *el;
	History *history;
	char *history_path; /* NULL: not kept */
	char prompt[512];
	char shown[520];   /* what libedit is told of it */
	bool is_cancelled; /* the line that is being read */
};

#define LITERAL '\1'

/*
 * A prompt wider than the terminal is no good to libedit, which would break it up. What fills whole
 * lines is given as one that takes no room: the terminal wraps it, and the column is right again.
 */
static char *get_prompt(EditLine *el)
{
	struct line_editor *e = NULL;
	size_t len, whole;
	int columns = 0;

	el_get(el, EL_CLIENTDATA, &e);
	len = strlen(e->prompt);
	if (el_get(el, EL_GETTC, "co", &columns, NULL) < 0 || columns <= 1 ||
		len <= (size_t)columns)
		return e->prompt;
	whole = (len - 1) / (size_t)columns * (size_t)columns;
	snprintf(e->shown, sizeof(e->shown), "%c%.*s%c%s", LITERAL, (int)whole, e->prompt, LITERAL,
		e->prompt + whole);
	return e->shown;
}

/* ---- what may come next -------------------------------------------------------------------------- */

static void print_choice(const struct candidate *one, const char *word)
{
	char help[512];

	snprintf(help, sizeof(help), "%s", one->help);
	print_strip_controls(help);
	printf("  %-28s %s\n", word, help);
}

static void print_choices(const struct candidates *list)
{
	char word[128];

	for (size_t i = 0; i < list->cnt; i++) {
		const struct candidate *one = &list->one[i];

		if (i == SHOWN_MAX) {
			printf("  ... and %zu more\n", list->cnt - i);
			break;
		}
		snprintf(word, sizeof(word), "%s", one->word != NULL ? one->word : "");
		print_strip_controls(word);
		print_choice(one, one->word == NULL && strcmp(one->help, "<Enter>") == 0 ? "<Enter>"
				  : one->word == NULL                                    ? "<value>"
											 : word);
	}
}

void line_print_choices(struct cli *c, char *const *word, size_t cnt, const char *partial)
{
	struct candidates list;

	if (complete_words(c, word, cnt, partial, &list) == 0)
		print_choices(&list);
	complete_free(&list);
}

/* The words up to the cursor, the last one apart when it is not complete. False: an open quote. */
static bool split_typed(EditLine *el, struct words *w, const char **partial, size_t *cnt)
{
	const LineInfo *info = el_line(el);
	size_t len = (size_t)(info->cursor - info->buffer);
	char *text = strndup(info->buffer, len);
	bool is_split = text != NULL && words_split(text, w) == 0;

	free(text);
	if (!is_split)
		return false;
	*cnt = w->cnt;
	*partial = "";
	if (w->cnt > 0 && len > 0 && strchr(" \t", info->buffer[len - 1]) == NULL)
		*partial = w->word[--*cnt];
	return true;
}

static unsigned char on_help(EditLine *el, int ch)
{
	struct line_editor *e = NULL;
	const char *partial;
	struct words w;
	size_t cnt;

	(void)ch;
	el_get(el, EL_CLIENTDATA, &e);
	if (!split_typed(el, &w, &partial, &cnt)) {
		el_insertstr(el, "?"); /* inside quotes it is a character like others */
		return CC_REFRESH;
	}
	putchar('\n');
	line_print_choices(e->cli, w.word, cnt, partial);
	fflush(stdout);
	words_fini(&w);
	return CC_REDISPLAY;
}

/* What all candidates agree on is typed; when that is nothing they are shown. */
static unsigned char on_tab(EditLine *el, int ch)
{
	struct line_editor *e = NULL;
	struct candidates list;
	const char *partial, *first = NULL;
	unsigned char ret = CC_REFRESH_BEEP;
	size_t cnt, common, words = 0;
	char typed[512];
	struct words w;

	(void)ch;
	el_get(el, EL_CLIENTDATA, &e);
	if (!split_typed(el, &w, &partial, &cnt))
		return CC_REFRESH_BEEP;
	if (complete_words(e->cli, w.word, cnt, partial, &list) < 0)
		goto out;
	for (size_t i = 0; i < list.cnt; i++) {
		if (list.one[i].word != NULL && words++ == 0)
			first = list.one[i].word;
	}
	common = complete_common(&list);
	if (words == 1 || common > 0) {
		snprintf(typed, sizeof(typed), "%.*s%s", (int)common, first + strlen(partial),
			words == 1 ? " " : "");
		ret = el_insertstr(el, typed) == 0 ? CC_REFRESH : CC_ERROR;
	} else if (list.cnt > 0) {
		putchar('\n');
		print_choices(&list);
		fflush(stdout);
		ret = CC_REDISPLAY;
	}
out:
	complete_free(&list);
	words_fini(&w);
	return ret;
}

/* What libedit's own ed-newline does. */
static unsigned char end_line(EditLine *el)
{
	const LineInfoW *info = el_wline(el);

	el_cursor(el, (int)(info->lastchar - info->cursor));
	if (el_winsertstr(el, L"\n") != 0)
		return CC_ERROR;
	fputs("\r\n", stdout);
	fflush(stdout);
	return CC_NEWLINE;
}

/* Enter, and both halves of a pasted CR LF: on an empty line the LF may be a second half. */
static unsigned char on_enter(EditLine *el, int ch)
{
	const LineInfo *info = el_line(el);
	bool is_half = terminal_is_second_half((char)ch);

	return is_half && info->lastchar == info->buffer ? CC_NORM : end_line(el);
}

/* CTRL-C throws the line away. */
static unsigned char on_cancel(EditLine *el, int ch)
{
	const LineInfoW *info = el_wline(el);
	struct line_editor *e = NULL;

	(void)ch;
	el_get(el, EL_CLIENTDATA, &e);
	e->is_cancelled = true;
	el_cursor(el, (int)(info->lastchar - info->cursor));
	info = el_wline(el);
	el_deletestr(el, (int)(info->cursor - info->buffer));
	fputs("^C\n", stdout);
	fflush(stdout);
	return CC_NEWLINE;
}

/* ---- the terminal, whatever ends us -------------------------------------------------------------- */

static struct termios terminal_before; /* as the shell found it */

static void on_end(int signal_number)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal_before);
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

static void guard_terminal(void)
{
	static const int ending[] = {SIGTERM, SIGHUP, SIGQUIT};
	const struct sigaction action = {.sa_handler = on_end};

	if (tcgetattr(STDIN_FILENO, &terminal_before) < 0)
		return;
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		sigaction(ending[i], &action, NULL);
}

/* ---- life ---------------------------------------------------------------------------------------- */

static void open_history(struct line_editor *e)
{
	const char *home = getenv("HOME");
	struct stat st;
	HistEvent event;

	e->history = history_init();
	if (e->history == NULL)
		return;
	history(e->history, &event, H_SETSIZE, HISTORY_MAX);
	history(e->history, &event, H_SETUNIQUE, 1);
	if (home == NULL || asprintf(&e->history_path, "%s/.rekeyctl_history", home) < 0)
		e->history_path = NULL;
	if (e->history_path != NULL && stat(e->history_path, &st) == 0 && S_ISREG(st.st_mode))
		history(e->history, &event, H_LOAD, e->history_path);
	el_set(e->el, EL_HIST, history, e->history);
}

/*
 * After each line, so that it is there whatever ends the shell. A file is made 0600; a device that
 * somebody has put in its place (to keep no history) must not come by that.
 */
static void save_history(struct line_editor *e)
{
	struct stat st;
	HistEvent event;
	FILE *f;
	int fd;

	if (e->history == NULL || e->history_path == NULL)
		return;
	fd = open(e->history_path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
	if (fd < 0)
		return;
	f = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && fchmod(fd, 0600) == 0 &&
			    ftruncate(fd, 0) == 0
		    ? fdopen(fd, "w")
		    : NULL;
	if (f == NULL) {
		close(fd);
		return;
	}
	history(e->history, &event, H_SAVE_FP, f);
	fclose(f);
}

struct line_editor *line_open(struct cli *c)
{
	struct line_editor *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->cli = c;
	guard_terminal();
	e->el = el_init("rekeyctl", stdin, stdout, stderr);
	if (e->el == NULL) {
		free(e);
		return NULL;
	}
	el_set(e->el, EL_CLIENTDATA, e);
	el_set(e->el, EL_PROMPT_ESC, get_prompt, LITERAL);
	el_set(e->el, EL_EDITOR, "emacs");
	el_set(e->el, EL_SIGNAL, 1); /* a window that changes its size; the terminal given back */
	open_history(e);
	el_set(e->el, EL_ADDFN, "rekey-help", "what may come next", on_help);
	el_set(e->el, EL_ADDFN, "rekey-complete", "complete the word", on_tab);
	el_set(e->el, EL_ADDFN, "rekey-cancel", "throw the line away", on_cancel);
	el_set(e->el, EL_BIND, "?", "rekey-help", NULL);
	el_set(e->el, EL_BIND, "\t", "rekey-complete", NULL);
	el_set(e->el, EL_BIND, "^C", "rekey-cancel", NULL);
	el_set(e->el, EL_ADDFN, "rekey-enter", "end of the line", on_enter);
	el_set(e->el, EL_BIND, "^M", "rekey-enter", NULL);
	el_set(e->el, EL_BIND, "^J", "rekey-enter", NULL);
	el_set(e->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
	/*
	 * While a line is edited CTRL-C is a key. Between lines the terminal goes on handing over
	 * single bytes without echo: what was pasted ahead must not be read as lines, or its CTRL-D
	 * would be swallowed.
	 */
	el_set(e->el, EL_SETTY, "-d", "-isig", "-icrnl", "-inlcr", NULL);
	el_set(e->el, EL_SETTY, "-x", "-icanon", "-echo", "-icrnl", "-inlcr", NULL);
	return e;
}

void line_close(struct line_editor *e)
{
	if (e == NULL)
		return;
	el_end(e->el);
	if (e->history != NULL)
		history_end(e->history);
	free(e->history_path);
	free(e);
}

char *line_read(struct line_editor *e, const char *prompt)
{
	HistEvent event;
	const char *line;
	char *copy;
	int len = 0;

	snprintf(e->prompt, sizeof(e->prompt), "%s", prompt);
	do {
		e->is_cancelled = false;
		/* Before there is a prompt: libedit would do it after, and a CTRL-C between the
		 * two would be a signal, and drop what was typed. */
		el_set(e->el, EL_PREP_TERM, 1);
		line = el_gets(e->el, &len);
	} while (e->is_cancelled);
	if (line == NULL || len <= 0)
		return NULL;
	copy = strndup(line, (size_t)len);
	if (copy == NULL)
		return NULL;
	copy[strcspn(copy, "\r\n")] = '\0';
	if (e->history != NULL && copy[strspn(copy, " \t")] != '\0') {
		history(e->history, &event, H_ENTER, line);
		save_history(e);
	}
	return copy;
}
