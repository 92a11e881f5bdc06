/* SPDX-License-Identifier: BSD-3-Clause */
/* The candidate: whose edits, carried over when what runs changes, kept over a restart. */
#include "control/configuration_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_schema.h"
#include "control/helper.h"
#include "pki/view/file.h"

#define CANDIDATE_FILE    "candidate.json"
#define CANDIDATE_DAMAGED "candidate.damaged"
#define CANDIDATE_VERSION 1

/* A state of the candidate on its way to the disk. Documents are never changed in place. */
struct saving {
	struct configuration *configuration; /* outlives the helpers */
	int dir;
	uint64_t nth;
	json_t *running;
	json_t *candidate; /* NULL: none, the file goes */
	json_t *editors;
	bool is_stranded;
	int ret;
};

json_t *candidate_document(const struct configuration *c)
{
	return c->candidate != NULL ? c->candidate : configuration_running(c);
}

bool candidate_is_changed(const struct configuration *c)
{
	return c->candidate != NULL; /* one that does not differ is forgotten */
}

json_t *candidate_operations(json_t *from, json_t *to)
{
	json_t *operations = json_array(), *changes = config_tree_diff(from, to), *change;
	int ret = operations != NULL && changes != NULL ? 0 : -1;
	size_t i;

	json_array_foreach(changes, i, change)
	{
		json_t *new = json_object_get(change, "new");

		if (ret == 0)
			ret = json_array_append_new(operations,
				json_pack("{s:O, s:O, s:o*}", "op", json_object_get(change, "op"),
					"path", json_object_get(change, "path"), "value",
					json_is_null(new) ? NULL : json_incref(new)));
	}
	json_decref(changes);
	if (ret == 0)
		return operations;
	json_decref(operations);
	return NULL;
}

/* ---- on disk ---------------------------------------------------------------------------------- */

static int remove_saved(int dir)
{
	int ret = rk_file_remove(dir, CANDIDATE_FILE);

	return ret == -ENOENT ? 0 : ret;
}

static void write_saved(void *arg)
{
	struct saving *s = arg;
	json_t *root, *operations;
	char *text = NULL;

	if (s->candidate == NULL) {
		s->ret = remove_saved(s->dir);
		return;
	}
	operations = candidate_operations(s->running, s->candidate);
	root = json_pack("{s:i, s:b, s:O, s:o}", "version", CANDIDATE_VERSION, "is_stranded",
		s->is_stranded, "edited_by", s->editors, "operations", operations);
	if (root != NULL)
		text = json_dumps(root, JSON_INDENT(1));
	s->ret = text != NULL ? rk_file_replace(s->dir, CANDIDATE_FILE, 0600, text, strlen(text))
			      : -ENOMEM;
	free(text);
	json_decref(root);
}

static void free_saving(struct saving *s)
{
	json_decref(s->running);
	json_decref(s->candidate);
	json_decref(s->editors);
	free(s);
}

static void saved(void *arg)
{
	struct saving *s = arg;
	struct configuration *c = s->configuration;

	if (s->nth == c->save_cnt)
		c->is_saved = s->ret == 0;
	if (s->ret < 0)
		log_warning("%s/%s cannot be written, a restart would not find the candidate: %s",
			c->daemon->options->state_dir, CANDIDATE_FILE, strerror(-s->ret));
	free_saving(s);
}

static json_t *editors_json(const struct configuration *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->editor_cnt; i++)
		json_array_append_new(list, json_string(c->editor[i]));
	return list;
}

/* One thread writes for all of the daemon, in order: the newest is the last. */
static void save(struct configuration *c)
{
	struct saving *s = calloc(1, sizeof(*s));

	c->is_saved = false;
	c->save_cnt++;
	if (s == NULL)
		return;
	*s = (struct saving){.configuration = c,
		.dir = c->daemon->state_fd,
		.nth = c->save_cnt,
		.running = json_incref(configuration_running(c)),
		.candidate = json_incref(c->candidate),
		.editors = editors_json(c),
		.is_stranded = c->is_stranded,
		.ret = -ECANCELED};
	if (helper_run(c->daemon->disk, write_saved, saved, s) < 0) {
		log_warning("the candidate cannot be kept: too much is to be written");
		free_saving(s);
	}
}

