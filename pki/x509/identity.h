/* SPDX-License-Identifier: BSD-3-Clause */
/* Who a judged certificate belongs to. Pure; any thread. */
#pragma once

#include <stddef.h>

#include "pki/view/bytes.h"
#include "pki/view/verdict.h"

enum pki_identity {
	PKI_IDENTITY_NONE = 0,
	PKI_IDENTITY_COMMON_NAME = 1, /* the one CN equals the name, byte for byte */
	PKI_IDENTITY_URI = 2,         /* a SAN URI equals RK_PEERING_URN and the name */
};

/*
 * Does the certificate carry this peering-common-name? The CN is asked first, then the SAN URIs;
 * neither when there is no CN or more than one. Says nothing about v->status, nor about whether the
 * CN names another peer (the caller knows its peers).
 */
enum pki_identity pki_identity_match(
	const struct rk_verdict *v, const char *name, size_t len) RK_MUST_CHECK;
