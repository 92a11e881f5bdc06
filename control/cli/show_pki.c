/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/show.h"

#include <string.h>

#include "control/cli/print.h"

#define CNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct print_column list_columns[] = {
	{"Name", "name"},
	{"Peering", "is_for_peering"},
	{"Key", "has_key"},
	{"Request", "has_request"},
	{"Subject", "certificate.subject"},
	{"Issuer", "certificate.issuer"},
	{"Not After", "certificate.not_after"},
};

static const struct print_column fields[] = {
	{"Used For Peering", "is_for_peering"},
	{"Private Key", "has_key"},
	{"Replacement Key", "has_replacement_key"},
	{"Certificate Request", "has_request"},
	{"Subject", "certificate.subject"},
	{"Issuer", "certificate.issuer"},
	{"Serial Number", "certificate.serial"},
	{"Common Names", "certificate.common_names"},
	{"Subject Alternative Names", "certificate.alt_names"},
	{"Purpose", "certificate.purpose"},
	{"Key", "certificate.key_type"},
	{"Signature Algorithm", "certificate.signature_algorithm"},
	{"Not Before", "certificate.not_before"},
	{"Not After", "certificate.not_after"},
	{"CRL URLs", "certificate.crl_urls"},
	{"Fingerprint", "certificate.fingerprint"},
	{"Status", "certificate.status"},
};

static void print_one(const struct show *s, const json_t *credential)
{
	const json_t *certificate = json_object_get(credential, "certificate");
	char name[128];

	print_value(credential, "name", name, sizeof(name));
	fprintf(s->f, " %s\n", name);
	print_block(s->f, fields, CNT(fields), credential);
	print_findings(s->f, json_object_get(certificate, "findings"));
	print_text(s->f, json_string_value(json_object_get(certificate, "pem")));
}

/* The list of all, or one. */
void show_certificates(const struct show *s, json_t *answer)
{
	const json_t *list = json_object_get(answer, "certificates");
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (s->view != NULL)
			print_one(s, one);
	}
	if (list == NULL)
		print_one(s, answer);
	else if (s->view == NULL && json_array_size(list) > 0)
		print_table(s->f, list_columns, CNT(list_columns), list);
	else if (json_array_size(list) == 0)
		fputs("There is no key, request or certificate.\n", s->f);
}

static void print_enrolment(const struct show *s, json_t *one)
{
	static const struct print_column enrolment_fields[] = {
		{"CA Profile", "ca_profile"},
		{"Protocol", "protocol"},
		{"Action", "action"},
		{"State", "state"},
		{"Started", "started"},
		{"Last Success", "last_success"},
		{"Next Try", "next_try"},
		{"Failures", "failures"},
		{"Error", "error"},
	};
	const json_t *offered = json_object_get(one, "offered_ca_certificates");
	char name[128];

	print_value(one, "name", name, sizeof(name));
	fprintf(s->f, " %s\n", name);
	print_block(s->f, enrolment_fields, CNT(enrolment_fields), one);
	if (json_array_size(offered) > 0) {
		static const struct print_column columns[] = {
			{"Offered CA Certificate", "subject"},
			{"Fingerprint", "fingerprint"},
			{"Trusted", "is_trusted"},
		};

		print_table(s->f, columns, CNT(columns), offered);
	}
}

/* {"enrolments", "ca_profiles"}, or one enrolment. */
void show_enrolment(const struct show *s, json_t *answer)
{
	static const struct print_column columns[] = {
		{"CA Profile", "url"},
		{"Protocol", "protocol"},
		{"Renewal", "renewal"},
	};
	json_t *list = json_object_get(answer, "enrolments"), *one;
	const json_t *profiles = json_object_get(answer, "ca_profiles");
	size_t i;

	if (list == NULL)
		print_enrolment(s, answer);
	json_array_foreach(list, i, one) print_enrolment(s, one);
	if (list != NULL && json_array_size(list) == 0)
		fputs("Nothing is or was enrolled.\n", s->f);
	if (json_array_size(profiles) > 0)
		print_table(s->f, columns, CNT(columns), profiles);
	else if (list != NULL)
		fputs("No ca-profile is configured.\n", s->f);
}

/* What came of taking a certificate or bundle in. */
void show_ingested(const struct show *s, json_t *answer)
{
	static const struct print_column taken[] = {
		{"Name", "name"},
		{"Subject", "subject"},
		{"Issuer", "issuer"},
		{"Not After", "not_after"},
		{"Fingerprint", "fingerprint"},
		{"Data Plane", "publication.data_plane"},
	};
	const json_t *checks = json_object_get(answer, "checks");
	struct print_column there[CNT(taken)];
	char name[64], result[64];
	size_t i, cnt = 0;
	json_t *check;

	for (i = 0; i < CNT(taken); i++) {
		if (strchr(taken[i].key, '.') != NULL ||
			json_object_get(answer, taken[i].key) != NULL)
			there[cnt++] = taken[i];
	}
	print_block(s->f, there, cnt, answer);
	json_array_foreach(checks, i, check)
	{
		print_value(check, "check", name, sizeof(name));
		print_value(check, "result", result, sizeof(result));
		fprintf(s->f, "  Check %zu, %s: %s\n", i + 1, name, result);
		print_findings(s->f, json_object_get(check, "findings"));
	}
	print_findings(s->f, json_object_get(answer, "findings"));
}