/* ---- in memory -------------------------------------------------------------------------------- */

static void note_editor(struct configuration *c, const char *user)
{
	for (size_t i = 0; i < c->editor_cnt; i++)
		if (strcmp(c->editor[i], user) == 0)
			return;
	if (c->editor_cnt < EDITORS_MAX)
		snprintf(c->editor[c->editor_cnt++], sizeof(c->editor[0]), "%s", user);
}

static void put_document(void *document)
{
	json_decref(document);
}

/* A large one takes a while. Takes document, which may be NULL. */
static void replace(struct configuration *c, json_t *document)
{
	helper_release(c->daemon->helpers, put_document, c->candidate);
	c->candidate = document;
}

static void forget(struct configuration *c)
{
	replace(c, NULL);
	c->is_stranded = false;
	c->editor_cnt = 0;
}

void candidate_clear(struct configuration *c)
{
	if (c->candidate == NULL)
		return;
	forget(c);
	save(c);
}

void candidate_set(struct configuration *c, json_t *document, bool is_changed, const char *user)
{
	replace(c, document);
	if (user != NULL)
		note_editor(c, user);
	if (!is_changed)
		forget(c);
	save(c);
}

void candidate_strand(struct configuration *c)
{
	c->is_stranded = true;
	save(c);
}

/* ---- at start --------------------------------------------------------------------------------- */

/* The candidate of a file's text on what runs now; NULL with a reason. */
static json_t *read_saved(struct configuration *c, const char *text, size_t len, const char **why)
{
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL), *editors, *operations;
	json_t *candidate = NULL, *name;
	struct config_report report;
	int version, is_stranded;
	size_t i, failed;

	*why = "it is not one";
	if (json_unpack(root, "{s:i, s:b, s:o, s:o !}", "version", &version, "is_stranded",
		    &is_stranded, "edited_by", &editors, "operations", &operations) != 0 ||
		version != CANDIDATE_VERSION || !json_is_array(operations))
		goto out;
	*why = "it does not fit what is running";
	if (config_tree_edit(configuration_running(c), operations, &candidate, &failed, &report) <
		0)
		goto out;
	c->is_stranded = is_stranded;
	json_array_foreach(editors, i, name)
	{
		if (json_is_string(name))
			note_editor(c, json_string_value(name));
	}
out:
	json_decref(root);
	return candidate;
}

static bool is_different(json_t *from, json_t *to)
{
	json_t *changes = config_tree_diff(from, to);
	bool is_any = json_array_size(changes) > 0;

	json_decref(changes);
	return is_any;
}

void candidate_load(struct configuration *c)
{
	int dir = c->daemon->state_fd;
	const char *why = "";
	uint8_t *text = NULL;
	size_t len = 0;
	int ret = rk_file_read(dir, CANDIDATE_FILE, CONFIG_TEXT_MAX, &text, &len);

	if (ret == -ENOENT)
		return;
	if (ret == 0)
		c->candidate = read_saved(c, (const char *)text, len, &why);
	else
		why = strerror(-ret);
	free(text);
	c->is_saved = c->candidate != NULL;
	if (c->candidate == NULL) {
		log_warning("the candidate in %s is kept as %s and not taken: %s", CANDIDATE_FILE,
			CANDIDATE_DAMAGED, why);
		if (rk_file_keep(dir, CANDIDATE_FILE, CANDIDATE_DAMAGED) == 0)
			ret = remove_saved(dir);
	} else if (!is_different(configuration_running(c), c->candidate)) {
		forget(c);
		ret = remove_saved(dir);
	}
	if (ret < 0)
		log_warning("%s: %s", CANDIDATE_FILE, strerror(-ret));
}
