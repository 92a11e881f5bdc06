/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/openapi.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/*
 * Schemas as text: "name:type" a field, "!" behind it = required, "*" = null allowed. Types: s
 * string, i integer, n integer or decimal text, b boolean, o object, a array, v anything; a<NAME> is
 * an array of that schema's.
 */
static const struct {
	const char *name;
	const char *fields;
} schemas[] = {
	{"Login", "username:s! password:s! application:s"},
	{"Token", "token:s!"},
	{"PrivateKey", "name:s! algorithm:s! rsa_key_size:n ecc_curve:s replace:b"},
	{"Key", "name:s! status:s! public_key_sha256:s! algorithm:s! ecc_curve:s rsa_key_size:i"},
	{"CertificateRequest",
		"name:s! common_name:s! country_name:s state_province_name:s locality_name:s "
		"organization_name:s organizational_unit_name:s email_address:s algorithm:s "
		"rsa_key_size:n ecc_curve:s validity_period:n subject_alt_names:a"},
	{"Csr", "csr:s!"},
	{"Certificate", "name:s! certificate:s!"},
	{"Ingested",
		"name:s! subject:s! issuer:s! fingerprint:s! not_after:s! checks:a! warnings:a! "
		"publication:o!"},
	{"CertificateList", "certificates:a!"},
	{"Credential", "name:s! is_for_peering:b! has_key:b! has_replacement_key:b! has_request:b! "
		       "certificate:o"},
	{"Reloaded", "reloaded:a! is_usable:b! warnings:a publication:o!"},
	{"Deleted", "name:s deleted:s! publication:o"},
	{"Enrol",
		"name:s action:s ca_profile:s algorithm:s rsa_key_size:n ecc_curve:s common_name:s "
		"country_name:s state_province_name:s locality_name:s organization_name:s "
		"organizational_unit_name:s email_address:s validity_period:n "
		"subject_alt_names:a revocation_reason:n"},
	{"Enrolment", "name:s! ca_profile:s! protocol:s action:s! state:s! started:s "
		      "last_success:s next_try:s failures:i! error:s offered_ca_certificates:a"},
	{"EnrolmentList", "enrolments:a! ca_profiles:a!"},
	{"TrustedCa", "name:s! content:s! validation-mode:s"},
	{"TrustedCaList", "trusted_ca_certificates:a!"},
	{"Revocation", "sources:a! generation:i entries:i"},
	{"RevocationEntries", "generation:i! entries:a!"},
	{"PeerList", "peers:a<Peer>! next:s"},
	{"Peer", "name:s! status:s! security_status:s paths:a group:s suite:s key_index:i "
		 "peer_key_index:i full_exchange_count:i rekey_count:i key_age_ms:i "
		 "next_rekey_ms:i keep_alive_sent:i keep_alive_received:i exported:s "
		 "certificate:o"},
	{"AlarmList", "alarms:a! shelved:i!"},
	{"EventList", "events:a!"},
	{"EventsVerified", "is_intact:b! records:i! first:i! last:i! head:s! files:i! problem:s*"},
	{"LogLevel", "module:s level:s!"},
	{"LogLevels", "levels:o!"},
	{"Stats", "control:o! dataplane:o!"},
	{"Rotate", "peer:s"},
	{"Rotated", "rotated:s!"},
	{"Publication", "connected:b! published:o! applied:o last_refusal:s parts:a!"},
	{"Schema", "version:i! items:a!"},
	{"Running", "number:i! configuration:v!"},
	{"Candidate", "is_changed:b! is_saved:b! edited_by:a! base:i! configuration:v!"},
	{"Operations", "operations:a!"},
	{"Edited", "is_changed:b! applied:i"},
	{"Changes", "changes:a!"},
	{"Validated", "is_valid:b! errors:a! warnings:a!"},
	{"Commit", "comment:s confirm_timeout_sec:n"},
	{"Committed", "name:s number:i! generation:i! warnings:a! findings:a! confirm_by:s "
		      "publication:o!"},
	{"Confirmed", "number:i!"},
	{"Rollback", "number:n! comment:s confirm_timeout_sec:n"},
	{"History", "running:i! confirm_by:s entries:a<HistoryEntry>!"},
	{"HistoryEntry", "number:i! time:s user:s! from:s! comment:s! origin:s! configuration:o"},
	{"Password", "password:s!"},
	{"UserNamed", "user:s!"},
	{"User", "name:s! role:s! full_name:s is_enabled:b! has_password:b!"},
	{"UserList", "users:a<User>!"},
	{"NewUser", "name:s! role:s! password:s! full_name:s is_enabled:b"},
	{"UserChange", "role:s full_name:s is_enabled:b"},
	{"Session", "user:s! role:s! router:s! node:s! version:s! expires:s"},
	{"PeerCertificate", "name:s! status:s! paths:a! local_certificate:o peer_certificate:o"},
	{"KeyStatus",
		"router:s! node:s! key_manager_state:s! rekey_index:i last_rekey_ms:i "
		"next_rekey_ms:i key_change_count:i! config_key_change_count:i key_change_error:s "
		"config_key_change_error:s metadata_rekey_index:i! metadata_last_rekey_ms:i "
		"metadata_next_rekey_ms:i metadata_key_manager_state:s! peers_keyed:i! peers:i!"},
	{"Health", "status:s! data_plane:s!"},
	{"Empty", ""},
	{"Anything", ""},
	{"Error", "error:o!"},
};

#define SCHEMA_CNT (sizeof(schemas) / sizeof(schemas[0]))

static const char *type_name(char c)
{
	switch (c) {
	case 's':
		return "string";
	case 'i':
		return "integer";
	case 'b':
		return "boolean";
	case 'a':
		return "array";
	default:
		return "object";
	}
}

