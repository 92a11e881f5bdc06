/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/metrics_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST 16384

void metrics_text_init(struct metrics_text *t)
{
	*t = (struct metrics_text){.text = malloc(SIZE_FIRST), .size = SIZE_FIRST};
	t->has_failed = t->text == NULL;
}

static void add(struct metrics_text *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct metrics_text *t, const char *format, ...)
{
	va_list args;
	char *grown;
	int len;

	while (!t->has_failed) {
		va_start(args, format);
		len = vsnprintf(t->text + t->len, t->size - t->len, format, args);
		va_end(args);
		if (len >= 0 && t->len + (size_t)len < t->size) {
			t->len += (size_t)len;
			return;
		}
		grown = len >= 0 ? realloc(t->text, t->size * 2 + (size_t)len) : NULL;
		t->has_failed = grown == NULL;
		if (grown != NULL) {
			t->text = grown;
			t->size = t->size * 2 + (size_t)len;
		}
	}
}

void metrics_text_move(struct metrics_text *t, struct metrics_text *other)
{
	if (!other->has_failed)
		add(t, "%.*s", (int)other->len, other->text);
	t->has_failed |= other->has_failed;
	free(other->text);
	*other = (struct metrics_text){.has_failed = true};
}

char *metrics_text_finish(struct metrics_text *t)
{
	add(t, "# EOF\n");
	if (t->has_failed) {
		free(t->text);
		t->text = NULL;
	}
	return t->text;
}

void metrics_family(
	struct metrics_text *t, const char *name, enum metric_type type, const char *help)
{
	static const char *const types[] = {[METRIC_COUNTER] = "counter",
		[METRIC_GAUGE] = "gauge",
		[METRIC_HISTOGRAM] = "histogram",
		[METRIC_INFO] = "info"};

	add(t, "# TYPE %s %s\n# HELP %s %s\n", name, types[type], name, help);
}

static void add_sample(
	struct metrics_text *t, const char *name, const char *suffix, const char *labels)
{
	add(t, "%s%s%s%s%s ", name, suffix, labels[0] != '\0' ? "{" : "", labels,
		labels[0] != '\0' ? "}" : "");
}

void metrics_counter(struct metrics_text *t, const char *name, const char *labels, uint64_t value)
{
	add_sample(t, name, "_total", labels);
	add(t, "%" PRIu64 "\n", value);
}

void metrics_gauge(struct metrics_text *t, const char *name, const char *labels, double value)
{
	add_sample(t, name, "", labels);
	add(t, "%.17g\n", value);
}

void metrics_histogram(struct metrics_text *t, const char *name, const double *bound,
	size_t bound_cnt, const uint64_t *cnt, double sum)
{
	uint64_t below = 0;

	for (size_t i = 0; i <= bound_cnt; i++) {
		below += cnt[i];
		if (i < bound_cnt)
			add(t, "%s_bucket{le=\"%.9g\"} %" PRIu64 "\n", name, bound[i], below);
		else
			add(t, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, below);
	}
	add(t, "%s_sum %.9g\n%s_count %" PRIu64 "\n", name, sum, name, below);
}

void metrics_label(char *out, size_t size, const char *label, const char *value)
{
	size_t len = (size_t)snprintf(out, size, "%s=\"", label);

	for (; *value != '\0' && len + 4 < size; value++) {
		if (*value == '\\' || *value == '"' || *value == '\n')
			out[len++] = '\\';
		out[len++] = *value;
		if (*value == '\n')
			out[len - 1] = 'n';
	}
	snprintf(out + len, size - len, "\"");
}
