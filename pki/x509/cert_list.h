/* SPDX-License-Identifier: BSD-3-Clause */
/* The certificates of a file that an operator or a verifier hands in. Any thread. */
#pragma once

#include <stddef.h>

#include <openssl/x509.h>

#include "pki/view/bytes.h"
#include "pki/x509/report.h"

/*
 * Appends every PEM block of text to list, in its order; text between blocks is ignored. All or
 * nothing: a damaged block, one that is no certificate, no block at all or more than max in list
 * is -EBADMSG with a finding that names the block, and list is as it was. -ENOMEM.
 */
int pki_cert_list_parse(const char *text, size_t len, int max, struct pki_report *report,
	STACK_OF(X509) * list) RK_MUST_CHECK;
