/* SPDX-License-Identifier: BSD-3-Clause */
/* A leaf under lists: what they say of it together. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "pki/x509/crl_cover.h"
#include "pki/x509/crl_set.h"
#include "tests/unit/validate_fixture.h"

#define LIMIT (1024 * 1024)

static inline struct pki_crl_set *new_set(struct fixture *f)
{
	const struct pki_crl_set_args args = {
		.trust = f->args.trust, .untrusted = f->args.untrusted, .now = f->args.now};
	struct pki_crl_set *set = NULL;

	must(pki_crl_set_new(&args, &set) == 0);
	return set;
}

static inline struct pki_crl *parse(struct test_crl c)
{
	X509_CRL *made = test_crl_new(&c);
	struct pki_report report;
	struct pki_crl *crl = NULL;
	size_t len;
	uint8_t *der = test_crl_der(made, &len);

	ERR_clear_error();
	pki_report_init(&report);
	if (pki_crl_parse_kinds(der, len, LIMIT, PKI_CRL_TAKE_ALL, &report, &crl) != 0)
		print_message("refused: %s\n", pki_report_first(&report)->code);
	must(crl != NULL);
	free(der);
	X509_CRL_free(made);
	return crl;
}

/* By the test's issuing CA unless it says otherwise. */
static inline void add(struct fixture *f, struct pki_crl_set *set, struct test_crl c)
{
	if (c.issuer == NULL) {
		c.issuer = f->pki.ca;
		c.issuer_key = f->pki.ca_key;
	}
	must(pki_crl_set_add(set, parse(c)) == 0);
}

/* The root's list, which the issuing CA's certificate needs. */
static inline void add_root(struct fixture *f, struct pki_crl_set *set)
{
	add(f, set, (struct test_crl){.issuer = f->pki.root, .issuer_key = f->pki.root_key});
}

/* Frees the set. */
static inline enum rk_verdict_status judge(struct fixture *f, struct pki_crl_set *set, X509 *cert)
{
	f->args.find = pki_crl_set_find;
	f->args.find_ctx = set;
	f->args.is_revocation_required = true;
	pki_report_init(&f->report);
	must(pki_validate(&f->args, cert, &f->report, &f->v) == 0);
	pki_crl_set_free(set);
	return f->v.status;
}

/* The leaf under these lists of its issuer and the root's good one. */
static inline enum rk_verdict_status judge_with(
	struct fixture *f, X509 *leaf, const struct test_crl *lists, size_t cnt)
{
	struct pki_crl_set *set = new_set(f);
	size_t i;

	add_root(f, set);
	for (i = 0; i < cnt; i++)
		add(f, set, lists[i]);
	return judge(f, set, leaf);
}

#define JUDGE(f, leaf, ...)                                         \
	judge_with(f, leaf, (const struct test_crl[]){__VA_ARGS__}, \
		sizeof((const struct test_crl[]){__VA_ARGS__}) / sizeof(struct test_crl))

static inline X509 *new_leaf(struct fixture *f, const char *points)
{
	X509 *leaf = test_cert_new(&(struct test_cert){.cn = "west",
		.key = f->pki.leaf_key,
		.issuer = f->pki.ca,
		.issuer_key = f->pki.ca_key,
		.crl_points = points});

	ERR_clear_error();
	return leaf;
}
