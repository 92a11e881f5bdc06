/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/show.h"

#include <string.h>

#include "control/cli/print.h"

#define CNT(array) (sizeof(array) / sizeof((array)[0]))

/* "192.0.2.9:1280" and "[2001:db8::9]:1280" without the port, as the vendor prints destinations. */
static json_t *host_of(const json_t *address)
{
	const char *text = json_string_value(address), *end;

	if (text == NULL)
		return json_null();
	end = strrchr(text, ':');
	if (end == NULL)
		return json_string(text);
	if (text[0] == '[' && end > text + 1 && end[-1] == ']')
		return json_stringn(text + 1, (size_t)(end - text) - 2);
	return json_stringn(text, (size_t)(end - text));
}

static json_t *age(const json_t *ms)
{
	char text[64];

	if (!json_is_integer(ms) || json_integer_value(ms) < 0)
		return json_null();
	print_duration((unsigned long long)json_integer_value(ms), text, sizeof(text));
	return json_string(text);
}

/*
 * The vendor's flags tell how far the exchange came. Ours comes as a whole: once there is a key the
 * peer's certificate was received and ours acknowledged, and so were the shares.
 */
static void set_flags(json_t *row, const json_t *peer)
{
	static const char *const flags[] = {"cert_rec", "cert_ack", "key_rec", "key_ack"};
	bool is_done = json_is_string(json_object_get(peer, "group"));

	for (size_t i = 0; i < CNT(flags); i++) {
		if (json_object_get(peer, flags[i]) == NULL)
			json_object_set_new(row, flags[i], json_boolean(is_done));
	}
}

/* What one path of a peer prints: the peer's fields and the path's, and what is derived. */
static json_t *build_row(const struct show *s, json_t *peer, json_t *path)
{
	json_t *row = json_object();

	json_object_update(row, peer);
	json_object_update_missing(row, path);
	if (json_is_string(json_object_get(path, "status")))
		json_object_set(row, "status", json_object_get(path, "status"));
	json_object_set_new(row, "node", json_string(s->node));
	json_object_set_new(row, "destination", host_of(json_object_get(path, "remote")));
	if (json_object_get(row, "hostname") == NULL)
		json_object_set_new(row, "hostname", json_string("unavailable"));
	json_object_set_new(row, "key_age", age(json_object_get(peer, "key_age_ms")));
	json_object_set_new(row, "next_rekey", age(json_object_get(peer, "next_rekey_ms")));
	set_flags(row, peer);
	return row;
}

static const struct print_column table_columns[] = {
	{"Peer", "name"},
	{"Node", "node"},
	{"Network Interface", "port"},
	{"Destination", "destination"},
	{"Status", "status"},
	{"Hostname", "hostname"},
	{"Path MTU", "mtu"},
	{"Security Status", "security_status"},
};

static const struct print_column head_fields[] = {
	{"Peer", "name"},
	{"Node", "node"},
	{"Network Interface", "port"},
	{"Destination", "destination"},
	{"Status", "status"},
	{"Hostname", "hostname"},
	{"Path Mtu", "mtu"},
};

static const struct print_column security_fields[] = {
	{"Peer", "name"},
	{"Node", "node"},
	{"Network Interface", "port"},
	{"Destination", "destination"},
	{"Status", "status"},
	{"Hostname", "hostname"},
	{"Path Mtu", "mtu"},
	{"Security Status", "security_status"},
	{"Salt", "salt"},
	{"Peer Salt", "peer_salt"},
	{"Key Index", "key_index"},
	{"Peer Ki", "peer_key_index"},
	{"Cert Rec", "cert_rec"},
	{"Cert Ack", "cert_ack"},
	{"Salt Rec", "salt_rec"},
	{"Salt Ack", "salt_ack"},
	{"Key Rec", "key_rec"},
	{"Key Ack", "key_ack"},
	{"Group", "group"},
	{"Suite", "suite"},
	{"Exported", "exported"},
	{"Full Exchanges", "full_exchange_count"},
	{"Rekeys", "rekey_count"},
	{"Key Age", "key_age"},
	{"Next Rekey", "next_rekey"},
	{"Certificate", "certificate.verdict"},
};

static const struct print_column detail_fields[] = {
	{"Local Address", "local"},
	{"Remote Address", "remote"},
	{"Keep-alive Sent", "keep_alive_sent"},
	{"Keep-alive Rec", "keep_alive_received"},
	{"Certificate Fingerprint", "certificate.fingerprint"},
	{"Certificate Not After", "certificate.not_after"},
};

static void print_rule(FILE *f, size_t len)
{
	for (size_t i = 0; i < len; i++)
		fputc('=', f);
	fputc('\n', f);
}

