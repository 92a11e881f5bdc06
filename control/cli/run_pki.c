/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/print.h"
#include "control/cli/show.h"

#define CREDENTIAL "custom_ssr_peering" /* the name that peering looks for by itself */

static const char *name_of(const struct cli_command *command, const struct cli_args *args)
{
	const char *name = tree_value(command, args, "name");

	return name != NULL ? name : CREDENTIAL;
}

/* ---- keys ---------------------------------------------------------------------------------------- */

int run_rotate(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	const char *peer = tree_value(command, args, "PEER");
	bool is_all = peer == NULL || strcmp(peer, "all") == 0;
	json_t *body = is_all ? json_object() : json_pack("{s:s}", "peer", peer);

	return (int)run_change(c, command, "POST", API "/security/rotate", body);
}

/* Adds a word as a number when it is one: the daemon says what is wrong with others. */
static void set_number(json_t *body, const char *field, const char *word)
{
	char *end;
	long number = strtol(word, &end, 10);

	json_object_set_new(body, field,
		*word != '\0' && *end == '\0' ? json_integer(number) : json_string(word));
}

int run_create_key(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	const char *size = tree_value(command, args, "size");
	const char *curve = tree_value(command, args, "curve");
	const char *algorithm = tree_value(command, args, "algorithm");
	json_t *body;

	if (algorithm == NULL)
		algorithm = size != NULL ? "RSA" : "ECC";
	if (curve == NULL && strcmp(algorithm, "ECC") == 0 && size == NULL)
		curve = "SECP256R1";
	if (size == NULL && strcmp(algorithm, "RSA") == 0 && curve == NULL)
		size = "2048";
	body = json_pack("{s:s, s:s, s:s*}", "name", name_of(command, args), "algorithm", algorithm,
		"ecc_curve", curve);
	if (size != NULL)
		set_number(body, "rsa_key_size", size);
	if (tree_value(command, args, "replace") != NULL)
		json_object_set_new(body, "replace", json_true());
	return (int)run_change(c, command, "POST", API "/private-key", body);
}

/* ---- requests ------------------------------------------------------------------------------------ */

struct question {
	const char *keyword; /* of the command */
	const char *field;   /* of the call */
	const char *type;    /* of an alternative name; NULL: a field of the subject */
	const char *text;
};

/* In the vendor's order and words. */
static const struct question questions[] = {
	{"country", "country_name", NULL, "Country name (2 letter code)"},
	{"state", "state_province_name", NULL, "State or province name"},
	{"locality", "locality_name", NULL, "Locality name"},
	{"organization", "organization_name", NULL, "Organization name"},
	{"unit", "organizational_unit_name", NULL, "Organization unit"},
	{"common-name", "common_name", NULL, "Common name"},
	{"email", "email_address", NULL, "Email address"},
	{"dns", NULL, "dns", "SAN DNS"},
	{"ip", NULL, "ip", "SAN IP Address"},
};

static bool is_given(const struct cli_command *command, const struct cli_args *args)
{
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		if (tree_value(command, args, questions[i].keyword) != NULL)
			return true;
	}
	return false;
}

/* False: not text, or too much of it. */
static bool add_answer(json_t *body, json_t *names, const struct question *q, const char *text)
{
	if (q->type == NULL)
		return json_object_set_new(body, q->field, json_string(text)) == 0;
	return json_array_append_new(
		       names, json_pack("{s:s, s:s}", "type", q->type, "value", text)) == 0;
}

/* Asks for everything, unless something stands on the command line already. */
static enum cli_exit collect_subject(struct cli *c, const struct cli_command *command,
	const struct cli_args *args, json_t *body, json_t *names)
{
	bool is_asking = !is_given(command, args);
	char prompt[128], *typed = NULL;
	bool is_text = true;
	int ret;

	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		const char *text = tree_value(command, args, questions[i].keyword);

		if (is_asking) {
			snprintf(prompt, sizeof(prompt), "%s: ", questions[i].text);
			ret = input_ask(&c->input, prompt, &typed);
			if (ret < 0) {
				cli_error(c, "%s: %s", questions[i].text, input_why(ret));
				return CLI_REFUSED;
			}
			text = typed;
		}
		if (text != NULL && text[0] != '\0')
			is_text &= add_answer(body, names, &questions[i], text);
		free(typed);
		typed = NULL;
	}
	if (!is_text)
		cli_error(c, "names must be UTF-8 text");
	return is_text ? CLI_DONE : CLI_USAGE;
}

/* A key for the request, when the person wants one. */
static bool make_key(struct cli *c, const char *name)
{
	json_t *body;
	char question[160];
	bool is_made;

	snprintf(question, sizeof(question),
		"There is no private key %s. Create one (ECC SECP256R1)? [y/N]: ", name);
	if (!input_confirm(&c->input, question)) {
		cli_error(
			c, "refused: there is no private key %s: see \"create private-key\"", name);
		return false;
	}
	body = json_pack(
		"{s:s, s:s, s:s}", "name", name, "algorithm", "ECC", "ecc_curve", "SECP256R1");
	is_made = cli_call(c, "POST", API "/private-key", body, NULL) == CLI_DONE;
	json_decref(body);
	return is_made;
}

