/* SPDX-License-Identifier: BSD-3-Clause */
/* A configuration as the commands of the shell that would make it. */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "control/cli/place.h"

/* value: what the daemon holds at the place. What the schema does not know is left out. */
void config_text_print(FILE *f, const json_t *schema, const struct place *at, const json_t *value);
/* One change of GET /configuration/diff a line or two: "- path old", "+ path new". */
void config_text_changes(FILE *f, const json_t *changes);
