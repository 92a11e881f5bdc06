/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our own keys, requests and certificates: what the seed procedure's three calls do. Files in the
 * PKI directory: NAME.key (0600), NAME.csr, NAME.pem. Requests are parsed bodies whose field names
 * are the vendor's; unknown fields, wrong types and out-of-range values are refused with the
 * field's name and nothing changed. cb is called exactly once, on the loop thread, maybe later.
 */
#pragma once

#include <openssl/types.h>

#include "control/answer.h"
#include "control/daemon.h"
#include "pki/x509/key.h"

#define PROVISION_VALIDITY_DAYS_MAX 36500

/* The name is one that a key may have; otherwise the error is filled. */
bool provision_check_name(const char *name, struct answer *out);
/* A request's fields are sound, whether there is a key or not; otherwise the error is filled. */
bool provision_check_request(const json_t *request, struct answer *out);
/*
 * algorithm, rsa_key_size (0 = not given), ecc_curve as the API names them; false with the error
 * filled.
 */
bool provision_read_spec(const char *algorithm, json_int_t rsa_bits, const char *curve,
	struct pki_key_spec *out, struct answer *error);
/* Loads what is on disk and removes stray temporaries. 0 or -errno. */
int provision_open(struct daemon *d, struct provision **out) __attribute__((warn_unused_result));
void provision_close(struct provision *p);

/*
 * Answers. 200; 400 for a body or certificate that cannot be what it should; 404 when there is no
 * such key; 409 when a key exists already, or the certificate is for another key; 422 when the
 * certificate is refused by validation or revocation; error.detail has the findings, each with
 * code, sentence and advice.
 */
/* name, algorithm, rsa_key_size (number or decimal string), ecc_curve, replace. */
void provision_create_key(struct provision *p, const json_t *request, answer_cb cb, void *arg);
/* name, common_name, ..., subject_alt_names -> {"csr": PEM} */
void provision_request(struct provision *p, const json_t *request, answer_cb cb, void *arg);
/* For the next key, with the subject and names of the certificate that stands -> {"csr": PEM} */
void provision_renew_request(struct provision *p, const char *name, answer_cb cb, void *arg);
/*
 * name, certificate: the three checks in order (no private key and the key is ours; parse and
 * validate; not revoked), then disk, then publication. must_exist: PUT.
 */
void provision_ingest(
	struct provision *p, const json_t *request, bool must_exist, answer_cb cb, void *arg);
/*
 * DELETE. A key goes with its request, and not while its certificate stands (409); a replacement
 * key that waits for its certificate goes first, alone. Without its certificate this router stops
 * peering: the answer tells how far the workers are.
 */
void provision_delete_key(struct provision *p, const char *name, answer_cb cb, void *arg);
void provision_delete_request(struct provision *p, const char *name, answer_cb cb, void *arg);
void provision_delete_certificate(struct provision *p, const char *name, answer_cb cb, void *arg);
/*
 * The files of the credential that peering uses have been changed by somebody else: they are read
 * again. {"reloaded": [name], "is_usable", "publication"}, with "warnings" when they are of no use.
 */
void provision_reload(struct provision *p, answer_cb cb, void *arg);

/*
 * {"certificates": [{"name", "is_for_peering", "has_key", "has_replacement_key", "has_request",
 * "certificate": null or {"subject", "issuer", "serial", "not_before", "not_after", "key_type",
 * "signature_algorithm", "fingerprint", "fingerprint_sha1"}}]}
 */
void provision_list(const struct provision *p, struct answer *out);
/* One of these; its certificate also has names, text, and what validation says of it now:
 * "common_names", "alt_names", "crl_urls", "purpose", "pem", "status", "findings". */
void provision_show(const struct provision *p, const char *name, struct answer *out);
/* Any certificate in that form: null when it cannot be read. The caller's. */
json_t *provision_describe(struct daemon *d, X509 *cert, bool is_detailed);
