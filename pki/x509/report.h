/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What was found wrong with something somebody submitted: an ordered, bounded list of findings,
 * each with a stable code, a sentence and what to do. Caller's memory, no allocation, no pointers
 * but to static text; one thread at a time. Every function that takes a report accepts NULL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define PKI_REPORT_MAX  24
#define PKI_TEXT_MAX    240
#define PKI_SUBJECT_MAX 160

enum pki_severity {
	PKI_WARNING = 1,
	PKI_ERROR = 2, /* refuses */
};

struct pki_finding {
	enum pki_severity severity;
	const char *code;              /* kebab-case, stable, static */
	const char *advice;            /* what to do; static, never NULL */
	char subject[PKI_SUBJECT_MAX]; /* which certificate, bundle or list; may be empty */
	char text[PKI_TEXT_MAX];       /* a sentence; printable UTF-8 only */
};

struct pki_report {
	size_t cnt;         /* findings kept */
	size_t dropped_cnt; /* findings beyond PKI_REPORT_MAX: counted, not kept */
	size_t error_cnt;   /* of kept and dropped ones */
	size_t warning_cnt;
	char about[PKI_SUBJECT_MAX]; /* subject of the findings that follow */
	struct pki_finding finding[PKI_REPORT_MAX];
};

void pki_report_init(struct pki_report *r);
/* Whom the findings that follow are about; printf-like, control characters replaced. */
void pki_report_about(struct pki_report *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * Adds a finding. An error pushes the last warning out when the list is full, so that a flood of
 * warnings cannot hide it. code and advice must be static strings.
 */
void pki_report_add(struct pki_report *r, enum pki_severity severity, const char *code,
	const char *advice, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The first error, else the first warning, else NULL. */
const struct pki_finding *pki_report_first(const struct pki_report *r);
bool pki_report_has(const struct pki_report *r, const char *code);
