/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where in the configuration the shell stands: a path of field names and list keys, as REST's
 * operations name items, in levels that "exit" leaves one by one.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "pki/view/bytes.h"

#define CONTEXT_DEPTH_MAX 16

struct context {
	json_t *path;                    /* array of text; empty: not in the configuration */
	size_t level[CONTEXT_DEPTH_MAX]; /* segments of the path that each level begins with */
	size_t depth;
	char label[160]; /* "trusted-ca-certificate[name=x]", of the innermost level */
};

void context_init(struct context *c);
void context_fini(struct context *c);
/*
 * Takes the path. level: where each of its depth levels begins; key: the field that names an element
 * of the innermost one, NULL when it is none or goes by its number.
 */
void context_set(
	struct context *c, json_t *path, const size_t *level, size_t depth, const char *key);
void context_top(struct context *c);
