/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/crl/ingest.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "control/crl/admit.h"
#include "control/crl/group.h"
#include "control/crl/proof.h"
#include "control/crl/scope_name.h"
#include "control/crl/spool.h"
#include "pki/view/large_map.h"
#include "pki/view/secret.h"

struct crl_ingest *crl_ingest_new(const struct crl_ingest_args *args)
{
	struct crl_ingest *in = calloc(1, sizeof(*in));

	if (in == NULL)
		return NULL;
	in->args = *args;
	in->args.url = strdup(args->url);
	if (in->args.url == NULL) {
		free(in);
		return NULL;
	}
	if (args->in_force != NULL) {
		memcpy(in->in_force, args->in_force, sizeof(in->in_force));
		in->args.in_force = in->in_force;
	}
	if (args->installation_key != NULL) {
		memcpy(in->installation_key, args->installation_key, sizeof(in->installation_key));
		in->args.installation_key = in->installation_key;
	}
	pki_trust_get(args->trust);
	master_list_get(args->list);
	in->error = -ECANCELED; /* until the work ran */
	pki_report_init(&in->report);
	return in;
}

static void drop_sources(struct crl_ingest *in)
{
	for (size_t i = 0; i < in->source_cnt; i++)
		master_source_put(in->source[i]);
	free(in->source);
	in->source = NULL;
	in->source_cnt = 0;
}

void crl_ingest_free(struct crl_ingest *in)
{
	if (in == NULL)
		return;
	if (in->args.fd >= 0)
		close(in->args.fd); /* its pages go, of a large one for a third of a second */
	free((char *)(uintptr_t)in->args.url);
	pki_trust_put(in->args.trust);
	master_list_put(in->args.list);
	if (in->args.free_ctx != NULL)
		in->args.free_ctx(in->args.find_ctx);
	drop_sources(in);
	rk_wipe(in->installation_key, sizeof(in->installation_key));
	free(in);
}

/* ---- what kind of list it is ------------------------------------------------------------------ */

static struct rk_span number_span(const uint8_t number[PKI_CRL_NUMBER_MAX])
{
	struct rk_span n = {number, PKI_CRL_NUMBER_MAX};

	while (n.len > 1 && n.data[0] == 0) { /* zero is one byte */
		n.data++;
		n.len--;
	}
	return n;
}

static struct master_source_info info_of(const struct crl_ingest *in,
	const struct pki_crl_info *info, struct rk_span issuer, const char *scope)
{
	static_assert(sizeof(in->signer_key) == MASTER_KEY_LEN, "one is the other");
	struct master_source_info about = {
		.issuer = issuer,
		.key = {in->signer_key, sizeof(in->signer_key)},
		.ca_name = info->issuer_text,
		.url = in->args.url,
		.scope = scope,
		.idp = info->idp,
		.number = number_span(info->number),
		.this_update = info->this_update,
		.next_update = info->next_update,
		.fetched_at = in->args.now,
	};

	if (info->is_delta)
		about.base_number = number_span(info->base_number);
	return about;
}

/* ---- entries ---------------------------------------------------------------------------------- */

/* What is walked into. */
struct walk {
	struct crl_ingest *in;
	struct crl_group *group;
};

static int add_entries(void *ctx, const struct pki_crl_entry *entry, size_t cnt)
{
	const struct walk *w = ctx;
	int ret = crl_group_add(w->group, entry, cnt);

	if (ret == -E2BIG)
		return crl_refuse(w->in, CRL_REFUSED_OTHER, "crl-too-many-issuers",
			"Have the CA make several lists of it.",
			"its entries name certificates of more issuers than are kept");
	if (ret == -EBADMSG)
		return crl_refuse(w->in, CRL_REFUSED_OTHER, "crl-bad-entry",
			"Tell the CA: the list must follow RFC 5280.",
			"an entry's certificateIssuer cannot be read");
	return ret;
}

/*
 * The set takes a list without a predecessor whole; of another one mostly what changed. Where there is no
 * time, or memory is short, whoever makes the set makes the keys.
 */
static void want_keys(
	struct crl_ingest *in, struct crl_group *group, const struct master_source_info *about)
{
	struct master_keys *keys;
	size_t cnt;

	(void)master_list_find_group(in->args.list, about, &cnt);
	if (in->args.installation_key != NULL && cnt == 0 && about->base_number.len == 0 &&
		master_keys_new(in->args.installation_key, in->issuer_hash, &keys) == 0)
		crl_group_key(group, keys);
}

static bool is_proof_ready(void *proof)
{
	return crl_proof_is_ready(proof);
}

