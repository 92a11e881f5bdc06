/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/openapi.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ALGORITHMS "RSA,ECC"
#define CURVES     "SECP256R1,SECP256R,PRIME256V1,SECP384R1,SECP521R1"
#define ROLES      "viewer,operator,admin"
/* RFC 5280, appendix A.1: upper bounds, in characters. */
#define SUBJECT                                                                              \
	"country_name:s(0-2) state_province_name:s(0-128) locality_name:s(0-128) "           \
	"organization_name:s(0-64) organizational_unit_name:s(0-64) email_address:s(0-255) " \
	"validity_period:n(1-36500) subject_alt_names:a<AltName>(0-16)"

/*
 * Schemas as text: "name:type" a field, "!" behind it = required. Types: s string, i integer, n
 * integer or decimal text, b boolean, o object, a array, v anything. o<NAME> is that schema, a<NAME>
 * an array of it; with one of the letters between them o is a map and a an array of such values.
 * "(min-max)" behind a type limits a number, the bytes of a text, or the elements of an array;
 * "{A,B}" lists the texts that are taken. Requests take no null and no other field; in answers what
 * may be absent may be null.
 */
static const struct {
	const char *name;
	const char *fields;
	bool is_request;
} schemas[] = {
	{"Login", "username:s(1-63)! password:s(1-256)! application:s(0-255)", true},
	{"Token", "token:s!"},
	{"PrivateKey",
		"name:s(1-64)! algorithm:s{" ALGORITHMS "}! rsa_key_size:n(2048-4096) "
		"ecc_curve:s{" CURVES "} replace:b",
		true},
	{"Key", "name:s! status:s! public_key_sha256:s! algorithm:s! ecc_curve:s rsa_key_size:i"},
	{"CertificateRequest",
		"name:s(1-64)! common_name:s(1-64)! algorithm:s{" ALGORITHMS "} "
		"rsa_key_size:n(2048-4096) ecc_curve:s{" CURVES "} " SUBJECT,
		true},
	{"AltName", "type:s{urn_ssr_peering,dns,ip,email,uri}! value:s(1-255)!", true},
	{"Csr", "csr:s! warnings:a<s>"},
	{"Certificate", "name:s(1-64)! certificate:s(1-32768)!", true},
	{"Ingested", "name:s! subject:s! issuer:s! fingerprint:s! not_after:s! checks:a<Check>! "
		     "warnings:a<s>! publication:o<Outcome>!"},
	{"Outcome", "data_plane:s{applied,absent,pending,refused}! generation:s code:s message:s"},
	{"Check", "check:s! result:s! findings:a<Finding>!"},
	{"Finding", "severity:s! code:s! subject:s! text:s! advice:s!"},
	{"CertificateList", "certificates:a<Credential>!"},
	{"Credential", "name:s! is_for_peering:b! has_key:b! has_replacement_key:b! has_request:b! "
		       "certificate:o<CertificateInfo>"},
	{"CertificateInfo",
		"subject:s! issuer:s! serial:s! not_before:s not_after:s key_type:s! "
		"signature_algorithm:s! fingerprint:s! fingerprint_sha1:s! common_names:a<s> "
		"alt_names:a<s> crl_urls:a<s> purpose:s pem:s status:s findings:a<Finding>"},
	{"Reloaded", "reloaded:a<s>! is_usable:b! warnings:a<s> publication:o<Outcome>!"},
	{"Deleted", "name:s deleted:s! publication:o<Outcome>"},
	{"Enrol",
		"name:s(1-64) action:s{enrol,renew,revoke} ca_profile:s(1-512) "
		"algorithm:s{" ALGORITHMS "} "
		"rsa_key_size:n(2048-4096) ecc_curve:s{" CURVES "} common_name:s(1-64) " SUBJECT
		" revocation_reason:n(0-10)",
		true},
	{"Enrolment", "name:s! ca_profile:s! protocol:s action:s! state:s! started:s "
		      "last_success:s next_try:s failures:i! error:s "
		      "offered_ca_certificates:a<OfferedCa>"},
	{"OfferedCa", "subject:s! fingerprint:s! is_trusted:b!"},
	{"EnrolmentList", "enrolments:a<Enrolment>! ca_profiles:a<CaProfile>!"},
	{"CaProfile", "url:s! protocol:s! renewal:b!"},
	{"TrustedCa", "name:s(1-63)! content:s(1-1048576)! validation-mode:s{strict,warn}", true},
	{"TrustedCaList", "trusted_ca_certificates:a<Bundle>!"},
	{"Bundle", "name:s! validation_mode:s{strict,warn}! certificates:a<CaCertificate>! "
		   "warnings:a<s>!"},
	{"CaCertificate", "subject:s! issuer:s! not_after:s fingerprint:s! is_anchor:b!"},
	{"Revocation", "sources:a<CrlSource>! generation:i entries:i"},
	{"CrlSource",
		"name:s! url:s! kind:s! scope:s configured:b! overridden:b! issuer:s signer_key:s "
		"last_try:s last_success:s http_status:i! bytes:i! entries:i crl_number:s "
		"base_crl_number:s this_update:s next_update:s next_fetch:s failures:i! "
		"last_error:s"},
	{"RevocationEntries", "generation:i! entries:a<RevocationEntry>!"},
	{"RevocationEntry", "issuer:s! serial:s! date:s! reason:s! source:s!"},
	{"PeerList", "peers:a<Peer>! next:s"},
	{"Peer", "name:s! status:s! security_status:s! paths:a<Path>! group:s suite:s key_index:i "
		 "peer_key_index:i full_exchange_count:i rekey_count:i key_age_ms:i "
		 "next_rekey_ms:i keep_alive_sent:i keep_alive_received:i exported:s "
		 "certificate:o<PeerVerdict>"},
	{"Path", "port:s! mtu:i! local:s! remote:s! status:s!"},
	{"PeerVerdict", "fingerprint:s! verdict:s! not_after:s"},
	{"AlarmList", "alarms:a<Alarm>! shelved:i!"},
	{"Alarm", "id:s! time:s! severity:s! source:s! category:s! process:s! message:s! kind:s! "
		  "shelved:b!"},
	{"EventList", "events:a<Event>!"},
	{"Event", "seq:i! prev:s! time:s! type:s! node:s! description:s! user:s! address:s! "
		  "request_id:s! "
		  "permitted:b! detail:o<v>!"},
	{"EventsVerified", "is_intact:b! records:i! first:i! last:i! head:s! files:i! problem:s*"},
	{"LogLevel", "module:s(1-32) level:s{error,warning,info,debug}!", true},
	{"LogLevels", "levels:o<s>!"},
	{"Stats", "control:o<i>! dataplane:o<i>!"},
	{"Rotate", "peer:s(1-63)", true},
	{"Rotated", "rotated:s!"},
	{"Publication", "connected:b! published:o<Generation> applied:o<Generation> "
			"last_refusal:s parts:a<Part>!"},
	{"Generation", "incarnation:i! counter:i!"},
	{"Part", "kind:s! size:i! page_size:i! digest:s!"},
	{"Schema", "version:i! items:a<Item>!"},
	{"Item", "field:s! kind:s! help:s! required:b! unit:s min:i max:i default:v values:a<s> "
		 "may_be_never:b key:s items:a<Item>"},
	{"Running", "number:i! configuration:v!"},
	{"Candidate", "is_changed:b! is_saved:b! edited_by:a<s>! base:i! configuration:v!"},
	{"Operations", "operations:a<Operation>(0-10000)!", true},
	{"Operation", "op:s{set,create,delete}! path:a<s>(1-12)! value:v", true},
	{"Edited", "is_changed:b! applied:i"},
	{"Changes", "changes:a<Change>!"},
	{"Change", "op:s! path:a<s>! old:v new:v"},
	{"Validated", "is_valid:b! errors:a<Remark>! warnings:a<Remark>!"},
	{"Remark", "path:s! code:s! message:s!"},
	{"Commit", "comment:s(0-200) confirm_timeout_sec:n(10-86400)", true},
	{"Committed", "name:s number:i! generation:i! warnings:a<Remark>! "
		      "findings:a<Finding>! confirm_by:s "
		      "publication:o<Outcome>!"},
	{"Confirmed", "number:i!"},
	{"Rollback", "number:n(1-)! comment:s(0-200) confirm_timeout_sec:n(10-86400)", true},
	{"History", "running:i! confirm_by:s entries:a<HistoryEntry>!"},
	{"HistoryEntry", "number:i! time:s user:s! from:s! comment:s! origin:s! configuration:v"},
	{"Password", "password:s(8-256)! current_password:s(1-256)", true},
	{"UserNamed", "user:s!"},
	{"User", "name:s! role:s! full_name:s is_enabled:b! has_password:b!"},
	{"UserList", "users:a<User>!"},
	{"NewUser",
		"name:s(1-63)! role:s{" ROLES
		"}! password:s(8-256)! full_name:s(0-128) is_enabled:b",
		true},
	{"UserChange", "role:s{" ROLES "} full_name:s(0-128) is_enabled:b", true},
	{"Session", "user:s! role:s! router:s! node:s! version:s! expires:s"},
	{"PeerCertificate", "name:s! status:s! paths:a<Path>! "
			    "local_certificate:o<CertificateInfo> "
			    "peer_certificate:o<CertificateInfo>"},
	{"KeyStatus",
		"router:s! node:s! key_manager_state:s! rekey_index:i last_rekey_ms:i "
		"next_rekey_ms:i key_change_count:i! config_key_change_count:i key_change_error:s "
		"config_key_change_error:s metadata_rekey_index:i! metadata_last_rekey_ms:i "
		"metadata_next_rekey_ms:i metadata_key_manager_state:s! peers_keyed:i! peers:i!"},
	{"Health", "status:s! data_plane:s!"},
	{"Empty", "", true},
	{"TokenKeyRotated", "rotated:b!"},
	{"Anything", ""},
	{"Error", "error:o<Problem>!"},
	{"Problem", "code:s! message:s! detail:v!"},
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

/* What an answer may lack may be null in it: the services say "nothing" either way. */
static json_t *build_type(char type, bool may_be_null)
{
	if (type == 'v')
		return json_object();
	if (type == 'n')
		return json_pack("{s:[s,s]}", "type", "integer", "string");
	if (may_be_null)
		return json_pack("{s:[s,s]}", "type", type_name(type), "null");
	return json_pack("{s:s}", "type", type_name(type));
}

/* text stands behind "(": "min-max)", or "min-)" without an upper bound. */
static void add_range(json_t *type, char kind, const char *text)
{
	static const struct {
		char kind;
		const char *min, *max;
	} names[] = {{'s', "minLength", "maxLength"}, {'a', "minItems", "maxItems"},
		{'n', "minimum", "maximum"}, {'i', "minimum", "maximum"}};
	char *end;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].kind != kind)
			continue;
		json_object_set_new(type, names[i].min, json_integer(strtol(text, &end, 10)));
		if (end[1] != ')')
			json_object_set_new(
				type, names[i].max, json_integer(strtol(end + 1, NULL, 10)));
	}
	if (kind == 'n')
		json_object_set_new(type, "pattern", json_string("^[0-9]+$"));
}

