/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The digest of a large part, taken by a second thread while the part is still being written: of
 * millions of entries it is a tenth of a second that nobody has to wait for.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pki/view/bytes.h"
#include "pki/view/snapshot.h"

struct part_digest;

/* Over size bytes from map on; borrowed until the end. NULL: no memory, or no thread to spare. */
struct part_digest *part_digest_begin(const uint8_t *map, size_t size);
/* What is before end will not change any more. end does not decrease. */
void part_digest_settle(struct part_digest *d, size_t end);
/* Settles all, and waits. Frees d. 0 or -EIO. */
int part_digest_finish(struct part_digest *d, uint8_t out[RK_DIGEST_LEN]) RK_MUST_CHECK;
void part_digest_abort(struct part_digest *d); /* NULL is fine */
