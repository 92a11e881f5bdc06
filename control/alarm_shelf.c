/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/alarm_shelf.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "control/config.h"

struct alarm_shelves {
	size_t cnt;
	regex_t regex[]; /* of the shelf at the same place, where it has one */
};

int alarm_shelves_new(const struct config *config, struct alarm_shelves **out)
{
	struct alarm_shelves *s;

	*out = NULL;
	if (config->shelf_cnt == 0)
		return 0;
	s = calloc(1, sizeof(*s) + config->shelf_cnt * sizeof(s->regex[0]));
	if (s == NULL)
		return -ENOMEM;
	for (; s->cnt < config->shelf_cnt; s->cnt++) {
		const char *text = config->shelf[s->cnt].message_regex;

		/* The configuration's check has seen that it compiles: memory is what can lack. */
		if (regcomp(&s->regex[s->cnt], text != NULL ? text : "",
			    REG_EXTENDED | REG_NOSUB) != 0) {
			alarm_shelves_free(s);
			return -ENOMEM;
		}
	}
	*out = s;
	return 0;
}

void alarm_shelves_free(struct alarm_shelves *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->cnt; i++)
		regfree(&s->regex[i]);
	free(s);
}

struct tally {
	unsigned given;
	unsigned fitting;
};

static void count(struct tally *t, bool is_given, bool fits)
{
	t->given += is_given;
	t->fitting += is_given && fits;
}

static void count_text(struct tally *t, const char *wanted, const char *is)
{
	count(t, wanted != NULL, wanted != NULL && strcasecmp(wanted, is) == 0);
}

static bool fits(const struct config_shelf *shelf, const regex_t *regex,
	const struct config *config, const struct alarm_facts *f)
{
	struct tally t = {0};

	count_text(&t, shelf->category, f->category);
	count_text(&t, shelf->source, f->source);
	count_text(&t, shelf->router_name, config->router);
	count_text(&t, shelf->node_name, config->node);
	count(&t, shelf->severity != 0, shelf->severity == f->severity + 1);
	count(&t, shelf->message_regex != NULL,
		shelf->message_regex != NULL && regexec(regex, f->message, 0, NULL, 0) == 0);
	return shelf->is_any ? t.fitting > 0 : t.fitting == t.given;
}

bool alarm_shelves_match(
	const struct alarm_shelves *s, const struct config *config, const struct alarm_facts *facts)
{
	for (size_t i = 0; s != NULL && i < s->cnt && i < config->shelf_cnt; i++)
		if (fits(&config->shelf[i], &s->regex[i], config, facts))
			return true;
	return false;
}
