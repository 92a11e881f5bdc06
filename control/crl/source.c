/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/crl/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/time_text.h"

#define SEC             UINT64_C(1000000000)
#define FAILURE_FIRST   (5 * SEC)
#define FAILURE_LAST    (3600 * SEC)
#define ENDING_MAX_SEC  86400
#define NEXT_UPDATE_MIN (30 * SEC) /* after nextUpdate, and the least pause because of it */

struct crl_source *crl_source_new(const char *name, const char *url)
{
	struct crl_source *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->url = strdup(url);
	if (s->url == NULL) {
		free(s);
		return NULL;
	}
	snprintf(s->name, sizeof(s->name), "%s", name);
	return s;
}

void crl_source_free(struct crl_source *s)
{
	if (s == NULL)
		return;
	free(s->url);
	free(s);
}

void crl_source_tell_signer(struct crl_source *s, struct rk_span key)
{
	s->signer_key[0] = '\0';
	for (size_t i = 0; i < key.len && i < PKI_KEY_HASH_LEN; i++)
		snprintf(s->signer_key + 2 * i, 3, "%02x", key.data[i]);
}

int crl_source_order(const struct crl_source *a, const struct crl_source *b)
{
	int order = memcmp(a->issuer_hash, b->issuer_hash, PKI_ISSUER_HASH_LEN);

	if (order == 0)
		order = (int)a->is_delta - (int)b->is_delta;
	if (order == 0)
		order = (int)(a->this_update == 0) - (int)(b->this_update == 0);
	return order != 0 ? order : strcmp(a->scope, b->scope);
}

static void schedule(struct crl_source *s, uint64_t now_ns, int64_t wall, uint64_t pause_ns)
{
	s->due_ns = now_ns + pause_ns;
	s->next_fetch = wall + (int64_t)(pause_ns / SEC);
	s->asked_polling_ns = 0;
}

static void schedule_next(struct crl_source *s, uint64_t now_ns, int64_t wall)
{
	uint64_t pause = s->polling_ns;

	if (s->next_update > wall) {
		uint64_t until = (uint64_t)(s->next_update - wall) * SEC + NEXT_UPDATE_MIN;

		if (until < pause)
			pause = until;
	}
	schedule(s, now_ns, wall, pause);
	s->asked_ns = now_ns;
	s->asked_polling_ns = s->polling_ns;
}

void crl_source_schedule_success(struct crl_source *s, uint64_t now_ns, int64_t wall)
{
	s->failure_cnt = 0;
	s->last_error[0] = '\0';
	schedule_next(s, now_ns, wall);
}

void crl_source_reschedule(struct crl_source *s, uint64_t now_ns, int64_t wall)
{
	if (s->asked_polling_ns == 0 || s->asked_polling_ns == s->polling_ns || s->due_ns <= now_ns)
		return;
	schedule_next(s, s->asked_ns, wall - (int64_t)((now_ns - s->asked_ns) / SEC));
	if (s->next_fetch < wall)
		s->next_fetch = wall;
}

void crl_source_schedule_held(struct crl_source *s, uint64_t now_ns, int64_t wall)
{
	s->failure_cnt++;
	schedule(s, now_ns, wall, s->polling_ns);
}

enum crl_age crl_source_age(const struct crl_source *s, int64_t wall)
{
	int64_t end = (s->next_update - s->this_update) / 10;

	if (s->this_update == 0)
		return CRL_AGE_FRESH;
	if (s->next_update < wall)
		return CRL_AGE_STALE;
	if (end > ENDING_MAX_SEC)
		end = ENDING_MAX_SEC;
	return s->next_update - wall < end ? CRL_AGE_ENDING : CRL_AGE_FRESH;
}

void crl_source_schedule_failure(
	struct crl_source *s, uint64_t now_ns, int64_t wall, uint32_t jitter)
{
	unsigned doublings = s->failure_cnt < 16 ? s->failure_cnt : 16;
	uint64_t pause = FAILURE_FIRST << doublings;

	s->failure_cnt++;
	if (pause > FAILURE_LAST)
		pause = FAILURE_LAST;
	pause += (pause / 4 >> 16) * (jitter >> 16);
	schedule(s, now_ns, wall, pause);
}

static json_t *text_or_null(const char *text)
{
	return text[0] != '\0' ? json_string(text) : json_null();
}

json_t *crl_source_json(const struct crl_source *s)
{
	bool has_list = s->this_update != 0;

	return json_pack("{s:s, s:s, s:s, s:o, s:b, s:b, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o, "
			 "s:o, s:o, s:o,"
			 " s:o, s:I, s:o}",
		"name", s->name, "url", s->url, "kind", s->is_delta ? "delta" : "full", "scope",
		text_or_null(s->scope), "configured", s->is_configured, "overridden",
		s->is_overridden, "issuer", text_or_null(s->issuer), "signer_key",
		text_or_null(s->signer_key), "last_try", time_json(s->last_try), "last_success",
		time_json(s->last_success), "http_status", (json_int_t)s->http_status, "bytes",
		(json_int_t)s->bytes, "entries",
		has_list ? json_integer((json_int_t)s->entry_cnt) : json_null(), "crl_number",
		text_or_null(s->number), "base_crl_number", text_or_null(s->base_number),
		"this_update", time_json(s->this_update), "next_update", time_json(s->next_update),
		"next_fetch", time_json(s->next_fetch), "failures", (json_int_t)s->failure_cnt,
		"last_error", text_or_null(s->last_error));
}
