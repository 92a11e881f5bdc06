/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/path_walk.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "pki/x509/name.h"

/* A signature that was verified once: the same pair stands in many paths. */
struct edge {
	const X509 *subject;
	const X509 *issuer;
	bool is_good;
};

struct walk {
	const struct pki_path_args *args;
	pki_path_visit_fn visit;
	void *ctx;
	X509 *node[RK_CHAIN_MAX + 1]; /* the path so far */
	int len;
	int limit;   /* the length of the paths looked for in this round */
	bool is_cut; /* there are longer ones */
	unsigned step_cnt, path_cnt;
	unsigned edge_cnt;
	struct edge edge[PKI_WALK_SIGNATURE_MAX];
	enum pki_walk_end end;
};

/* In the order in which they are tried. */
enum rank {
	RANK_ANCHOR,
	RANK_VALID,
	RANK_OTHER,
	RANK_CNT,
};

struct candidate {
	X509 *cert;
	bool is_anchor;
};

static int candidate_cnt(const struct walk *w)
{
	int untrusted_cnt = w->args->untrusted != NULL ? sk_X509_num(w->args->untrusted) : 0;

	return (int)pki_trust_ca_cnt(w->args->trust) + untrusted_cnt;
}

static struct candidate candidate_at(const struct walk *w, int i)
{
	int ca_cnt = (int)pki_trust_ca_cnt(w->args->trust);
	const struct pki_ca *ca;

	if (i >= ca_cnt)
		return (struct candidate){sk_X509_value(w->args->untrusted, i - ca_cnt), false};
	ca = pki_trust_ca(w->args->trust, (size_t)i);
	return (struct candidate){ca->cert, ca->is_anchor};
}

static enum rank rank_of(const struct walk *w, const struct candidate *c)
{
	int64_t not_before, not_after;

	if (c->is_anchor)
		return RANK_ANCHOR;
	if (pki_asn1_time(X509_get0_notBefore(c->cert), &not_before) &&
		pki_asn1_time(X509_get0_notAfter(c->cert), &not_after) &&
		not_before <= w->args->now && w->args->now <= not_after)
		return RANK_VALID;
	return RANK_OTHER;
}

/* The same name with the same key adds nothing to a path but length. */
static bool is_on_path(const struct walk *w, X509 *cert)
{
	int i;

	for (i = 0; i < w->len; i++) {
		if (X509_NAME_cmp(X509_get_subject_name(w->node[i]), X509_get_subject_name(cert)) ==
				0 &&
			ASN1_STRING_cmp(X509_get0_pubkey_bitstr(w->node[i]),
				X509_get0_pubkey_bitstr(cert)) == 0)
			return true;
	}
	return false;
}

static bool is_signed_by(struct walk *w, X509 *subject, X509 *issuer)
{
	EVP_PKEY *key;
	unsigned i;

	for (i = 0; i < w->edge_cnt; i++) {
		if (w->edge[i].subject == subject && w->edge[i].issuer == issuer)
			return w->edge[i].is_good;
	}
	if (w->edge_cnt == PKI_WALK_SIGNATURE_MAX) {
		w->end = PKI_WALK_BOUNDED;
		return false;
	}
	key = X509_get0_pubkey(issuer);
	w->edge[w->edge_cnt++] =
		(struct edge){subject, issuer, key != NULL && X509_verify(subject, key) == 1};
	return w->edge[w->edge_cnt - 1].is_good;
}

static bool is_named_issuer(X509 *subject, X509 *issuer)
{
	return X509_NAME_cmp(X509_get_subject_name(issuer), X509_get_issuer_name(subject)) == 0;
}

static bool is_issuer(struct walk *w, X509 *subject, X509 *issuer)
{
	int error;

	if (w->step_cnt++ >= PKI_WALK_STEP_MAX) {
		w->end = PKI_WALK_BOUNDED;
		return false;
	}
	error = X509_check_issued(issuer, subject);
	/* key usage is the path's business: it is told by name there */
	return error == X509_V_OK || error == X509_V_ERR_KEYUSAGE_NO_CERTSIGN;
}

/* The whole of it, from the leaf up: a forged leaf costs one signature an issuer. */
static bool is_path_signed(struct walk *w)
{
	int i;

	for (i = 1; i < w->len; i++) {
		if (!is_signed_by(w, w->node[i - 1], w->node[i]))
			return false;
	}
	return true;
}

static void finish(struct walk *w)
{
	if (!is_path_signed(w))
		return;
	if (w->path_cnt++ >= PKI_WALK_PATH_MAX)
		w->end = PKI_WALK_BOUNDED;
	else if (w->visit(w->ctx, w->node, w->len))
		w->end = PKI_WALK_TAKEN;
}

/* Is it worth a step in this round? An anchor ends a path, anything else must leave room for one. */
static bool is_in_round(struct walk *w, const struct candidate *c)
{
	if (c->is_anchor)
		return w->len + 1 == w->limit;
	if (w->len + 1 == w->limit)
		w->is_cut = true;
	return w->len + 1 < w->limit;
}

/* Depth first, to the limit; over when w->end says so. */
static void extend(struct walk *w)
{
	X509 *last = w->node[w->len - 1];
	int cnt = candidate_cnt(w);
	int rank, i;

	for (rank = RANK_ANCHOR; rank < RANK_CNT; rank++) {
		for (i = 0; i < cnt && w->end == PKI_WALK_EXHAUSTED; i++) {
			struct candidate c = candidate_at(w, i);

			if (!is_named_issuer(last, c.cert) || (int)rank_of(w, &c) != rank ||
				!is_in_round(w, &c) || is_on_path(w, c.cert) ||
				!is_issuer(w, last, c.cert))
				continue;
			w->node[w->len++] = c.cert;
			if (c.is_anchor)
				finish(w);
			else
				extend(w);
			w->len--;
		}
	}
}

enum pki_walk_end pki_path_walk(
	const struct pki_path_args *args, X509 *cert, pki_path_visit_fn visit, void *ctx)
{
	struct walk w = {.args = args,
		.visit = visit,
		.ctx = ctx,
		.node = {cert},
		.len = 1,
		.limit = 2,
		.is_cut = true,
		.end = PKI_WALK_EXHAUSTED};

	for (; w.is_cut && w.limit <= RK_CHAIN_MAX + 1 && w.end == PKI_WALK_EXHAUSTED; w.limit++) {
		w.is_cut = false;
		extend(&w);
	}
	ERR_clear_error();
	return w.end;
}
