/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The syntax of names that OpenSSL compares without looking at: a subtree that is written wrongly
 * may match nothing, and an excluded one then excludes nothing. Pure; any thread.
 */
#pragma once

#include <stdbool.h>

#include <openssl/x509v3.h>

#include "pki/view/bytes.h"

/*
 * Of a subjectAltName (RFC 5280 4.2.1.6): DNS names of letters, digits, '-' and '_' in labels that
 * are not empty, the first of which may be "*"; one '@' in an address; an absolute URI, and where
 * it has an authority, that is a host by name and perhaps a port, with no other colon behind it; 4
 * or 16 octets of IP address; other forms as they come.
 */
bool pki_alt_name_is_sound(const GENERAL_NAME *name) RK_MUST_CHECK;

/*
 * A base of a name constraint (4.2.1.10): a DNS name without a leading period or a wildcard, or
 * empty for all; an address, a host or a domain with its leading period for mail; the latter two
 * for URIs; an IP address with a contiguous mask. Other forms as they come: OpenSSL refuses a path
 * in which they would have to be compared.
 */
bool pki_constraint_base_is_sound(const GENERAL_NAME *base) RK_MUST_CHECK;
/* Both lists of a constraint: some subtree at all, no minimum, no maximum, sound bases. */
bool pki_name_constraints_are_sound(const NAME_CONSTRAINTS *nc) RK_MUST_CHECK;
/*
 * Whether a wildcard among the names could stand for a host that is excluded, though as a text it is
 * not below what is: OpenSSL compares texts.
 */
bool pki_name_constraints_exclude_wildcard(
	const NAME_CONSTRAINTS *nc, const GENERAL_NAMES *names) RK_MUST_CHECK;
