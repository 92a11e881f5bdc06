/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/identity.h"

#include <string.h>

enum pki_identity pki_identity_match(const struct rk_verdict *v, const char *name, size_t len)
{
	const size_t prefix_len = strlen(RK_PEERING_URN);
	size_t i;

	/* As the data plane has it: without exactly one CN that is one, nothing names a router. */
	if (len == 0 || v->cn_cnt != 1 || v->cn_len == 0)
		return PKI_IDENTITY_NONE;
	if (v->cn_len == len && memcmp(v->cn, name, len) == 0)
		return PKI_IDENTITY_COMMON_NAME;
	for (i = 0; i < v->uri_cnt; i++) {
		if (v->uri_len[i] == prefix_len + len &&
			memcmp(v->uri[i], RK_PEERING_URN, prefix_len) == 0 &&
			memcmp(v->uri[i] + prefix_len, name, len) == 0)
			return PKI_IDENTITY_URI;
	}
	return PKI_IDENTITY_NONE;
}
