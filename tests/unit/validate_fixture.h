/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of validation begin with: a CA of ours, trusted, and a verdict to look at. */
#pragma once

#include "pki/x509/validate.h"
#include "tests/unit/test_ca.h"

struct fixture {
	struct test_pki pki;
	struct pki_trust *trust;
	struct pki_report report;
	struct pki_validate_args args;
	struct rk_verdict v;
};

/* Trust in one bundle; aborts when it is refused. */
struct pki_trust *fixture_trust(const char *bundle, enum pki_validation_mode mode);
/* cmocka's; the second fails when OpenSSL's error queue is not empty. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* Judges a leaf made as asked, issued by the test's CA unless it says otherwise. */
enum rk_verdict_status judge_leaf(struct fixture *f, struct test_cert c);
void expect_refused(
	struct fixture *f, struct test_cert c, enum rk_verdict_status status, const char *code);
