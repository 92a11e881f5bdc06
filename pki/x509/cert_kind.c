/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/cert_kind.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

/* Content of the extension; empty without one. */
static struct rk_span points_der(const X509 *cert)
{
	int at = X509_get_ext_by_NID(cert, NID_crl_distribution_points, -1);
	const ASN1_OCTET_STRING *octets =
		at >= 0 ? X509_EXTENSION_get_data(X509_get_ext(cert, at)) : NULL;

	if (octets == NULL)
		return (struct rk_span){0};
	return (struct rk_span){ASN1_STRING_get0_data(octets), (size_t)ASN1_STRING_length(octets)};
}

static bool is_ca(X509 *cert)
{
	return (X509_get_extension_flags(cert) & EXFLAG_CA) != 0;
}

int pki_kind_digest(X509 *cert, uint8_t out[PKI_KIND_LEN])
{
	const struct rk_span points = points_der(cert);
	const uint8_t ca = is_ca(cert);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool is_good;

	if (md == NULL)
		return -ENOMEM;
	is_good = EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
		  EVP_DigestUpdate(md, &ca, 1) == 1 &&
		  EVP_DigestUpdate(md, points.data, points.len) == 1 &&
		  EVP_DigestFinal_ex(md, out, NULL) == 1;
	EVP_MD_CTX_free(md);
	ERR_clear_error();
	return is_good ? 0 : -EIO;
}

/* Whom a relative name continues: the one cRLIssuer, or without any the certificate's issuer. */
static const X509_NAME *base_of(const DIST_POINT *point, const X509_NAME *issuer)
{
	const GENERAL_NAME *name;

	if (point->CRLissuer == NULL)
		return issuer;
	if (sk_GENERAL_NAME_num(point->CRLissuer) != 1)
		return NULL;
	name = sk_GENERAL_NAME_value(point->CRLissuer, 0);
	return name->type == GEN_DIRNAME ? name->d.directoryName : NULL;
}

static bool complete_points(struct pki_kind *k)
{
	for (int i = 0; i < sk_DIST_POINT_num(k->points); i++) {
		DIST_POINT *point = sk_DIST_POINT_value(k->points, i);
		const X509_NAME *base = base_of(point, k->issuer);

		if (point->distpoint != NULL && point->distpoint->type == 1 && base != NULL &&
			DIST_POINT_set_dpname(point->distpoint, base) != 1)
			return false;
	}
	return true;
}

int pki_kind_new(X509 *cert, struct pki_kind **out)
{
	struct pki_kind *k = calloc(1, sizeof(*k));
	int ret = -ENOMEM;

	if (k == NULL)
		return -ENOMEM;
	k->is_ca = is_ca(cert);
	k->issuer = X509_NAME_dup(X509_get_issuer_name(cert));
	if (k->issuer == NULL)
		goto fail;
	ret = pki_issuer_hash(k->issuer, k->issuer_hash);
	if (ret == 0)
		ret = pki_kind_digest(cert, k->digest);
	if (ret < 0)
		goto fail;
	k->points = X509_get_ext_d2i(cert, NID_crl_distribution_points, NULL, NULL);
	ret = complete_points(k) ? 0 : -ENOMEM;
	if (ret < 0)
		goto fail;
	ERR_clear_error();
	*out = k;
	return 0;
fail:
	ERR_clear_error();
	pki_kind_free(k);
	return ret;
}

void pki_kind_free(struct pki_kind *k)
{
	if (k == NULL)
		return;
	X509_NAME_free(k->issuer);
	CRL_DIST_POINTS_free(k->points);
	free(k);
}

#define KIND_BUCKETS (2 * PKI_KIND_SET_MAX) /* never full: a search comes to an end */
static_assert((KIND_BUCKETS & (KIND_BUCKETS - 1)) == 0 && PKI_KIND_SET_MAX < UINT16_MAX, "buckets");

struct pki_kind_set {
	pthread_mutex_t lock;
	struct pki_kind *kind[PKI_KIND_SET_MAX];
	size_t cnt;
	uint16_t at[KIND_BUCKETS]; /* its place in kind, and 1; 0: none, and the search ends */
};

int pki_kind_set_new(struct pki_kind_set **out)
{
	struct pki_kind_set *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	*out = s;
	return 0;
}

void pki_kind_set_free(struct pki_kind_set *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->cnt; i++)
		pki_kind_free(s->kind[i]);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Both are hashes, and together say which kind it is. */
static size_t first_bucket(const uint8_t *issuer_hash, const uint8_t *digest)
{
	uint32_t a, b;

	memcpy(&a, issuer_hash, sizeof(a));
	memcpy(&b, digest, sizeof(b));
	return (a ^ b) % KIND_BUCKETS;
}

static int add_locked(struct pki_kind_set *s, X509 *cert, const uint8_t *issuer_hash,
	const uint8_t digest[PKI_KIND_LEN])
{
	size_t bucket = first_bucket(issuer_hash, digest);
	int ret;

	for (; s->at[bucket] != 0; bucket = (bucket + 1) % KIND_BUCKETS) {
		const struct pki_kind *k = s->kind[s->at[bucket] - 1];

		if (memcmp(k->digest, digest, PKI_KIND_LEN) == 0 &&
			memcmp(k->issuer_hash, issuer_hash, PKI_ISSUER_HASH_LEN) == 0)
			return 0;
	}
	if (s->cnt == PKI_KIND_SET_MAX)
		return -ENOSPC;
	ret = pki_kind_new(cert, &s->kind[s->cnt]);
	if (ret < 0)
		return ret;
	s->at[bucket] = (uint16_t)++s->cnt;
	return 0;
}

int pki_kind_set_note(struct pki_kind_set *s, X509 *cert)
{
	uint8_t issuer_hash[PKI_ISSUER_HASH_LEN], digest[PKI_KIND_LEN];
	int ret = pki_issuer_hash(X509_get_issuer_name(cert), issuer_hash);

	if (ret == 0)
		ret = pki_kind_digest(cert, digest);
	if (ret < 0)
		return ret;
	pthread_mutex_lock(&s->lock);
	ret = add_locked(s, cert, issuer_hash, digest);
	pthread_mutex_unlock(&s->lock);
	return ret;
}

size_t pki_kind_set_cnt(struct pki_kind_set *s)
{
	size_t cnt;

	pthread_mutex_lock(&s->lock);
	cnt = s->cnt;
	pthread_mutex_unlock(&s->lock);
	return cnt;
}

const struct pki_kind *pki_kind_set_get(struct pki_kind_set *s, size_t i)
{
	const struct pki_kind *k;

	pthread_mutex_lock(&s->lock);
	k = s->kind[i];
	pthread_mutex_unlock(&s->lock);
	return k;
}
