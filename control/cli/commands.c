/* SPDX-License-Identifier: BSD-3-Clause */
/* The command tree. Commands that share their first words stand together. */
#include "control/cli/run.h"
#include "control/cli/show.h"
#include "control/cli/tree.h"

#define CNT(array)    (sizeof(array) / sizeof((array)[0]))
#define PARAMS(array) .param = (array), .param_cnt = CNT(array)
#define FORCE                                                   \
	{                                                       \
		.keyword = "force", .help = "Do not ask first." \
	}

/* clang-format off */
/* Where the vendor has many routers, and a question before all of them. */
#define PLACE \
	{.keyword = "router", .value = "ROUTER", .is_place = true, \
	 .help = "Which router is meant: the one that answers, or it is refused."}, \
	{.keyword = "node", .value = "NODE", .is_place = true, .help = "Likewise its node."}, \
	{.keyword = "force", .is_place = true, .help = "Nothing is asked here."}

static const char *const algorithms[] = {"RSA", "ECC", NULL};
static const char *const curves[] = {"SECP256R1", "SECP384R1", "SECP521R1", NULL};
static const char *const modes[] = {"strict", "warn", NULL};
static const char *const roles[] = {"viewer", "operator", "admin", NULL};
static const char *const booleans[] = {"true", "false", NULL};

