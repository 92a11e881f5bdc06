/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/show.h"

#include <string.h>

#include "control/cli/print.h"

#define CNT(array) (sizeof(array) / sizeof((array)[0]))

static void table(FILE *f, const json_t *rows, const struct print_column *columns, size_t cnt,
	const char *when_empty)
{
	if (json_array_size(rows) == 0)
		fprintf(f, "%s\n", when_empty);
	else
		print_table(f, columns, cnt, rows);
}

static bool is_view(const struct show *s, const char *view)
{
	return s->view != NULL && strcmp(s->view, view) == 0;
}

/* "2026-01-02T03:04:05Z" as the vendor's tables have it. */
static void shorten_time(json_t *row)
{
	const char *time = json_string_value(json_object_get(row, "time"));
	char text[20];

	if (time == NULL || strlen(time) < 20 || time[10] != 'T')
		return;
	memcpy(text, time, 19);
	text[10] = ' ';
	text[19] = '\0';
	json_object_set_new(row, "time", json_string(text));
}

void show_alarms(const struct show *s, json_t *answer)
{
	static const struct print_column columns[] = {
		{"ID", "id"},
		{"Time", "time"},
		{"Severity", "severity"},
		{"Source", "source"},
		{"Category", "category"},
		{"Message", "message"},
	};
	static const struct print_column fields[] = {
		{"Time", "time"},
		{"Severity", "severity"},
		{"Source", "source"},
		{"Category", "category"},
		{"Process", "process"},
		{"Message", "message"},
	};
	json_t *rows = json_object_get(answer, "alarms"), *row;
	size_t i;

	json_array_foreach(rows, i, row) shorten_time(row);
	if (s->only == NULL)
		table(s->f, rows, columns, CNT(columns), "There are no alarms.");
	json_array_foreach(rows, i, row)
	{
		if (s->only != NULL)
			print_block(s->f, fields, CNT(fields), row);
	}
}

void show_events(const struct show *s, json_t *answer)
{
	static const struct print_column columns[] = {
		{"Time", "time"},
		{"Type", "type"},
		{"Who", "user"},
		{"From", "address"},
		{"Description", "description"},
	};
	static const struct print_column fields[] = {
		{"Type", "type"},
		{"Node", "node"},
		{"Who", "user"},
		{"From", "address"},
		{"Description", "description"},
		{"Permitted", "permitted"},
	};
	json_t *rows = json_object_get(answer, "events"), *row;
	char time[64], title[256];
	size_t i;

	if (!is_view(s, "detail") || json_array_size(rows) == 0) {
		table(s->f, rows, columns, CNT(columns), "There are no events.");
		return;
	}
	json_array_foreach(rows, i, row)
	{
		print_value(row, "time", time, sizeof(time));
		print_value(row, "title", title, sizeof(title));
		fprintf(s->f, " %s  %s\n", time, strcmp(title, "N/A") != 0 ? title : "");
		if (json_object_get(row, "node") == NULL)
			json_object_set_new(row, "node", json_string(s->node));
		print_block(s->f, fields, CNT(fields), row);
		fputs("  Json Event Detail:\n", s->f);
		print_all(s->f, json_object_get(row, "detail"), 4);
	}
}

/* Nested counters are named as paths: security/csr/success. */
static void print_counters(FILE *f, json_t *counters, const char *prefix)
{
	char path[160], text[64];
	const char *name;
	json_t *v;

	json_object_foreach(counters, name, v)
	{
		snprintf(path, sizeof(path), "%s%s", prefix, name);
		print_strip_controls(path);
		if (json_is_object(v)) {
			strncat(path, "/", sizeof(path) - strlen(path) - 1);
			print_counters(f, v, path);
			continue;
		}
		print_value(counters, name, text, sizeof(text));
		fprintf(f, "  %-48s %s\n", path, text);
	}
}

void show_stats(const struct show *s, json_t *answer)
{
	const char *process;
	char title[64];
	json_t *counters;

	json_object_foreach(answer, process, counters)
	{
		snprintf(title, sizeof(title), "%s", process);
		print_strip_controls(title);
		if (!json_is_object(counters))
			continue;
		fprintf(s->f, " %s\n", title);
		print_counters(s->f, counters, "");
	}
}

