/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pki/view/plain_text.h"

/* Cutting must not leave half a UTF-8 character: drops a last character that is not whole. */
static void drop_half_character(char *s)
{
	size_t len = strlen(s);
	size_t tail = 0;

	while (tail < len && tail < 3 && ((unsigned char)s[len - 1 - tail] & 0xc0) == 0x80)
		tail++;
	if (tail < len) {
		unsigned char lead = (unsigned char)s[len - 1 - tail];
		size_t want = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;

		if (want > tail)
			s[len - 1 - tail] = '\0';
	}
}

static void format_text(char *out, size_t size, const char *format, va_list args)
{
	int len = vsnprintf(out, size, format, args);

	if (len < 0)
		out[0] = '\0';
	if (len >= (int)size)
		drop_half_character(out);
	/* Names come out of hostile certificates and end in logs and terminals. */
	rk_make_plain(out, strlen(out), "");
}

void pki_report_init(struct pki_report *r)
{
	if (r != NULL)
		memset(r, 0, sizeof(*r));
}

void pki_report_about(struct pki_report *r, const char *format, ...)
{
	va_list args;

	if (r == NULL)
		return;
	va_start(args, format);
	format_text(r->about, sizeof(r->about), format, args);
	va_end(args);
}

/* Where the next finding goes; NULL when the list is full of things at least as bad. */
static struct pki_finding *take_slot(struct pki_report *r, enum pki_severity severity)
{
	size_t i;

	if (r->cnt < PKI_REPORT_MAX)
		return &r->finding[r->cnt++];
	r->dropped_cnt++;
	for (i = r->cnt; severity == PKI_ERROR && i > 0; i--) {
		if (r->finding[i - 1].severity != PKI_WARNING)
			continue;
		memmove(&r->finding[i - 1], &r->finding[i], (r->cnt - i) * sizeof(r->finding[0]));
		return &r->finding[r->cnt - 1];
	}
	return NULL;
}

void pki_report_add(struct pki_report *r, enum pki_severity severity, const char *code,
	const char *advice, const char *format, ...)
{
	struct pki_finding *f;
	va_list args;

	if (r == NULL)
		return;
	if (severity == PKI_ERROR)
		r->error_cnt++;
	else
		r->warning_cnt++;
	f = take_slot(r, severity);
	if (f == NULL)
		return;
	f->severity = severity;
	f->code = code;
	f->advice = advice;
	memcpy(f->subject, r->about, sizeof(f->subject));
	va_start(args, format);
	format_text(f->text, sizeof(f->text), format, args);
	va_end(args);
}

const struct pki_finding *pki_report_first(const struct pki_report *r)
{
	size_t i;

	for (i = 0; i < r->cnt; i++) {
		if (r->finding[i].severity == PKI_ERROR)
			return &r->finding[i];
	}
	return r->cnt > 0 ? &r->finding[0] : NULL;
}

bool pki_report_has(const struct pki_report *r, const char *code)
{
	size_t i;

	for (i = 0; i < r->cnt; i++) {
		if (strcmp(r->finding[i].code, code) == 0)
			return true;
	}
	return false;
}
