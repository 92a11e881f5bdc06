/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/path.h"

#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "pki/x509/path_walk.h"

#define SECURITY_LEVEL 2 /* 112 bits */

static const struct error_meaning {
	int error;
	enum rk_verdict_status status;
	const char *code;
} meanings[] = {
	{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, RK_VERDICT_UNTRUSTED, "untrusted"},
	{X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, RK_VERDICT_UNTRUSTED, "untrusted"},
	{X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, RK_VERDICT_UNTRUSTED, "untrusted"},
	{X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, RK_VERDICT_UNTRUSTED, "self-signed"},
	{X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, RK_VERDICT_UNTRUSTED, "untrusted-root"},
	{X509_V_ERR_CERT_UNTRUSTED, RK_VERDICT_UNTRUSTED, "untrusted"},
	{X509_V_ERR_SUBJECT_ISSUER_MISMATCH, RK_VERDICT_UNTRUSTED, "untrusted"},
	{X509_V_ERR_AKID_SKID_MISMATCH, RK_VERDICT_UNTRUSTED, "untrusted"},
	{X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH, RK_VERDICT_UNTRUSTED, "untrusted"},
	{X509_V_ERR_CERT_SIGNATURE_FAILURE, RK_VERDICT_UNTRUSTED, "bad-signature"},
	{X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE, RK_VERDICT_UNTRUSTED, "bad-signature"},
	{X509_V_ERR_CERT_HAS_EXPIRED, RK_VERDICT_EXPIRED, "expired"},
	{X509_V_ERR_CERT_NOT_YET_VALID, RK_VERDICT_NOT_YET_VALID, "not-yet-valid"},
	{X509_V_ERR_CERT_CHAIN_TOO_LONG, RK_VERDICT_NOT_ALLOWED, "chain-too-long"},
	{X509_V_ERR_PATH_LENGTH_EXCEEDED, RK_VERDICT_NOT_ALLOWED, "path-length-exceeded"},
	{X509_V_ERR_PERMITTED_VIOLATION, RK_VERDICT_NOT_ALLOWED, "name-not-permitted"},
	{X509_V_ERR_EXCLUDED_VIOLATION, RK_VERDICT_NOT_ALLOWED, "name-excluded"},
	{X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE, RK_VERDICT_NOT_ALLOWED, "bad-name-constraints"},
	{X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX, RK_VERDICT_NOT_ALLOWED, "bad-name-constraints"},
	{X509_V_ERR_UNSUPPORTED_NAME_SYNTAX, RK_VERDICT_NOT_ALLOWED, "bad-name-constraints"},
	{X509_V_ERR_SUBTREE_MINMAX, RK_VERDICT_NOT_ALLOWED, "bad-name-constraints"},
	{X509_V_ERR_INVALID_CA, RK_VERDICT_NOT_ALLOWED, "not-a-ca"},
	{X509_V_ERR_INVALID_NON_CA, RK_VERDICT_NOT_ALLOWED, "ca-as-leaf"},
	{X509_V_ERR_KEYUSAGE_NO_CERTSIGN, RK_VERDICT_NOT_ALLOWED,
		"key-usage-without-certificate-signing"},
	{X509_V_ERR_CA_CERT_MISSING_KEY_USAGE, RK_VERDICT_NOT_ALLOWED,
		"key-usage-without-certificate-signing"},
	{X509_V_ERR_CA_BCONS_NOT_CRITICAL, RK_VERDICT_NOT_ALLOWED,
		"basic-constraints-not-critical"},
	{X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER, RK_VERDICT_NOT_ALLOWED,
		"no-authority-key-identifier"},
	{X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER, RK_VERDICT_NOT_ALLOWED,
		"no-subject-key-identifier"},
	{X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, RK_VERDICT_NOT_ALLOWED,
		"unknown-critical-extension"},
	{X509_V_ERR_EC_KEY_EXPLICIT_PARAMS, RK_VERDICT_NOT_ALLOWED, "explicit-ec-parameters"},
	{X509_V_ERR_EE_KEY_TOO_SMALL, RK_VERDICT_NOT_ALLOWED, "weak-key"},
	{X509_V_ERR_CA_KEY_TOO_SMALL, RK_VERDICT_NOT_ALLOWED, "weak-key"},
	{X509_V_ERR_CA_MD_TOO_WEAK, RK_VERDICT_NOT_ALLOWED, "weak-signature-algorithm"},
	{X509_V_ERR_NO_EXPLICIT_POLICY, RK_VERDICT_NOT_ALLOWED, "policy-not-met"},
	{X509_V_ERR_INVALID_POLICY_EXTENSION, RK_VERDICT_NOT_ALLOWED, "bad-extension"},
	{X509_V_ERR_INVALID_EXTENSION, RK_VERDICT_NOT_ALLOWED, "bad-extension"},
};

