/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/crl_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "pki/x509/crl_cover.h"
#include "pki/x509/crl_parts.h"
#include "pki/x509/path.h"
#include "pki/x509/profile.h"

#define SIGNATURE_MAX   512 /* verified for one set */
#define SIGNER_PATH_MAX 64  /* built for one set */
#define NESTING_MAX     4   /* signers of lists about signers of lists */

/* A signature that was looked at once. */
struct proof {
	const struct pki_crl *crl;
	const X509 *signer;
	bool is_good;
};

struct pki_crl_set {
	struct pki_crl_set_args args;
	struct pki_crl *list[PKI_CRL_SET_MAX];
	size_t cnt;
	struct proof proof[SIGNATURE_MAX];
	size_t proof_cnt;
	unsigned path_cnt;
	X509 *busy[NESTING_MAX]; /* signers whose own status is being asked */
	unsigned busy_cnt;
};

/* A certificate in its path. */
struct subject {
	const STACK_OF(X509) * chain;
	int depth;
	const struct pki_kind *kind; /* while its status is asked */
};

static enum pki_revocation_answer status_of(
	struct pki_crl_set *set, const struct subject *s, struct pki_revoked *out);

static X509 *cert_of(const struct subject *s)
{
	return sk_X509_value(s->chain, s->depth);
}

static X509 *anchor_of(const STACK_OF(X509) * chain)
{
	return sk_X509_value(chain, sk_X509_num(chain) - 1);
}

static bool is_signed_by(struct pki_crl_set *set, const struct pki_crl *crl, X509 *signer)
{
	struct proof *p;
	size_t i;

	for (i = 0; i < set->proof_cnt; i++) {
		p = &set->proof[i];
		if (p->crl == crl && p->signer == signer)
			return p->is_good;
	}
	if (set->proof_cnt == SIGNATURE_MAX)
		return false;
	p = &set->proof[set->proof_cnt++];
	*p = (struct proof){crl, signer, pki_crl_signer_problem(crl, signer) == NULL};
	return p->is_good;
}

/* ------------------------------------------------------------------ who may have signed */

/* The path of a signer that is not in the subject's own path. */
struct signer_path {
	struct pki_crl_set *set;
	X509 *anchor; /* which it must reach */
};

static bool is_cert_sound(const struct pki_crl_set *set, X509 *cert, enum pki_role role)
{
	const struct pki_profile_args args = {.role = role,
		.severity = PKI_ERROR,
		.now = set->args.now,
		.is_ed25519_allowed = set->args.is_ed25519_allowed};

	return pki_profile_check(cert, &args, NULL) == RK_VERDICT_GOOD;
}

static bool accept_signer_path(void *ctx, STACK_OF(X509) * chain)
{
	struct signer_path *p = ctx;
	struct subject s = {.chain = chain};
	struct pki_revoked revoked;

	if (X509_cmp(anchor_of(chain), p->anchor) != 0)
		return false;
	for (s.depth = 0; s.depth < sk_X509_num(chain) - 1; s.depth++) {
		if (!is_cert_sound(p->set, cert_of(&s),
			    s.depth == 0 ? PKI_ROLE_CRL_SIGNER : PKI_ROLE_CA) ||
			status_of(p->set, &s, &revoked) != PKI_REVOCATION_GOOD)
			return false;
	}
	return true;
}

static bool is_signer_valid(struct pki_crl_set *set, X509 *signer, X509 *anchor)
{
	struct signer_path p = {set, anchor};
	const struct pki_path_args args = {.trust = set->args.trust,
		.untrusted = set->args.untrusted,
		.now = set->args.now,
		.accept = accept_signer_path,
		.accept_ctx = &p};
	struct pki_path_result result;
	bool is_valid = false;
	unsigned i;

	if (X509_cmp(signer, anchor) == 0)
		return true; /* the subject's path was judged with it */
	for (i = 0; i < set->busy_cnt; i++) {
		if (X509_cmp(set->busy[i], signer) == 0)
			return false;
	}
	if (set->busy_cnt == NESTING_MAX || set->path_cnt++ >= SIGNER_PATH_MAX)
		return false;
	set->busy[set->busy_cnt++] = signer;
	if (pki_path_verify(&args, signer, &result) == 0) {
		is_valid = result.status == RK_VERDICT_GOOD;
		pki_path_result_fini(&result);
	}
	set->busy_cnt--;
	return is_valid;
}