static int build_sources(struct crl_ingest *in, struct pki_crl *crl,
	const struct master_source_info *about, struct crl_proof *proof)
{
	struct walk w = {.in = in};
	int ret = crl_group_new(about, pki_crl_info(crl)->issuer_hash, &w.group);

	if (ret == 0) {
		crl_group_expect(w.group, pki_crl_info(crl)->size);
		want_keys(in, w.group, about);
		ret = pki_crl_read_entries(crl, &in->report, add_entries, &w);
	}
	if (ret == 0 && crl_group_repeated(w.group) > 0)
		ret = crl_refuse(in, CRL_REFUSED_OTHER, "crl-duplicate-serial",
			"Tell the CA: the list must follow RFC 5280.",
			"it names one serial number twice");
	if (ret < 0) {
		crl_group_free(w.group);
		return ret;
	}
	ret = crl_group_finish(w.group, &in->source, &in->source_cnt);
	if (ret == 0)
		master_source_make_keys(in->source[0], is_proof_ready, proof);
	return ret;
}

static bool is_recent(const struct crl_ingest *in, const struct master_entry *entry)
{
	return entry->revoked_at > in->args.now - in->args.recent_sec;
}

/*
 * Both are sorted alike: one pass over the two, of which now may be missing. The recent ones among
 * those that went.
 */
static size_t count_changes(
	struct crl_ingest *in, const struct master_source *old, const struct master_source *now)
{
	size_t old_cnt = master_source_entry_cnt(old), lost = 0;
	size_t new_cnt = now != NULL ? master_source_entry_cnt(now) : 0;
	size_t i = 0, n = 0;
	struct master_entry a, b;

	while (i < old_cnt) {
		size_t run = now != NULL ? master_source_equal_run(old, i, now, n) : 0;
		int order = -1;

		i += run;
		n += run;
		if (i == old_cnt)
			break;
		master_source_entry(old, i, &a);
		if (n < new_cnt) {
			master_source_entry(now, n, &b);
			order = master_entry_compare(&a, &b);
		}
		lost += order < 0 && is_recent(in, &a);
		in->removed_cnt += order < 0;
		in->added_cnt += order > 0;
		i += order <= 0;
		n += order >= 0;
	}
	in->added_cnt += new_cnt - n;
	return lost;
}

static size_t count_recent(const struct crl_ingest *in, const struct master_source *old)
{
	size_t recent = 0;
	struct master_entry e;

	for (size_t i = 0; i < master_source_entry_cnt(old); i++) {
		master_source_entry(old, i, &e);
		recent += is_recent(in, &e);
	}
	return recent;
}

/* The source that takes the place of old, which is of the group before; NULL: none does. */
static struct master_source **find_new(struct crl_ingest *in, const struct master_source *old)
{
	const struct rk_span subject = master_source_info(old)->subject;

	for (size_t i = 0; i < in->source_cnt; i++) {
		if (rk_span_equal(master_source_info(in->source[i])->subject, subject))
			return &in->source[i];
	}
	return NULL;
}

static void compare_source(struct crl_ingest *in, struct master_source *old, size_t *lost)
{
	struct master_source **now = find_new(in, old);

	if (now != NULL)
		in->added_cnt -= master_source_entry_cnt(*now);
	if (now != NULL && master_source_is_same(old, *now)) {
		/* The one in force itself: the loop sees at once that nothing changes. */
		master_source_put(*now);
		*now = master_source_get(old);
		return;
	}
	*lost += count_changes(in, old, now != NULL ? *now : NULL);
}

static int compare_with_old(struct crl_ingest *in)
{
	const struct master_list *list = in->args.list;
	size_t cnt, at = master_list_find_group(list, master_source_info(in->source[0]), &cnt);
	size_t lost = 0, recent = 0;
	char text[160];

	for (size_t i = 0; i < in->source_cnt; i++)
		in->entry_cnt += master_source_entry_cnt(in->source[i]);
	in->added_cnt = in->entry_cnt;
	for (size_t i = 0; i < cnt; i++)
		compare_source(in, master_list_source(list, at + i), &lost);
	if (in->args.is_delta || lost == 0 || in->args.shrink_percent >= 100)
		return 0;
	for (size_t i = 0; i < cnt; i++)
		recent += count_recent(in, master_list_source(list, at + i));
	if (recent < CRL_SHRINK_RECENT_MIN || lost * 100 <= recent * in->args.shrink_percent)
		return 0;
	snprintf(text, sizeof(text),
		"it lost %zu of %zu recent entries, which is more than is usual, and is held for "
		"one "
		"cycle",
		lost, recent);
	return crl_refuse(in, CRL_REFUSED_SHRUNK, "crl-shrunk",
		"Ask the CA; the next fetch takes the list if it still says so.", text);
}

/* ---- the file --------------------------------------------------------------------------------- */

static void keep_facts(struct crl_ingest *in, const struct pki_crl *crl)
{
	const struct pki_crl_info *info = pki_crl_info(crl);

	memcpy(in->issuer, info->issuer_text, sizeof(in->issuer));
	memcpy(in->issuer_hash, info->issuer_hash, sizeof(in->issuer_hash));
	memcpy(in->number, info->number_text, sizeof(in->number));
	for (size_t i = 0, at = 0; info->is_delta && i < PKI_CRL_NUMBER_MAX; i++) {
		if (info->base_number[i] != 0 || at > 0 || i + 1 == PKI_CRL_NUMBER_MAX)
			at += (size_t)snprintf(
				in->base_number + at, 3, "%02X", info->base_number[i]);
	}
	in->this_update = info->this_update;
	in->next_update = info->next_update;
	in->delta_url_cnt = info->is_delta ? 0 : info->delta_url_cnt;
	memcpy(in->delta_url, info->delta_url, sizeof(in->delta_url));
}

