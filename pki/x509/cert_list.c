/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/cert_list.h"

#include <errno.h>

#include "pki/x509/cert.h"
#include "pki/x509/pem.h"

static const char advice_blocks[] =
	"Give whole PEM CERTIFICATE blocks, each from its BEGIN line to "
	"its END line.";

static int refuse(struct pki_report *report, const char *code, const char *text)
{
	pki_report_add(report, PKI_ERROR, code, advice_blocks, "%s", text);
	return -EBADMSG;
}

static int add_block(const struct pki_pem_block *block, int max, struct pki_report *report,
	STACK_OF(X509) * list)
{
	X509 *cert = NULL;
	int ret;

	if (sk_X509_num(list) >= max)
		return refuse(report, "too-many-certificates", "There are too many certificates.");
	ret = pki_cert_parse(block->start, (size_t)(block->end - block->start), report, &cert);
	if (ret == 0 && sk_X509_push(list, cert) <= 0) {
		X509_free(cert);
		ret = -ENOMEM;
	}
	return ret;
}

static int parse(
	const char *text, size_t len, int max, struct pki_report *report, STACK_OF(X509) * list)
{
	const char *next = text, *end = text + len;
	enum pki_pem_result result;
	struct pki_pem_block block;
	unsigned number = 0;
	int ret = 0;

	while (ret == 0 && (result = pki_pem_next(&next, end, &block)) != PKI_PEM_END) {
		pki_report_about(report, "certificate %u", ++number);
		ret = result == PKI_PEM_BLOCK ? add_block(&block, max, report, list)
					      : refuse(report, "pem-damaged",
							"A PEM block has no matching END line.");
	}
	pki_report_about(report, "%s", "");
	return ret == 0 && number == 0 ? refuse(report, "no-pem", "There is no PEM block.") : ret;
}

int pki_cert_list_parse(
	const char *text, size_t len, int max, struct pki_report *report, STACK_OF(X509) * list)
{
	int before = sk_X509_num(list);
	int ret = parse(text, len, max, report, list);

	while (ret < 0 && sk_X509_num(list) > before)
		X509_free(sk_X509_pop(list));
	return ret;
}
