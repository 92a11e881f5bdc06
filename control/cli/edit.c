/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/config_text.h"
#include "control/cli/place.h"
#include "control/cli/print.h"

const json_t *edit_schema(struct cli *c, enum cli_exit *exit)
{
	*exit = CLI_DONE;
	if (c->schema == NULL)
		*exit = cli_call(c, "GET", API "/configuration/schema", NULL, &c->schema);
	if (c->schema == NULL && *exit == CLI_DONE) {
		cli_error(c, "the daemon does not say what can be configured");
		*exit = CLI_REFUSED;
	}
	return c->schema;
}

/* The place, or what to end with. */
static enum cli_exit find(
	struct cli *c, bool is_absolute, char *const *word, size_t cnt, struct place *p)
{
	struct cli_problem problem;
	enum cli_exit ret;
	const json_t *schema = edit_schema(c, &ret);

	if (schema == NULL)
		return ret;
	if (place_find(schema, is_absolute ? NULL : &c->context, word, cnt, p, &problem) == 0)
		return CLI_DONE;
	cli_error(c, "%s", problem.text);
	return CLI_USAGE;
}

static enum cli_exit operate(struct cli *c, const char *op, const struct place *p, json_t *value)
{
	json_t *operation =
		json_pack("{s:s, s:O, s:o*}", "op", op, "path", p->path, "value", value);
	json_t *body = json_pack("{s:[o]}", "operations", operation);
	json_t *answer = NULL;
	enum cli_exit ret = CLI_REFUSED;

	if (body == NULL)
		cli_error(c, "out of memory");
	else
		ret = cli_call(c, "POST", API "/configuration/candidate", body, &answer);
	if (ret == CLI_DONE && c->is_json)
		cli_print_json(answer);
	json_decref(body);
	json_decref(answer);
	return ret;
}

/* A text block: pasted, up to CTRL-D. */
static json_t *ask_text(struct cli *c, const json_t *item)
{
	char *text = NULL, question[160];
	json_t *value = NULL;
	int ret;

	snprintf(question, sizeof(question), "Enter plain for %s (Press CTRL-D to finish):\n",
		place_text(item, "field"));
	ret = input_paste(&c->input, question, &text);
	if (ret == 0)
		value = json_string(text);
	free(text);
	if (ret == -EINTR)
		cli_error(c, "%s is left as it was", place_text(item, "field"));
	else if (ret < 0)
		cli_error(c, "no text: %s", input_why(ret));
	else if (value == NULL)
		cli_error(c, "the text is not UTF-8");
	return value;
}

static enum cli_exit set_leaf(struct cli *c, const struct place *p, char *const *word, size_t cnt)
{
	bool is_block = strcmp(place_kind(p->item), "text-block") == 0;
	struct cli_problem problem;
	json_t *value;

	if (is_block && cnt == 0) {
		value = ask_text(c, p->item);
		return value != NULL ? operate(c, "set", p, value) : CLI_REFUSED;
	}
	value = place_value(p->item, word, cnt, &problem);
	if (value != NULL)
		return operate(c, "set", p, value);
	cli_error(c, "%s", problem.text);
	return CLI_USAGE;
}

/* Entered, and its path given away. */
static void enter(struct cli *c, struct place *p)
{
	const char *key = place_text(p->item, "key");

	context_set(&c->context, p->path, p->level, p->depth, key[0] != '\0' ? key : NULL);
	p->path = NULL;
}

enum cli_exit edit_item(struct cli *c, bool is_absolute, char *const *word, size_t cnt)
{
	struct place p;
	enum cli_exit ret = find(c, is_absolute, word, cnt, &p);

	if (ret != CLI_DONE)
		return ret;
	if (p.item == NULL) {
		cli_error(c, "which item? One of: authority, router");
		ret = CLI_USAGE;
	} else if (p.is_leaf) {
		ret = set_leaf(c, &p, word + p.used, cnt - p.used);
	} else if (strcmp(place_kind(p.item), "list") == 0 && !p.is_element) {
		cli_error(c, "%s needs the %s of one: %s", place_text(p.item, "field"),
			place_text(p.item, "key")[0] != '\0' ? place_text(p.item, "key") : "number",
			place_text(p.item, "help"));
		ret = CLI_USAGE;
	} else {
		if (p.is_element || !c->is_shell)
			ret = operate(c, "create", &p, NULL);
		if (ret == CLI_DONE && c->is_shell)
			enter(c, &p);
	}
	place_fini(&p);
	return ret;
}

