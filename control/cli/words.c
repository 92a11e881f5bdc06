/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/words.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static char unescape(char c)
{
	return c == 'n' ? '\n' : c == 't' ? '\t' : c;
}

/* One word from *in to *out, both moved on. False: a quote is left open. */
static bool take_word(const char **in, char **out)
{
	const char *p = *in;
	char *o = *out;
	char quote = '\0';

	for (; *p != '\0'; p++) {
		if (quote == '\0' && strchr(" \t\r\n", *p) != NULL)
			break;
		if (quote == '\0' && (*p == '"' || *p == '\''))
			quote = *p;
		else if (quote != '\0' && *p == quote)
			quote = '\0';
		else if (*p == '\\' && quote != '\'' && p[1] != '\0')
			*o++ = quote == '"' ? unescape(*++p) : *++p;
		else
			*o++ = *p;
	}
	if (*p != '\0')
		p++;
	*o++ = '\0';
	*in = p;
	*out = o;
	return quote == '\0';
}

int words_split(const char *line, struct words *out)
{
	char *o;
	int ret = 0;

	/* A word is never longer than it was written; its end takes the place of the blank. */
	out->text = malloc(strlen(line) + 2);
	out->cnt = 0;
	if (out->text == NULL)
		return -ENOMEM;
	o = out->text;
	for (;;) {
		line += strspn(line, " \t\r\n");
		if (*line == '\0')
			break;
		if (out->cnt == WORDS_MAX) {
			ret = -E2BIG;
			break;
		}
		out->word[out->cnt++] = o;
		if (!take_word(&line, &o)) {
			ret = -EINVAL;
			break;
		}
	}
	if (ret < 0)
		words_fini(out);
	return ret;
}

void words_fini(struct words *w)
{
	free(w->text);
	w->text = NULL;
	w->cnt = 0;
}

void words_quote(FILE *f, const char *word)
{
	if (*word != '\0' && strcspn(word, " \t\r\n\"'\\?#") == strlen(word)) {
		fputs(word, f);
		return;
	}
	fputc('"', f);
	for (; *word != '\0'; word++) {
		if (*word == '\n')
			fputs("\\n", f);
		else if (*word == '\t')
			fputs("\\t", f);
		else if (*word == '"' || *word == '\\')
			fprintf(f, "\\%c", *word);
		else
			fputc(*word, f);
	}
	fputc('"', f);
}
