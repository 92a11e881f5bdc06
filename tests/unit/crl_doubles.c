/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/crl_doubles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/alarms.h"
#include "control/audit.h"
#include "control/publish.h"
#include "control/revocations.h"
#include "control/trust.h"

struct crl_seen seen;

void publisher_mark(struct publisher *p, enum rk_part_kind kind)
{
	(void)p;
	assert_int_equal(kind, RK_PART_REVOCATION_BASE);
	seen.marked_cnt++;
}

void publisher_flush(struct publisher *p)
{
	(void)p;
	seen.flushed_cnt++;
}

void publisher_wait(struct publisher *p, answer_cb cb, void *arg)
{
	struct answer a = {.status = seen.publish_status};

	(void)p;
	seen.wait_cb = cb;
	seen.wait_arg = arg;
	if (!seen.is_wait_deferred)
		cb(arg, &a);
}

/* Nobody looks into it. */
static char revocations;

struct revocations *revocations_current(struct daemon *d)
{
	(void)d;
	return (struct revocations *)&revocations;
}

struct revocations *revocations_get(struct revocations *r)
{
	seen.revocations_cnt++;
	return r;
}

void revocations_put(struct revocations *r)
{
	assert_ptr_equal(r, &revocations);
	seen.revocations_cnt--;
}

enum pki_revocation_answer revocations_find(
	void *ctx, const struct pki_revocation_query *query, struct pki_revoked *out)
{
	const struct revocations_query *q = ctx;

	(void)query;
	(void)out;
	assert_ptr_equal(q->revocations, &revocations);
	return seen.is_signer_revoked ? PKI_REVOCATION_REVOKED : PKI_REVOCATION_GOOD;
}

void alarm_raise(struct alarms *a, const struct alarm_spec *spec, const char *format, ...)
{
	va_list ap;

	(void)a;
	va_start(ap, format);
	vsnprintf(seen.alarm_text, sizeof(seen.alarm_text), format, ap);
	va_end(ap);
	snprintf(seen.alarm_kind, sizeof(seen.alarm_kind), "%s", spec->kind);
	snprintf(seen.alarm_source, sizeof(seen.alarm_source), "%s", spec->source);
	seen.raised_cnt++;
}

void alarm_clear(struct alarms *a, const char *kind, const char *source)
{
	(void)a;
	if (strcmp(seen.alarm_kind, kind) == 0 && strcmp(seen.alarm_source, source) == 0)
		seen.alarm_kind[0] = '\0';
}

void alarm_clear_unless(
	struct alarms *a, const char *kind, bool (*keep)(void *arg, const char *source), void *arg)
{
	(void)a;
	(void)kind;
	(void)keep;
	(void)arg;
}

void audit_write(struct audit *a, const char *type, const char *description, json_t *detail)
{
	char *text;

	(void)a;
	(void)description;
	assert_string_equal(type, "system.crl_update");
	assert_non_null(detail);
	text = json_dumps(detail, JSON_SORT_KEYS);
	snprintf(seen.audit_text, sizeof(seen.audit_text), "%s", text);
	free(text);
	json_decref(detail);
	seen.audit_cnt++;
}

struct pki_trust *trust_current(const struct trust *t)
{
	(void)t;
	return seen.trust;
}
