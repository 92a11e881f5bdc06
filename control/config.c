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

void config_enter_element(struct config_reader *r, size_t index, const char *name)
{
	r->segment[r->depth++] = (struct config_segment){.index = index, .name = name};
}

void config_leave(struct config_reader *r)
{
	r->depth--;
}

/* Bytes of the UTF-8 character at text; 0 = it is none, or cut. */
static size_t character_len(const char *text)
{
	unsigned char lead = (unsigned char)text[0];
	size_t len = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;

	for (size_t i = 1; i < len; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

/* What is quoted goes into messages and answers: printable, and whole where it was cut. */
static void clean_text(char *text)
{
	while (*text != '\0') {
		size_t len = character_len(text);

		if (len == 0 || (unsigned char)*text < 0x20 || *text == 0x7f) {
			*text = '?';
			len = 1;
		}
		text += len;
	}
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
		else if (s->name != NULL && r->text == NULL)
			n = snprintf(out + len, size - len, "[%s]", s->name);
		else
			n = snprintf(out + len, size - len, "[%zu]", s->index);
		len += (size_t)n;
	}
	clean_text(out);
}

void config_report_init(struct config_report *report)
{
	memset(report, 0, sizeof(*report));
}

/* A place for one more; an error takes a warning's when the report is full. NULL = no place. */
static struct config_finding *new_finding(struct config_report *report, bool is_warning)
{
	struct config_finding *f = NULL;

	report->error_cnt += !is_warning;
	report->warning_cnt += is_warning;
	if (report->cnt < CONFIG_REPORT_MAX)
		f = &report->finding[report->cnt++];
	for (size_t i = report->cnt; f == NULL && !is_warning && i-- > 0;)
		if (report->finding[i].is_warning)
			f = &report->finding[i];
	if (f != NULL)
		memset(f, 0, sizeof(*f));
	return f;
}

static void fill_finding(struct config_finding *f, bool is_warning, const char *code,
	const char *format, va_list args)
{
	f->is_warning = is_warning;
	f->code = code;
	vsnprintf(f->text, sizeof(f->text), format, args);
	clean_text(f->text);
}

void config_report_add(struct config_report *report, bool is_warning, const char *code,
	const char *path, const char *format, ...)
{
	struct config_finding *f = new_finding(report, is_warning);
	va_list args;

	if (f == NULL)
		return;
	va_start(args, format);
	fill_finding(f, is_warning, code, format, args);
	va_end(args);
	snprintf(f->path, sizeof(f->path), "%s", path);
	clean_text(f->path);
}

const struct config_finding *config_report_error(const struct config_report *report)
{
	for (size_t i = 0; i < report->cnt; i++)
		if (!report->finding[i].is_warning)
			return &report->finding[i];
	return NULL;
}

static void place_finding(struct config_reader *r, struct config_finding *f)
{
	build_path(r, f->path, sizeof(f->path));
	if (r->text != NULL)
		f->line = config_position_line(r->text, r->len, r->segment, r->depth);
}

int config_fail(struct config_reader *r, const char *code, const char *format, ...)
{
	struct config_finding *f = new_finding(r->report, false);
	va_list args;

	if (f == NULL)
		return 0;
	va_start(args, format);
	fill_finding(f, false, code, format, args);
	va_end(args);
	place_finding(r, f);
	return 0;
}

void config_report_text(const struct config_report *report, char *out, size_t size)
{
	const struct config_finding *f = config_report_error(report);
	char line[16] = "", more[40] = "";

	if (f == NULL) {
		snprintf(out, size, "%s: no error", CONFIG_FILE);
		return;
	}
	if (f->line > 0)
		snprintf(line, sizeof(line), ":%d", f->line);
	if (report->error_cnt > 1)
		snprintf(more, sizeof(more), " (and %zu more)", report->error_cnt - 1);
	snprintf(out, size, "%s%s: %s%s%s%s", CONFIG_FILE, line, f->path,
		f->path[0] != '\0' ? ": " : "", f->text, more);
}

/* Reads r->config->json; r has everything else set. */
static int read_document(struct config_reader *r)
{
	int ret = config_read_table(r, r->config->json, &config_root, r->config);

	if (ret == 0 && r->report->error_cnt == 0 && !r->is_partial)
		ret = config_check(r);
	if (ret == 0 && r->report->error_cnt > 0)
		ret = -EINVAL;
	return ret;
}

static int build(struct config_reader *r, json_t *document, struct config **out)
{
	int ret;

	r->config = calloc(1, sizeof(*r->config));
	if (r->config == NULL)
		return -ENOMEM;
	ret = config_upgrade(document, &r->config->json, r->report);
	if (ret == 0)
		ret = read_document(r);
	if (ret == 0 && out != NULL) {
		*out = r->config;
		r->config = NULL;
	}
	config_free(r->config);
	return ret;
}

int config_build(json_t *document, struct config **out, struct config_report *report)
{
	struct config_reader r = {.report = report};

	config_report_init(report);
	return build(&r, document, out);
}

int config_check_shape(json_t *document, struct config_report *report)
{
	struct config_reader r = {.report = report, .is_partial = true};

	config_report_init(report);
	return build(&r, document, NULL);
}

int config_parse(const char *text, size_t len, struct config **out, struct config_report *report)
{
	struct config_reader r = {.text = text, .len = len, .report = report};
	json_error_t error;
	json_t *document;
	int ret;

	config_report_init(report);
	document = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (document == NULL) {
		config_report_add(report, false, "bad-json", "", "%s", error.text);
		report->finding[0].line = error.line > 0 ? error.line : 0;
		return -EINVAL;
	}
	ret = build(&r, document, out);
	json_decref(document);
	return ret;
}
