/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists that are taken in as a fetch would do it, one after the other, into a master list. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control/crl/ingest.h"
#include "tests/unit/test_ca.h"

#define URL "http://crl.example/ca.crl"

static struct test_pki pki;
static struct pki_trust *trust;
static struct master_list *list;
static int dir_fd;

static inline int set_up(void **state)
{
	struct pki_bundle bundle = {.name = "test", .mode = PKI_MODE_STRICT};
	struct pki_trust_config config = {
		.bundle = &bundle, .bundle_cnt = 1, .generation = 1, .now = time(NULL)};

	(void)state;
	test_pki_init(&pki, "west");
	bundle.text = pki.bundle;
	bundle.len = strlen(pki.bundle);
	assert_int_equal(pki_trust_new(&config, NULL, &trust), 0);
	assert_int_equal(master_list_new(&list), 0);
	dir_fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	master_list_put(list);
	pki_trust_put(trust);
	test_pki_fini(&pki);
	close(dir_fd);
	return 0;
}

/* As a fetch would; args: what is not by default. Freed by the caller. */
static inline struct crl_ingest *ingest_der(
	const uint8_t *der, size_t len, struct crl_ingest_args args)
{
	struct crl_ingest *in;

	args.len = len;
	args.fd = memfd_create("crl", MFD_CLOEXEC);
	assert_int_equal(write(args.fd, der, len), len);
	args.dir_fd = dir_fd;
	args.url = args.url != NULL ? args.url : URL;
	args.now = time(NULL);
	args.trust = trust;
	args.list = list;
	args.recent_sec = args.recent_sec > 0 ? args.recent_sec : 825 * TEST_DAY;
	args.shrink_percent = args.shrink_percent > 0 ? args.shrink_percent : 25;
	in = crl_ingest_new(&args);
	assert_non_null(in);
	crl_ingest_work(in);
	return in;
}

static inline struct crl_ingest *ingest(const struct test_crl *crl, struct crl_ingest_args args)
{
	X509_CRL *made = test_crl_new(crl);
	size_t len;
	uint8_t *der = test_crl_der(made, &len);
	struct crl_ingest *in = ingest_der(der, len, args);

	free(der);
	X509_CRL_free(made);
	return in;
}

static inline void put(struct crl_ingest *in)
{
	struct master_list *changed;

	assert_int_equal(in->error, 0);
	assert_int_equal(master_list_replace_group(list, in->source, in->source_cnt, &changed), 0);
	master_list_put(list);
	list = changed;
	crl_ingest_free(in);
}

static inline void expect_refused(const struct test_crl *crl, struct crl_ingest_args args,
	const char *code, enum crl_refusal refusal)
{
	struct crl_ingest *in = ingest(crl, args);

	assert_true(in->error < 0);
	assert_int_equal(in->refusal, refusal);
	if (!pki_report_has(&in->report, code))
		fail_msg("%s, not %s", pki_report_first(&in->report)->code, code);
	assert_null(in->source);
	crl_ingest_free(in);
}

/* The entries it says came and went. */
static inline void take(const struct test_crl *crl, size_t added, size_t removed)
{
	struct crl_ingest *in = ingest(crl, (struct crl_ingest_args){0});

	assert_int_equal(in->added_cnt, added);
	assert_int_equal(in->removed_cnt, removed);
	put(in);
}

static inline bool is_revoked(const X509 *cert)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	unsigned char *issuer = NULL;
	int len = i2d_X509_NAME(X509_get_issuer_name(cert), &issuer);
	uint8_t bytes[PKI_SERIAL_MAX];
	int serial_len = pki_serial_bytes(serial, bytes);
	struct master_entry entry;
	bool found = master_list_find(list, (struct rk_span){issuer, (size_t)len},
		(struct rk_span){bytes, (size_t)serial_len}, &entry, NULL);

	OPENSSL_free(issuer);
	return found;
}