static void explain(int error, struct pki_path_result *out)
{
	size_t i;

	out->status = RK_VERDICT_NOT_ALLOWED;
	out->code = "path-invalid";
	out->text = X509_verify_cert_error_string(error);
	for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (meanings[i].error == error) {
			out->status = meanings[i].status;
			out->code = meanings[i].code;
			return;
		}
	}
}

/* False: no memory. */
static bool set_rules(X509_STORE_CTX *ctx, const struct pki_path_args *args)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	/* The anchors' own signatures were verified when the trust was made. */
	unsigned long flags =
		X509_V_FLAG_X509_STRICT | X509_V_FLAG_POLICY_CHECK | X509_V_FLAG_TRUSTED_FIRST;

	if (args->is_time_ignored)
		flags |= X509_V_FLAG_NO_CHECK_TIME;
	X509_VERIFY_PARAM_clear_flags(
		param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_ALLOW_PROXY_CERTS);
	/* The store holds nothing but anchors. */
	if (pki_trust_is_any_anchor(args->trust))
		flags |= X509_V_FLAG_PARTIAL_CHAIN;
	X509_VERIFY_PARAM_set_flags(param, flags);
	X509_VERIFY_PARAM_set_depth(param, RK_CHAIN_MAX - 1); /* CAs between leaf and anchor */
	X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
	if (!args->is_time_ignored)
		X509_VERIFY_PARAM_set_time(param, args->now);
	/* RFC 5280 6.1.1 (c): any-policy; OpenSSL takes a set that nobody filled for an empty one. */
	return X509_VERIFY_PARAM_add0_policy(param, OBJ_nid2obj(NID_any_policy)) == 1;
}

/* The trust's intermediates, then the caller's; a list of its own, borrowing the certificates. */
static STACK_OF(X509) * join_untrusted(const struct pki_path_args *args)
{
	STACK_OF(X509) *all = sk_X509_dup(pki_trust_intermediates(args->trust));
	int i;

	for (i = 0; all != NULL && i < sk_X509_num(args->untrusted); i++) {
		if (sk_X509_push(all, sk_X509_value(args->untrusted, i)) <= 0) {
			sk_X509_free(all);
			return NULL;
		}
	}
	return all;
}

/* One run of OpenSSL over these anchors and intermediates. 0 with an answer; -ENOMEM, -EIO. */
static int run_openssl(const struct pki_path_args *args, X509 *cert, X509_STORE *store,
	STACK_OF(X509) * untrusted, struct pki_path_result *out)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	struct pki_path_result result = {.status = RK_VERDICT_GOOD};
	int ret = -ENOMEM;
	int verified, error;

	if (ctx == NULL || X509_STORE_CTX_init(ctx, store, cert, untrusted) != 1)
		goto out;
	if (!set_rules(ctx, args))
		goto out;
	verified = X509_verify_cert(ctx);
	error = X509_STORE_CTX_get_error(ctx);
	/* Both must agree: a failure without a reason is still a failure. */
	if (verified == 1 && error == X509_V_OK) {
		result.chain = X509_STORE_CTX_get1_chain(ctx);
		if (result.chain == NULL)
			goto out;
	} else {
		if (error == X509_V_ERR_OUT_OF_MEM)
			goto out;
		ret = -EIO;
		if (verified < 0 && error == X509_V_ERR_UNSPECIFIED)
			goto out;
		explain(error, &result);
		result.depth = X509_STORE_CTX_get_error_depth(ctx);
		result.culprit = X509_STORE_CTX_get_current_cert(ctx);
		if (result.culprit != NULL && X509_up_ref(result.culprit) != 1)
			result.culprit = NULL;
	}
	*out = result;
	ret = 0;
