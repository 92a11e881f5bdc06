/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sources that one CRL makes while it is walked: one for its own issuer's certificates, and of an
 * indirect CRL one for each other issuer that its entries name (RFC 5280 5.3.3). One thread.
 */
#pragma once

#include <stddef.h>

#include "pki/store/master_list.h"
#include "pki/x509/crl.h"
#include "pki/x509/report.h"

#define CRL_SUBJECT_MAX 1024 /* issuers that one list may name, and ways it may spell them */

struct crl_group;

/*
 * Copies about, whose subject is empty; what entries point to stays until the end. issuer_hash: of
 * the CRL's own issuer. 0; -EINVAL, -ENOMEM.
 */
int crl_group_new(const struct master_source_info *about,
	const uint8_t issuer_hash[PKI_ISSUER_HASH_LEN], struct crl_group **out) RK_MUST_CHECK;
void crl_group_free(struct crl_group *g); /* without finishing; NULL is fine */
/* All entries will come from so many octets of DER. */
void crl_group_expect(struct crl_group *g, size_t octets);
/* Takes keys, for entries of its own issuer's certificates: see master_builder_key. */
void crl_group_key(struct crl_group *g, struct master_keys *keys);
/* 0; -EBADMSG: an issuer cannot be read; -E2BIG: too many issuers; -EINVAL, -ENOMEM. */
int crl_group_add(struct crl_group *g, const struct pki_crl_entry *entry, size_t cnt) RK_MUST_CHECK;
/* Sorts. How many entries name a certificate that another one names. */
size_t crl_group_repeated(struct crl_group *g);
/*
 * Frees g. *out: an array of *cnt counted sources in order, its own issuer's first; both the caller's.
 * 0; -ENOMEM, with nothing in out.
 */
int crl_group_finish(struct crl_group *g, struct master_source ***out, size_t *cnt) RK_MUST_CHECK;
