/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The listener's TLS: 1.2 and above, ECDHE and AEAD only, with the certificate in STATE/web.pem
 * and its key in STATE/web.key (0600). The first start makes a self-signed one (ECDSA P-256) for
 * this host's name and localhost; an operator may put others in their place.
 */
#pragma once

#include <stddef.h>

#include <openssl/x509.h>

#include "control/config.h"

/*
 * state, pki: the open folders. With a client_ca, clients are asked for a certificate, and one that
 * they show must be good. 0 with *out owned by the caller; -errno, logged.
 */
int tls_open(int state, int pki, const struct config_rest *config, SSL_CTX **out)
	__attribute__((warn_unused_result));

/*
 * The CAs of client certificates in NAME.pem of the PKI folder; freed with sk_X509_pop_free.
 * -errno with the reason in why: a file that is damaged in one place is not taken at all. Any
 * thread.
 */
int tls_read_client_ca(int pki, const char *name, char *why, size_t size, STACK_OF(X509) * *out)
	__attribute__((warn_unused_result));