static bool is_named(const struct pki_crl *crl, X509 *cert)
{
	return X509_NAME_cmp(X509_get_subject_name(cert), crl->issuer) == 0;
}

/* A certificate of the subject's path above it: judged with the path, nothing more to ask. */
static X509 *find_signer_above(
	struct pki_crl_set *set, const struct pki_crl *crl, const struct subject *s)
{
	int i;

	for (i = s->depth + 1; i < sk_X509_num(s->chain); i++) {
		X509 *cert = sk_X509_value(s->chain, i);

		if (is_named(crl, cert) && is_signed_by(set, crl, cert))
			return cert;
	}
	return NULL;
}

static X509 *other_cert(const struct pki_crl_set *set, int i)
{
	int ca_cnt = (int)pki_trust_ca_cnt(set->args.trust);

	if (i < ca_cnt)
		return pki_trust_ca(set->args.trust, (size_t)i)->cert;
	if (set->args.untrusted == NULL)
		return NULL;
	return sk_X509_value(set->args.untrusted, i - ca_cnt); /* NULL past the end */
}

/* NULL: nobody that could be believed signed it. */
static X509 *find_signer(
	struct pki_crl_set *set, const struct pki_crl *crl, const struct subject *s)
{
	X509 *cert = find_signer_above(set, crl, s);
	int i;

	if (cert != NULL)
		return cert;
	for (i = 0; (cert = other_cert(set, i)) != NULL; i++) {
		if (is_named(crl, cert) && is_signed_by(set, crl, cert) &&
			is_signer_valid(set, cert, anchor_of(s->chain)))
			return cert;
	}
	return NULL;
}

/* ------------------------------------------------------------------ deltas */

/* RFC 5280 5.2.4 and 6.3.3 c: same issuer, same scope, same key. */
static bool is_delta_of(const struct pki_crl *delta, const struct pki_crl *base)
{
	const struct pki_crl_info *d = &delta->info, *b = &base->info;

	return d->is_delta && X509_NAME_cmp(delta->issuer, base->issuer) == 0 &&
	       rk_span_equal(d->idp, b->idp) &&
	       rk_span_equal((struct rk_span){d->key_id, d->key_id_len},
		       (struct rk_span){b->key_id, b->key_id_len});
}

/* What a base and its deltas say together. */
struct reading {
	const struct pki_crl *base;
	X509 *signer;
	const struct pki_crl *delta; /* the newest that applies, or NULL */
	bool is_revoked;
	struct pki_crl_entry entry; /* when revoked */
};

static bool is_dated_now(const struct pki_crl *crl, int64_t now)
{
	return crl->info.this_update <= now + PKI_CRL_CLOCK_SKEW;
}

static bool is_current(const struct pki_crl *crl, int64_t now)
{
	return is_dated_now(crl, now) && crl->info.next_update >= now;
}

static void choose_delta(struct pki_crl_set *set, struct reading *r, const X509 *cert)
{
	const uint8_t *base_number = r->base->info.number;
	size_t i;

	for (i = 0; i < set->cnt; i++) {
		const struct pki_crl *d = set->list[i];
		struct pki_crl_entry entry;

		if (!is_delta_of(d, r->base) || !is_dated_now(d, set->args.now) ||
			memcmp(d->info.number, base_number, PKI_CRL_NUMBER_MAX) <= 0 ||
			!is_signed_by(set, d, r->signer))
			continue;
		if (memcmp(d->info.base_number, base_number, PKI_CRL_NUMBER_MAX) > 0) {
			/* what happened between the base and this delta is not known */
			if (pki_crl_find(d, cert, &entry) && entry.reason != RK_REASON_REMOVED) {
				r->is_revoked = true;
				r->entry = entry;
			}
		} else if (r->delta == NULL ||
			   memcmp(d->info.number, r->delta->info.number, PKI_CRL_NUMBER_MAX) > 0) {
			r->delta = d;
		}
	}
}

