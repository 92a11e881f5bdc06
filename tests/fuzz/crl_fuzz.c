/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A revocation list. Whatever we take, OpenSSL's own reader takes too, with the same entries: we
 * are stricter, never laxer. Walked into sources as the daemon does, nothing of it is lost.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "control/crl/group.h"
#include "pki/x509/crl.h"
#include "pki/x509/trust.h"

#define NOW       INT64_C(1795500000)
#define LIMIT     (4u << 20)
#define CHECK_MAX 1000 /* entries compared one by one */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_true)
{
	if (!is_true)
		abort();
}

struct comparison {
	STACK_OF(X509_REVOKED) * theirs;
	int cnt;
};

static int compare_entry(void *ctx, const struct pki_crl_entry *entry)
{
	struct comparison *c = ctx;
	const X509_REVOKED *theirs = sk_X509_REVOKED_value(c->theirs, c->cnt);
	const ASN1_INTEGER *serial;
	uint8_t bytes[PKI_SERIAL_MAX];

	require(theirs != NULL);
	if (c->cnt++ >= CHECK_MAX)
		return 0;
	serial = X509_REVOKED_get0_serialNumber(theirs);
	require(pki_serial_bytes(serial, bytes) == (int)entry->serial_len);
	require(memcmp(bytes, entry->serial, entry->serial_len) == 0);
	require(entry->reason != RK_REASON_REMOVED);
	return 0;
}

static void agrees_with_openssl(const struct pki_crl *crl, const uint8_t *data, size_t size)
{
	const uint8_t *next = data;
	X509_CRL *theirs = d2i_X509_CRL(NULL, &next, (long)size);
	struct comparison c = {0};

	require(theirs != NULL && next == data + size && X509_CRL_get_version(theirs) == 1);
	c.theirs = X509_CRL_get_REVOKED(theirs);
	require(pki_crl_walk(crl, compare_entry, &c) == 0);
	require(c.cnt == (int)pki_crl_info(crl)->entry_cnt);
	require(c.cnt == (c.theirs != NULL ? sk_X509_REVOKED_num(c.theirs) : 0));
	X509_CRL_free(theirs);
	ERR_clear_error();
}

/* What a reader saw. */
struct seen {
	uint64_t sum;
	size_t cnt;
};

static int see(void *ctx, const struct pki_crl_entry *e)
{
	struct seen *seen = ctx;

	seen->sum = (seen->sum ^ (uint64_t)e->date ^ (uint64_t)e->reason << 56 ^
			    (uint64_t)(uintptr_t)e->issuer.data) *
		    UINT64_C(0x100000001b3);
	for (size_t i = 0; i < e->serial_len; i++)
		seen->sum = (seen->sum ^ e->serial[i]) * UINT64_C(0x100000001b3);
	seen->cnt++;
	return 0;
}

static int see_many(void *ctx, const struct pki_crl_entry *e, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		require(see(ctx, &e[i]) == 0);
	return 0;
}

/* The fast reader of many entries beside the one that reads each as it comes. */
static void fast_reader_agrees(const uint8_t *data, size_t size)
{
	struct seen fast = {0}, each = {0};
	struct pki_crl *crl = NULL;

	require(pki_crl_open(data, size, PKI_CRL_TAKE_ALL, NULL, &crl) == 0);
	require(pki_crl_read_entries(crl, NULL, see_many, &fast) == 0);
	require(pki_crl_walk(crl, see, &each) == 0);
	require(fast.sum == each.sum && fast.cnt == each.cnt);
	pki_crl_free(crl);
}

static int add_entries(void *ctx, const struct pki_crl_entry *entry, size_t cnt)
{
	return crl_group_add(ctx, entry, cnt);
}

/* Every entry is in a source; one that names its issuer in several ways, in several. */
static void require_all_entries(struct crl_group *g, size_t entry_cnt)
{
	struct master_source **source;
	size_t cnt, repeated = crl_group_repeated(g), sum = 0;

	require(crl_group_finish(g, &source, &cnt) == 0);
	for (size_t i = 0; i < cnt; i++) {
		require((master_source_info(source[i])->subject.len == 0) == (i == 0));
		sum += master_source_entry_cnt(source[i]);
		master_source_put(source[i]);
	}
	free(source);
	require(sum + repeated >= entry_cnt);
}

/* What is kept of a list can be read again, and says the same of its scope. */
static void require_scope(const struct pki_crl *crl, struct rk_span issuer)
{
	const struct pki_crl_info *info = pki_crl_info(crl);
	struct pki_crl *scope = NULL;

	require(pki_crl_open_scope(issuer, info->idp, &scope) == 0);
	require(memcmp(pki_crl_info(scope)->issuer_hash, info->issuer_hash, PKI_ISSUER_HASH_LEN) ==
		0);
	require(memcmp(&pki_crl_info(scope)->scope, &info->scope, sizeof(info->scope)) == 0);
	pki_crl_free(scope);
}

static void walk_into_sources(const uint8_t *data, size_t size)
{
	struct master_source_info about = {
		.ca_name = "CA", .url = "http://crl.example/", .scope = ""};
	struct pki_crl *crl = NULL;
	struct crl_group *g = NULL;
	unsigned char *issuer = NULL;
	uint8_t one = 1;
	int len;

	if (pki_crl_open(data, size, PKI_CRL_TAKE_ALL, NULL, &crl) != 0)
		return;
	len = i2d_X509_NAME(pki_crl_info(crl)->issuer, &issuer);
	about.issuer = (struct rk_span){issuer, (size_t)len};
	if (pki_crl_info(crl)->is_delta)
		about.number = about.base_number = (struct rk_span){&one, 1};
	require_scope(crl, about.issuer);
	if (len <= MASTER_ISSUER_MAX) {
		require(crl_group_new(&about, pki_crl_info(crl)->issuer_hash, &g) == 0);
		if (pki_crl_read_entries(crl, NULL, add_entries, g) == 0)
			require_all_entries(g, pki_crl_info(crl)->entry_cnt);
		else
			crl_group_free(g);
	}
	OPENSSL_free(issuer);
	pki_crl_free(crl);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pki_trust_config config = {.now = NOW};
	struct pki_trust *trust = NULL;
	struct pki_crl *crl = NULL, *any = NULL;
	struct pki_crl_verify_args nobody = {.now = NOW};
	struct pki_report report;
	int ret;

	pki_report_init(&report);
	ret = pki_crl_parse(data, size, LIMIT, &report, &crl);
	require((ret == 0) == (crl != NULL) && (ret == 0) == (report.error_cnt == 0));
	if (crl != NULL) {
		require(pki_trust_new(&config, NULL, &trust) == 0);
		nobody.trust = trust;
		require(pki_crl_verify(crl, &nobody, &report, NULL) < 0); /* nobody is trusted */
		if (data[0] == 0x30)
			agrees_with_openssl(crl, data, size);
		pki_trust_put(trust);
	}
	/* Who takes more kinds of lists takes these too. */
	ret = pki_crl_parse_kinds(data, size, LIMIT, PKI_CRL_TAKE_ALL, NULL, &any);
	require((ret == 0) == (any != NULL) && (any != NULL || crl == NULL));
	if (any != NULL)
		fast_reader_agrees(data, size);
	walk_into_sources(data, size);
	pki_crl_free(any);
	pki_crl_free(crl);
	require(ERR_peek_error() == 0);
	return 0;
}
