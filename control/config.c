/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_read.h"

struct config_block {
	struct config_block *next;
	_Alignas(max_align_t) unsigned char data[];
};

void *config_alloc(struct config *c, size_t cnt, size_t size)
{
	struct config_block *block;
	size_t len;

	if (__builtin_mul_overflow(cnt, size, &len))
		return NULL;
	block = calloc(1, sizeof(*block) + len);
	if (block == NULL)
		return NULL;
	block->next = c->block;
	c->block = block;
	return block->data;
}

void config_free(struct config *c)
{
	struct config_block *block, *next;

	if (c == NULL)
		return;
	for (block = c->block; block != NULL; block = next) {
		next = block->next;
		free(block);
	}
	json_decref(c->json);
	free(c);
}

void config_enter(struct config_reader *r, const char *key)
{
	r->segment[r->depth++] = (struct config_segment){.key = key};
}

void config_enter_element(struct config_reader *r, size_t index)
{
	r->segment[r->depth++] = (struct config_segment){.index = index};
}

void config_leave(struct config_reader *r)
{
	r->depth--;
}

/* Names from the file go into messages: printable, and cut where they do not fit. */
static void clean_text(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

static void build_path(const struct config_reader *r, char *out, size_t size)
{
	size_t len = 0;
	int n;

	out[0] = '\0';
	for (unsigned i = 0; i < r->depth && len < size; i++) {
		const struct config_segment *s = &r->segment[i];

		if (s->key != NULL)
			n = snprintf(out + len, size - len, "%s%s", i > 0 ? "." : "", s->key);
		else
			n = snprintf(out + len, size - len, "[%zu]", s->index);
		len += (size_t)n;
	}
	clean_text(out);
}

int config_fail(struct config_reader *r, const char *format, ...)
{
	va_list args;

	memset(r->error, 0, sizeof(*r->error));
	va_start(args, format);
	vsnprintf(r->error->text, sizeof(r->error->text), format, args);
	va_end(args);
	clean_text(r->error->text);
	build_path(r, r->error->path, sizeof(r->error->path));
	r->error->line = config_position_line(r->text, r->len, r->segment, r->depth);
	return -EINVAL;
}

void config_error_text(const struct config_error *error, char *out, size_t size)
{
	char line[16] = "";

	if (error->line > 0)
		snprintf(line, sizeof(line), ":%d", error->line);
	snprintf(out, size, "%s%s: %s%s%s", CONFIG_FILE, line, error->path,
		error->path[0] != '\0' ? ": " : "", error->text);
}

int config_parse(const char *text, size_t len, struct config **out, struct config_error *error)
{
	struct config_reader r = {.text = text, .len = len, .error = error};
	json_error_t json_error;
	int ret;

	r.config = calloc(1, sizeof(*r.config));
	if (r.config == NULL)
		return -ENOMEM;
	r.config->json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &json_error);
	if (r.config->json == NULL) {
		memset(error, 0, sizeof(*error));
		error->line = json_error.line > 0 ? json_error.line : 0;
		snprintf(error->text, sizeof(error->text), "%s", json_error.text);
		clean_text(error->text);
		ret = -EINVAL;
		goto out;
	}
	ret = config_read_table(&r, r.config->json, &config_root, r.config);
	if (ret == 0)
		ret = config_check(&r);
	if (ret < 0)
		goto out;
	*out = r.config;
	r.config = NULL;
out:
	config_free(r.config);
	return ret;
}
