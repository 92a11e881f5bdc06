/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Items that the vendor's configuration has in our scope and this one has not, or has by another
 * name: each is refused with a sentence that says what to use, or why there is no such thing. Taking
 * one without effect would promise what is not kept. Any thread.
 */
#pragma once

#include <stdio.h>

/* What to say of such a field below parent ("router", "peer", ...); NULL: it is not one of them. */
const char *config_foreign_advice(const char *parent, const char *field);
/* Rows of a Markdown table: the vendor's item, what is here, why. */
void config_foreign_print(FILE *out);