/* text stands behind "{": "A,B}". */
static void add_values(json_t *type, const char *text)
{
	json_t *values = json_array();

	while (*text != '}') {
		size_t len = strcspn(text, ",}");

		json_array_append_new(values, json_stringn(text, len));
		text += len + (text[len] == ',');
	}
	json_object_set_new(type, "enum", values);
}

/* What is in an array or a map, or the schema that an object is of. Takes type. */
static json_t *add_inner(json_t *type, const char *text, bool may_be_null)
{
	size_t len = strcspn(text + 2, ">");
	bool is_map = text[0] == 'o' && len == 1;
	json_t *inner = len == 1 ? build_type(text[2], false) : schema_ref(text + 2, len);

	if (text[0] == 'a' || is_map) {
		json_object_set_new(type, is_map ? "additionalProperties" : "items", inner);
		return type;
	}
	json_decref(type);
	return may_be_null ? json_pack("{s:[o, {s:s}]}", "anyOf", inner, "type", "null") : inner;
}

/* One field's "type", which ends at a blank. */
static json_t *build_field(const char *text, bool may_be_null)
{
	size_t len = strcspn(text, " ");
	const char *at;
	json_t *type = build_type(text[0], may_be_null);

	if (text[1] == '<')
		type = add_inner(type, text, may_be_null);
	at = memchr(text, '(', len);
	if (at != NULL)
		add_range(type, text[0], at + 1);
	at = memchr(text, '{', len);
	if (at != NULL)
		add_values(type, at + 1);
	return type;
}

