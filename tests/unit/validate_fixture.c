/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/validate_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <openssl/err.h>

static const uint8_t installation_key[PKI_INSTALLATION_KEY_LEN] = "0123456789abcde";

struct pki_trust *fixture_trust(const char *bundle, enum pki_validation_mode mode)
{
	const struct pki_bundle b = {"test", bundle, strlen(bundle), mode};
	const struct pki_trust_config config = {&b, 1, 7, time(NULL), false};
	struct pki_report report;
	struct pki_trust *t = NULL;

	pki_report_init(&report);
	must(pki_trust_new(&config, &report, &t) == 0);
	return t;
}

int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	must(f != NULL);
	test_pki_init(&f->pki, "west");
	f->trust = fixture_trust(f->pki.bundle, PKI_MODE_STRICT);
	f->args = (struct pki_validate_args){
		.trust = f->trust, .installation_key = installation_key, .now = time(NULL)};
	pki_report_init(&f->report);
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	pki_trust_put(f->trust);
	test_pki_fini(&f->pki);
	free(f);
	return ERR_peek_error() == 0 ? 0 : -1; /* nothing is left in the queue */
}

enum rk_verdict_status judge_leaf(struct fixture *f, struct test_cert c)
{
	enum rk_verdict_status status;
	X509 *leaf;

	if (c.issuer == NULL && c.issuer_key == NULL) {
		c.issuer = f->pki.ca;
		c.issuer_key = f->pki.ca_key;
	}
	if (c.key == NULL)
		c.key = f->pki.leaf_key;
	leaf = test_cert_new(&c);
	ERR_clear_error();
	must(pki_validate(&f->args, leaf, &f->report, &f->v) == 0);
	status = f->v.status;
	X509_free(leaf);
	return status;
}

void expect_refused(
	struct fixture *f, struct test_cert c, enum rk_verdict_status status, const char *code)
{
	assert_int_equal(judge_leaf(f, c), status);
	if (!pki_report_has(&f->report, code))
		print_message("found %s instead\n", pki_report_first(&f->report) != NULL
							    ? pki_report_first(&f->report)->code
							    : "nothing");
	assert_true(pki_report_has(&f->report, code));
	assert_true(f->report.error_cnt > 0);
	assert_int_equal(f->v.chain_cnt, 0);
	assert_int_equal(f->v.key.type, RK_KEY_NONE);
}
