/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys and certificates in the PKI directory: NAME.key (0600), NAME.csr, NAME.pem, and, while a
 * replacement is under way, NAME.key.new (the key that has no certificate yet) and for an instant
 * NAME.pem.new and NAME.key.old.
 *
 * Guarantees: F1 NAME.key and NAME.pem belong together at every instant at which both are read
 * after provision_files_recover, and whenever a call returns. F2 a switch is decided by NAME.pem.new
 * being whole on disk: what recovery finds then is carried to its end, else it never was; a switch
 * that fails while it runs is taken back at once. F3 a key is never overwritten but by a switch,
 * never exists with wider permissions than 0600, and is overwritten when it goes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "pki/view/bytes.h"
#include "pki/x509/key.h"

#define PROVISION_NAME_MAX 64
#define PROVISION_LIST_MAX 256

/* Letters, digits, '_', '-', '.', no dot in front, 1 to 64: what a credential may be called. */
bool provision_is_name(const char *text);

/* Which of a name's keys. */
enum provision_key {
	PROVISION_KEY_CURRENT, /* NAME.key */
	PROVISION_KEY_NEXT,    /* NAME.key.new */
};

/* Ends what a crash interrupted, for every name in the folder. 0 or -errno. */
int provision_files_recover(int dir) RK_MUST_CHECK;

bool provision_has_key(int dir, const char *name, enum provision_key which);
bool provision_has_certificate(int dir, const char *name);
bool provision_has_request(int dir, const char *name);
/* Every name that has a key or a certificate, ascending, the first PROVISION_LIST_MAX found. */
struct provision_names {
	size_t cnt;
	char name[PROVISION_LIST_MAX][PROVISION_NAME_MAX + 1];
};
int provision_list_names(int dir, struct provision_names *out) RK_MUST_CHECK;

/* -ENOENT; -EPERM when others may read it; -EBADMSG; -errno. */
int provision_read_key(
	int dir, const char *name, enum provision_key which, EVP_PKEY **out) RK_MUST_CHECK;
/* CURRENT: -EEXIST when there is one. NEXT: takes the place of another one without certificate. */
int provision_write_key(int dir, const char *name, enum provision_key which,
	const struct pki_secret_text *pem) RK_MUST_CHECK;
int provision_read_certificate(int dir, const char *name, X509 **out) RK_MUST_CHECK;
int provision_write_request(int dir, const char *name, const char *pem) RK_MUST_CHECK;
/*
 * The certificate for the current key, or for the next one: then both change over. -EKEYREJECTED
 * when it is not for that key. On failure the pair that stood stands.
 */
int provision_write_certificate(
	int dir, const char *name, enum provision_key which, const char *pem) RK_MUST_CHECK;
/* 0, -ENOENT, -errno. What a key's file held is overwritten. */
int provision_remove_key(int dir, const char *name, enum provision_key which) RK_MUST_CHECK;
int provision_remove_request(int dir, const char *name) RK_MUST_CHECK;
int provision_remove_certificate(int dir, const char *name) RK_MUST_CHECK;
