/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/peer_alarms.h"

#include <string.h>
#include <time.h>

#include "control/alarms.h"
#include "control/clock_watch.h"
#include "control/config.h"
#include "control/endpoint.h"
#include "control/metrics.h"
#include "control/revocations.h"
#include "control/time_text.h"
#include "control/trust.h"
#include "control/verdicts.h"
#include "pki/view/channel.h"
#include "pki/x509/validate.h"

#define KIND_UNREACHABLE "peer-unreachable"
#define KIND_PATH        "peer-path-down"
#define KIND_INVALID     "peer-certificate-invalid"
#define KIND_EXPIRING    "peer-certificate-expiring"
#define KIND_REFUSED     "peer-authentication"
#define KIND_REKEY       "rekey-failed"
#define DAY              INT64_C(86400)
#define NS_PER_MS        UINT64_C(1000000)
#define MS_PER_SEC       1000
#define DETAIL_LEN       256
#define REFUSAL_SECONDS  60

static struct alarm_spec spec_of(const char *kind, const char *peer, enum alarm_severity severity)
{
	return (struct alarm_spec){.kind = kind, .source = peer, .severity = severity};
}

void peer_alarm_state(struct daemon *d, const char *peer, unsigned state)
{
	const struct alarm_spec spec = spec_of(KIND_UNREACHABLE, peer, ALARM_CRITICAL);

	if (state == RK_PEER_DOWN)
		alarm_raise(d->alarms, &spec, "Peer %s is not reachable", peer);
	else if (state == RK_PEER_UP || state == RK_PEER_DISABLED)
		alarm_clear(d->alarms, spec.kind, peer);
	if (state == RK_PEER_DISABLED)
		alarm_clear(d->alarms, KIND_REFUSED, peer);
}

/* "wan0 to 192.0.2.9:1280, wan1 to [2001:db8::9]:1280" */
static void name_paths(
	const struct config *c, const struct config_peer *peer, unsigned down, char out[DETAIL_LEN])
{
	char remote[ENDPOINT_TEXT_LEN];
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < peer->path_cnt && len < DETAIL_LEN; i++) {
		const struct config_path *path = &peer->path[i];

		if ((down >> i & 1) == 0)
			continue;
		endpoint_text(&path->remote, path->udp_port_remote, remote);
		len += (size_t)snprintf(out + len, DETAIL_LEN - len, "%s%s to %s",
			len > 0 ? ", " : "", c->port[path->port].name, remote);
	}
}

void peer_alarm_paths(
	struct daemon *d, const struct config_peer *peer, unsigned state, unsigned down)
{
	const struct alarm_spec spec = spec_of(KIND_PATH, peer->name, ALARM_MAJOR);
	char paths[DETAIL_LEN];

	name_paths(d->config, peer, down, paths);
	if (state == RK_PEER_UP && paths[0] != '\0')
		alarm_raise(d->alarms, &spec, "Peer %s path is down: %s", peer->name, paths);
	else
		alarm_clear(d->alarms, spec.kind, peer->name);
}

static void name_certificate(const uint8_t *fingerprint, char out[DETAIL_LEN])
{
	size_t len = (size_t)snprintf(out, DETAIL_LEN, "certificate ");

	for (size_t i = 0; i < 8; i++)
		len += (size_t)snprintf(out + len, DETAIL_LEN - len, "%02x", fingerprint[i]);
}

/* What we know of the certificate ourselves: why a list or a check of ours refuses it. */
static void find_detail(struct daemon *d, const uint8_t *fingerprint, char out[DETAIL_LEN])
{
	struct rk_span der = verdicts_find_der(d->verdicts, fingerprint);
	struct revocations_query query = {
		.revocations = revocations_current(d), .now = clock_now(d)};
	const struct pki_validate_args args = {
		.trust = trust_current(d->trust),
		.installation_key = d->installation_key,
		.now = query.now,
		.is_ed25519_allowed = d->config->is_ed25519_allowed,
		.find = revocations_find,
		.find_ctx = &query,
	};
	struct pki_report report;
	struct rk_verdict verdict;

	pki_report_init(&report);
	if (der.len > 0 && query.revocations != NULL &&
		pki_validate_der(&args, der.data, der.len, &report, &verdict) == 0 &&
		(query.detail[0] != '\0' || report.error_cnt > 0))
		snprintf(out, DETAIL_LEN, "%s",
			query.detail[0] != '\0' ? query.detail : pki_report_first(&report)->text);
	else
		name_certificate(fingerprint, out);
}