out:
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return ret;
}

static bool is_taken(const struct pki_path_args *args, const struct pki_path_result *r)
{
	return r->status == RK_VERDICT_GOOD &&
	       (args->accept == NULL || args->accept(args->accept_ctx, r->chain));
}

/* The search for another path than OpenSSL's. */
struct search {
	const struct pki_path_args *args;
	const STACK_OF(X509) * refused; /* OpenSSL's own choice, when accept refused it */
	struct pki_path_result taken;   /* status GOOD once found */
	bool has_refused;               /* a path stood, and accept said no */
	int error;
};

static bool is_same_path(const STACK_OF(X509) * chain, X509 *const *path, int len)
{
	int i;

	if (chain == NULL || sk_X509_num(chain) != len)
		return false;
	for (i = 0; i < len; i++) {
		if (X509_cmp(sk_X509_value(chain, i), path[i]) != 0)
			return false;
	}
	return true;
}

/* The path's own certificates and no others: OpenSSL has nothing to choose from. */
static bool try_path(void *ctx, X509 *const *path, int len)
{
	struct search *s = ctx;
	STACK_OF(X509) * untrusted;
	X509_STORE *store;
	struct pki_path_result r = {0};
	bool is_over = true;
	int i;

	if (is_same_path(s->refused, path, len))
		return false;
	untrusted = sk_X509_new_null();
	store = X509_STORE_new();
	s->error = -ENOMEM;
	if (untrusted == NULL || store == NULL || X509_STORE_add_cert(store, path[len - 1]) != 1)
		goto out;
	for (i = 1; i < len - 1; i++) {
		if (sk_X509_push(untrusted, path[i]) <= 0)
			goto out;
	}
	s->error = run_openssl(s->args, path[0], store, untrusted, &r);
	if (s->error < 0)
		goto out;
	is_over = is_taken(s->args, &r);
	if (is_over) {
		s->taken = r;
		memset(&r, 0, sizeof(r));
	} else if (r.status == RK_VERDICT_GOOD) {
		s->has_refused = true;
	}
out:
	pki_path_result_fini(&r);
	sk_X509_free(untrusted);
	X509_STORE_free(store);
	return is_over;
}

static const struct pki_path_result refused_result = {.status = RK_VERDICT_NOT_ALLOWED,
	.code = "path-refused",
	.text = "a certificate of the path is not allowed"};
/* first: what OpenSSL's own choice came to; replaced when there is more to say. */
static int search_others(
	const struct pki_path_args *args, X509 *cert, struct pki_path_result *first)
{
	struct search s = {.args = args,
		.refused = first->chain,
		.has_refused = first->status == RK_VERDICT_GOOD};
	enum pki_walk_end end = pki_path_walk(args, cert, try_path, &s);

	if (end == PKI_WALK_TAKEN && s.error < 0)
		return s.error;
	if (end != PKI_WALK_TAKEN && !s.has_refused)
		return 0;
	pki_path_result_fini(first);
	*first = end == PKI_WALK_TAKEN ? s.taken : refused_result;
	return 0;
}

int pki_path_verify(const struct pki_path_args *args, X509 *cert, struct pki_path_result *out)
{
	STACK_OF(X509) *untrusted = join_untrusted(args);
	struct pki_path_result result = {0};
	int ret = -ENOMEM;

	if (untrusted != NULL)
		ret = run_openssl(args, cert, pki_trust_store(args->trust), untrusted, &result);
	if (ret == 0 && !args->is_single_try && !is_taken(args, &result))
		ret = search_others(args, cert, &result);
	if (ret == 0)
		*out = result;
	else
		pki_path_result_fini(&result);
	sk_X509_free(untrusted);
	return ret;
}

void pki_path_result_fini(struct pki_path_result *r)
{
	sk_X509_pop_free(r->chain, X509_free);
	X509_free(r->culprit);
	memset(r, 0, sizeof(*r));
}