void show_revocation(const struct show *s, json_t *answer)
{
	static const struct print_column columns[] = {
		{"Name", "name"},
		{"Issuer", "issuer"},
		{"CRL Number", "crl_number"},
		{"Entries", "entries"},
		{"Next Update", "next_update"},
		{"Last Success", "last_success"},
		{"Failures", "failures"},
	};
	static const struct print_column fields[] = {
		{"URL", "url"},
		{"Kind", "kind"},
		{"Scope", "scope"},
		{"Issuer", "issuer"},
		{"Signer Key", "signer_key"},
		{"CRL Number", "crl_number"},
		{"Entries", "entries"},
		{"This Update", "this_update"},
		{"Next Update", "next_update"},
		{"Last Try", "last_try"},
		{"Last Success", "last_success"},
		{"HTTP Status", "http_status"},
		{"Bytes", "bytes"},
		{"Next Fetch", "next_fetch"},
		{"Failures", "failures"},
		{"Last Error", "last_error"},
	};
	json_t *sources = json_object_get(answer, "sources");
	char text[256];
	json_t *source;
	size_t i;

	if (json_array_size(sources) == 0 || is_view(s, "summary"))
		table(s->f, sources, columns, CNT(columns), "No CRL source is known.");
	json_array_foreach(sources, i, source)
	{
		if (is_view(s, "summary"))
			break;
		print_value(source, "name", text, sizeof(text));
		fprintf(s->f, " %s\n", text);
		print_block(s->f, fields, CNT(fields), source);
	}
	print_value(answer, "entries", text, sizeof(text));
	fprintf(s->f, " Revoked certificates in force: %s\n", text);
}

void show_trusted_ca(const struct show *s, json_t *answer)
{
	static const struct print_column columns[] = {
		{"Subject", "subject"},
		{"Issuer", "issuer"},
		{"Not After", "not_after"},
		{"Anchor", "is_anchor"},
	};
	const json_t *bundles = json_object_get(answer, "trusted_ca_certificates");
	char text[128];
	json_t *bundle, *certificate;
	size_t i, n;

	json_array_foreach(bundles, i, bundle)
	{
		json_t *certificates = json_object_get(bundle, "certificates");

		print_value(bundle, "name", text, sizeof(text));
		fprintf(s->f, " %s", text);
		print_value(bundle, "validation_mode", text, sizeof(text));
		fprintf(s->f, " (validation-mode %s)\n", text);
		if (!is_view(s, "detail"))
			print_table(s->f, columns, CNT(columns), certificates);
		json_array_foreach(certificates, n, certificate)
		{
			if (is_view(s, "detail"))
				print_all(s->f, certificate, 2);
		}
		print_findings(s->f, json_object_get(bundle, "warnings"));
	}
	if (json_array_size(bundles) == 0)
		fputs("No trusted CA certificate is installed.\n", s->f);
}

void show_publication(const struct show *s, json_t *answer)
{
	static const struct print_column fields[] = {
		{"Data Plane Connected", "connected"},
		{"Published Incarnation", "published.incarnation"},
		{"Published Counter", "published.counter"},
		{"Applied Incarnation", "applied.incarnation"},
		{"Applied Counter", "applied.counter"},
		{"Last Refusal", "last_refusal"},
	};
	static const struct print_column parts[] = {
		{"Part", "kind"},
		{"Bytes", "size"},
		{"Page Bytes", "page_size"},
		{"Digest", "digest"},
	};

	print_block(s->f, fields, CNT(fields), answer);
	print_table(s->f, parts, CNT(parts), json_object_get(answer, "parts"));
}

void show_version(const struct show *s, json_t *answer)
{
	static const struct print_column fields[] = {
		{"Rekey-control", "version"},
		{"Router", "router"},
		{"Node", "node"},
	};

	fprintf(s->f, "  rekeyctl %s\n", REKEY_VERSION);
	print_block(s->f, fields, CNT(fields), answer);
}

void show_history(const struct show *s, json_t *answer)
{
	static const struct print_column columns[] = {
		{"Number", "number"},
		{"Time", "time"},
		{"User", "user"},
		{"From", "from"},
		{"Origin", "origin"},
		{"Comment", "comment"},
	};
	char running[32], by[64];

	table(s->f, json_object_get(answer, "entries"), columns, CNT(columns),
		"No configuration was committed yet.");
	print_value(answer, "running", running, sizeof(running));
	print_value(answer, "confirm_by", by, sizeof(by));
	fprintf(s->f, "\n Running: %s\n", running);
	if (strcmp(by, "N/A") != 0)
		fprintf(s->f, " To be confirmed by %s, or it is rolled back.\n", by);
}

void show_users(const struct show *s, json_t *answer)
{
	static const struct print_column columns[] = {
		{"Name", "name"},
		{"Role", "role"},
		{"Full Name", "full_name"},
		{"Enabled", "is_enabled"},
		{"Password", "has_password"},
	};

	table(s->f, json_object_get(answer, "users"), columns, CNT(columns), "There are no users.");
}

void show_all(const struct show *s, json_t *answer)
{
	if (json_object_size(answer) > 0)
		print_all(s->f, answer, 2);
	else
		fputs("Done.\n", s->f);
}

void show_done(const struct show *s, json_t *answer)
{
	(void)answer;
	fputs("Done.\n", s->f);
}
