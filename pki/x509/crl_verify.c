/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/crl.h"

#include <errno.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "pki/x509/crl_parts.h"
#include "pki/x509/path.h"
#include "pki/x509/profile.h"

struct attempt {
	const struct pki_crl *crl;
	const struct pki_crl_verify_args *args;
	const struct pki_ca *ca;
	bool is_revoked; /* a path stood, but for that */
};

/* Why a CA with the right name is not the signer; of several the last one that has the key is told of. */
static const struct pki_problem no_issuer = {
	"crl-issuer-unknown", "no trusted CA certificate has its issuer's name"};
static const struct pki_problem other_key = {
	"crl-key-identifier-differs", "the trusted CA of that name has another key identifier"};
static const struct pki_problem no_usage = {
	"crl-signer-without-crl-sign", "the CA's keyUsage does not include cRLSign"};
static const struct pki_problem bad_signature = {
	"crl-bad-signature", "its signature does not verify with the CA's key"};
static const struct pki_problem bad_signer = {"crl-signer-not-valid",
	"the CA's own certificate is not valid: expired, or no chain to a trusted root"};

static const struct pki_problem revoked_signer = {"crl-signer-revoked",
	"the certificate of the CA that signed it, or of one above, is revoked"};

static bool has_key_id(const struct pki_crl *crl, X509 *signer)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(signer);
	const struct pki_crl_info *info = &crl->info;

	return id != NULL && (size_t)ASN1_STRING_length(id) == info->key_id_len &&
	       memcmp(ASN1_STRING_get0_data(id), info->key_id, info->key_id_len) == 0;
}

const struct pki_ca *pki_crl_expect_signer(const struct pki_crl *crl, const struct pki_trust *trust)
{
	const struct pki_ca *ca, *only = NULL;
	size_t at = 0;

	while ((ca = pki_trust_find_ca(trust, crl->info.issuer, &at)) != NULL) {
		if (!has_key_id(crl, ca->cert))
			continue;
		if (only != NULL && memcmp(only->key_hash, ca->key_hash, PKI_KEY_HASH_LEN) != 0)
			return NULL;
		only = ca;
	}
	return only;
}

/* What to verify with: from the algorithm, of which pki_signature_problem found nothing wrong. */
struct verification {
	const EVP_MD *md; /* NULL: the algorithm has its own */
	int salt_len;     /* RSA-PSS; -1: another algorithm */
};

static bool read_pss(const X509_ALGOR *algorithm, struct verification *v)
{
	RSA_PSS_PARAMS *params =
		ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), algorithm->parameter);

	if (params != NULL && params->hashAlgorithm != NULL && params->saltLength != NULL) {
		v->md = EVP_get_digestbyobj(params->hashAlgorithm->algorithm);
		v->salt_len = (int)ASN1_INTEGER_get(params->saltLength);
	}
	RSA_PSS_PARAMS_free(params);
	return v->md != NULL && v->salt_len > 0;
}

