/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every way from a certificate up to an anchor, one after the other. OpenSSL follows one path and
 * gives up with it; where a CA is cross-signed or has renewed its certificate, another may stand.
 * A step goes to a certificate whose subject is the issuer's name and whose key identifier fits; a
 * path never holds the same name with the same key twice, and is shown when it has reached an
 * anchor and its signatures verify. Short paths come first, and of those of one length the ones
 * over certificates that are valid now. Bounded in steps, signatures and paths, so that no tangle
 * of cross-certificates can hold the caller up. Any thread.
 */
#pragma once

#include <stdbool.h>

#include <openssl/x509.h>

#include "pki/view/bytes.h"
#include "pki/x509/path.h"

#define PKI_WALK_STEP_MAX      4096 /* pairs of issuer and subject looked at */
#define PKI_WALK_SIGNATURE_MAX 128
#define PKI_WALK_PATH_MAX      32

/* One path, leaf first, anchor last; borrowed. true ends the walk. */
typedef bool (*pki_path_visit_fn)(void *ctx, X509 *const *path, int len);

enum pki_walk_end {
	PKI_WALK_TAKEN,     /* visit said so */
	PKI_WALK_EXHAUSTED, /* there is no further path */
	PKI_WALK_BOUNDED,   /* there may be, but the bounds were met */
};
enum pki_walk_end pki_path_walk(const struct pki_path_args *args, X509 *cert,
	pki_path_visit_fn visit, void *ctx) __attribute__((warn_unused_result));
