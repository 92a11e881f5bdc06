/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/routes.h"

#include <stdlib.h>
#include <string.h>

#include "control/crl/manager.h"
#include "control/enrol/enrol.h"
#include "control/fields.h"
#include "control/helper.h"
#include "control/peers.h"
#include "control/provision.h"
#include "control/publish.h"
#include "control/rest/account.h"
#include "control/rest/configure.h"
#include "control/rest/exchange.h"
#include "control/rest/openapi.h"
#include "control/rest/operate.h"
#include "control/rest/stream.h"
#include "control/revocations_export.h"
#include "control/trust.h"

static void create_key(struct exchange *x)
{
	provision_create_key(x->daemon->provision, x->body, exchange_answer, x);
}

static void request_certificate(struct exchange *x)
{
	provision_request(x->daemon->provision, x->body, exchange_answer, x);
}

static void ingest(struct exchange *x)
{
	provision_ingest(x->daemon->provision, x->body, false, exchange_answer, x);
}

static void replace(struct exchange *x)
{
	provision_ingest(x->daemon->provision, x->body, true, exchange_answer, x);
}

static void delete_key(struct exchange *x)
{
	provision_delete_key(x->daemon->provision, x->param, exchange_answer, x);
}

static void delete_request(struct exchange *x)
{
	provision_delete_request(x->daemon->provision, x->param, exchange_answer, x);
}

static void delete_certificate(struct exchange *x)
{
	provision_delete_certificate(x->daemon->provision, x->param, exchange_answer, x);
}

static void list_certificates(struct exchange *x)
{
	struct answer a;

	provision_list(x->daemon->provision, &a);
	exchange_answer_now(x, &a);
}

static void show_certificate(struct exchange *x)
{
	struct answer a;

	provision_show(x->daemon->provision, x->param, &a);
	exchange_answer_now(x, &a);
}

static void reload_certificates(struct exchange *x)
{
	struct answer a;

	if (fields_read(exchange_body(x), NULL, 0, &a) < 0)
		exchange_answer_now(x, &a);
	else
		provision_reload(x->daemon->provision, exchange_answer, x);
}

static void start_enrolment(struct exchange *x)
{
	enrol_start(x->daemon->enrol, exchange_body(x), exchange_answer, x);
}

static void list_enrolments(struct exchange *x)
{
	struct answer a;

	enrol_list(x->daemon->enrol, &a);
	exchange_answer_now(x, &a);
}

static void show_enrolment(struct exchange *x)
{
	struct answer a;

	enrol_show(x->daemon->enrol, x->param, &a);
	exchange_answer_now(x, &a);
}

static void delete_enrolment(struct exchange *x)
{
	struct answer a;

	enrol_delete(x->daemon->enrol, x->param, &a);
	exchange_answer_now(x, &a);
}

static void install_ca(struct exchange *x)
{
	trust_install(x->daemon->trust, x->body, exchange_answer, x);
}

static void list_ca(struct exchange *x)
{
	struct answer a;

	trust_list(x->daemon->trust, &a);
	exchange_answer_now(x, &a);
}

static void delete_ca(struct exchange *x)
{
	trust_delete(x->daemon->trust, x->param, exchange_answer, x);
}

static void list_revocation(struct exchange *x)
{
	crl_manager_list(x->daemon->crl, exchange_answer, x);
}

struct export
{
	struct daemon *daemon;
	struct revocations_export *list;
};

static ssize_t next_revocations(void *arg, char *buf, size_t size)
{
	const struct export *e = arg;

	return revocations_export_next(e->list, buf, size);
}

static void free_revocations(void *list)
{
	revocations_export_free(list);
}

/* It may have held a large list that is no more in force. */
static void end_revocations(void *arg)
{
	struct export *e = arg;

	helper_release(e->daemon->helpers, free_revocations, e->list);
	free(e);
}