/* The key is of the algorithm's kind. */
static bool read_algorithm(const X509_ALGOR *algorithm, const EVP_PKEY *key, struct verification *v)
{
	int nid = OBJ_obj2nid(algorithm->algorithm), md_nid, key_nid;

	*v = (struct verification){.salt_len = -1};
	if (nid == NID_rsassaPss)
		return (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS")) &&
		       read_pss(algorithm, v);
	if (OBJ_find_sigid_algs(nid, &md_nid, &key_nid) != 1 ||
		EVP_PKEY_is_a(key, OBJ_nid2sn(key_nid)) != 1)
		return false;
	v->md = md_nid != NID_undef ? EVP_get_digestbynid(md_nid) : NULL;
	return v->md != NULL || md_nid == NID_undef;
}

#define HASH_STEP 1024
#define LINE      64

/*
 * In steps, of which the next one is called for while one is hashed: left to itself a core reads hundreds
 * of megabytes slower than its SHA-256 takes them. 1: good. Past the end a prefetch does no harm.
 */
static int verify_in_steps(EVP_MD_CTX *ctx, struct rk_span signature, struct rk_span in)
{
	for (size_t at = 0, len; at < in.len; at += len) {
		len = in.len - at < HASH_STEP ? in.len - at : HASH_STEP;
		for (size_t i = 0; i < HASH_STEP; i += LINE)
			__builtin_prefetch(in.data + at + HASH_STEP + i);
		if (EVP_DigestVerifyUpdate(ctx, in.data + at, len) != 1)
			return 0;
	}
	return EVP_DigestVerifyFinal(ctx, signature.data, signature.len);
}

/*
 * The signed bytes as they came, where they are: ASN1_item_verify would encode them anew, which for
 * a list of ten million entries takes two copies. An algorithm with a hash of its own (Ed25519) takes
 * them at once.
 */
static bool is_signature_good(const struct pki_crl *crl, const X509 *signer)
{
	EVP_PKEY *key = X509_get0_pubkey(signer);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *params = NULL;
	struct verification v;
	bool is_good = false;

	if (ctx == NULL || key == NULL || !read_algorithm(crl->algorithm, key, &v) ||
		EVP_DigestVerifyInit(ctx, &params, v.md, NULL, key) != 1)
		goto out;
	if (v.salt_len > 0 && (EVP_PKEY_CTX_set_rsa_padding(params, RSA_PKCS1_PSS_PADDING) != 1 ||
				      EVP_PKEY_CTX_set_rsa_mgf1_md(params, v.md) != 1 ||
				      EVP_PKEY_CTX_set_rsa_pss_saltlen(params, v.salt_len) != 1))
		goto out;
	if (v.md != NULL)
		is_good = verify_in_steps(ctx, crl->signature, crl->tbs) == 1;
	else
		is_good = EVP_DigestVerify(ctx, crl->signature.data, crl->signature.len,
				  crl->tbs.data, crl->tbs.len) == 1;
out:
	EVP_MD_CTX_free(ctx);
	return is_good;
}

static bool is_revoked(
	const struct pki_crl_verify_args *args, const STACK_OF(X509) * chain, int depth)
{
	X509 *cert = sk_X509_value(chain, depth);
	struct pki_revocation_query query = {.issuer = X509_get_issuer_name(cert),
		.serial = X509_get0_serialNumber(cert),
		.chain = chain,
		.depth = depth};
	struct pki_revoked revoked;

	if (pki_issuer_hash(query.issuer, query.issuer_hash) < 0)
		return true; /* nobody could find it */
	return args->find(args->find_ctx, &query, &revoked) == PKI_REVOCATION_REVOKED;
}

static bool accept_path(void *ctx, STACK_OF(X509) * chain)
{
	struct attempt *a = ctx;

	for (int i = 0; a->args->find != NULL && i < sk_X509_num(chain) - 1; i++) {
		if (is_revoked(a->args, chain, i)) {
			a->is_revoked = true;
			return false;
		}
	}
	return true;
}

/* Good now, by itself and up to an anchor. 1, 0, or -errno. */
static int is_signer_valid(struct attempt *a)
{
	const struct pki_profile_args profile = {
		.role = a->ca->is_anchor ? PKI_ROLE_ANCHOR : PKI_ROLE_CA,
		.severity = PKI_ERROR,
		.now = a->args->now,
		.is_ed25519_allowed = true, /* the trust took it */
	};
	const struct pki_path_args args = {.trust = a->args->trust,
		.now = a->args->now,
		.accept = accept_path,
		.accept_ctx = a};
	struct pki_path_result result;
	int ret;

	if (pki_profile_check(a->ca->cert, &profile, NULL) != RK_VERDICT_GOOD)
		return 0;
	ret = pki_path_verify(&args, a->ca->cert, &result);
	if (ret < 0)
		return ret;
	ret = result.status == RK_VERDICT_GOOD;
	pki_path_result_fini(&result);
	return ret;
}

const struct pki_problem *pki_crl_signer_problem(const struct pki_crl *crl, X509 *signer)
{
	if (!has_key_id(crl, signer))
		return &other_key;
	if ((X509_get_key_usage(signer) & KU_CRL_SIGN) == 0)
		return &no_usage;
	return is_signature_good(crl, signer) ? NULL : &bad_signature;
}

int pki_crl_signature_digest(const struct pki_crl *crl, uint8_t out[PKI_CRL_SIGNATURE_DIGEST_LEN])
{
	return EVP_Digest(crl->signature.data, crl->signature.len, out, NULL, EVP_sha256(), NULL) ==
			       1
		       ? 0
		       : -EIO;
}

/* NULL: this CA signed it. */
static const struct pki_problem *try_ca(struct attempt *a, int *ret)
{
	const struct pki_problem *problem = pki_crl_signer_problem(a->crl, a->ca->cert);
	int valid;

	if (problem != NULL)
		return problem;
	a->is_revoked = false;
	valid = is_signer_valid(a);
	if (valid < 0)
		*ret = valid;
	if (valid == 1)
		return NULL;
	return a->is_revoked ? &revoked_signer : &bad_signer;
}

static bool check_dates(const struct pki_crl *crl, int64_t now, struct pki_report *report)
{
	if (crl->info.this_update > now + PKI_CRL_CLOCK_SKEW) {
		pki_report_add(report, PKI_ERROR, "crl-not-yet-valid",
			"Check this router's clock and the CA's.",
			"The revocation list is refused: it is dated in the future.");
		return false;
	}
	if (crl->info.next_update < now)
		pki_report_add(report, PKI_WARNING, "crl-stale",
			"See that the CA publishes its lists in time.",
			"The revocation list is older than its own nextUpdate.");
	return true;
}

int pki_crl_verify(const struct pki_crl *crl, const struct pki_crl_verify_args *args,
	struct pki_report *report, const struct pki_ca **signer)
{
	struct attempt a = {.crl = crl, .args = args};
	const struct pki_problem *why = &no_issuer, *problem;
	size_t at = 0;
	int ret = 0;

	if (!check_dates(crl, args->now, report))
		return -EACCES;
	while (why != NULL && ret == 0) {
		a.ca = pki_trust_find_ca(args->trust, crl->info.issuer, &at);
		if (a.ca == NULL)
			break;
		problem = try_ca(&a, &ret);
		if (problem != &other_key || why == &no_issuer)
			why = problem;
	}
	ERR_clear_error();
	if (ret < 0)
		return ret;
	if (why != NULL) {
		pki_report_add(report, PKI_ERROR, why->code,
			"Install the certificate of the CA that issues the list, or ask the CA.",
			"The revocation list is refused: %s.", why->text);
		return -EACCES;
	}
	if (signer != NULL)
		*signer = a.ca;
	return 0;
}