static const struct cli_param peer_params[] = {
	{.keyword = "security", .group = 'v', .help = "Keys and the state of the exchange."},
	{.keyword = "certificate", .group = 'v', .help = "Our and the peer's certificate."},
	{.keyword = "detail", .group = 'v', .help = "Everything that is known."},
	{.keyword = "summary", .group = 'v', .help = "A line for each path (the default)."},
	{.keyword = "name", .value = "NAME", .is_bare = true, .values = VALUES_PEER,
	 .help = "Only this peer."},
	PLACE,
};
static const struct cli_param certificate_params[] = {
	{.keyword = "detail", .help = "Each one in full, PEM text included."},
	{.keyword = "name", .value = "NAME", .is_bare = true, .values = VALUES_CERTIFICATE,
	 .help = "Only this one, in full."},
};
static const struct cli_param ca_params[] = {
	{.keyword = "detail", .group = 'v', .help = "Every field of each certificate."},
	{.keyword = "summary", .group = 'v', .help = "A line for each (the default)."},
	{.keyword = "name", .value = "NAME", .is_bare = true, .values = VALUES_TRUSTED_CA,
	 .help = "Only this bundle."},
	PLACE,
};
static const struct cli_param revocation_params[] = {
	{.keyword = "summary", .group = 'v', .help = "A line for each source."},
	{.keyword = "detail", .group = 'v', .help = "Every field of each source (the default)."},
	PLACE,
};
static const struct cli_param export_params[] = {
	{.keyword = "text", .group = 'f', .help = "Fields with tabs between (the default)."},
	{.keyword = "json", .group = 'f', .help = "One JSON object."},
};
static const struct cli_param alarm_params[] = {
	{.keyword = "id", .value = "ID", .is_bare = true, .values = VALUES_ALARM,
	 .help = "Only this alarm, in full."},
	{.keyword = "shelved", .help = "Also those that the configuration shelves."},
};
static const struct cli_param event_params[] = {
	{.keyword = "detail", .help = "Every field of each record."},
	{.keyword = "count", .value = "N", .help = "How many, 1 to 1000; 100 when not given."},
};
static const struct cli_param user_param[] = {
	{.keyword = "name", .value = "NAME", .is_bare = true, .values = VALUES_USER,
	 .help = "Only this user."},
};
static const struct cli_param path_param[] = {
	{.value = "ITEM", .is_rest = true, .values = VALUES_CONFIG,
	 .help = "Only this part: the words that name it."},
};
static const struct cli_param diff_params[] = {
	{.keyword = "from", .value = "N", .values = VALUES_VERSION,
	 .help = "A number of the history, in place of the running configuration."},
	{.keyword = "to", .value = "N", .values = VALUES_VERSION,
	 .help = "A number of the history, in place of the candidate."},
};
static const struct cli_param history_param[] = {
	{.keyword = "number", .value = "N", .is_bare = true, .values = VALUES_VERSION,
	 .help = "That configuration itself."},
};
static const struct cli_param rotate_param[] = {
	{.value = "PEER", .values = VALUES_PEER, .is_required = true, .help = "The peer, or all."},
	PLACE,
};
static const struct cli_param place_params[] = {PLACE};
static const struct cli_param key_params[] = {
	{.keyword = "name", .value = "NAME", .is_bare = true, .values = VALUES_CERTIFICATE,
	 .help = "Name of the credential; custom_ssr_peering when not given."},
	{.keyword = "algorithm", .value = "RSA|ECC", .names = algorithms,
	 .help = "Kind of key; ECC when nothing else says so."},
	{.keyword = "size", .value = "BITS", .help = "Of an RSA key: 2048 to 4096 in steps of 256."},
	{.keyword = "curve", .value = "CURVE", .names = curves, .help = "Of an ECC key."},
	{.keyword = "replace", .help = "Make a new one although there is one."},
};
static const struct cli_param request_params[] = {
	{.keyword = "client", .help = "A certificate for peering, which is the only kind."},
	{.keyword = "name", .value = "NAME", .is_bare = true, .values = VALUES_CERTIFICATE,
	 .help = "Name of the credential; custom_ssr_peering when not given."},
	{.keyword = "common-name", .value = "CN", .help = "With any of these nothing is asked."},
	{.keyword = "country", .value = "CC", .help = "Two letters."},
	{.keyword = "state", .value = "TEXT", .help = "State or province."},
	{.keyword = "locality", .value = "TEXT", .help = "Locality."},
	{.keyword = "organization", .value = "TEXT", .help = "Organization."},
	{.keyword = "unit", .value = "TEXT", .help = "Organizational unit."},
	{.keyword = "email", .value = "ADDRESS", .help = "Email address."},
	{.keyword = "dns", .value = "NAME", .help = "Alternative name: DNS."},
	{.keyword = "ip", .value = "ADDRESS", .help = "Alternative name: IP address."},
	{.keyword = "validity-days", .value = "DAYS", .help = "How long it should be valid."},
};
static const struct cli_param import_params[] = {
	{.keyword = "client", .help = "A certificate for peering, which is the only kind."},
	{.keyword = "name", .value = "NAME", .is_bare = true, .values = VALUES_CERTIFICATE,
	 .help = "Name of the credential; custom_ssr_peering when not given."},
	{.keyword = "file", .value = "FILE", .help = "Read it from there; else it is pasted."},
	{.keyword = "replace", .help = "In place of one that is there."},
};
static const struct cli_param import_ca_params[] = {
	{.keyword = "name", .value = "NAME", .is_bare = true, .is_required = true,
	 .values = VALUES_TRUSTED_CA, .help = "Name of the bundle."},
	{.keyword = "validation-mode", .value = "MODE", .names = modes,
	 .help = "warn takes certificates with flaws, and says which; strict refuses them."},
	{.keyword = "file", .value = "FILE", .help = "Read it from there; else it is pasted."},
};
static const char *const actions[] = {"enrol", "renew", "revoke", NULL};