static void print_head(FILE *f, const char *name)
{
	size_t len = strlen(name) + 8 > 14 ? strlen(name) + 8 : 14;

	print_rule(f, len);
	fprintf(f, " Peer: %s\n", name);
	print_rule(f, len);
}

static void print_pem(FILE *f, const char *title, const json_t *certificate)
{
	static const struct print_column fields[] = {
		{"Subject", "subject"},
		{"Issuer", "issuer"},
		{"Serial Number", "serial"},
		{"Common Names", "common_names"},
		{"Subject Alternative Names", "alt_names"},
		{"Key", "key_type"},
		{"Signature Algorithm", "signature_algorithm"},
		{"Not Before", "not_before"},
		{"Not After", "not_after"},
		{"Fingerprint", "fingerprint"},
		{"Status", "status"},
	};
	if (!json_is_object(certificate)) {
		fprintf(f, "  %s N/A\n", title);
		return;
	}
	fprintf(f, "  %s\n", title);
	print_block(f, fields, CNT(fields), certificate);
	print_text(f, json_string_value(json_object_get(certificate, "pem")));
}

static void print_peer(const struct show *s, json_t *peer, json_t *path)
{
	bool is_certificate = strcmp(s->view, "certificate") == 0;
	json_t *row = build_row(s, peer, path);
	char name[128];

	print_value(peer, "name", name, sizeof(name));
	print_head(s->f, name);
	if (is_certificate) {
		print_block(s->f, head_fields, CNT(head_fields), row);
		print_pem(s->f, "Local Cert:", json_object_get(peer, "local_certificate"));
		print_pem(s->f, "Peer Cert:", json_object_get(peer, "peer_certificate"));
	} else {
		print_block(s->f, security_fields, CNT(security_fields), row);
		if (strcmp(s->view, "detail") == 0)
			print_block(s->f, detail_fields, CNT(detail_fields), row);
	}
	json_decref(row);
}

/* Prints each path, or adds its row; a peer without one counts once. */
static void each_path(const struct show *s, json_t *peer, json_t *rows)
{
	const json_t *paths = json_object_get(peer, "paths");
	size_t i, cnt = json_array_size(paths);

	for (i = 0; i < cnt || (i == 0 && cnt == 0); i++) {
		if (s->view == NULL)
			json_array_append_new(rows, build_row(s, peer, json_array_get(paths, i)));
		else
			print_peer(s, peer, json_array_get(paths, i));
	}
}

/* {"peers": [...]}, or one peer. */
void show_peers(const struct show *s, json_t *answer)
{
	const json_t *peers = json_object_get(answer, "peers");
	json_t *rows = json_array(), *peer;
	size_t i;

	if (peers == NULL && json_is_object(answer))
		each_path(s, answer, rows);
	json_array_foreach(peers, i, peer) each_path(s, peer, rows);
	if (json_array_size(rows) > 0)
		print_table(s->f, table_columns, CNT(table_columns), rows);
	else if (peers != NULL && json_array_size(peers) == 0)
		fputs("No peers are configured.\n", s->f);
	json_decref(rows);
}

void show_key_status(const struct show *s, json_t *answer)
{
	static const struct print_column fields[] = {
		{"Key Manager State", "key_manager_state"},
		{"Rekey Index", "rekey_index"},
		{"Last Rekey", "last_rekey"},
		{"Next Rekey", "next_rekey"},
		{"Key Change Count", "key_change_count"},
		{"Config Key Change Count", "config_key_change_count"},
		{"Key Change Error", "key_change_error"},
		{"Config Key Change Error", "config_key_change_error"},
		{"Metadata Rekey Index", "metadata_rekey_index"},
		{"Metadata Last Rekey", "metadata_last_rekey"},
		{"Metadata Next Rekey", "metadata_next_rekey"},
		{"Metadata Key Manager State", "metadata_key_manager_state"},
		{"Peers", "peers"},
		{"Peers With Keys", "peers_keyed"},
	};
	/* Ages come as "X_ms" and print as "X". */
	static const char *const ages[] = {
		"last_rekey", "next_rekey", "metadata_last_rekey", "metadata_next_rekey"};
	json_t *row = json_copy(answer);
	char key[64];

	fprintf(s->f, " %s.%s\n", s->node, s->router);
	for (size_t i = 0; i < CNT(ages); i++) {
		snprintf(key, sizeof(key), "%s_ms", ages[i]);
		if (json_object_get(row, ages[i]) == NULL)
			json_object_set_new(row, ages[i], age(json_object_get(row, key)));
	}
	print_block(s->f, fields, CNT(fields), row);
	json_decref(row);
}
