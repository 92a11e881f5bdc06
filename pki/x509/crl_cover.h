/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a list says about a certificate (RFC 5280 6.3.3, without dates and signatures): whether it
 * speaks about it at all, for which reasons of revocation, and whether it names it. Pure; any thread.
 */
#pragma once

#include <stdbool.h>

#include <openssl/x509.h>

#include "pki/view/bytes.h"
#include "pki/x509/cert_kind.h"
#include "pki/x509/crl.h"

/*
 * The reasons for which the list would name a certificate of this kind, had it been revoked: bits as
 * in struct pki_crl_scope, PKI_CRL_REASONS_ALL for a list that tells everything, 0 when the list does
 * not cover it. Issuer (6.3.3 b 1): the certificate's own, or the cRLIssuer of one of
 * its distribution points, and then the list is indirect. Scope (b 2): users, CAs, the name of the
 * distribution point. A delta list covers what its base does.
 */
unsigned pki_crl_cover(const struct pki_crl *crl, const struct pki_kind *kind) RK_MUST_CHECK;

/*
 * For an index of many lists. Visits the URIs of its distribution point if it covers no kind but
 * those that name one of them; false: it may cover others, and nothing was visited.
 */
typedef void (*pki_uri_visit)(void *ctx, struct rk_span uri);
bool pki_crl_is_by_uri(const struct pki_crl *crl, pki_uri_visit visit, void *ctx) RK_MUST_CHECK;
/* Every URI by which such a list may cover this kind. */
void pki_kind_visit_uris(const struct pki_kind *kind, pki_uri_visit visit, void *ctx);

/*
 * The entry of the certificate: same serial, and the entry's issuer (of an indirect list, else the
 * list's) is the certificate's. Where several name it, one that revokes comes before one that
 * takes a revocation back. false: not named.
 */
bool pki_crl_find(
	const struct pki_crl *crl, const X509 *cert, struct pki_crl_entry *out) RK_MUST_CHECK;