void peer_alarm_verdict(struct daemon *d, const char *peer, enum rk_verdict_status verdict,
	const uint8_t fingerprint[RK_FINGERPRINT_LEN], bool is_news)
{
	const struct alarm_spec spec = spec_of(KIND_INVALID, peer, ALARM_CRITICAL);
	bool is_standing = alarm_is_standing(d->alarms, spec.kind, peer);
	char detail[DETAIL_LEN];

	if (verdict == RK_VERDICT_UNKNOWN)
		return;
	if (verdict == RK_VERDICT_GOOD) {
		alarm_clear(d->alarms, spec.kind, peer);
		return;
	}
	if (is_standing && !is_news)
		return;
	if (!is_standing && is_news)
		metrics_count(d->metrics, verdict == RK_VERDICT_EXPIRED   ? METRIC_PEER_EXPIRED
					  : verdict == RK_VERDICT_REVOKED ? METRIC_PEER_REVOKED
									  : METRIC_PEER_INVALID);
	if (is_news)
		find_detail(d, fingerprint, detail);
	else
		name_certificate(fingerprint, detail);
	alarm_raise(d->alarms, &spec, "Peer %s certificate is invalid: %s - %s", peer,
		rk_verdict_status_name(verdict), detail);
}

/* What the data plane says when a proof was refused, and what that means to people. */
static const struct {
	const char *reason, *word, *detail;
} refusals[] = {
	{"bad-signature", "signature", "the transcript's signature does not verify"},
	{"scheme-not-offered", "signature", "it signs in a way that was not offered"},
	{"identity-unexpected", "name mismatch", "its certificate names another peer"},
	{"identity-unknown", "name mismatch", "its certificate names no configured peer"},
	{"ambiguous-identity", "name mismatch", "its certificate names more than one peer"},
	{"own-identity", "name mismatch", "it shows our own certificate or name"},
	{"certificate-malformed", "malformed", "its certificate does not parse"},
	{"certificate-untrusted", "chain", "its certificate has no chain to a trusted CA"},
	{"certificate-expired", "expired", "a certificate of its chain has expired"},
	{"certificate-not-yet-valid", "not yet valid", "a certificate of its chain is early"},
	{"certificate-revoked", "revoked", "a certificate of its chain is revoked"},
	{"certificate-not-allowed", "not allowed", "its certificate's algorithm, size or usage"},
	{"address-not-configured", "address", "it comes from an address of no configured path"},
};

void peer_alarm_refusal(struct daemon *d, const char *peer, const char *reason)
{
	struct alarm_spec spec = spec_of(KIND_REFUSED, peer, ALARM_MAJOR);

	spec.hold_sec = REFUSAL_SECONDS;
	if (strcmp(reason, "authenticated") == 0 || strcmp(reason, "key-installed") == 0)
		alarm_clear(d->alarms, spec.kind, peer);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (strcmp(reason, refusals[i].reason) == 0)
			alarm_raise(d->alarms, &spec, "Unable to authenticate peer %s: %s - %s",
				peer, refusals[i].word, refusals[i].detail);
}

void peer_alarm_proven(struct daemon *d, const char *peer, unsigned state, uint64_t key_age_ms)
{
	int64_t raised = alarm_raised_at(d->alarms, KIND_REFUSED, peer);

	if (state == RK_PEER_UP && raised != 0 &&
		time(NULL) - (int64_t)(key_age_ms / MS_PER_SEC) > raised)
		alarm_clear(d->alarms, KIND_REFUSED, peer);
}

void peer_alarm_rekey(struct daemon *d, const char *peer, unsigned state, uint64_t key_age_ms)
{
	const struct alarm_spec spec = spec_of(KIND_REKEY, peer, ALARM_CRITICAL);
	const struct config *c = d->config;
	uint64_t limit_ms =
		(2 * c->peer_key_rekey_interval_ns + c->peer_key_timeout_ns) / NS_PER_MS;

	if (c->peer_key_rekey_interval_ns == 0 || state != RK_PEER_UP || key_age_ms < limit_ms)
		alarm_clear(d->alarms, spec.kind, peer);
	else
		alarm_raise(d->alarms, &spec, "Security Rekey failed for: %s", peer);
}

void peer_alarm_expiry(struct daemon *d, const char *peer, int64_t not_after)
{
	int64_t left = not_after - time(NULL);
	struct alarm_spec spec = spec_of(KIND_EXPIRING, peer, ALARM_MINOR);
	char until[TIME_TEXT_LEN];

	if (not_after == 0 || left > 30 * DAY || left < 0) {
		alarm_clear(d->alarms, spec.kind, peer);
		return;
	}
	if (left <= 7 * DAY)
		spec.severity = ALARM_MAJOR;
	time_text(not_after, until);
	alarm_raise(d->alarms, &spec, "Peer %s certificate expires within a %s: %s", peer,
		left <= 7 * DAY ? "week" : "month", until);
}

void peer_alarms_keep(struct daemon *d, bool (*keep)(void *arg, const char *peer), void *arg)
{
	alarm_clear_unless(d->alarms, KIND_UNREACHABLE, keep, arg);
	alarm_clear_unless(d->alarms, KIND_PATH, keep, arg);
	alarm_clear_unless(d->alarms, KIND_INVALID, keep, arg);
	alarm_clear_unless(d->alarms, KIND_EXPIRING, keep, arg);
	alarm_clear_unless(d->alarms, KIND_REFUSED, keep, arg);
	alarm_clear_unless(d->alarms, KIND_REKEY, keep, arg);
}
