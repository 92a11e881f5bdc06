/* SPDX-License-Identifier: BSD-3-Clause */
/* The private key on its way to the data plane, and gone from there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#include "control/credential.h"
#include "tests/unit/pki_daemon.h"

static struct fake_dataplane p;
static const struct rk_generation nothing;

/* With its certificate gone the data plane has no key, so it comes again with the certificate. */
static void test_key_goes_with_its_certificate(void **state)
{
	static const char name[] = "custom_ssr_peering.pem", aside[] = "aside.pem.old";

	(void)state;
	fixture_provision(&f, &pki);
	fake_connect(&f, &p);
	fake_hello(&p, nothing);
	fake_receive(&f, &p, RK_MSG_KEY);
	fake_apply(&f, &p);
	fake_receive(&f, &p, RK_MSG_STATUS);
	assert_int_equal(renameat(f.d.pki_fd, name, f.d.pki_fd, aside), 0);
	assert_int_equal(credential_reload(f.d.credential), -ENOENT);
	fake_apply(&f, &p);
	assert_int_equal(renameat(f.d.pki_fd, aside, f.d.pki_fd, name), 0);
	assert_int_equal(credential_reload(f.d.credential), 0);
	fake_receive(&f, &p, RK_MSG_KEY);
	fake_receive(&f, &p, RK_MSG_VIEW);
	fake_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_key_goes_with_its_certificate, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