static bool is_in_force(const struct crl_ingest *in)
{
	return in->args.in_force != NULL &&
	       memcmp(in->signature_digest, in->args.in_force, sizeof(in->signature_digest)) == 0;
}

/* The sources that were made of this very list, should it prove to be that. 0, -ENOENT, -ENOMEM. */
static int take_sources_in_force(struct crl_ingest *in, const struct master_source_info *about)
{
	size_t cnt, at = master_list_find_group(in->args.list, about, &cnt);

	if (cnt == 0)
		return -ENOENT;
	in->source = calloc(cnt, sizeof(struct master_source *));
	if (in->source == NULL)
		return -ENOMEM;
	for (; in->source_cnt < cnt; in->source_cnt++)
		in->source[in->source_cnt] =
			master_source_get(master_list_source(in->args.list, at + in->source_cnt));
	return 0;
}

static int get_sources(struct crl_ingest *in, struct pki_crl *crl,
	const struct master_source_info *about, struct crl_proof *proof)
{
	int ret = is_in_force(in) ? take_sources_in_force(in, about) : -ENOENT;

	return ret == -ENOENT ? build_sources(in, crl, about, proof) : ret;
}

/* Into sources that nobody gets before the list is proven. */
static int read_unproven(struct crl_ingest *in, struct pki_crl *crl, struct crl_proof *proof)
{
	const struct pki_crl_info *info = pki_crl_info(crl);
	unsigned char *issuer = NULL;
	struct master_source_info about;
	char scope[CRL_SCOPE_NAME_MAX];
	int len, ret;

	ret = crl_admit_scope(in, crl);
	if (ret == 0)
		ret = crl_scope_name(info, scope);
	if (ret < 0)
		return ret;
	len = i2d_X509_NAME(info->issuer, &issuer);
	if (len <= 0)
		return -ENOMEM;
	about = info_of(in, info, (struct rk_span){issuer, (size_t)len}, scope);
	ret = crl_admit_number(in, &about);
	if (ret == 0)
		ret = get_sources(in, crl, &about, proof);
	OPENSSL_free(issuer);
	return ret;
}

static int read_list(struct crl_ingest *in, struct pki_crl *crl)
{
	const struct pki_crl_verify_args args = {.trust = in->args.trust,
		.now = in->args.now,
		.find = in->args.find,
		.find_ctx = in->args.find_ctx};
	struct crl_proof proof;
	int ret, proven;

	keep_facts(in, crl);
	if (in->args.is_delta && !pki_crl_info(crl)->is_delta)
		return crl_refuse(in, CRL_REFUSED_OTHER, "crl-not-a-delta",
			"Give the address of a full list as uri.",
			"it is a full list where a delta was expected");
	ret = pki_crl_signature_digest(crl, in->signature_digest);
	if (ret < 0)
		return ret;
	ret = crl_proof_begin(&proof, crl, &args, &in->report);
	if (ret < 0)
		return ret;
	memcpy(in->signer_key, proof.key, sizeof(in->signer_key));
	ret = read_unproven(in, crl, &proof);
	proven = crl_proof_end(&proof, &in->report);
	if (proven < 0)
		in->refusal = CRL_REFUSED_OTHER; /* whatever else it is */
	if (proven < 0 || ret < 0)
		return proven < 0 ? proven : ret;
	return compare_with_old(in);
}

static int read_bytes(struct crl_ingest *in, const void *data, size_t len)
{
	struct pki_crl *crl = NULL;
	unsigned kinds = PKI_CRL_TAKE_ALL;
	int ret;

	if (!in->args.is_delta)
		kinds &= ~PKI_CRL_TAKE_DELTA;
	ret = pki_crl_open(data, len, kinds, &in->report, &crl);

	if (ret == 0)
		ret = read_list(in, crl);
	pki_crl_free(crl);
	return ret;
}

static int read_file(struct crl_ingest *in)
{
	void *map;
	int ret;

	if (in->args.is_foreign) {
		ret = spool_copy(in->args.dir_fd, &in->args.fd, in->args.len);
		if (ret < 0)
			return ret;
	}
	if (in->args.len == 0)
		return read_bytes(in, "", 0);
	map = mmap(NULL, in->args.len, PROT_READ, MAP_PRIVATE, in->args.fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	/* All of it is read, and faults one by one cost more than the reading. */
	(void)rk_large_populate(map, in->args.len, false);
	madvise(map, in->args.len, MADV_SEQUENTIAL);
	ret = read_bytes(in, map, in->args.len);
	rk_large_unmap(map, in->args.len);
	return ret;
}

void crl_ingest_work(void *arg)
{
	struct crl_ingest *in = arg;

	in->error = read_file(in);
	if (in->error < 0)
		drop_sources(in);
}
