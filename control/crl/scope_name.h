/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The name of a list's scope: lists that differ in it stand beside each other, with numbers of their
 * own. "" for a full list, else words: where it is distributed, "user" or "ca", "indirect", "reasons"
 * and their bits.
 */
#pragma once

#include "pki/x509/crl.h"

#define CRL_SCOPE_NAME_MAX (PKI_URL_MAX + 64)

/* 0; -EIO. */
int crl_scope_name(const struct pki_crl_info *info, char out[CRL_SCOPE_NAME_MAX]) RK_MUST_CHECK;
