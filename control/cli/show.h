/* SPDX-License-Identifier: BSD-3-Clause */
/* How each answer of the daemon looks to a person; fields and layout are the vendor's. */
#pragma once

#include <jansson.h>
#include <stdio.h>

void show_peers(FILE *f, const json_t *answer);
void show_peers_security(FILE *f, const json_t *answer);
void show_alarms(FILE *f, const json_t *answer);
void show_events(FILE *f, const json_t *answer);
void show_stats(FILE *f, const json_t *answer);
void show_revocation(FILE *f, const json_t *answer);
void show_trusted_ca(FILE *f, const json_t *answer);
void show_publication(FILE *f, const json_t *answer);
void show_rotated(FILE *f, const json_t *answer);
