/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One place that CRLs come from, and what is known of it. Loop thread only.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/crl/fetch.h"
#include "control/crl/ingest.h"

#define CRL_SOURCE_NAME_MAX 160

struct crl_source {
	char name[CRL_SOURCE_NAME_MAX]; /* "<revocation>/<endpoint>", or the URL's head */
	char *url;                      /* unique among the sources */
	uint64_t nth;                   /* to be met since the start */
	bool is_configured;             /* else learnt from a certificate */
	bool is_delta;                  /* deltas come from there */
	size_t delta_url_cnt;           /* a full list: where its deltas are, as it says itself */
	char delta_url[PKI_CRL_DELTA_URL_MAX][PKI_URL_MAX];
	bool is_local_allowed;
	bool is_age_ignored; /* revocation-policy off: a list that is stale is no alarm */
	uint64_t polling_ns;
	uint64_t backoff_ns;
	size_t size_max;
	unsigned shrink_percent;
	int64_t recent_sec; /* entries revoked since are what the shrink guard counts */
	bool is_wanted;     /* named by the last discovery */
	bool is_noted;      /* named by a certificate that is ours or a peer's */
	/*
	 * A configured source serves the same issuer's lists of its kind; of one that is not fetched also any
	 * other with a list of all its issuer's certificates.
	 */
	bool is_overridden;
	bool is_unfetched; /* learnt, and of a scheme that nobody asks by: there to be told of */
	bool is_quiet;     /* its failures are no alarm since it is overridden */
	bool is_early;     /* a learnt delta of whose full list nothing is there: of no use yet */
	bool has_issuer;
	uint8_t issuer_hash[PKI_ISSUER_HASH_LEN]; /* of the list, or of who named the URL */

	/* schedule */
	uint64_t due_ns;           /* monotonic */
	uint64_t asked_ns;         /* what due_ns counts from, where it came of the interval: */
	uint64_t asked_polling_ns; /* of this one; 0: it did not */
	bool is_running;
	bool is_forced;         /* a refresh asks for a fetch that starts after now */
	bool is_forced_running; /* the running fetch serves a refresh */

	bool is_waiting; /* a delta: until its full list has come, or failed to */
	bool has_waited; /* since it was last taken or refused: it waits once */

	bool is_shrunk_held; /* a list was held back once; the next one is taken as it is */

	/* last try */
	int64_t last_try; /* wall clock; 0 = never */
	int64_t last_success;
	int64_t next_fetch;
	long http_status;
	size_t bytes;
	unsigned failure_cnt; /* in a row */
	char last_error[512];

	/* the list in force */
	size_t entry_cnt;
	int64_t this_update; /* 0 = none yet */
	int64_t next_update;
	char issuer[PKI_DN_MAX];
	char signer_key[PKI_KEY_HASH_LEN * 2 + 1]; /* hex; "" = not known */
	char number[PKI_CRL_NUMBER_MAX * 2 + 1];
	char base_number[PKI_CRL_NUMBER_MAX * 2 + 1]; /* "" unless a delta */
	char scope[MASTER_TEXT_MAX + 1];              /* "" = all of its issuer's */
	bool has_signature; /* of the list in force, taken since the start */
	uint8_t signature_digest[PKI_CRL_SIGNATURE_DIGEST_LEN];
	char etag[256];
	char last_modified[64];
};

struct crl_source *crl_source_new(const char *name, const char *url);
void crl_source_free(struct crl_source *s); /* NULL is fine */
/* Who signed the list in force; empty: not known. */
void crl_source_tell_signer(struct crl_source *s, struct rk_span key);
/* By issuer; full lists first; of them those with a list first; by scope: <0, 0, >0. */
int crl_source_order(const struct crl_source *a, const struct crl_source *b);

/* The fetch at this source succeeded: polling interval, or earlier when nextUpdate comes. */
void crl_source_schedule_success(struct crl_source *s, uint64_t now_ns, int64_t wall);
/* After the settings changed: due by another interval than the one that was counted by. */
void crl_source_reschedule(struct crl_source *s, uint64_t now_ns, int64_t wall);
/* Its list is held back for one cycle. */
void crl_source_schedule_held(struct crl_source *s, uint64_t now_ns, int64_t wall);
/* It failed: 5 s, doubling with jitter (0..UINT32_MAX is 0..25 %) up to an hour. */
void crl_source_schedule_failure(
	struct crl_source *s, uint64_t now_ns, int64_t wall, uint32_t jitter);
enum crl_age { CRL_AGE_FRESH, CRL_AGE_ENDING, CRL_AGE_STALE };
/* ENDING: in the last tenth of its time, at most a day, and its successor is not there. */
enum crl_age crl_source_age(const struct crl_source *s, int64_t wall);
/* As in GET certificate-revocation. */
json_t *crl_source_json(const struct crl_source *s);