static const struct cli_param enrolment_param[] = {
	{.keyword = "name", .value = "NAME", .is_bare = true, .values = VALUES_CERTIFICATE,
	 .help = "Only this one."},
};
static const struct cli_param enrol_params[] = {
	{.keyword = "name", .value = "NAME", .is_bare = true, .values = VALUES_CERTIFICATE,
	 .help = "Name of the credential; the one for peering when not given."},
	{.keyword = "action", .value = "ACTION", .names = actions,
	 .help = "enrol when not given; renew keeps the name, revoke asks the CA to revoke."},
	{.keyword = "ca-profile", .value = "URL", .help = "Which CA, where several are configured."},
	{.keyword = "common-name", .value = "CN", .help = "Ours when not given."},
	{.keyword = "algorithm", .value = "RSA|ECC", .names = algorithms, .help = "Kind of key."},
	{.keyword = "size", .value = "BITS", .help = "Of an RSA key."},
	{.keyword = "curve", .value = "CURVE", .names = curves, .help = "Of an ECC key."},
	{.keyword = "reason", .value = "N", .help = "Why it is to be revoked: a number of RFC 5280."},
};
static const struct cli_param delete_ca_params[] = {
	{.keyword = "name", .value = "NAME", .is_bare = true, .is_required = true,
	 .values = VALUES_TRUSTED_CA, .help = "Name of the bundle."},
	FORCE,
};
static const struct cli_param delete_credential_params[] = {
	{.keyword = "name", .value = "NAME", .is_bare = true, .is_required = true,
	 .values = VALUES_CERTIFICATE, .help = "Name of the credential."},
	FORCE,
};
static const struct cli_param delete_user_params[] = {
	{.keyword = "name", .value = "NAME", .is_bare = true, .is_required = true,
	 .values = VALUES_USER, .help = "Name of the user."},
	FORCE,
};
static const struct cli_param delete_config_params[] = {
	{.value = "ITEM", .is_rest = true, .is_required = true, .values = VALUES_CONFIG,
	 .help = "The words that name it."},
};
static const struct cli_param create_user_params[] = {
	{.keyword = "name", .value = "NAME", .is_bare = true, .is_required = true,
	 .help = "Name of the new user."},
	{.keyword = "role", .value = "ROLE", .names = roles, .is_required = true,
	 .help = "What it may do."},
	{.keyword = "full-name", .value = "TEXT", .help = "Who that is."},
};
static const struct cli_param edit_user_params[] = {
	{.keyword = "name", .value = "NAME", .is_bare = true, .is_required = true,
	 .values = VALUES_USER, .help = "Name of the user."},
	{.keyword = "role", .value = "ROLE", .names = roles,
	 .help = "What it may do from now on."},
	{.keyword = "full-name", .value = "TEXT", .help = "Who that is."},
	{.keyword = "enabled", .value = "BOOLEAN", .names = booleans,
	 .help = "false: no login, and its tokens count no more."},
};
static const struct cli_param log_params[] = {
	{.keyword = "level", .value = "LEVEL", .is_bare = true, .is_required = true,
	 .help = "error, warning, info or debug."},
	{.keyword = "module", .value = "NAME", .help = "Only this part of the daemon."},
};
static const struct cli_param password_param[] = {
	{.value = "NAME", .is_required = true, .values = VALUES_USER, .help = "Name of the user."},
};
static const struct cli_param configure_param[] = {
	{.value = "ITEM", .is_rest = true, .is_required = true, .values = VALUES_CONFIG,
	 .help = "The words that name it, and its value."},
};
static const struct cli_param commit_params[] = {
	FORCE,
	{.keyword = "comment", .value = "TEXT", .help = "Kept in the history."},
	{.keyword = "confirm-timeout", .value = "SECONDS",
	 .help = "Roll back by itself unless \"commit confirm\" comes in time."},
};
static const struct cli_param rollback_params[] = {
	{.keyword = "number", .value = "N", .is_bare = true, .is_required = true,
	 .values = VALUES_VERSION, .help = "A number of \"show config history\"."},
	FORCE,
	{.keyword = "comment", .value = "TEXT", .help = "Kept in the history."},
	{.keyword = "confirm-timeout", .value = "SECONDS",
	 .help = "Back again by itself unless \"commit confirm\" comes in time."},
};
static const struct cli_param force_param[] = {FORCE};
static const struct cli_param watch_params[] = {
	{.keyword = "interval", .value = "SECONDS", .help = "Pause between two looks; 2."},
	{.keyword = "count", .value = "N", .help = "How many looks; without it until CTRL-C."},
	{.value = "COMMAND", .is_rest = true, .is_required = true, .values = VALUES_COMMAND,
	 .help = "What to look at."},
};
static const struct cli_param help_param[] = {
	{.value = "WORD", .is_rest = true, .values = VALUES_COMMAND, .help = "Only what begins so."},
};
static const struct cli_param verify_param[] = {
	{.value = "OPTION", .is_rest = true, .help = "See \"pki verify --help\"."},
};

