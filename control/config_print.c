/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/config_foreign.h"
#include "control/config_schema.h"

#include <inttypes.h>

static void print_type(FILE *out, const struct config_item *item)
{
	switch (item->kind) {
	case CONFIG_BOOL:
		fputs("boolean", out);
		break;
	case CONFIG_COUNT:
		fprintf(out, "integer %" PRIu64 "–%" PRIu64, item->min, item->max);
		break;
	case CONFIG_DURATION:
		fprintf(out, "%" PRIu64 "–%" PRIu64 " %s%s, or a duration", item->min, item->max,
			item->unit->name, item->may_be_never ? ", `never`" : "");
		break;
	case CONFIG_ENUM:
		for (size_t i = 0; item->names[i] != NULL; i++)
			fprintf(out, "%s`%s`", i > 0 ? ", " : "", item->names[i]);
		break;
	case CONFIG_NAME:
		fprintf(out, "name, 1–%" PRIu64 " characters", item->max);
		break;
	case CONFIG_DEVICE:
		fprintf(out, "device name, 1–%" PRIu64 " characters", item->max);
		break;
	case CONFIG_CREDENTIAL:
		fprintf(out, "credential name, 1–%" PRIu64 " characters", item->max);
		break;
	case CONFIG_USER:
		fprintf(out, "user name, 1–%" PRIu64 " characters", item->max);
		break;
	case CONFIG_TEXT:
		fprintf(out, "text, 1–%" PRIu64 " bytes", item->max);
		break;
	case CONFIG_LINES:
		fprintf(out, "text of several lines, 1–%" PRIu64 " bytes", item->max);
		break;
	case CONFIG_CHOICES:
		for (const struct config_choice *c = item->choices; c->name != NULL; c++)
			fprintf(out, "%s`%s`", c == item->choices ? "list of " : ", ", c->name);
		break;
	case CONFIG_ENDPOINTS:
		fprintf(out, "list of address:port, %" PRIu64 "–%" PRIu64, item->min, item->max);
		break;
	case CONFIG_ADDRESS:
		fputs("address", out);
		break;
	case CONFIG_PREFIXES:
		fprintf(out, "list of address/length, %" PRIu64 "–%" PRIu64, item->min, item->max);
		break;
	case CONFIG_GATEWAYS:
		fputs("list of addresses, one a family", out);
		break;
	case CONFIG_OBJECT:
		fputs("object", out);
		break;
	case CONFIG_LIST:
		fprintf(out, "list of objects, %" PRIu64 "–%" PRIu64, item->min, item->max);
		break;
	}
}

static void print_default(FILE *out, const struct config_item *item)
{
	if (item->is_required) {
		fputs("required", out);
		return;
	}
	switch (item->kind) {
	case CONFIG_BOOL:
		fputs(item->fallback ? "true" : "false", out);
		break;
	case CONFIG_COUNT:
		fprintf(out, "%" PRIu64, item->fallback);
		break;
	case CONFIG_DURATION:
		if (item->fallback == 0)
			fputs("never", out);
		else
			fprintf(out, "%" PRIu64 " %s", item->fallback, item->unit->name);
		break;
	case CONFIG_ENUM:
		fputs(item->names[item->fallback], out);
		break;
	case CONFIG_CHOICES:
		for (size_t i = 0; item->preferred[i] != 0; i++)
			fprintf(out, "%s%s", i > 0 ? ", " : "",
				config_choice_name(item->choices, item->preferred[i]));
		break;
	default:
		break;
	}
}

static void print_table(FILE *out, const char *path, const struct config_table *table)
{
	char below[256];

	for (size_t i = 0; i < table->item_cnt; i++) {
		const struct config_item *item = &table->item[i];

		snprintf(below, sizeof(below), "%s%s%s%s", path, path[0] != '\0' ? "." : "",
			item->field, item->kind == CONFIG_LIST ? "[]" : "");
		fprintf(out, "| `%s` | ", below);
		print_type(out, item);
		fputs(" | ", out);
		print_default(out, item);
		fprintf(out, " | %s |\n", item->help);
		if (item->table != NULL)
			print_table(out, below, item->table);
	}
}

/* Every item of the vendor's that is in our scope: as it is, otherwise, or not here. */
static void print_foreign(FILE *out)
{
	fputs("\n## The vendor's items\n\n"
	      "Taken over by name, range and meaning: `enhanced-security-key-management`, "
	      "`peer-key-rekey-interval`,\n"
	      "`peer-key-retransmit-interval`, `peer-key-timeout`, `invalid-certificate-behavior`, "
	      "`peering-common-name`\n"
	      "(of router and peer), `client-certificate` with `name` and `file`, "
	      "`trusted-ca-certificate` with `name`,\n"
	      "`content`, `file` and `validation-mode`, `certificate-revocation` with "
	      "`crl-endpoint`, `uri`, `delta-uri`,\n"
	      "`polling-interval` and `backoff-interval`, `alarm-shelving`, `token expiration`. "
	      "Otherwise here:\n\n"
	      "| item | here | why |\n| --- | --- | --- |\n"
	      "| `allow-self-signed-peering-certificates` | false by default, and only those that "
	      "are trusted themselves | a self-signed certificate proves nothing about who made it "
	      "|\n"
	      "| `ca-profile` | a list by `url`, with protocol and credentials | it enrols, by EST "
	      "or CMP |\n"
	      "| `ca-profile revocation-check-interval` | how often lists are fetched that only "
	      "certificates name; every hour by default | certificates are held against what is "
	      "known all the time: only what is known can be old |\n"
	      "| `token expiration` | 60 minutes by default | a token that never ends is a "
	      "password "
	      "|\n"
	      "| `trusted-ca-certificate validation-mode` | strict by default | the safe one |\n"
	      "| `crl-endpoint uri` | required; `file:///`, too | a source is named, those in "
	      "certificates are found besides |\n\n"
	      "Refused, each with this sentence:\n\n"
	      "| item | what to do, or why it is not there |\n| --- | --- |\n",
		out);
	config_foreign_print(out);
}

void config_schema_print(FILE *out)
{
	fputs("<!-- SPDX-License-Identifier: BSD-3-Clause -->\n# Configuration\n\n"
	      "`rekey-control` reads `rekey.json` of its configuration folder at start and on "
	      "SIGHUP;\n"
	      "a commit over REST or `rekeyctl` writes it.\n"
	      "Unknown and repeated fields, wrong types and values out of range are refused with "
	      "the line; then the\n"
	      "last good configuration stays in force and an alarm stands.\n\n"
	      "A duration is a number in the unit named here, or a string with a unit of its own "
	      "(`\"200ms\"`, `\"3s\"`,\n"
	      "`\"5m\"`, `\"2h\"`, `\"1d\"`): then at least 50 ms, at most the same upper bound. "
	      "`\"never\"` and 0 are the same\n"
	      "where never is allowed.\n\n"
	      "This page is written by `rekey-control --print-schema` from the table that the "
	      "daemon reads with.\n\n"
	      "| item | type | default | meaning |\n| --- | --- | --- | --- |\n",
		out);
	print_table(out, "", &config_root);
	print_foreign(out);
}