static void begin_export(struct exchange *x, enum revocations_format format)
{
	struct export *e = calloc(1, sizeof(*e));
	struct stream_source source = {next_revocations, end_revocations, e};
	struct answer a;

	if (e != NULL)
		e->daemon = x->daemon;
	if (e == NULL || revocations_export_new(crl_manager_master_list(x->daemon->crl), format,
				 NULL, &e->list) < 0) {
		free(e);
		answer_error(&a, 503, "no-memory", NULL, "Out of memory; try again.");
		exchange_answer_now(x, &a);
		return;
	}
	stream_answer(x, format == REVOCATIONS_JSON ? "application/json" : "text/plain", &source);
}

/* "format=json", "format=text", or nothing. */
static void export_revocations(struct exchange *x)
{
	enum revocations_format format = REVOCATIONS_JSON;
	struct answer a;

	if (x->query[0] == '\0' || (strncmp(x->query, "format=", 7) == 0 &&
					   revocations_format_parse(x->query + 7, &format))) {
		begin_export(x, format);
		return;
	}
	answer_error(&a, 400, "bad-query", NULL, "the query is format=json or format=text");
	exchange_answer_now(x, &a);
}

static void refresh_revocation(struct exchange *x)
{
	crl_manager_refresh(x->daemon->crl, exchange_body(x), exchange_answer, x);
}

static void list_peers(struct exchange *x)
{
	peers_list(x->daemon->peers, x->query, exchange_answer, x);
}

static void show_peer(struct exchange *x)
{
	peers_show(x->daemon->peers, x->param, exchange_answer, x);
}

static void show_peer_certificate(struct exchange *x)
{
	peers_show_certificate(x->daemon->peers, x->param, exchange_answer, x);
}

static void show_key_status(struct exchange *x)
{
	peers_key_status(x->daemon->peers, exchange_answer, x);
}

static void rotate(struct exchange *x)
{
	peers_rotate(x->daemon->peers, exchange_body(x), exchange_answer, x);
}

static void show_stats(struct exchange *x)
{
	peers_stats(x->daemon->peers, exchange_answer, x);
}

static void show_publication(struct exchange *x)
{
	struct answer a;

	publisher_show(x->daemon->publisher, &a);
	exchange_answer_now(x, &a);
}

static void show_health(struct exchange *x)
{
	const char *state = !publisher_is_connected(x->daemon->publisher) ? "disconnected"
			    : publisher_is_hung(x->daemon->publisher)     ? "hung"
									  : "connected";
	struct answer a;

	answer_ok(&a, json_pack("{s:s, s:s}", "status", "ok", "data_plane", state));
	exchange_answer_now(x, &a);
}

static void show_openapi(struct exchange *x)
{
	struct answer a;
	json_t *document = openapi_build(routes, route_cnt);

	if (document != NULL)
		answer_ok(&a, document);
	else
		answer_error(&a, 500, "internal", NULL, "the document could not be made");
	exchange_answer_now(x, &a);
}

#define GET    EVHTTP_REQ_GET
#define POST   EVHTTP_REQ_POST
#define PUT    EVHTTP_REQ_PUT
#define DELETE EVHTTP_REQ_DELETE
#define PATCH  EVHTTP_REQ_PATCH

