/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/crl/ingest.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

struct crl_ingest *crl_ingest_new(uint8_t *body, size_t len, const char *url, int64_t now,
	struct pki_trust *trust, struct master_list *list)
{
	struct crl_ingest *in = calloc(1, sizeof(*in));

	if (in == NULL)
		return NULL;
	in->url = strdup(url);
	if (in->url == NULL) {
		free(in);
		return NULL;
	}
	in->body = body;
	in->len = len;
	in->now = now;
	in->trust = pki_trust_get(trust);
	in->list = master_list_get(list);
	in->error = -ECANCELED; /* until the work ran */
	pki_report_init(&in->report);
	return in;
}

void crl_ingest_free(struct crl_ingest *in)
{
	if (in == NULL)
		return;
	free(in->body);
	free(in->url);
	pki_trust_put(in->trust);
	master_list_put(in->list);
	master_source_put(in->source);
	free(in);
}

struct collecting {
	struct master_builder *builder;
	int error;
};

static int add_entry(void *ctx, const struct pki_crl_entry *entry)
{
	struct collecting *c = ctx;
	const struct rk_span serial = {entry->serial, entry->serial_len};

	c->error = master_builder_add(c->builder, serial, entry->date, (uint8_t)entry->reason);
	return c->error;
}

/* Names the numbers' sequence: full lists and each partition count for themselves. */
static const char *scope_name(const struct pki_crl_scope *scope)
{
	if (scope->is_partition && scope->url_cnt > 0)
		return scope->url[0];
	if (scope->is_user_only)
		return "user";
	if (scope->is_ca_only)
		return "ca";
	return "";
}

static struct rk_span number_span(const struct pki_crl_info *info)
{
	struct rk_span n = {info->number, sizeof(info->number)};

	while (n.len > 1 && n.data[0] == 0) { /* zero is one byte */
		n.data++;
		n.len--;
	}
	return n;
}

/* A partition that no URI names could not be told from the full list. */
static int check_scope(struct crl_ingest *in, const struct pki_crl *crl)
{
	const struct pki_crl_scope *scope = &pki_crl_info(crl)->scope;

	if (!scope->is_partition || scope->url_cnt > 0)
		return 0;
	pki_report_add(&in->report, PKI_ERROR, "crl-partition-unnamed",
		"Have the CA name the distribution point by a URI.",
		"The revocation list is refused: its distribution point has no URI.");
	return -EBADMSG;
}

static int build_source(struct crl_ingest *in, const struct pki_crl *crl)
{
	const struct pki_crl_info *info = pki_crl_info(crl);
	struct collecting c = {0};
	unsigned char *issuer = NULL;
	int len = i2d_X509_NAME(info->issuer, &issuer);
	struct master_source_info about = {
		.issuer = {issuer, len > 0 ? (size_t)len : 0},
		.ca_name = info->issuer_text,
		.url = in->url,
		.scope = scope_name(&info->scope),
		.number = number_span(info),
		.this_update = info->this_update,
		.next_update = info->next_update,
		.fetched_at = in->now,
	};
	int ret = len > 0 ? master_builder_new(&about, &c.builder) : -ENOMEM;

	OPENSSL_free(issuer);
	if (ret < 0)
		return ret;
	ret = pki_crl_walk(crl, add_entry, &c);
	if (ret == 0)
		return master_builder_finish(c.builder, &in->source);
	master_builder_free(c.builder);
	return ret;
}

static int compare_serials(const struct master_entry *a, const struct master_entry *b)
{
	if (a->serial_len != b->serial_len)
		return a->serial_len < b->serial_len ? -1 : 1;
	return memcmp(a->serial, b->serial, a->serial_len);
}

/* Both are sorted alike: one pass over the two. */
static void count_changes(struct crl_ingest *in)
{
	const struct master_source *old =
		master_list_find_replaced(in->list, master_source_info(in->source));
	size_t old_cnt = old != NULL ? master_source_entry_cnt(old) : 0;
	size_t new_cnt = master_source_entry_cnt(in->source);
	struct master_entry a, b;
	size_t i = 0, n = 0;

	while (i < old_cnt && n < new_cnt) {
		int order;

		master_source_entry(old, i, &a);
		master_source_entry(in->source, n, &b);
		order = compare_serials(&a, &b);
		in->removed_cnt += order < 0;
		in->added_cnt += order > 0;
		i += order <= 0;
		n += order >= 0;
	}
	in->removed_cnt += old_cnt - i;
	in->added_cnt += new_cnt - n;
	in->entry_cnt = new_cnt;
}

static void keep_facts(struct crl_ingest *in, const struct pki_crl *crl)
{
	const struct pki_crl_info *info = pki_crl_info(crl);

	memcpy(in->issuer, info->issuer_text, sizeof(in->issuer));
	memcpy(in->issuer_hash, info->issuer_hash, sizeof(in->issuer_hash));
	memcpy(in->number, info->number_text, sizeof(in->number));
	in->this_update = info->this_update;
	in->next_update = info->next_update;
}

void crl_ingest_work(void *arg)
{
	struct crl_ingest *in = arg;
	struct pki_crl *crl = NULL;

	in->error = pki_crl_parse(in->body, in->len, in->len, &in->report, &crl);
	if (in->error < 0)
		return;
	keep_facts(in, crl);
	in->error = pki_crl_verify(crl, in->trust, in->now, &in->report, NULL);
	if (in->error == 0)
		in->error = check_scope(in, crl);
	if (in->error == 0)
		in->error = build_source(in, crl);
	if (in->error == 0)
		count_changes(in);
	pki_crl_free(crl);
}
