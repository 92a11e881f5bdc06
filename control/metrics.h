/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What can be measured of this router. One list gives the enum, the name in GET /stats, and the
 * OpenMetrics family with its labels and help; everything else that is shown (peers, CRLs, alarms,
 * the data plane's counters) is looked up when somebody asks. Loop thread only.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/answer.h"
#include "control/daemon.h"

/* Rows of one family stand together; its help is that of its first row. */
#define METRIC_LIST(X)                                                                            \
	X(CSR_SUCCESS, "security/csr/success", "rekey_csr", "result=\"success\"",                 \
		"Certificate requests made.")                                                     \
	X(CSR_FAILURE, "security/csr/failure", "rekey_csr", "result=\"failure\"", "")             \
	X(IMPORT_SUCCESS, "security/certificate/import/success", "rekey_certificate_import",      \
		"result=\"success\"", "Certificates ingested or replaced.")                       \
	X(IMPORT_FAILURE, "security/certificate/import/failure", "rekey_certificate_import",      \
		"result=\"failure\"", "")                                                         \
	X(CRL_FETCH_SUCCESS, "security/crl/fetch/success", "rekey_crl_fetch",                     \
		"result=\"success\"", "CRLs asked for, and whether an answer came.")              \
	X(CRL_FETCH_FAILURE, "security/crl/fetch/failure", "rekey_crl_fetch",                     \
		"result=\"failure\"", "")                                                         \
	X(CRL_INGEST_SUCCESS, "security/crl/ingestion/success", "rekey_crl_ingestion",            \
		"result=\"success\"", "CRLs retrieved, and whether they were good.")              \
	X(CRL_INGEST_FAILURE, "security/crl/ingestion/failure", "rekey_crl_ingestion",            \
		"result=\"failure\"", "")                                                         \
	X(CERTIFICATE_EXPIRED, "security/certificate/expired", "rekey_certificate_refused",       \
		"reason=\"expired\"", "Times that our own certificate became bad.")               \
	X(CERTIFICATE_INVALID, "security/certificate/invalid", "rekey_certificate_refused",       \
		"reason=\"invalid\"", "")                                                         \
	X(CERTIFICATE_REVOKED, "security/certificate/revoked", "rekey_certificate_refused",       \
		"reason=\"revoked\"", "")                                                         \
	X(PEER_EXPIRED, "security/peer-certificate/expired", "rekey_peer_certificate_refused",    \
		"reason=\"expired\"", "Times that a peer's certificate became bad.")              \
	X(PEER_INVALID, "security/peer-certificate/invalid", "rekey_peer_certificate_refused",    \
		"reason=\"invalid\"", "")                                                         \
	X(PEER_REVOKED, "security/peer-certificate/revoked", "rekey_peer_certificate_refused",    \
		"reason=\"revoked\"", "")                                                         \
	X(LOGIN_SUCCESS, "access/login/success", "rekey_logins", "result=\"success\"", "Logins.") \
	X(LOGIN_FAILURE, "access/login/failure", "rekey_logins", "result=\"failure\"", "")        \
	X(REQUESTS_OK, "access/request/success", "rekey_requests", "result=\"success\"",          \
		"Requests to the REST API, by status below 400 or not.")                          \
	X(REQUESTS_REFUSED, "access/request/failure", "rekey_requests", "result=\"failure\"", "") \
	X(APPLIED, "publication/applied", "rekey_publications", "result=\"applied\"",             \
		"Views that the data plane took up, or refused.")                                 \
	X(REFUSED, "publication/refused", "rekey_publications", "result=\"refused\"", "")         \
	X(VALIDATIONS, "security/validation/asked", "rekey_validations", "",                      \
		"Certificates that the data plane sent to be judged.")

enum metric {
#define X(id, name, family, labels, help) METRIC_##id,
	METRIC_LIST(X)
#undef X
		METRIC_CNT
};

struct metrics {
	uint64_t value[METRIC_CNT];
	struct event *heart_event;
	int64_t heart_ns;         /* when it is to beat next */
	int64_t longest_pause_ns; /* since somebody last looked: how late it was */
	void (*on_beat)(void *arg);
	void *beat_arg;
};

/* A metrics of NULL is fine: nothing is counted. */
static inline void metrics_count(struct metrics *m, enum metric which)
{
	if (m != NULL)
		m->value[which]++;
}

int metrics_open(struct daemon *d, struct metrics **out) __attribute__((warn_unused_result));
void metrics_close(struct metrics *m);
/* {"security/csr/success": N, ...} */
json_t *metrics_stats(const struct metrics *m);
/* How late the loop was at most since this was asked last, in nanoseconds. */
int64_t metrics_take_pause(struct metrics *m);
/*
 * The OpenMetrics text of this process and of what the data plane says. Asks the data plane first;
 * when it is not there the rest is told.
 */
void metrics_scrape(struct daemon *d, answer_cb cb, void *arg);

/* path below /api/v1, as in the table of routes. */
void metrics_count_request(struct metrics *m, const char *path, bool is_change, int status);

#define METRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"