static json_t *build_schema(const char *fields, bool is_request)
{
	json_t *properties = json_object(), *required = json_array(), *schema;
	bool is_required;
	char name[64];

	while (*fields != '\0') {
		size_t len = strcspn(fields, ":");

		snprintf(name, sizeof(name), "%.*s", (int)len, fields);
		fields += len + 1;
		len = strcspn(fields, " ");
		is_required = fields[len - 1] == '!';
		json_object_set_new(
			properties, name, build_field(fields, !is_required && !is_request));
		if (is_required)
			json_array_append_new(required, json_string(name));
		fields += len;
		fields += strspn(fields, " ");
	}
	schema = json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties,
		"required", required);
	if (is_request)
		json_object_set_new(schema, "additionalProperties", json_false());
	return schema;
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

/* Of the path, and of the query. */
static json_t *build_parameters(const struct route *r)
{
	const char *text = strchr(r->path, '{');
	json_t *list = json_array();

	if (text != NULL)
		json_array_append_new(list, json_pack("{s:s%, s:s, s:b, s:{s:s}}", "name", text + 1,
						    strcspn(text + 1, "}"), "in", "path",
						    "required", 1, "schema", "type", "string"));
	for (text = r->query; text != NULL && *text != '\0'; text += strspn(text, " ")) {
		size_t len = strcspn(text, ":");

		json_array_append_new(
			list, json_pack("{s:s%, s:s, s:b, s:o}", "name", text, len, "in", "query",
				      "required", 0, "schema", build_field(text + len + 1, false)));
		text += strcspn(text, " ");
	}
	return list;
}

static json_t *build_operation(const struct route *r)
{
	json_t *op = json_pack("{s:s, s:s, s:o}", "summary", r->summary, "x-role",
		user_role_name(r->role), "responses", build_responses(r));
	json_t *parameters = build_parameters(r);

	if (op == NULL) {
		json_decref(parameters);
		return NULL;
	}
	if (json_array_size(parameters) > 0)
		json_object_set(op, "parameters", parameters);
	json_decref(parameters);
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
		if (json_object_set_new(all, schemas[i].name,
			    build_schema(schemas[i].fields, schemas[i].is_request)) != 0)
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
