/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/revocations_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/config.h"
#include "control/crl/manager.h"
#include "control/daemon.h"
#include "control/helper.h"
#include "control/log.h"
#include "control/publish.h"

#define RELEASE_ENTRIES 65536 /* given back within a millisecond */

static int judge_kinds(struct revocations *r, const struct revocations_args *args)
{
	const struct revocations *before = args->before;
	size_t known = before != NULL && before->list == r->list ? before->kind_cnt : 0;

	r->kind = calloc(r->kind_cnt + 1, sizeof(*r->kind));
	if (r->kind == NULL)
		return -ENOMEM;
	if (known > 0)
		memcpy(r->kind, before->kind, known * sizeof(*r->kind));
	for (size_t i = known; i < r->kind_cnt; i++)
		r->kind[i] = revocations_judge_kind(r, pki_kind_set_get(args->kinds, i));
	return 0;
}

int revocations_new(const struct revocations_args *args, struct revocations **out)
{
	struct revocations *r = calloc(1, sizeof(*r));
	int ret;

	if (r == NULL)
		return -ENOMEM;
	atomic_init(&r->ref_cnt, 1);
	r->list = master_list_get(args->list);
	r->missing = args->missing;
	/* Counted first: one that is met meanwhile may not have been asked which lists it names. */
	r->kind_cnt = args->kinds != NULL ? pki_kind_set_cnt(args->kinds) : 0;
	ret = revocations_read_lists(r, args);
	if (ret == 0)
		ret = judge_kinds(r, args);
	if (ret < 0) {
		revocations_put(r);
		return ret;
	}
	*out = r;
	return 0;
}

struct revocations *revocations_get(struct revocations *r)
{
	atomic_fetch_add(&r->ref_cnt, 1);
	return r;
}

void revocations_put(struct revocations *r)
{
	if (r == NULL || atomic_fetch_sub(&r->ref_cnt, 1) != 1)
		return;
	for (size_t i = 0; i < r->list_cnt; i++)
		pki_crl_free(r->lists[i].scope);
	free(r->lists);
	free(r->source);
	free(r->idle);
	free(r->kind);
	revocations_index_fini(r);
	master_list_put(r->list);
	free(r);
}

const struct master_list *revocations_list(const struct revocations *r)
{
	return r->list;
}

/* For the endpoint's full list and for its delta. */
static size_t add_settings(const struct config_crl_source *s,
	const struct config_crl_endpoint *endpoint, struct revocation_setting *setting, size_t n)
{
	const char *const url[] = {endpoint->uri, endpoint->delta_uri};

	for (size_t i = 0; i < 2; i++) {
		if (url[i] == NULL)
			continue;
		setting[n++] = (struct revocation_setting){.url = url[i],
			.policy = s->revocation_policy,
			.grace_sec = s->grace_time_ns / UINT64_C(1000000000)};
	}
	return n;
}

/* The settings of each endpoint; the strictest policy of those whose list was never seen yet. */
static size_t collect_settings(const struct config *c, const struct master_list *list,
	struct revocation_setting *setting, enum rk_revocation_policy *missing)
{
	size_t n = 0;

	*missing = RK_POLICY_OFF;
	for (size_t i = 0; i < c->crl_cnt; i++) {
		const struct config_crl_source *s = &c->crl[i];

		for (size_t k = 0; k < s->endpoint_cnt; k++) {
			n = add_settings(s, &s->endpoint[k], setting, n);
			if (master_list_find_source(list, s->endpoint[k].uri) == NULL &&
				s->revocation_policy > *missing)
				*missing = s->revocation_policy;
		}
	}
	return n;
}

static size_t count_settings(const struct config *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->crl_cnt; i++)
		n += 2 * c->crl[i].endpoint_cnt;
	return n;
}

struct revocations *revocations_current(struct daemon *d)
{
	struct revocations_args args = {
		.list = crl_manager_master_list(d->crl),
		.kinds = d->kinds,
		.before = d->revocations,
	};
	struct revocation_setting *setting;
	struct revocations *r = NULL;

	if (d->revocations != NULL && d->revocations->list == args.list &&
		d->revocations->kind_cnt == pki_kind_set_cnt(d->kinds))
		return d->revocations;
	setting = calloc(count_settings(d->config) + 1, sizeof(*setting));
	if (setting == NULL)
		return NULL;
	args.setting = setting;
	args.setting_cnt = collect_settings(d->config, args.list, setting, &args.missing);
	if (revocations_new(&args, &r) == 0) {
		revocations_forget(d);
		d->revocations = r;
	}
	free(setting);
	return r;
}

bool revocations_follow_kinds(struct daemon *d)
{
	size_t cnt = pki_kind_set_cnt(d->kinds);
	const struct revocations *r;

	/* What is current may know them already: whoever needed it first did not publish it. */
	if (d->marked_kind_cnt != cnt && cnt == PKI_KIND_SET_MAX)
		log_warning("more kinds of certificates than are told apart: under a hard "
			    "revocation-policy further ones are refused");
	if (d->marked_kind_cnt != cnt)
		publisher_mark(d->publisher, RK_PART_REVOCATION_BASE);
	d->marked_kind_cnt = cnt;
	r = revocations_current(d);
	return r == NULL || r->has_hard_policy;
}

static void put_revocations(void *r)
{
	revocations_put(r);
}

void revocations_release(struct daemon *d, struct revocations *r)
{
	/* The last reference may be the list's, too. */
	bool is_large = r != NULL && master_list_entry_cnt(r->list) > RELEASE_ENTRIES;

	helper_release(is_large ? d->helpers : NULL, put_revocations, r);
}

void revocations_forget(struct daemon *d)
{
	revocations_release(d, d->revocations);
	d->revocations = NULL;
}
