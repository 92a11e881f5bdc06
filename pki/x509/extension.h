/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Extensions of certificates and lists as they are written (RFC 5280 4.1, 4.2). OpenSSL decodes
 * them one by one, when asked, and leniently: what follows a value, or is written in more octets than
 * DER wants, it does not see. Pure; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "pki/view/bytes.h"
#include "pki/x509/algorithm.h"

/* One Extension: which, whether critical, and what is inside its OCTET STRING. */
struct pki_extension {
	struct rk_span oid; /* content octets */
	bool is_critical;
	struct rk_span value; /* one strict DER element where the RFC defines it (id-ce, id-pe) */
};
/* The next of a list of extensions; false: none left, or bad encoding (in is then not empty). */
bool pki_extension_next(struct rk_span *in, struct pki_extension *out) RK_MUST_CHECK;
/* The OID is id-ce (2.5.29) and this arc. */
bool pki_extension_is(const struct pki_extension *e, uint8_t arc);

/*
 * The extensions of a certificate that is strict DER outside of them: each well written,
 * keyUsage without zero bits at its end, basicConstraints without its default.
 */
bool pki_cert_extensions_are_der(const uint8_t *der, size_t len) RK_MUST_CHECK;

/*
 * What is wrong with one of a certificate's extensions by itself; NULL = nothing, or not the RFC's.
 * Codes: bad-extension (not decodable; a list without element; an empty or half identifier),
 * unknown-critical-extension (nothing here acts on it, whatever OpenSSL thinks).
 */
const struct pki_problem *pki_extension_problem(X509_EXTENSION *extension);