int run_create_request(
	struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	const char *name = name_of(command, args);
	const char *days = tree_value(command, args, "validity-days");
	json_t *body = json_pack("{s:s}", "name", name), *names = json_array(), *answer = NULL;
	enum cli_exit ret = collect_subject(c, command, args, body, names);
	bool has_no_key = false;

	if (days != NULL)
		set_number(body, "validity_period", days);
	if (json_array_size(names) > 0)
		json_object_set(body, "subject_alt_names", names);
	if (ret == CLI_DONE)
		ret = cli_call_except(c, "POST", API "/certificate-request", body, "no-key",
			&has_no_key, &answer);
	if (has_no_key && make_key(c, name))
		ret = cli_call(c, "POST", API "/certificate-request", body, &answer);
	if (ret == CLI_DONE && c->is_json) {
		cli_print_json(answer);
	} else if (ret == CLI_DONE) {
		print_text(stdout, json_string_value(json_object_get(answer, "csr")));
		fflush(stdout);
		print_findings(stderr, json_object_get(answer, "warnings"));
	}
	if (ret == CLI_DONE && json_array_size(json_object_get(answer, "warnings")) > 0)
		ret = CLI_WARNED;
	json_decref(answer);
	json_decref(body);
	json_decref(names);
	return (int)ret;
}

/* ---- certificates -------------------------------------------------------------------------------- */

/* From the file, or pasted. NULL: told why. */
static json_t *read_pem(struct cli *c, const char *path, const char *what)
{
	char question[160], *text = NULL;
	json_t *value = NULL;
	bool is_pem;
	size_t len;
	FILE *f;
	int ret = 0;

	if (path == NULL) {
		snprintf(question, sizeof(question),
			"Enter plain for %s (Press CTRL-D to finish):\n", what);
		ret = input_paste(&c->input, question, &text);
	} else {
		f = fopen(path, "re");
		text = calloc(1, INPUT_TEXT_MAX + 2);
		if (f == NULL || text == NULL) {
			ret = f == NULL ? -errno : -ENOMEM;
		} else {
			len = fread(text, 1, INPUT_TEXT_MAX + 1, f);
			ret = ferror(f) ? -EIO : len > INPUT_TEXT_MAX ? -EFBIG : 0;
		}
		if (f != NULL)
			fclose(f);
	}
	is_pem = ret == 0 && strstr(text, "-----BEGIN ") != NULL;
	if (is_pem)
		value = json_string(text);
	free(text);
	if (ret < 0)
		cli_error(c, "no %s: %s%s%s", what, path != NULL ? path : "",
			path != NULL ? ": " : "", input_why(ret));
	else if (value == NULL)
		cli_error(c, "the %s is not in valid X509 format: %s; nothing was changed", what,
			is_pem ? "it is not UTF-8 text"
			       : "-----BEGIN CERTIFICATE----- does not stand in it");
	return value;
}

int run_import_certificate(
	struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	const char *method = tree_value(command, args, "replace") != NULL ? "PUT" : "POST";
	json_t *pem = read_pem(c, tree_value(command, args, "file"), "certificate");

	if (pem == NULL)
		return CLI_REFUSED;
	return (int)run_change(c, command, method, API "/certificate",
		json_pack("{s:s, s:o}", "name", name_of(command, args), "certificate", pem));
}

int run_import_ca(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	const char *mode = tree_value(command, args, "validation-mode");
	json_t *pem = read_pem(c, tree_value(command, args, "file"), "trusted CA certificate");

	if (pem == NULL)
		return CLI_REFUSED;
	return (int)run_change(c, command, "POST", API "/trusted-ca-certificate",
		json_pack("{s:s, s:o, s:s*}", "name", tree_value(command, args, "name"), "content",
			pem, "validation-mode", mode));
}

/* ---- enrolment ----------------------------------------------------------------------------------- */

int run_enrol(struct cli *c, const struct cli_command *command, const struct cli_args *args)
{
	const char *size = tree_value(command, args, "size");
	const char *reason = tree_value(command, args, "reason");
	json_t *body = json_pack("{s:s*, s:s*, s:s*, s:s*, s:s*, s:s*}", "name",
		tree_value(command, args, "name"), "action", tree_value(command, args, "action"),
		"ca_profile", tree_value(command, args, "ca-profile"), "common_name",
		tree_value(command, args, "common-name"), "algorithm",
		tree_value(command, args, "algorithm"), "ecc_curve",
		tree_value(command, args, "curve"));

	if (size != NULL)
		set_number(body, "rsa_key_size", size);
	if (reason != NULL)
		set_number(body, "revocation_reason", reason);
	return (int)run_change(c, command, "POST", API "/enrolment", body);
}
