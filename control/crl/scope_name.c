/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/crl/scope_name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#define POINT_HEX_LEN 32

/* A partition that no URI names is known by its issuing distribution point. 0; -EIO. */
static int name_point(struct rk_span idp, char out[CRL_SCOPE_NAME_MAX])
{
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (EVP_Digest(idp.data, idp.len, digest, NULL, EVP_sha256(), NULL) != 1)
		return -EIO;
	strcpy(out, "point ");
	for (size_t i = 0; i < POINT_HEX_LEN / 2; i++)
		snprintf(out + 6 + 2 * i, 3, "%02x", digest[i]);
	return 0;
}

int crl_scope_name(const struct pki_crl_info *info, char out[CRL_SCOPE_NAME_MAX])
{
	const struct pki_crl_scope *scope = &info->scope;
	char reasons[32] = "";
	size_t len;
	int ret = 0;

	out[0] = '\0';
	if (scope->is_partition && scope->url_cnt > 0)
		strcpy(out, scope->url[0]);
	else if (scope->is_partition)
		ret = name_point(info->idp, out);
	if (scope->reasons != PKI_CRL_REASONS_ALL)
		snprintf(reasons, sizeof(reasons), " reasons %03x", scope->reasons);
	len = strlen(out);
	snprintf(out + len, CRL_SCOPE_NAME_MAX - len, "%s%s%s",
		scope->is_user_only ? " user"
		: scope->is_ca_only ? " ca"
				    : "",
		scope->is_indirect ? " indirect" : "", reasons);
	if (out[0] == ' ')
		memmove(out, out + 1, strlen(out));
	return ret;
}