/* false: the base cannot be relied on, its newest delta being out of date. */
static bool read_lists(struct pki_crl_set *set, struct reading *r, const X509 *cert)
{
	struct pki_crl_entry entry, change;
	bool is_in_base = pki_crl_find(r->base, cert, &entry);

	choose_delta(set, r, cert);
	if (r->is_revoked)
		return true;
	if (r->delta != NULL && !is_current(r->delta, set->args.now))
		return false;
	if (r->delta != NULL && pki_crl_find(r->delta, cert, &change)) {
		if (change.reason != RK_REASON_REMOVED)
			entry = change;
		r->is_revoked = change.reason != RK_REASON_REMOVED ||
				(is_in_base && entry.reason != RK_REASON_HOLD);
	} else {
		r->is_revoked = is_in_base;
	}
	if (r->is_revoked)
		r->entry = entry;
	return true;
}

/* ------------------------------------------------------------------ the answer */

/* What is known so far. */
struct tally {
	unsigned reasons; /* covered by lists that do not name it */
	bool is_stale;    /* a list out of date would have covered it */
};

/* One base list; false: it does not revoke. */
static bool count_list(struct pki_crl_set *set, const struct pki_crl *crl, const struct subject *s,
	struct tally *t, struct pki_revoked *out)
{
	struct reading r = {.base = crl};
	unsigned reasons;

	if (crl->info.is_delta)
		return false;
	reasons = pki_crl_cover(crl, s->kind);
	if (reasons == 0 || !is_dated_now(crl, set->args.now))
		return false;
	if (!is_current(crl, set->args.now)) {
		t->is_stale = true;
		return false;
	}
	r.signer = find_signer(set, crl, s);
	if (r.signer == NULL)
		return false;
	if (!read_lists(set, &r, cert_of(s))) {
		t->is_stale = true;
		return false;
	}
	if (r.is_revoked)
		*out = (struct pki_revoked){r.entry.reason, r.entry.date};
	else
		t->reasons |= reasons;
	return r.is_revoked;
}

static enum pki_revocation_answer status_of(
	struct pki_crl_set *set, const struct subject *s, struct pki_revoked *out)
{
	struct subject subject = *s;
	struct pki_kind *kind = NULL;
	struct tally t = {0};
	bool is_revoked = false;
	size_t i;

	if (pki_kind_new(cert_of(s), &kind) < 0)
		return PKI_REVOCATION_NOT_COVERED;
	subject.kind = kind;
	for (i = 0; i < set->cnt && !is_revoked; i++)
		is_revoked = count_list(set, set->list[i], &subject, &t, out);
	pki_kind_free(kind);
	if (is_revoked)
		return PKI_REVOCATION_REVOKED;
	if (t.reasons == PKI_CRL_REASONS_ALL)
		return PKI_REVOCATION_GOOD;
	return t.is_stale ? PKI_REVOCATION_UNKNOWN : PKI_REVOCATION_NOT_COVERED;
}

enum pki_revocation_answer pki_crl_set_find(
	void *ctx, const struct pki_revocation_query *query, struct pki_revoked *out)
{
	const struct subject s = {query->chain, query->depth, NULL};
	enum pki_revocation_answer answer = status_of(ctx, &s, out);

	ERR_clear_error();
	return answer;
}

int pki_crl_set_new(const struct pki_crl_set_args *args, struct pki_crl_set **out)
{
	struct pki_crl_set *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return -ENOMEM;
	set->args = *args;
	*out = set;
	return 0;
}

void pki_crl_set_free(struct pki_crl_set *set)
{
	size_t i;

	for (i = 0; set != NULL && i < set->cnt; i++)
		pki_crl_free(set->list[i]);
	free(set);
}

int pki_crl_set_add(struct pki_crl_set *set, struct pki_crl *crl)
{
	if (set->cnt == PKI_CRL_SET_MAX)
		return -E2BIG;
	set->list[set->cnt++] = crl;
	return 0;
}

size_t pki_crl_set_cnt(const struct pki_crl_set *set)
{
	return set->cnt;
}
