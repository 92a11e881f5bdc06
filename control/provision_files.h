/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys and certificates in the PKI directory: NAME.key (0600), NAME.csr, NAME.pem, and, while a
 * replacement is under way, NAME.key.new (the key that has no certificate yet) and for an instant
 * NAME.pem.new.
 *
 * Guarantees: F1 NAME.key and NAME.pem belong together at every instant at which both are read
 * after provision_files_recover. F2 a switch is decided by NAME.pem.new being whole on disk: what
 * recovery finds then is carried to its end, else it never was. F3 a key is never overwritten but
 * by a switch, and never exists with wider permissions than 0600.
 */
#pragma once

#include <stdbool.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "pki/view/bytes.h"
#include "pki/x509/key.h"

/* Which of a name's keys. */
enum provision_key {
	PROVISION_KEY_CURRENT, /* NAME.key */
	PROVISION_KEY_NEXT,    /* NAME.key.new */
};

/* Ends what a crash interrupted, for every name in the folder. 0 or -errno. */
int provision_files_recover(int dir) RK_MUST_CHECK;

bool provision_has_key(int dir, const char *name, enum provision_key which);
bool provision_has_certificate(int dir, const char *name);
/* -ENOENT; -EPERM when others may read it; -EBADMSG; -errno. */
int provision_read_key(
	int dir, const char *name, enum provision_key which, EVP_PKEY **out) RK_MUST_CHECK;
/* CURRENT: -EEXIST when there is one. NEXT: takes the place of another one without certificate. */
int provision_write_key(int dir, const char *name, enum provision_key which,
	const struct pki_secret_text *pem) RK_MUST_CHECK;
int provision_write_request(int dir, const char *name, const char *pem) RK_MUST_CHECK;
/* The certificate for the current key, or for the next one: then both change over. */
int provision_write_certificate(
	int dir, const char *name, enum provision_key which, const char *pem) RK_MUST_CHECK;
