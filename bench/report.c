/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows: a line of a table, or one JSON object a line. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "bench/harness.h"
#include "dataplane/core/kex.h"

static unsigned row_cnt;

unsigned bench_row_cnt(void)
{
	return row_cnt;
}

/* The processor's name: figures of two machines are not to be compared. */
static const char *machine(void)
{
	static char name[128];
	char line[256];
	FILE *f;

	if (name[0] != '\0')
		return name;
	snprintf(name, sizeof(name), "unknown");
	f = fopen("/proc/cpuinfo", "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "model name", 10) == 0 && strchr(line, ':') != NULL) {
			snprintf(name, sizeof(name), "%s", strchr(line, ':') + 2);
			name[strcspn(name, "\n")] = '\0';
			break;
		}
	}
	if (f != NULL)
		fclose(f);
	return name;
}

static double ratio_of(const struct bench_row *row)
{
	return row->ratio != 0 ? row->ratio : row->value / row->baseline_value;
}

static void set_text(json_t *o, const char *key, const char *value)
{
	if (value != NULL)
		json_object_set_new(o, key, json_string(value));
}

static void set_number(json_t *o, const char *key, double value)
{
	json_object_set_new(o, key, json_real(value));
}

static void print_json(const struct bench_row *row)
{
	json_t *o = json_object();
	size_t i;

	set_text(o, "bench", row->bench);
	set_text(o, "operation", row->operation);
	set_text(o, "group", row->group);
	set_text(o, "cert", row->cert);
	for (i = 0; i < BENCH_FIELD_MAX && row->field[i].name != NULL; i++) {
		if (row->field[i].text != NULL)
			set_text(o, row->field[i].name, row->field[i].text);
		else
			set_number(o, row->field[i].name, row->field[i].number);
	}
	set_number(o, "value", row->value);
	set_text(o, "unit", row->unit);
	if (row->baseline_name != NULL) {
		json_object_set_new(o, "baseline",
			json_pack("{s:s, s:f}", "name", row->baseline_name, "value",
				row->baseline_value));
		set_number(o, "ratio", ratio_of(row));
	}
	if (row->has_efficiency)
		set_number(o, "efficiency", row->efficiency);
	set_text(o, "machine", machine());
	set_text(o, "kex", kex_backend_name(kex_backend_used()));
	set_text(o, "libcrypto", OpenSSL_version(OPENSSL_VERSION_STRING));
	json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(o);
}

static const char *or_empty(const char *text)
{
	return text != NULL ? text : "";
}

void bench_print(const struct bench_options *o, const struct bench_row *row)
{
	size_t i;

	row_cnt++;
	if (o->is_json) {
		print_json(row);
		return;
	}
	printf("%-13s %-12s %-10s %-11s %12.1f %-12s", row->bench, or_empty(row->operation),
		or_empty(row->group), or_empty(row->cert), row->value, or_empty(row->unit));
	if (row->baseline_name != NULL)
		printf(" %6.2f x %s (%.1f)", ratio_of(row), row->baseline_name,
			row->baseline_value);
	if (row->has_efficiency)
		printf(" efficiency %.3f", row->efficiency);
	for (i = 0; i < BENCH_FIELD_MAX && row->field[i].name != NULL; i++) {
		if (row->field[i].text != NULL)
			printf(" %s=%s", row->field[i].name, row->field[i].text);
		else
			printf(" %s=%g", row->field[i].name, row->field[i].number);
	}
	putchar('\n');
	fflush(stdout);
}