static const struct cli_command commands[] = {
	{"commit", "Make the candidate configuration the running one.",
	 "Validates all of it first; asks first. What is refused leaves everything as it was.",
	 PARAMS(commit_params), run_commit},
	{"commit confirm", "Keep what was committed with confirm-timeout.", NULL, NULL, 0,
	 run_commit_confirm},
	{"compare", "What the candidate changes.", NULL, PARAMS(diff_params), run_show_diff},
	{"configure", "Set an item of the candidate; in the shell, go there.",
	 "The words are those of *rekey.json*(5), a list's name or number after it. A text of many "
	 "lines is asked for, up to CTRL-D. Nothing is in force before *commit*. In the shell an item "
	 "that holds others becomes the place where further items are named without *configure*.",
	 PARAMS(configure_param), run_configure},
	{"create", "Make keys, requests and users.", .param = NULL},
	{"create certificate", "Make a certificate request.", .param = NULL},
	{"create certificate request", "A certificate request, signed by our key.",
	 "Asks for the names in it, and prints it.", PARAMS(request_params), run_create_request},
	{"create private-key", "A private key, which never leaves this router.", NULL,
	 PARAMS(key_params), run_create_key, .doing = "Creating private key", .show = show_all},
	{"create user", "A new user; the password is asked for.", NULL, PARAMS(create_user_params),
	 run_create_user, .doing = "Creating user", .show = show_all},
	{"delete", "Remove what there is.", .param = NULL},
	{"delete certificate", "Remove a certificate; peering ends without one.", NULL,
	 PARAMS(delete_credential_params), run_delete, .doing = "Deleting certificate",
	 .path = "/api/v1/certificate/%s", .show = show_all},
	{"delete certificate-request", "Remove a certificate request.", NULL,
	 PARAMS(delete_credential_params), run_delete, .doing = "Deleting certificate request",
	 .path = "/api/v1/certificate-request/%s", .show = show_all},
	{"delete config", "Remove an item or element of the candidate.", NULL,
	 PARAMS(delete_config_params), run_delete_config},
	{"delete enrolment", "Ask a CA for nothing more, and renew nothing.", NULL,
	 PARAMS(delete_credential_params), run_delete, .doing = "Deleting enrolment",
	 .path = "/api/v1/enrolment/%s", .show = show_all},
	{"delete private-key", "Remove a private key that has no certificate.", NULL,
	 PARAMS(delete_credential_params), run_delete, .doing = "Deleting private key",
	 .path = "/api/v1/private-key/%s", .show = show_all},
	{"delete trusted-ca-certificate", "Remove a bundle of trusted CA certificates.", NULL,
	 PARAMS(delete_ca_params), run_delete, .doing = "Deleting trusted CA certificate",
	 .path = "/api/v1/trusted-ca-certificate/%s", .show = show_all},
	{"delete user", "Remove a user.", NULL, PARAMS(delete_user_params), run_delete,
	 .doing = "Deleting user", .path = "/api/v1/user/%s", .show = show_done},
	{"delete user tokens", "End every token of a user.", NULL, PARAMS(delete_user_params),
	 run_delete, .doing = "Deleting tokens", .path = "/api/v1/user/%s/tokens", .show = show_done},
	{"discard", "Throw the candidate's changes away.", NULL, PARAMS(force_param), run_discard},
	{"edit", "Change what there is.", .param = NULL},
	{"edit log", "Log more, or less, until the next start.", NULL, PARAMS(log_params),
	 run_edit_log, .doing = "Changing log level", .show = show_all},
	{"edit user", "Give a user another role or full name, or bar it.", NULL, PARAMS(edit_user_params), run_edit_user,
	 .doing = "Changing user", .show = show_all},
	{"exit", "Leave this place of the configuration, or the shell.", NULL, NULL, 0, run_exit,
	 .is_of_shell = true},
	{"export", "Print all of something, for other programs.", .param = NULL},
	{"export certificate-revocation", "Every revoked certificate, one a line.",
	 "Issuer, serial number, date, reason and source, to standard output as they come.",
	 PARAMS(export_params), run_export_revocation},
	{"help", "Every command; with its words one in full.", NULL, PARAMS(help_param), run_help},
	{"import", "Take certificates in.", .param = NULL},
	{"import certificate", "Ingest a signed certificate, pasted or from a file.", NULL,
	 PARAMS(import_params), run_import_certificate, .doing = "Importing certificate",
	 .show = show_ingested},
	{"import trusted-ca-certificate", "Install trusted CA certificates, in force at once.",
	 "The commands *configure authority trusted-ca-certificate* do the same with the next "
	 "*commit*.", PARAMS(import_ca_params), run_import_ca,
	 .doing = "Importing trusted CA certificate", .show = show_ingested},
	{"login", "Log in at --url; the token goes to --token-file.", NULL, NULL, 0, run_login},
	{"logout", "End the token.", NULL, NULL, 0, run_logout},
	{"pki", "Certificates, without the daemon.", .param = NULL},
	{"pki verify", "Judge a certificate offline; see below.", NULL, PARAMS(verify_param),
	 run_verify},
	{"refresh", "Fetch anew.", .param = NULL},
	{"refresh certificate-revocation", "Fetch every revocation list now.",
	 "Answers when the workers have applied it.", NULL, 0, run_post,
	 .doing = "Refreshing certificate revocation",
	 .path = "/api/v1/certificate-revocation/refresh", .show = show_revocation},
	{"reload", "Read files anew.", .param = NULL},
	{"reload local", "Read our own files anew.", .param = NULL},
	{"reload local certificates", "Read our certificate files from disk anew.", NULL,
	 PARAMS(place_params), run_post, .doing = "Reloading local certificates",
	 .path = "/api/v1/certificate/reload", .show = show_all},
	{"rollback", "Make an earlier configuration the running one.", NULL,
	 PARAMS(rollback_params), run_rollback},
	{"rotate", "Agree on new keys.", .param = NULL},
	{"rotate security", "Agree on new keys.", .param = NULL},
	{"rotate security metadata-key", "Agree on new keys with every peer, now.",
	 "The same as *peer-key all*: here peer keys protect all that metadata keys do elsewhere.",
	 PARAMS(place_params), run_rotate, .doing = "Rotating keys", .show = show_all},
	{"rotate security peer-key", "Agree on new keys with a peer, or all, now.", NULL,
	 PARAMS(rotate_param), run_rotate, .doing = "Rotating keys", .show = show_all},
	{"rotate token-key", "A new key that signs tokens; those of the old one end by and by.", NULL,
	 NULL, 0, run_post, .doing = "Rotating token key", .path = "/api/v1/token-key/rotate",
	 .show = show_all},
	{"show", "Look at the state of things.", .param = NULL},
	{"show alarms", "Standing alarms.", NULL, PARAMS(alarm_params), run_show_alarms,
	 .doing = "Retrieving alarms", .show = show_alarms, .list = "alarms", .key = "id"},
	{"show certificate", "Our own keys, requests and certificates.", NULL,
	 PARAMS(certificate_params), run_show_certificate, .doing = "Retrieving certificates",
	 .show = show_certificates},
	{"show certificate ca", "Trusted CA certificates.", NULL, PARAMS(ca_params), run_get,
	 .doing = "Retrieving CA certificates", .path = "/api/v1/trusted-ca-certificate",
	 .show = show_trusted_ca, .list = "trusted_ca_certificates", .key = "name"},
	{"show certificate-revocation", "Every source of revocation lists and its state.", NULL,
	 PARAMS(revocation_params), run_get, .doing = "Retrieving certificate revocation",
	 .path = "/api/v1/certificate-revocation", .show = show_revocation},
	{"show config", "The running configuration, as commands that would make it.", NULL,
	 PARAMS(path_param), run_show_config},
	{"show config candidate", "The candidate configuration.", NULL, PARAMS(path_param),
	 run_show_config},
	{"show config diff", "What the candidate changes.", NULL, PARAMS(diff_params), run_show_diff},
	{"show config history", "Who committed what, and when.", NULL, PARAMS(history_param),
	 run_show_history, .doing = "Retrieving history", .show = show_history},
	{"show config running", "The running configuration.", NULL, PARAMS(path_param),
	 run_show_config},
	{"show enrolment", "How enrolment with a CA stands.", NULL, PARAMS(enrolment_param),
	 run_show_enrolment, .doing = "Retrieving enrolment", .show = show_enrolment},
	{"show events", "The newest audit records.", NULL, PARAMS(event_params), run_show_events,
	 .doing = "Retrieving events", .show = show_events},
	{"show events verify", "Check the chain that the audit records form.",
	 "Exit status 1 when a record was changed or taken out. Also: _show events --verify_.", NULL, 0, run_verify_events,
	 .doing = "Verifying events", .show = show_all},
	{"show health", "Whether the processes are there.", NULL, NULL, 0, run_get,
	 .doing = "Retrieving health", .path = "/api/v1/health", .show = show_all},
	{"show log", "What is logged, by module.", NULL, NULL, 0, run_get,
	 .doing = "Retrieving log levels", .path = "/api/v1/log", .show = show_all},
	{"show peers", "Every peer, a line for each path.",
	 "_Exported_, with security, is derived from the key and equal on both sides.",
	 PARAMS(peer_params), run_show_peers, .doing = "Retrieving peers", .show = show_peers},
	{"show publication", "What the workers run on.", NULL, NULL, 0, run_get,
	 .doing = "Retrieving publication", .path = "/api/v1/publication",
	 .show = show_publication},
	{"show security", "Keys.", .param = NULL},
	{"show security key-status", "How old our keys are, and when new ones come.", NULL,
	 PARAMS(place_params), run_get, .doing = "Retrieving key status", .path = "/api/v1/security/key-status",
	 .show = show_key_status},
	{"show stats", "Counters of both processes.", NULL, NULL, 0, run_get,
	 .doing = "Retrieving statistics", .path = "/api/v1/stats", .show = show_stats},
	{"show tech-support", "All that show tells, at once, for who helps from afar.",
	 "Every answer under its command; what fails is told, and the rest follows. It holds addresses, "
	 "names and the configuration, but no key and no password.",
	 NULL, 0, run_show_tech_support},
	{"show user", "Users and their roles.", NULL, PARAMS(user_param), run_get,
	 .doing = "Retrieving users", .path = "/api/v1/user", .show = show_users,
	 .list = "users", .key = "name"},
	{"show version", "Which versions answer here.", NULL, NULL, 0, run_get,
	 .doing = "Retrieving version", .path = "/api/v1/session", .show = show_version},
	{"start", "Begin what goes on by itself.", .param = NULL},
	{"start enrolment", "Get a certificate from a CA, renew or revoke it.",
	 "Makes the key and the request, asks the CA of the configured *ca-profile*, and installs what "
	 "it signs; *show enrolment* tells how far it is.", PARAMS(enrol_params), run_enrol,
	 .doing = "Starting enrolment", .show = show_enrolment},
	{"top", "Leave the configuration.", NULL, NULL, 0, run_top, .is_of_shell = true},
	{"up", "Leave this place of the configuration.", NULL, NULL, 0, run_up, .is_of_shell = true},
	{"user", "Users.", .param = NULL},
	{"user password", "Set a password: asked for, or one line on standard input.",
	 "Whoever has not the role admin gives the own current password first: the first of two lines.",
	 PARAMS(password_param), run_password, .doing = "Setting password", .show = show_done},
	{"validate", "Check the candidate without committing it.", NULL, NULL, 0, run_validate},
	{"watch", "Look again and again.", NULL, PARAMS(watch_params), run_watch},
};
/* clang-format on */

const struct cli_tree cli_commands = {commands, CNT(commands)};
