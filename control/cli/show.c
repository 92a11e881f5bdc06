/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/show.h"

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

void show_peers(FILE *f, const json_t *answer)
{
	static const struct print_column columns[] = {
		{"Peer", "name"},
		{"Status", "status"},
		{"Security Status", "security_status"},
		{"Group", "group"},
		{"Key Index", "key_index"},
		{"Peer Ki", "peer_key_index"},
		{"Full Exchanges", "full_exchange_count"},
		{"Rekeys", "rekey_count"},
		{"Certificate", "certificate.verdict"},
	};

	table(f, json_object_get(answer, "peers"), columns, CNT(columns),
		"No peers are configured.");
}

static void print_age(FILE *f, const char *title, const json_t *ms)
{
	char text[64] = "N/A";

	if (json_is_integer(ms) && json_integer_value(ms) >= 0)
		print_duration((unsigned long long)json_integer_value(ms), text, sizeof(text));
	fprintf(f, "  %-23s %s\n", title, text);
}

static void show_peer_security(FILE *f, const json_t *answer)
{
	static const struct print_column path[] = {
		{"Network Interface", "port"},
		{"Local", "local"},
		{"Destination", "remote"},
	};
	static const struct print_column fields[] = {
		{"Status", "status"},
		{"Security Status", "security_status"},
		{"Group", "group"},
		{"Suite", "suite"},
		{"Key Index", "key_index"},
		{"Peer Ki", "peer_key_index"},
		{"Exported", "exported"},
		{"Full Exchanges", "full_exchange_count"},
		{"Rekeys", "rekey_count"},
		{"Keep-alive Sent", "keep_alive_sent"},
		{"Keep-alive Rec", "keep_alive_received"},
		{"Certificate", "certificate.verdict"},
		{"Fingerprint", "certificate.fingerprint"},
		{"Not After", "certificate.not_after"},
	};
	char name[128];
	size_t i;
	json_t *p;

	print_value(answer, "name", name, sizeof(name));
	fprintf(f, "==============\n Peer: %s\n==============\n", name);
	json_array_foreach(json_object_get(answer, "paths"), i, p)
		print_block(f, path, CNT(path), p);
	print_block(f, fields, CNT(fields), answer);
	print_age(f, "Key Age:", json_object_get(answer, "key_age_ms"));
	print_age(f, "Next Rekey:", json_object_get(answer, "next_rekey_ms"));
}

/* One peer's answer, or the list of all. */
void show_peers_security(FILE *f, const json_t *answer)
{
	const json_t *peers = json_object_get(answer, "peers");
	size_t i;
	json_t *peer;

	if (peers == NULL)
		show_peer_security(f, answer);
	json_array_foreach(peers, i, peer) show_peer_security(f, peer);
}

void show_alarms(FILE *f, const json_t *answer)
{
	static const struct print_column columns[] = {
		{"ID", "id"},
		{"Time", "time"},
		{"Severity", "severity"},
		{"Source", "source"},
		{"Category", "category"},
		{"Message", "message"},
	};

	table(f, json_object_get(answer, "alarms"), columns, CNT(columns), "There are no alarms.");
}

void show_events(FILE *f, const json_t *answer)
{
	static const struct print_column columns[] = {
		{"Time", "time"},
		{"Type", "type"},
		{"Who", "user"},
		{"From", "address"},
		{"Description", "description"},
	};

	table(f, json_object_get(answer, "events"), columns, CNT(columns), "There are no events.");
}

void show_stats(FILE *f, const json_t *answer)
{
	static const char *const processes[] = {"control", "dataplane"};
	const char *name;
	char text[64];
	json_t *v;
	size_t i;

	for (i = 0; i < CNT(processes); i++) {
		json_t *counters = json_object_get(answer, processes[i]);

		fprintf(f, " %s\n", processes[i]);
		json_object_foreach(counters, name, v)
		{
			print_value(counters, name, text, sizeof(text));
			fprintf(f, "  %-48s %s\n", name, text);
		}
	}
}

void show_revocation(FILE *f, const json_t *answer)
{
	static const struct print_column fields[] = {
		{"URL", "url"},
		{"Issuer", "issuer"},
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

	json_array_foreach(sources, i, source)
	{
		print_value(source, "name", text, sizeof(text));
		fprintf(f, " %s\n", text);
		print_block(f, fields, CNT(fields), source);
	}
	if (json_array_size(sources) == 0)
		fprintf(f, "No CRL source is known.\n");
	print_value(answer, "entries", text, sizeof(text));
	fprintf(f, " Revoked certificates in force: %s\n", text);
}

void show_trusted_ca(FILE *f, const json_t *answer)
{
	static const struct print_column columns[] = {
		{"Subject", "subject"},
		{"Issuer", "issuer"},
		{"Not After", "not_after"},
		{"Anchor", "is_anchor"},
	};
	json_t *bundles = json_object_get(answer, "trusted_ca_certificates");
	char text[128];
	json_t *bundle;
	size_t i;

	json_array_foreach(bundles, i, bundle)
	{
		print_value(bundle, "name", text, sizeof(text));
		fprintf(f, " %s", text);
		print_value(bundle, "validation_mode", text, sizeof(text));
		fprintf(f, " (validation-mode %s)\n", text);
		print_table(f, columns, CNT(columns), json_object_get(bundle, "certificates"));
	}
	if (json_array_size(bundles) == 0)
		fprintf(f, "No trusted CA certificate is installed.\n");
}

void show_publication(FILE *f, const json_t *answer)
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
		{"Digest", "digest"},
	};

	print_block(f, fields, CNT(fields), answer);
	print_table(f, parts, CNT(parts), json_object_get(answer, "parts"));
}

void show_rotated(FILE *f, const json_t *answer)
{
	char text[128];

	print_value(answer, "rotated", text, sizeof(text));
	fprintf(f, "Rotating: %s\n", text);
}