static json_t *schema_ref(const char *name, size_t len)
{
	for (size_t i = 0; i < SCHEMA_CNT; i++)
		if (strlen(schemas[i].name) == len && strncmp(schemas[i].name, name, len) == 0)
			return json_pack(
				"{s:s+}", "$ref", "#/components/schemas/", schemas[i].name);
	return NULL;
}

/* What may be absent may be null: the services say "nothing" either way. */
static json_t *build_type(char type, bool is_required)
{
	if (type == 'v')
		return json_object();
	if (type == 'n')
		return json_pack("{s:[s,s,s]}", "type", "integer", "string", "null");
	if (is_required)
		return json_pack("{s:s}", "type", type_name(type));
	return json_pack("{s:[s,s]}", "type", type_name(type), "null");
}

static json_t *build_schema(const char *fields)
{
	json_t *properties = json_object(), *required = json_array(), *type;
	bool is_required;
	char name[64];

	while (*fields != '\0') {
		size_t len = strcspn(fields, ":");

		snprintf(name, sizeof(name), "%.*s", (int)len, fields);
		fields += len + 1;
		len = strcspn(fields, " ");
		is_required = fields[len - 1] == '!';
		type = build_type(*fields, is_required);
		if (fields[1] == '<')
			json_object_set_new(
				type, "items", schema_ref(fields + 2, strcspn(fields + 2, ">")));
		json_object_set_new(properties, name, type);
		if (is_required)
			json_array_append_new(required, json_string(name));
		fields += len;
		fields += strspn(fields, " ");
	}
	return json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties, "required",
		required);
}

/* An answer is JSON of a schema, or the one text that there is. */
static json_t *json_content(const char *schema)
{
	if (strcmp(schema, "OpenMetrics") == 0)
		return json_pack("{s:{s:{s:s}}}", "application/openmetrics-text", "schema", "type",
			"string");
	return json_pack(
		"{s:{s:o}}", "application/json", "schema", schema_ref(schema, strlen(schema)));
}

/* The statuses that a call may end with besides 200, by what the table says of it. */
static json_t *build_responses(const struct route *r)
{
	static const struct {
		const char *status;
		const char *text;
	} errors[] = {
		{"400", "The request is not what it should be"},
		{"404", "There is no such thing"},
		{"409", "What is there stands in the way"},
		{"413", "The body is too large"},
		{"415", "The body is not JSON"},
		{"422", "The certificates are refused; detail has the findings"},
		{"429", "Too many failed logins"},
		{"500", "This router could not do it"},
		{"503", "Not now; Retry-After says when"},
		{"401", "No token, or not a good one"},
		{"403", "The role is too low"},
	};
	size_t cnt = sizeof(errors) / sizeof(errors[0]);
	bool is_begun = strcmp(r->answer, "Enrolment") == 0 && r->is_change;
	json_t *responses = json_pack("{s:{s:s, s:o}}", is_begun ? "202" : "200", "description",
		is_begun ? "Begun" : "Done", "content", json_content(r->answer));

	for (size_t i = 0; responses != NULL && i < cnt; i++)
		json_object_set_new(responses, errors[i].status,
			json_pack("{s:s, s:o}", "description", errors[i].text, "content",
				json_content("Error")));
	return responses;
}

static json_t *build_operation(const struct route *r)
{
	json_t *op = json_pack("{s:s, s:s, s:o}", "summary", r->summary, "x-role",
		user_role_name(r->role), "responses", build_responses(r));
	const char *param = strchr(r->path, '{');

	if (op == NULL)
		return NULL;
	if (param != NULL)
		json_object_set_new(op, "parameters",
			json_pack("[{s:s%, s:s, s:b, s:{s:s}}]", "name", param + 1,
				strcspn(param + 1, "}"), "in", "path", "required", 1, "schema",
				"type", "string"));
	if (r->request != NULL)
		json_object_set_new(op, "requestBody",
			json_pack("{s:b, s:o}", "required", r->body == ROUTE_BODY_REQUIRED,
				"content", json_content(r->request)));
	json_object_set_new(op, "security",
		r->role == USER_NOBODY ? json_array() : json_pack("[{s:[]}]", "bearer"));
	return op;
}

static bool add_paths(json_t *paths, const struct route *table, size_t cnt)
{
	char path[128], method[16];

	for (size_t i = 0; i < cnt; i++) {
		const char *name = route_method_name(table[i].method);
		json_t *item, *op = build_operation(&table[i]);

		snprintf(path, sizeof(path), "%s%s", ROUTE_BASE, table[i].path);
		snprintf(method, sizeof(method), "%s", name);
		for (char *p = method; *p != '\0'; p++)
			*p = (char)tolower((unsigned char)*p);
		item = json_object_get(paths, path);
		if (item == NULL) {
			item = json_object();
			json_object_set_new(paths, path, item);
		}
		if (op == NULL || json_object_set_new(item, method, op) != 0)
			return false;
	}
	return true;
}

json_t *openapi_build(const struct route *table, size_t cnt)
{
	json_t *paths = json_object(), *all = json_object();
	bool is_whole = add_paths(paths, table, cnt);

	for (size_t i = 0; i < SCHEMA_CNT; i++)
		if (json_object_set_new(all, schemas[i].name, build_schema(schemas[i].fields)) != 0)
			is_whole = false;
	if (!is_whole) {
		json_decref(paths);
		json_decref(all);
		return NULL;
	}
	return json_pack("{s:s, s:{s:s, s:s}, s:o, s:{s:o, s:{s:{s:s, s:s}}}}", "openapi", "3.1.0",
		"info", "title", "rekey-control", "version", REKEY_VERSION, "paths", paths,
		"components", "schemas", all, "securitySchemes", "bearer", "type", "http", "scheme",
		"bearer");
}
