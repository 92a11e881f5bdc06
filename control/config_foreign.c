/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/config_foreign.h"

#include <stddef.h>
#include <string.h>

#define KEYS   "security-key-management"
#define GROUPS "key exchange is by groups: say groups, in order of preference"
#define ONE_SAYS \
	"both ends offer their groups and the best common one is taken: nobody has to be told"
#define NO_PEER "what a peering offers is the authority's: say groups there"
#define NO_ROLE "each exchange makes its own key pair on both ends: there is no generator to elect"

/* clang-format off */
static const struct {
	const char *parent; /* of the field */
	const char *field;
	const char *advice;
} foreign[] = {
	{"authority", "rekey-interval",
	 "there are no keys from a conductor: say security-key-management peer-key-rekey-interval"},
	{KEYS, "payload-key-rekey-interval",
	 "there are no payload keys, peer keys protect everything: say peer-key-rekey-interval"},
	{KEYS, "key-exchange-algorithm", GROUPS},
	{KEYS, "diffie-hellman", GROUPS},
	{KEYS, "ml-kem", GROUPS},
	{KEYS, "diffie-hellman-ml-kem", GROUPS},
	{"router", "key-exchange-algorithm-override", NO_PEER},
	{"peer", "key-exchange-algorithm-override", NO_PEER},
	{"peer", "generated", ONE_SAYS},
	{"router", "ml-kem-keygen-priority", NO_ROLE},
	{"peer", "ml-kem-keygen-priority", NO_ROLE},
	{"router", "inter-node-security",
	 "a router is one node: there is no link between nodes to protect"},
	{"router", "system",
	 "client-certificate is the authority's; algorithms follow from groups"},
	{"client-certificate", "content",
	 "a private key does not belong in a configuration: say file, and ingest the certificate "
	 "over the API"},
	{"client-certificate", "validation-mode",
	 "our own certificate is checked strictly when it is ingested"},
	{"authority", "certificate-revocation-list",
	 "say certificate-revocation NAME crl-endpoint NAME uri"},
	{"certificate-revocation", "url", "say crl-endpoint NAME uri"},
	{"certificate-revocation", "peer-validation",
	 "certificates of peers are always checked; revocation-policy says what a missing list does"},
	{"authority", "security",
	 "ciphers are agreed on by the exchange, AEAD alone: there are no keys to configure"},
};
/* clang-format on */

#define FOREIGN_CNT (sizeof(foreign) / sizeof(foreign[0]))

const char *config_foreign_advice(const char *parent, const char *field)
{
	for (size_t i = 0; i < FOREIGN_CNT; i++)
		if (strcmp(foreign[i].parent, parent) == 0 && strcmp(foreign[i].field, field) == 0)
			return foreign[i].advice;
	return NULL;
}

void config_foreign_print(FILE *out)
{
	for (size_t i = 0; i < FOREIGN_CNT; i++)
		fprintf(out, "| `%s %s` | %s |\n", foreign[i].parent, foreign[i].field,
			foreign[i].advice);
}
