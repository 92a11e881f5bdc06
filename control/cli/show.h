/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How each answer of the daemon looks to a person; fields and layout are the vendor's, our own follow
 * theirs. What an answer lacks prints "N/A".
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

struct show {
	FILE *f;
	const char *router, *node; /* whom we asked; "" when not known */
	const char *only;          /* the one element that was asked for; NULL: all */
	const char *view;          /* "security", "certificate", "detail", ...; NULL: the table */
};

void show_peers(const struct show *s, json_t *answer);
void show_key_status(const struct show *s, json_t *answer);
void show_alarms(const struct show *s, json_t *answer);
void show_events(const struct show *s, json_t *answer);
void show_stats(const struct show *s, json_t *answer);
void show_revocation(const struct show *s, json_t *answer);
void show_trusted_ca(const struct show *s, json_t *answer);
void show_certificates(const struct show *s, json_t *answer);
void show_ingested(const struct show *s, json_t *answer);
void show_enrolment(const struct show *s, json_t *answer);
void show_publication(const struct show *s, json_t *answer);
void show_version(const struct show *s, json_t *answer);
void show_history(const struct show *s, json_t *answer);
void show_users(const struct show *s, json_t *answer);
void show_all(const struct show *s, json_t *answer); /* field by field */
void show_done(const struct show *s, json_t *answer);