/* clang-format off */
const struct route routes[] = {
	{POST, "/login", USER_NOBODY, ROUTE_BODY_REQUIRED, true, NULL, account_login,
		"Log in: a token for later calls", "Login", "Token"},
	{POST, "/private-key", USER_ADMIN, ROUTE_BODY_REQUIRED, true, NULL, create_key,
		"Make a private key, which never leaves this router", "PrivateKey", "Key"},
	{GET, "/certificate-request", USER_ADMIN, ROUTE_BODY_REQUIRED, true, "csr",
		request_certificate, "A certificate request signed by the stored key",
		"CertificateRequest", "Csr"},
	{POST, "/certificate-request", USER_ADMIN, ROUTE_BODY_REQUIRED, true, "csr",
		request_certificate, "The same, for clients whose GET has no body",
		"CertificateRequest", "Csr"},
	{POST, "/certificate", USER_ADMIN, ROUTE_BODY_REQUIRED, true, NULL, ingest,
		"Ingest a signed certificate", "Certificate", "Ingested"},
	{PUT, "/certificate", USER_ADMIN, ROUTE_BODY_REQUIRED, true, NULL, replace,
		"Replace a certificate that is there", "Certificate", "Ingested"},
	{GET, "/certificate", USER_VIEWER, ROUTE_BODY_NONE, false, NULL, list_certificates,
		"Our own keys, requests and certificates", NULL, "CertificateList"},
	{POST, "/certificate/reload", USER_OPERATOR, ROUTE_BODY_OPTIONAL, true, NULL,
		reload_certificates, "Read our certificate files from disk anew", "Empty",
		"Reloaded"},
	{GET, "/certificate/{name}", USER_VIEWER, ROUTE_BODY_NONE, false, NULL, show_certificate,
		"One of them, and what validation says of it now", NULL, "Credential"},
	{DELETE, "/private-key/{name}", USER_ADMIN, ROUTE_BODY_NONE, true, NULL, delete_key,
		"Delete a private key that has no certificate", NULL, "Deleted"},
	{DELETE, "/certificate-request/{name}", USER_ADMIN, ROUTE_BODY_NONE, true, NULL,
		delete_request, "Delete a certificate request", NULL, "Deleted"},
	{DELETE, "/certificate/{name}", USER_ADMIN, ROUTE_BODY_NONE, true, NULL,
		delete_certificate, "Delete a certificate", NULL, "Deleted"},
	{POST, "/enrolment", USER_ADMIN, ROUTE_BODY_OPTIONAL, true, NULL, start_enrolment,
		"Have a configured CA sign, renew or revoke a certificate", "Enrol", "Enrolment"},
	{GET, "/enrolment", USER_VIEWER, ROUTE_BODY_NONE, false, NULL, list_enrolments,
		"What the CAs were asked for, and how it stands", NULL, "EnrolmentList"},
	{GET, "/enrolment/{name}", USER_VIEWER, ROUTE_BODY_NONE, false, NULL, show_enrolment,
		"One enrolment", NULL, "Enrolment"},
	{DELETE, "/enrolment/{name}", USER_ADMIN, ROUTE_BODY_NONE, true, NULL, delete_enrolment,
		"Forget an enrolment: nothing is asked or renewed any more", NULL, "Deleted"},
	{POST, "/trusted-ca-certificate", USER_ADMIN, ROUTE_BODY_REQUIRED, true, NULL, install_ca,
		"Install a bundle of trusted CA certificates", "TrustedCa", "Committed"},
	{GET, "/trusted-ca-certificate", USER_VIEWER, ROUTE_BODY_NONE, false, NULL, list_ca,
		"The trusted CA certificates", NULL, "TrustedCaList"},
	{DELETE, "/trusted-ca-certificate/{name}", USER_ADMIN, ROUTE_BODY_NONE, true, NULL,
		delete_ca, "Remove a bundle", NULL, "Committed"},
	{GET, "/certificate-revocation", USER_VIEWER, ROUTE_BODY_NONE, false, NULL,
		list_revocation, "Every CRL source and its state", NULL, "Revocation"},
	{GET, "/certificate-revocation/entry", USER_VIEWER, ROUTE_BODY_NONE, false, NULL,
		export_revocations, "Every revoked certificate (?format=json or text)", NULL,
		"RevocationEntries", "format:s{json,text}"},
	{POST, "/certificate-revocation/refresh", USER_OPERATOR, ROUTE_BODY_OPTIONAL, true, NULL,
		refresh_revocation, "Fetch every CRL now; answers when it is in force", "Empty",
		"Revocation"},
	{GET, "/peer", USER_VIEWER, ROUTE_BODY_NONE, false, NULL, list_peers,
		"Peers, at most 1000 (?limit=N&after=NAME: the next ones)", NULL, "PeerList", "limit:i(1-1000) after:s(1-63)"},
	{GET, "/peer/{name}/security", USER_VIEWER, ROUTE_BODY_NONE, false, NULL, show_peer,
		"Keys and counters of a peer", NULL, "Peer"},
	{GET, "/peer/{name}/certificate", USER_VIEWER, ROUTE_BODY_NONE, false, NULL,
		show_peer_certificate, "Certificates of both ends of a peering", NULL,
		"PeerCertificate"},
	{GET, "/security/key-status", USER_VIEWER, ROUTE_BODY_NONE, false, NULL, show_key_status,
		"Keys over all peers", NULL, "KeyStatus"},
	{GET, "/alarm", USER_VIEWER, ROUTE_BODY_NONE, false, NULL,
		operate_list_alarms, "Standing alarms (?shelved=true: all)", NULL, "AlarmList", "shelved:s{true}"},
	{GET, "/event", USER_VIEWER, ROUTE_BODY_NONE, false, NULL,
		operate_list_events, "The newest audit records (?count=N)", NULL, "EventList", "count:i(1-1000)"},
	{GET, "/event/verify", USER_VIEWER, ROUTE_BODY_NONE, false, NULL, operate_verify_events,
		"Is the audit log whole and unchanged", NULL, "EventsVerified"},
	{GET, "/metrics", USER_VIEWER, ROUTE_BODY_NONE, false, NULL, operate_metrics,
		"Everything that is measured, as OpenMetrics text; also at /metrics", NULL,
		"OpenMetrics"},
	{GET, "/log", USER_VIEWER, ROUTE_BODY_NONE, false, NULL, operate_show_log,
		"What each module logs", NULL, "LogLevels"},
	{PUT, "/log", USER_ADMIN, ROUTE_BODY_REQUIRED, true, NULL, operate_set_log,
		"What a module, or every one, logs from now on", "LogLevel", "LogLevels"},
	{GET, "/stats", USER_VIEWER, ROUTE_BODY_NONE, false, NULL, show_stats,
		"Counters of both processes", NULL, "Stats"},
	{POST, "/security/rotate", USER_OPERATOR, ROUTE_BODY_OPTIONAL, true, NULL, rotate,
		"Agree on new keys with a peer, or all, now", "Rotate", "Rotated"},
	{GET, "/publication", USER_VIEWER, ROUTE_BODY_NONE, false, NULL, show_publication,
		"What the workers run on", NULL, "Publication"},
	{GET, "/configuration/schema", USER_VIEWER, ROUTE_BODY_NONE, false, NULL, configure_show_schema,
		"Every item: type, unit, range, default, meaning", NULL, "Schema"},
	{GET, "/configuration/running", USER_VIEWER, ROUTE_BODY_NONE, false, NULL, configure_show_running,
		"The running configuration, or a part of it (?path=A/B)", NULL, "Running", "path:s(1-511)"},
	{GET, "/configuration/candidate", USER_VIEWER, ROUTE_BODY_NONE, false, NULL,
		configure_show_candidate, "The candidate, or a part of it (?path=A/B)", NULL, "Candidate", "path:s(1-511)"},
	{POST, "/configuration/candidate", USER_ADMIN, ROUTE_BODY_REQUIRED, true, NULL,
		configure_edit_candidate, "Edit the candidate: all operations or none", "Operations",
		"Edited"},
	{PUT, "/configuration/candidate", USER_ADMIN, ROUTE_BODY_REQUIRED, true, NULL,
		configure_replace_candidate, "Replace the candidate", "Anything", "Edited"},
	{DELETE, "/configuration/candidate", USER_ADMIN, ROUTE_BODY_NONE, true, NULL,
		configure_discard_candidate, "Discard the candidate", NULL, "Edited"},
	{GET, "/configuration/diff", USER_VIEWER, ROUTE_BODY_NONE, false, NULL, configure_show_diff,
		"From running to candidate, or between two of the history (?from=N&to=M)", NULL,
		"Changes", "from:i(1-) to:i(1-)"},
	{POST, "/configuration/validate", USER_OPERATOR, ROUTE_BODY_NONE, false, NULL,
		configure_validate_candidate, "What a commit would say", NULL, "Validated"},
	{POST, "/configuration/commit", USER_ADMIN, ROUTE_BODY_OPTIONAL, true, NULL, configure_commit,
		"Put the candidate in force", "Commit", "Committed"},
	{POST, "/configuration/confirm", USER_ADMIN, ROUTE_BODY_NONE, true, NULL, configure_confirm,
		"Confirm a commit that waits for it", NULL, "Confirmed"},
	{POST, "/configuration/rollback", USER_ADMIN, ROUTE_BODY_REQUIRED, true, NULL, configure_roll_back,
		"Put a configuration of the history in force again", "Rollback", "Committed"},
	{GET, "/configuration/history", USER_VIEWER, ROUTE_BODY_NONE, false, NULL, configure_show_history,
		"Every configuration that was in force, newest first", NULL, "History"},
	{GET, "/configuration/history/{number}", USER_VIEWER, ROUTE_BODY_NONE, false, NULL,
		configure_show_history_entry, "One of them", NULL, "HistoryEntry"},
	{POST, "/logout", USER_VIEWER, ROUTE_BODY_NONE, true, NULL, account_logout,
		"End the token that this call comes with", NULL, "UserNamed"},
	{GET, "/session", USER_VIEWER, ROUTE_BODY_NONE, false, NULL, account_session,
		"Who asks, and where", NULL, "Session"},
	{GET, "/user", USER_VIEWER, ROUTE_BODY_NONE, false, NULL, account_list,
		"Every user", NULL, "UserList"},
	{POST, "/user", USER_ADMIN, ROUTE_BODY_REQUIRED, true, NULL, account_create,
		"Make a user", "NewUser", "User"},
	{GET, "/user/{name}", USER_VIEWER, ROUTE_BODY_NONE, false, NULL, account_show,
		"One user", NULL, "User"},
	{PATCH, "/user/{name}", USER_ADMIN, ROUTE_BODY_REQUIRED, true, NULL, account_update,
		"Change a user: role, full name, enabled", "UserChange", "User"},
	{DELETE, "/user/{name}", USER_ADMIN, ROUTE_BODY_NONE, true, NULL, account_delete,
		"Remove a user", NULL, "Deleted"},
	{POST, "/user/{name}/password", USER_VIEWER, ROUTE_BODY_REQUIRED, true, NULL,
		account_set_password, "Set a password (admin, or one's own); every token of that "
		"user ends", "Password", "UserNamed"},
	{DELETE, "/user/{name}/tokens", USER_VIEWER, ROUTE_BODY_NONE, true, NULL,
		account_end_tokens, "End every token of a user (admin, or one's own)", NULL,
		"UserNamed"},
	{POST, "/token-key/rotate", USER_ADMIN, ROUTE_BODY_NONE, true, NULL, account_rotate_key,
		"Sign tokens with a new key; those that are out stay good", NULL, "TokenKeyRotated"},
	{GET, "/health", USER_NOBODY, ROUTE_BODY_NONE, false, NULL, show_health,
		"Is rekey-control there", NULL, "Health"},
	{GET, "/swagger", USER_NOBODY, ROUTE_BODY_NONE, false, NULL, show_openapi,
		"This document, by the name that other systems have for it", NULL, "Anything"},
	{GET, "/openapi.json", USER_NOBODY, ROUTE_BODY_NONE, false, NULL, show_openapi,
		"This document", NULL, "Anything"},
};
/* clang-format on */

const size_t route_cnt = sizeof(routes) / sizeof(routes[0]);