enum cli_exit edit_delete(struct cli *c, bool is_absolute, char *const *word, size_t cnt)
{
	struct place p;
	enum cli_exit ret = find(c, is_absolute, word, cnt, &p);

	if (ret != CLI_DONE)
		return ret;
	if (cnt == 0 || (p.is_leaf && p.used < cnt)) {
		cli_error(c,
			cnt == 0 ? "delete which item?" : "an item is deleted without its value");
		ret = CLI_USAGE;
	} else {
		ret = operate(c, "delete", &p, NULL);
	}
	place_fini(&p);
	return ret;
}

enum cli_exit edit_leave(struct cli *c)
{
	struct place p;
	enum cli_exit ret;
	const json_t *schema = edit_schema(c, &ret);

	if (schema == NULL || place_leave(schema, &c->context, &p) < 0) {
		context_top(&c->context);
		return ret;
	}
	enter(c, &p);
	return CLI_DONE;
}

bool edit_knows(struct cli *c, const char *word)
{
	char *words[] = {strdup(word)};
	struct cli_problem problem;
	struct place p = {0};
	bool is_known = c->context.depth > 0 && c->schema != NULL && words[0] != NULL &&
			place_find(c->schema, &c->context, words, 1, &p, &problem) == 0;

	place_fini(&p);
	free(words[0]);
	return is_known;
}

/* ".../configuration/candidate?path=a/b", each segment percent-encoded. */
static int build_path(char *out, size_t size, const char *which, const json_t *segments)
{
	size_t i, at = (size_t)snprintf(out, size, API "/configuration/%s", which);
	json_t *segment;

	json_array_foreach(segments, i, segment)
	{
		const char *mark = i > 0 ? "/%s" : "?path=%s";

		if (at >= size ||
			client_path(out + at, size - at, mark, json_string_value(segment)) < 0)
			return -ENAMETOOLONG;
		at += strlen(out + at);
	}
	return 0;
}

json_t *edit_peek(struct cli *c, const json_t *segments)
{
	char path[CLI_PATH_MAX];

	if (build_path(path, sizeof(path), "candidate", segments) < 0)
		return NULL;
	return cli_peek(c, path);
}

enum cli_exit edit_show(
	struct cli *c, const char *which, bool is_absolute, char *const *word, size_t cnt)
{
	char path[CLI_PATH_MAX];
	json_t *answer = NULL;
	struct place p;
	enum cli_exit ret = find(c, is_absolute, word, cnt, &p);

	if (ret != CLI_DONE)
		return ret;
	if (p.is_leaf && p.used < cnt) {
		cli_error(c, "nothing comes after %s", place_text(p.item, "field"));
		ret = CLI_USAGE;
	} else if (build_path(path, sizeof(path), which, p.path) < 0) {
		cli_error(c, "the path is too long");
		ret = CLI_USAGE;
	} else {
		ret = cli_call(c, "GET", path, NULL, &answer);
	}
	if (ret == CLI_DONE && c->is_json)
		cli_print_json(answer);
	else if (ret == CLI_DONE)
		config_text_print(stdout, c->schema, &p, json_object_get(answer, "configuration"));
	json_decref(answer);
	place_fini(&p);
	return ret;
}

void edit_tell_changes(struct cli *c, bool is_others)
{
	/* One small item: the whole configuration may be large. */
	json_t *answer = cli_peek(c, API "/configuration/candidate?path=router/name");
	const char *user = cli_session_text(c, "user");
	const json_t *names = json_object_get(answer, "edited_by");
	char others[256] = "", name[80];
	size_t i, at = 0;
	json_t *one;

	json_array_foreach(names, i, one)
	{
		snprintf(name, sizeof(name), "%s",
			json_is_string(one) ? json_string_value(one) : "");
		print_strip_controls(name);
		if (strcmp(name, user) != 0 && at < sizeof(others))
			at += (size_t)snprintf(
				others + at, sizeof(others) - at, "%s%s", at > 0 ? ", " : "", name);
	}
	if (others[0] != '\0' && is_others)
		fprintf(stderr, "The candidate also holds changes of: %s\n", others);
	if (json_is_true(json_object_get(answer, "is_changed")) && !is_others)
		fputs("The candidate holds changes that are not committed.\n", stderr);
	json_decref(answer);
}
