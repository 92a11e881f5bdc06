/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/alarm_kinds.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define KEYS    "securityKeyManager"
#define CRL     "crlManager"
#define STATE   "stateMonitor"
#define PUBLISH "publisher"
#define AGAIN   "a good certificate is in force"

/* clang-format off */
const struct alarm_kind alarm_kinds[] = {
	{"certificate-absent", "136cbf2b9c0f406faf2f37c244de9899", "SYSTEM", KEYS, "CRITICAL",
	 "rekeying is enabled and there is no valid CA-signed certificate with its key", AGAIN,
	 "provision one: `rekeyctl create certificate request`, `rekeyctl import certificate`"},
	{"certificate-file-absent", "eb2b4058fb6e4a609d30c262597d4a3d", "SYSTEM", KEYS, "MAJOR",
	 "a certificate file that the configuration names is not on disk", "the file is there",
	 "`rekeyctl import certificate`, or correct the configuration"},
	{"certificate-not-read", "1b55c92ecdb24deea15736475364809f", "SYSTEM", KEYS, "MAJOR",
	 "our certificate's files cannot be read, or are no pair: those before stay in force",
	 "the files are good",
	 "put the key and the certificate right, then `rekeyctl reload local certificates`"},
	{"certificate-expiring", "cf9769d6b87b4d6da2106928d0563791", "SYSTEM", KEYS,
	 "MINOR within 30 days, MAJOR within 7", "our certificate, or its chain, expires soon",
	 "renewed, or expired",
	 "`rekeyctl create certificate request`, have the CA sign it, and "
	 "`rekeyctl import certificate`"},
	{"certificate-expired", "53999586f01d4087ab0f1296fb855ac7", "SYSTEM", KEYS, "CRITICAL",
	 "our certificate, or its chain, has expired", AGAIN,
	 "`timedatectl`: is the clock right? Then replace it with `rekeyctl import certificate`"},
	{"certificate-revoked", "9bbf884080d04237b3ed0cf7ad5096a2", "SYSTEM", KEYS, "CRITICAL",
	 "a CRL in force lists our certificate, or one of its chain", AGAIN,
	 "find out why; `rekeyctl create private-key`, and have the new key certified"},
	{"certificate-invalid", "db8aae22d4654637b5eaa0b4e07c93ed", "SYSTEM", KEYS, "CRITICAL",
	 "our certificate does not validate: chain, signature, usage, algorithm", AGAIN,
	 "install the CA it is from, or replace it; `rekeyctl pki verify` says more"},
	{"certificate-name", "8f57d77d2e204230a283d56966957921", "SYSTEM", KEYS, "MAJOR",
	 "our certificate does not carry our peering-common-name", "it does",
	 "`rekeyctl create certificate request` with that name, or correct the configuration"},
	{"enrolment-failing", "baeeaebd569e4e2298044018a5b24eb5", "SYSTEM", KEYS,
	 "MINOR; MAJOR when the certificate is about to expire",
	 "the CA does not answer, or refuses, an automatic enrolment", "it succeeds",
	 "`rekeyctl show enrolment` has the reason; renew by hand if time is short"},
	{"peer-unreachable", "04cc88d4108245edb0541745211085f2", "PEER", STATE, "CRITICAL",
	 "no path to a peer has an answer", "any path has one",
	 "`rekeyctl show stats`: does anything come? Its address, UDP port 1280 on the way, and "
	 "the other router's alarms"},
	{"peer-path-down", "41e1b14f30a54729a29fc90ea2325abd", "PEER", STATE, "MAJOR",
	 "one path to a peer has no answer, others have", "it has one, or no path has",
	 "the message names port and address: cable, gateway, UDP port 1280 on that way; "
	 "`rekeyctl show peers` has each path"},
	{"peer-authentication", "97b236b9908a4c588995feccf2681d5a", "PEER", STATE, "MAJOR",
	 "a peer was reached, and could not prove that it is who it should be", "it does",
	 "the reason says what differs: name, signature, address; "
	 "`rekeyctl show peers certificate`"},
	{"peer-certificate-invalid", "3b8793c76e54481d87b5e6f9bdb8a813", "PEER", STATE, "CRITICAL",
	 "a peer's certificate is expired, revoked, untrusted or not allowed",
	 "a good one is shown",
	 "replace it on the other router; for untrusted, `rekeyctl import trusted-ca-certificate` "
	 "here"},
	{"peer-certificate-expiring", "f6fd12e9fee84d3996333261c52f0199", "PEER", STATE,
	 "MINOR within 30 days, MAJOR within 7", "a peer's certificate expires soon",
	 "it shows a new one, or it expired",
	 "`rekeyctl show peers certificate` has the date; tell who runs the other router"},
	{"rekey-failed", "8da160c03c9a45849d5ac6c2fd696cdd", "PEER", STATE, "CRITICAL",
	 "a peer's key is older than twice its interval", "a new one is in force",
	 "`rekeyctl show stats` counts why exchanges fail"},
	{"crl-fetch", "f44e41f9c7a4451991b9944c72835eaf", "SYSTEM", CRL, "MAJOR",
	 "a CRL cannot be retrieved", "it was",
	 "see the reason; `rekeyctl show certificate-revocation` lists every source"},
	{"crl-refused", "932ce5729b454ae0b41ce9bd7323bbb4", "SYSTEM", CRL, "MAJOR",
	 "a CRL was retrieved and is not good: signature, issuer, profile",
	 "a good one came",
	 "the list before it stays in force; `rekeyctl show certificate-revocation` has the "
	 "reason; ask the CA"},
	{"crl-rollback", "040bb382f46d4e808188458eff0e15ba", "SYSTEM", CRL, "MAJOR",
	 "a CRL was retrieved with a lower number than one accepted before: it was rolled back",
	 "one came that is not older",
	 "the newer list stays in force; `rekeyctl show certificate-revocation` has the source: is "
	 "an old copy served, or did somebody put it there?"},
	{"crl-stale", "7cf0bb6996f14451ac9348092d201d09", "SYSTEM", CRL, "MAJOR",
	 "the next update of a CRL is overdue", "a newer one is in force",
	 "`rekeyctl refresh certificate-revocation`; with revocation-policy hard its certificates "
	 "are refused after grace-time"},
	{"crl-ending", "3be276c48f01418d89a16048bb81ba43", "SYSTEM", CRL, "MINOR",
	 "a CRL ends soon and its next one has not come: the last tenth of its time", "it came",
	 "see that the CA publishes in time; `rekeyctl show certificate-revocation` has the date"},
	{"crl-shrunk", "d7d297a76ef442c9ad2a4cc7f0476b9b", "SYSTEM", CRL, "MAJOR",
	 "a CRL lost more of its recent entries than `shrink-limit` and is held for one cycle",
	 "the next fetch",
	 "ask the CA whether that is meant; `rekeyctl refresh certificate-revocation` takes it at "
	 "once"},
	{"crl-clock", "3122cdf5ae9e455fa63e544e6a0a791a", "SYSTEM", CRL, "CRITICAL",
	 "the clock went back, or says a time before the newest CRL was made",
	 "the clock is where it was before it went back, or a CRL is good by it",
	 "`timedatectl`: set the clock; lists are kept as they were"},
	{"crl-save", "e2c0c1dac480446e82fe356e278ce630", "SYSTEM", CRL, "MAJOR",
	 "the list of revoked certificates cannot be written; it is in force all the same",
	 "it was written", "`df /var/lib/rekey`: look for a full or read-only disk"},
	{"crl-list-damaged", "381994d4940e4d5f82c9a5c121295567", "SYSTEM", CRL, "CRITICAL",
	 "the list of revoked certificates on disk is damaged", "every CRL was fetched again",
	 "check the disk; `rekeyctl refresh certificate-revocation` fetches all anew"},
	{"configuration-damaged", "9422ca1daca34aa58995cfb075f05301", "SYSTEM", "configuration",
	 "CRITICAL", "the configuration cannot be used; the last good one is in force",
	 "a good one was read",
	 "the message names line and item; `rekeyctl show config history` has those before"},
	{"configuration-not-written", "d2b482902d684dd49d601737322bbcb9", "SYSTEM",
	 "configuration", "MAJOR",
	 "an edited configuration is good and cannot be kept in the history; the one before it is "
	 "in force",
	 "it was taken: tried again every 10 s",
	 "`df /var/lib/rekey`: look for a full or read-only disk"},
	{"rest-listener", "5f0c7c1e9a4e4a0f8b7b3c0f5d2e6a91", "SYSTEM", "restApi", "MAJOR",
	 "the REST API's certificate, client CA or addresses cannot be used as configured",
	 "they can",
	 "see the reason; what was there before goes on; `ss -ltnp` shows who holds a port"},
	{"clock", "176a213d127e4ac49785c207dfd69900", "SYSTEM", STATE, "CRITICAL",
	 "the clock says less than a time that is known to have passed", "it does not",
	 "`timedatectl`: set it; certificates and CRLs cannot be judged before. If it is right, and "
	 "the alarm says \"this clock said so\": it was ahead then; stop control, remove "
	 "`/var/lib/rekey/clock.seen`, start it"},
	{"dataplane-absent", "335c5e1517cf4ffc9789c89d663e51b0", "PROCESS", PUBLISH, "MAJOR",
	 "rekey-dataplane is not connected", "it is", "`systemctl status rekey-dataplane`"},
	{"dataplane-hung", "1f2c9e7a5b6d4c37a0e84d91b35c6f28", "PROCESS", PUBLISH, "CRITICAL",
	 "a worker of the data plane, or a core for its cryptography, does not run: what it owns is "
	 "not served",
	 "all run",
	 "the alarm names worker and lcore; `journalctl -u rekey-dataplane`; is another program on that "
	 "core? The service manager starts the data plane anew; if it hangs again, report it with "
	 "`rekeyctl show tech-support`"},
	{"dataplane-behind", "8ec1379c533444ac866e52e2807d8e77", "PROCESS", PUBLISH, "MAJOR",
	 "the data plane runs on an older generation than was published 30 s ago",
	 "it runs on the newest", "`rekeyctl show publication`; its log says what holds it up"},
	{"publication-refused", "81c3e3341cfd40a0aaa9f7097313463e", "PROCESS", PUBLISH, "CRITICAL",
	 "the data plane refused what was published, and keeps the last", "it took one",
	 "both programs should be of one version: `dpkg -l 'rekey*'`; else report it with "
	 "`rekeyctl show tech-support`"},
	{"publication-failed", "9bd617d9f9144007b71e92f5b04f94b8", "PROCESS", PUBLISH, "CRITICAL",
	 "what is in force cannot be published", "it was",
	 "see the reason; `rekeyctl show publication`"},
	{"audit-write", "c80cf6016815463fa263bb33c4e5420b", "SYSTEM", "audit", "CRITICAL",
	 "the audit log cannot be written; changes are refused before one goes unrecorded",
	 "everything is written", "`df /var/lib/rekey`: look for a full or read-only disk"},
	{"audit-damaged", "39032be900ba49f383b6f4e852130c69", "SYSTEM", "audit", "CRITICAL",
	 "the audit log's chain is broken, or its end is missing", "a verification finds it intact",
	 "`rekeyctl show events verify` has the record; keep a copy of STATE/audit.jsonl*; find "
	 "out who wrote there"},
	{"alarm-save", "f6829342ac1c4e39a63312dab4c5d79f", "SYSTEM", "alarms", "MAJOR",
	 "the standing alarms cannot be written", "they were",
	 "`df /var/lib/rekey`: look for a full or read-only disk"},
	{0},
};
/* clang-format on */

