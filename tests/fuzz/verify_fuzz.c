/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Offline verification: anchors, untrusted certificates, lists and the certificate, in this order,
 * with '#' between them. Whatever they are, there is an answer, and a good one says nothing bad.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "pki/x509/verify.h"

#define NOW INT64_C(1795500000) /* the seeds are valid then */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_true)
{
	if (!is_true)
		abort();
}

static struct pki_verify_text take(const char **next, const char *end)
{
	const char *mark = memchr(*next, '#', (size_t)(end - *next));
	struct pki_verify_text t = {*next, 0};

	t.len = (size_t)((mark != NULL ? mark : end) - *next);
	*next = mark != NULL ? mark + 1 : end;
	return t;
}

static void judge(const struct pki_verify_args *args, struct pki_verify_result *r)
{
	require(pki_verify(args, r) == 0);
	require(r->code != NULL && r->reason[0] != '\0');
	require(r->is_valid == (strcmp(r->code, "valid") == 0));
	require(r->is_valid == (r->report.error_cnt == 0));
	require(!r->is_valid || r->verdict.status == RK_VERDICT_GOOD);
	require(ERR_peek_error() == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char empty[] = "";
	const char *next = size > 0 ? (const char *)data : empty, *end = next + size;
	struct pki_verify_args args = {.now = NOW};
	struct pki_verify_result *r = malloc(sizeof(*r));
	bool was_valid;

	require(r != NULL);
	args.anchors = take(&next, end);
	args.untrusted = take(&next, end);
	args.crls = take(&next, end);
	args.cert = take(&next, end);
	judge(&args, r);
	was_valid = r->is_valid;
	args.crls.len = 0; /* asking less refuses less */
	judge(&args, r);
	require(r->is_valid || !was_valid);
	free(r);
	return 0;
}
