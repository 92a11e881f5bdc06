/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The certificates we trust: anchors (self-signed) and intermediates, from named bundles. Immutable
 * and atomically counted: a helper thread validates with the one it was given while main installs
 * another. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "pki/view/bytes.h"
#include "pki/x509/report.h"

#define PKI_BUNDLE_TEXT_MAX (1024 * 1024)
#define PKI_TRUST_CERT_MAX  512 /* over all bundles, duplicates not counted */
#define PKI_KEY_HASH_LEN    32

/*
 * STRICT: any finding is an error and refuses the whole set. WARN: findings become warnings; what
 * validation would refuse at run time anyway (weak algorithm, not a CA, basicConstraints missing
 * or not critical, bad self-signature, unreadable) is left out, the rest (expired, not yet valid,
 * incomplete chain, duplicate) is kept and judged at run time. A bundle without a single PEM block,
 * or with a private key in it, is refused under both. What is on disk was accepted once: load it
 * with WARN, so that a certificate that expired since does not take the others down.
 */
enum pki_validation_mode {
	PKI_MODE_STRICT = 0,
	PKI_MODE_WARN = 1,
};

struct pki_bundle {
	const char *name;
	const char *text; /* any number of PEM blocks, any order, text between them ignored */
	size_t len;
	enum pki_validation_mode mode;
};

struct pki_trust_config {
	const struct pki_bundle *bundle;
	size_t bundle_cnt; /* 0: nothing is trusted */
	uint64_t generation;
	int64_t now; /* for the dates */
	bool is_ed25519_allowed;
	bool is_any_anchor; /* every certificate is an anchor, self-signed or not */
	/*
	 * A self-signed certificate that is no CA and could be a router's identity is taken as
	 * an anchor for itself and nothing else.
	 */
	bool is_self_signed_allowed;
};

struct pki_trust;

/* 0 with one reference; -EINVAL with findings (subject: bundle and certificate); -ENOMEM. */
int pki_trust_new(const struct pki_trust_config *config, struct pki_report *report,
	struct pki_trust **out) RK_MUST_CHECK;
struct pki_trust *pki_trust_get(struct pki_trust *t);
void pki_trust_put(struct pki_trust *t); /* NULL is fine */

uint64_t pki_trust_generation(const struct pki_trust *t);
bool pki_trust_is_any_anchor(const struct pki_trust *t);
/* Every CA certificate that is in force, in the order of the bundles. */
struct pki_ca {
	X509 *cert;         /* borrowed */
	const char *bundle; /* the first bundle that has it */
	bool is_anchor;
	/* SHA-256 of its SubjectPublicKeyInfo as it stands there: tells CAs of one name apart */
	uint8_t key_hash[PKI_KEY_HASH_LEN];
};
size_t pki_trust_ca_cnt(const struct pki_trust *t);
const struct pki_ca *pki_trust_ca(const struct pki_trust *t, size_t i);
/* The next CA with this subject at or after *i (which is moved past it); NULL = no more. */
const struct pki_ca *pki_trust_find_ca(
	const struct pki_trust *t, const X509_NAME *subject, size_t *i);

/* Some CA certificate in force has this key. */
bool pki_trust_has_key(const struct pki_trust *t, const uint8_t key_hash[PKI_KEY_HASH_LEN]);

/* The self-signed router certificates that are trusted by themselves. */
size_t pki_trust_self_signed_cnt(const struct pki_trust *t);
const struct pki_ca *pki_trust_self_signed(const struct pki_trust *t, size_t i);
bool pki_trust_has_self_signed(const struct pki_trust *t, const X509 *cert);

/* For validate.c: borrowed, safe to share between threads. */
X509_STORE *pki_trust_store(const struct pki_trust *t);
STACK_OF(X509) * pki_trust_intermediates(const struct pki_trust *t);