const struct alarm_kind *alarm_kind_find(const char *name)
{
	for (const struct alarm_kind *k = alarm_kinds; k->name != NULL; k++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

static const char *const severity_names[] = {"INFO", "MINOR", "MAJOR", "CRITICAL"};

const char *alarm_severity_name(enum alarm_severity severity)
{
	return severity_names[severity];
}

bool alarm_severity_parse(const char *name, enum alarm_severity *out)
{
	for (unsigned i = 0; i < sizeof(severity_names) / sizeof(severity_names[0]); i++) {
		if (strcasecmp(name, severity_names[i]) == 0) {
			*out = (enum alarm_severity)i;
			return true;
		}
	}
	return false;
}

void alarm_kinds_print(FILE *out)
{
	fputs("<!-- SPDX-License-Identifier: BSD-3-Clause -->\n"
	      "<!-- Printed by rekey-control --print-alarms. -->\n"
	      "# Alarms\n\n"
	      "What `rekeyctl show alarms` and `GET /api/v1/alarm` list. An alarm stands from the "
	      "moment its\n"
	      "condition begins to the moment it ends, over restarts too, under one id "
	      "(`NODE:NUMBER`); its source\n"
	      "is the peer, the CRL or the file it is about, its message names the reason. Each is "
	      "written to\n"
	      "the journal with its `MESSAGE_ID` (`journalctl MESSAGE_ID=...`), and to the audit "
	      "log "
	      "when it is\n"
	      "raised, changes its severity, or is cleared.\n",
		out);
	for (const struct alarm_kind *k = alarm_kinds; k->name != NULL; k++)
		fprintf(out,
			"\n## %s\n\n"
			"| | |\n| --- | --- |\n"
			"| severity | %s |\n| category, process | %s, %s |\n"
			"| raised | %s |\n| cleared | %s |\n| what to do | %s |\n"
			"| MESSAGE_ID | `%s` |\n",
			k->name, k->severity, k->category, k->process, k->raised, k->cleared,
			k->advice, k->message_id);
}
