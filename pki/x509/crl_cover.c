/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/crl_cover.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "pki/x509/crl_parts.h"
#include "pki/x509/revocation_key.h"

static bool names_directory(const GENERAL_NAMES *names, const X509_NAME *name)
{
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

		if (n->type == GEN_DIRNAME && X509_NAME_cmp(n->d.directoryName, name) == 0)
			return true;
	}
	return false;
}

/* A point is fetched from a URI or a directory; with any other form in it, it is not understood. */
static bool is_understood(const GENERAL_NAMES *names)
{
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		int type = sk_GENERAL_NAME_value(names, i)->type;

		if (type != GEN_URI && type != GEN_DIRNAME)
			return false;
	}
	return true;
}

static bool share_a_name(GENERAL_NAMES *a, GENERAL_NAMES *b)
{
	int i, j;

	if (!is_understood(a) || !is_understood(b))
		return false;
	for (i = 0; i < sk_GENERAL_NAME_num(a); i++) {
		for (j = 0; j < sk_GENERAL_NAME_num(b); j++) {
			if (GENERAL_NAME_cmp(
				    sk_GENERAL_NAME_value(a, i), sk_GENERAL_NAME_value(b, j)) == 0)
				return true;
		}
	}
	return false;
}

/* A point's name: either full names, or one directory name that was completed from its issuer. */
static const X509_NAME *completed_name(const DIST_POINT_NAME *point)
{
	return point->type == 1 ? point->dpname : NULL;
}

static bool names_match(DIST_POINT_NAME *a, DIST_POINT_NAME *b)
{
	const X509_NAME *name_a = completed_name(a), *name_b = completed_name(b);

	if (a->type == 1 && b->type == 1)
		return name_a != NULL && name_b != NULL && X509_NAME_cmp(name_a, name_b) == 0;
	if (a->type == 1)
		return name_a != NULL && names_directory(b->name.fullname, name_a);
	if (b->type == 1)
		return name_b != NULL && names_directory(a->name.fullname, name_b);
	return share_a_name(a->name.fullname, b->name.fullname);
}

/* Reasons of a distribution point; absent = all. */
static unsigned reasons_of(const DIST_POINT *point)
{
	unsigned mask = 0;
	int bit;

	if (point->reasons == NULL)
		return PKI_CRL_REASONS_ALL;
	for (bit = 1; bit <= 8; bit++) {
		if (ASN1_BIT_STRING_get_bit(point->reasons, bit) == 1)
			mask |= 1u << bit;
	}
	return mask;
}

/* RFC 5280 6.3.3 b 2 i for a point of the certificate. */
static bool is_point_matched(const struct pki_crl *crl, const DIST_POINT *point)
{
	DIST_POINT_NAME *own = crl->point != NULL ? crl->point->distpoint : NULL;
	const X509_NAME *completed;

	if (own == NULL)
		return true;
	if (point->distpoint == NULL) {
		completed = completed_name(own);
		if (completed != NULL)
			return names_directory(point->CRLissuer, completed);
		return own->type == 0 && point->CRLissuer != NULL &&
		       share_a_name(own->name.fullname, point->CRLissuer);
	}
	return names_match(own, point->distpoint);
}

static unsigned cover_by_point(
	const struct pki_crl *crl, const DIST_POINT *point, const struct pki_kind *kind)
{
	bool is_issuer_fit;

	if (point->CRLissuer != NULL)
		is_issuer_fit = crl->info.scope.is_indirect &&
				names_directory(point->CRLissuer, crl->issuer);
	else
		is_issuer_fit = X509_NAME_cmp(crl->issuer, kind->issuer) == 0;
	return is_issuer_fit && is_point_matched(crl, point) ? reasons_of(point) : 0;
}

/* The point that every certificate has without naming it: its issuer, by name (end of 6.3.3). */
static bool is_own_issuers(const struct pki_crl *crl, const struct pki_kind *kind)
{
	DIST_POINT_NAME *own = crl->point != NULL ? crl->point->distpoint : NULL;

	if (X509_NAME_cmp(crl->issuer, kind->issuer) != 0)
		return false;
	if (own == NULL)
		return true;
	return own->type == 0 && is_understood(own->name.fullname) &&
	       names_directory(own->name.fullname, kind->issuer);
}

