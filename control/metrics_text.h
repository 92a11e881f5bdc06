/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing OpenMetrics text: families with help and type, samples with labels, at the end "# EOF". */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_INFO };

struct metrics_text {
	char *text; /* malloc'ed; NULL after a failure */
	size_t len;
	size_t size;
	bool has_failed; /* no memory: the text is not whole */
};

void metrics_text_init(struct metrics_text *t);
/* Takes what other has, to stand behind what t has. Other is not to be used again. */
void metrics_text_move(struct metrics_text *t, struct metrics_text *other);
/* Takes the text, NUL-terminated; NULL: no memory. */
char *metrics_text_finish(struct metrics_text *t);

/* name without suffix ("_total", "_bucket", ...), which the samples get from their type. */
void metrics_family(
	struct metrics_text *t, const char *name, enum metric_type type, const char *help);
/* labels: "a=\"b\",c=\"d\"" already escaped, or "". */
void metrics_counter(struct metrics_text *t, const char *name, const char *labels, uint64_t value);
void metrics_gauge(struct metrics_text *t, const char *name, const char *labels, double value);
/* bound: upper bounds in ascending order; cnt: of each alone, one more for what is above all. */
void metrics_histogram(struct metrics_text *t, const char *name, const double *bound,
	size_t bound_cnt, const uint64_t *cnt, double sum);
/* label="value" with the value escaped, as text for labels; cut where it does not fit. */
void metrics_label(char *out, size_t size, const char *label, const char *value);
