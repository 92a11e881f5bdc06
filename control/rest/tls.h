/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The listener's TLS: 1.2 and above, ECDHE and AEAD only, with the certificate in STATE/web.pem
 * and its key in STATE/web.key (0600). The first start makes a self-signed one (ECDSA P-256) for
 * this host's name and localhost; an operator may put others in their place.
 */
#pragma once

#include <openssl/types.h>

/* dir: the open state folder. 0 with *out owned by the caller; -errno, logged. */
int tls_open(int dir, SSL_CTX **out) __attribute__((warn_unused_result));