unsigned pki_crl_cover(const struct pki_crl *crl, const struct pki_kind *kind)
{
	const struct pki_crl_scope *scope = &crl->info.scope;
	unsigned mask = 0;
	int i;

	if ((scope->is_user_only && kind->is_ca) || (scope->is_ca_only && !kind->is_ca))
		return 0;
	if (is_own_issuers(crl, kind))
		mask = PKI_CRL_REASONS_ALL;
	for (i = 0; i < sk_DIST_POINT_num(kind->points); i++)
		mask |= cover_by_point(crl, sk_DIST_POINT_value(kind->points, i), kind);
	return mask & scope->reasons;
}

static void visit_uris(const GENERAL_NAMES *names, pki_uri_visit visit, void *ctx)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

		if (n->type == GEN_URI)
			visit(ctx, (struct rk_span){ASN1_STRING_get0_data(n->d.ia5),
					   (size_t)ASN1_STRING_length(n->d.ia5)});
	}
}

bool pki_crl_is_by_uri(const struct pki_crl *crl, pki_uri_visit visit, void *ctx)
{
	const DIST_POINT_NAME *own = crl->point != NULL ? crl->point->distpoint : NULL;

	if (own == NULL || own->type != 0)
		return false;
	for (int i = 0; i < sk_GENERAL_NAME_num(own->name.fullname); i++) {
		if (sk_GENERAL_NAME_value(own->name.fullname, i)->type != GEN_URI)
			return false;
	}
	visit_uris(own->name.fullname, visit, ctx);
	return true;
}

void pki_kind_visit_uris(const struct pki_kind *kind, pki_uri_visit visit, void *ctx)
{
	for (int i = 0; i < sk_DIST_POINT_num(kind->points); i++) {
		const DIST_POINT *point = sk_DIST_POINT_value(kind->points, i);

		if (point->distpoint != NULL && point->distpoint->type == 0)
			visit_uris(point->distpoint->name.fullname, visit, ctx);
		visit_uris(point->CRLissuer, visit, ctx);
	}
}

/* certificateIssuer: GeneralNames, of which one directory name is the issuer's. */
static bool is_issuer_named(struct rk_span der, const X509_NAME *issuer)
{
	const uint8_t *next = der.data;
	GENERAL_NAMES *names = d2i_GENERAL_NAMES(NULL, &next, (long)der.len);
	bool is_named = names != NULL && names_directory(names, issuer);

	GENERAL_NAMES_free(names);
	return is_named;
}

struct lookup {
	const X509_NAME *issuer;
	uint8_t serial[PKI_SERIAL_MAX];
	size_t serial_len;
	bool is_list_issuer; /* the certificate's issuer is the list's */
	bool is_found;
	struct pki_crl_entry *out;
};

static int visit(void *ctx, const struct pki_crl_entry *e)
{
	struct lookup *l = ctx;

	if (e->serial_len != l->serial_len || memcmp(e->serial, l->serial, l->serial_len) != 0 ||
		!(e->issuer.len > 0 ? is_issuer_named(e->issuer, l->issuer) : l->is_list_issuer))
		return 0;
	*l->out = *e;
	l->is_found = true;
	return e->reason != RK_REASON_REMOVED; /* a revocation is the last word */
}

bool pki_crl_find(const struct pki_crl *crl, const X509 *cert, struct pki_crl_entry *out)
{
	struct lookup l = {.issuer = X509_get_issuer_name(cert), .out = out};
	int len = pki_serial_bytes(X509_get0_serialNumber(cert), l.serial);

	if (len < 0)
		return false; /* no list that was taken has such an entry */
	l.serial_len = (size_t)len;
	l.is_list_issuer = X509_NAME_cmp(crl->issuer, l.issuer) == 0;
	(void)pki_crl_walk(crl, visit, &l);
	ERR_clear_error();
	return l.is_found;
}
