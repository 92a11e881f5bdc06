/* SPDX-License-Identifier: BSD-3-Clause */
/* Text that others wrote, before it reaches a log, an answer or a terminal. Any thread. */
#pragma once

#include <stddef.h>

/*
 * Each byte of what acts on a terminal becomes '?': C0 but what is in keep, DEL, C1 (as UTF-8), and
 * what ends a line or turns the direction of writing (U+2028 to U+202E, U+2066 to U+2069), by which
 * one name is shown as another.
 */
void rk_make_plain(char *text, size_t len, const char *keep);
