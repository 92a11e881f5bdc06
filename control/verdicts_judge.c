/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/verdicts_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/clock_watch.h"
#include "control/config.h"
#include "control/helper.h"
#include "control/publish.h"
#include "control/revocations.h"
#include "control/trust.h"
#include "pki/view/secret.h"
#include "pki/x509/validate.h"

#define ASKING_MAX 64

/* Copies of the certificates, judged aside. */
struct rejudging {
	struct verdicts *verdicts;
	struct pki_trust *trust;
	uint8_t installation_key[INSTALLATION_KEY_LEN];
	struct pki_kind_set *kinds;
	bool is_ed25519_allowed;
	int64_t now;
	void (*ready)(void *arg, int error);
	void *arg;
	size_t cnt;
	struct {
		uint8_t *der;
		size_t len;
		struct rk_verdict verdict;
	} * item;
};

struct asking {
	struct verdicts *verdicts;
	struct pki_trust *trust;
	struct revocations *revocations;
	uint8_t installation_key[INSTALLATION_KEY_LEN];
	struct pki_kind_set *kinds;
	bool is_ed25519_allowed;
	int64_t now;
	uint64_t request;
	bool is_judged;
	struct rk_verdict verdict; /* with revocation: the answer */
	struct rk_verdict kept;    /* without */
	size_t der_len;
	uint8_t der[];
};

static void judge_asked(void *arg)
{
	struct asking *a = arg;
	struct revocations_query query = {.revocations = a->revocations, .now = a->now};
	struct pki_validate_args args = {
		.trust = a->trust,
		.installation_key = a->installation_key,
		.now = query.now,
		.is_ed25519_allowed = a->is_ed25519_allowed,
		.kinds = a->kinds,
		.find = revocations_find,
		.find_ctx = &query,
	};
	struct pki_report report;

	pki_report_init(&report);
	if (pki_validate_der(&args, a->der, a->der_len, &report, &a->verdict) < 0)
		return;
	a->is_judged = true;
	a->kept = a->verdict;
	if (a->verdict.status == RK_VERDICT_GOOD || report.error_cnt == 0)
		return;
	log_info("a peer's certificate is refused: %s", pki_report_first(&report)->text);
	args.find = NULL;
	if (pki_validate_der(&args, a->der, a->der_len, NULL, &a->kept) < 0)
		a->kept = a->verdict;
	/*
	 * Nothing is wrong with it but that its list is not here, or is stale: the workers see that for
	 * themselves and refuse it, after its owner has proved to have the key. Then we are told, and
	 * ask for the lists that it names; a key that nobody has seen used leads us nowhere.
	 */
	if (a->verdict.status == RK_VERDICT_UNKNOWN)
		a->verdict = a->kept;
}

static void keep_pending(struct verdicts *v, const struct asking *a)
{
	struct record *r = verdicts_find_record(v, a->kept.fingerprint);

	if (r != NULL)
		r->verdict = a->kept;
	else
		verdicts_add_record(v, (struct rk_span){a->der, a->der_len}, &a->kept, false);
}

static void end_asking(struct asking *a)
{
	a->verdicts->asking_cnt--;
	revocations_put(a->revocations);
	pki_trust_put(a->trust);
	rk_wipe(a->installation_key, sizeof(a->installation_key));
	free(a);
}

static void send_verdict(struct asking *a)
{
	struct rk_message msg = {.type = RK_MSG_VERDICT};

	msg.verdict.request = a->request;
	msg.verdict.verdict = a->verdict;
	if (!publisher_send(a->verdicts->daemon->publisher, &msg))
		log_debug("a verdict was not sent: no data plane");
	end_asking(a);
}

/* The workers have what is known of certificates like this one, or will not get it soon. */
static void send_published(void *arg, struct answer *published)
{
	(void)published;
	send_verdict(arg);
}

static void answer_asked(void *arg)
{
	struct asking *a = arg;
	struct verdicts *v = a->verdicts;

	/* Judged under a trust that has changed meanwhile: the data plane asks again. */
	if (!a->is_judged || v->daemon->trust == NULL ||
		a->verdict.trust_generation != trust_generation(v->daemon->trust)) {
		end_asking(a);
		return;
	}
	if (a->kept.status == RK_VERDICT_GOOD)
		keep_pending(v, a);
	/* Whoever asks after the first one waits for the same publication. */
	if (revocations_follow_kinds(v->daemon) && publisher_is_behind(v->daemon->publisher))
		publisher_await(v->daemon->publisher, send_published, a);
	else
		send_verdict(a);
}

void verdicts_validate(struct verdicts *v, uint64_t request, struct rk_span der)
{
	struct revocations *revocations = revocations_current(v->daemon);
	struct asking *a = NULL;

	/* The helpers have other work, too: the data plane asks again. */
	if (v->asking_cnt < ASKING_MAX)
		a = calloc(1, sizeof(*a) + der.len);
	if (a == NULL || revocations == NULL) {
		free(a);
		return;
	}
	v->asking_cnt++;
	a->verdicts = v;
	a->trust = pki_trust_get(trust_current(v->daemon->trust));
	a->revocations = revocations_get(revocations);
	memcpy(a->installation_key, v->daemon->installation_key, sizeof(a->installation_key));
	a->kinds = v->daemon->kinds;
	a->is_ed25519_allowed = v->daemon->config->is_ed25519_allowed;
	a->now = clock_now(v->daemon);
	a->request = request;
	a->der_len = der.len;
	memcpy(a->der, der.data, der.len);
	if (helper_run(v->daemon->helpers, judge_asked, answer_asked, a) < 0) {
		a->is_judged = false;
		answer_asked(a);
	}
}

void verdicts_drop_rejudging(struct rejudging *j)
{
	if (j == NULL)
		return;
	for (size_t i = 0; i < j->cnt; i++)
		free(j->item[i].der);
	free(j->item);
	pki_trust_put(j->trust);
	rk_wipe(j->installation_key, sizeof(j->installation_key));
	free(j);
}

static void rejudge(void *arg)
{
	struct rejudging *j = arg;
	const struct pki_validate_args args = {
		.trust = j->trust,
		.installation_key = j->installation_key,
		.now = j->now,
		.is_ed25519_allowed = j->is_ed25519_allowed,
		.kinds = j->kinds,
	};

	/* One that cannot be judged stays zero: UNKNOWN, never good. */
	for (size_t i = 0; i < j->cnt; i++)
		if (pki_validate_der(
			    &args, j->item[i].der, j->item[i].len, NULL, &j->item[i].verdict) < 0)
			log_error("a kept certificate could not be judged");
}

static void rejudged(void *arg)
{
	struct rejudging *j = arg;

	j->ready(j->arg, 0);
}

/* Which of the kept certificates. */
enum which { EVERY, NOT_YET_VALID, REFUSED_BY_DATE };

static bool is_wanted(const struct record *r, enum which which)
{
	return which == EVERY || r->verdict.status == RK_VERDICT_NOT_YET_VALID ||
	       (which == REFUSED_BY_DATE && r->verdict.status == RK_VERDICT_EXPIRED);
}

static int copy_records(struct verdicts *v, struct rejudging *j, enum which which)
{
	const struct record *r;

	j->item = calloc(v->confirmed_cnt + 1, sizeof(*j->item));
	if (j->item == NULL)
		return -ENOMEM;
	TAILQ_FOREACH(r, &v->confirmed, in_age)
	{
		if (!is_wanted(r, which))
			continue;
		j->item[j->cnt].der = malloc(r->der_len);
		if (j->item[j->cnt].der == NULL)
			return -ENOMEM;
		memcpy(j->item[j->cnt].der, r->der, r->der_len);
		j->item[j->cnt++].len = r->der_len;
	}
	return 0;
}

static int new_rejudging(struct verdicts *v, struct pki_trust *trust, bool is_ed25519_allowed,
	enum which which, struct rejudging **out)
{
	struct rejudging *j = calloc(1, sizeof(*j));
	int ret;

	if (j == NULL)
		return -ENOMEM;
	j->verdicts = v;
	j->trust = pki_trust_get(trust);
	memcpy(j->installation_key, v->daemon->installation_key, sizeof(j->installation_key));
	j->kinds = v->daemon->kinds;
	j->is_ed25519_allowed = is_ed25519_allowed;
	j->now = clock_now(v->daemon);
	ret = copy_records(v, j, which);
	if (ret < 0)
		verdicts_drop_rejudging(j);
	else
		*out = j;
	return ret;
}

int verdicts_prepare(struct verdicts *v, struct pki_trust *trust, bool is_ed25519_allowed,
	void (*ready)(void *arg, int error), void *arg)
{
	struct rejudging *j;
	int ret = new_rejudging(v, trust, is_ed25519_allowed, EVERY, &j);

	if (ret < 0)
		return ret;
	j->ready = ready;
	j->arg = arg;
	ret = helper_run(v->daemon->helpers, rejudge, rejudged, j);
	if (ret < 0) {
		verdicts_drop_rejudging(j);
		return ret;
	}
	verdicts_drop_rejudging(v->rejudging);
	v->rejudging = j;
	return 0;
}

/* One confirmed while the helper worked is judged here: there are few of them. */
static void judge_late(struct verdicts *v, struct record *r, const struct rejudging *j)
{
	const struct pki_validate_args args = {
		.trust = j->trust,
		.installation_key = v->daemon->installation_key,
		.now = clock_now(v->daemon),
		.is_ed25519_allowed = j->is_ed25519_allowed,
		.kinds = j->kinds,
	};
	struct rk_verdict verdict;

	if (r->verdict.trust_generation == pki_trust_generation(j->trust))
		return;
	if (pki_validate_der(&args, r->der, r->der_len, NULL, &verdict) == 0)
		r->verdict = verdict;
}

void verdicts_adopt(struct verdicts *v)
{
	struct rejudging *j = v->rejudging;
	struct record *r;

	for (size_t i = 0; i < j->cnt; i++) {
		r = verdicts_find_record(v, j->item[i].verdict.fingerprint);
		if (r != NULL)
			r->verdict = j->item[i].verdict;
	}
	TAILQ_FOREACH(r, &v->confirmed, in_age)
	judge_late(v, r, j);
	while ((r = TAILQ_FIRST(&v->pending)) != NULL) {
		verdicts_unlink_record(v, r);
		free(r);
	}
	v->rejudging = NULL;
	verdicts_drop_rejudging(j);
}

/* ---- dates ------------------------------------------------------------------------------------ */

static void dates_judged(void *arg)
{
	struct rejudging *j = arg;
	struct verdicts *v = j->verdicts;
	bool is_changed = false;

	v->is_judging_dates = false;
	for (size_t i = 0; i < j->cnt; i++) {
		const struct rk_verdict *verdict = &j->item[i].verdict;
		struct record *r = verdicts_find_record(v, verdict->fingerprint);

		/* the trust may have changed meanwhile: then it was judged anew with all others */
		if (r == NULL || r->verdict.trust_generation != verdict->trust_generation ||
			r->verdict.status == verdict->status)
			continue;
		r->verdict = *verdict;
		is_changed = true;
	}
	if (is_changed)
		publisher_mark(v->daemon->publisher, RK_PART_VERDICTS);
	verdicts_drop_rejudging(j);
}

void verdicts_judge_dates(struct verdicts *v, bool was_set)
{
	struct rejudging *j;

	if (v->is_judging_dates || new_rejudging(v, trust_current(v->daemon->trust),
					   v->daemon->config->is_ed25519_allowed,
					   was_set ? REFUSED_BY_DATE : NOT_YET_VALID, &j) < 0)
		return; /* the next look comes in a minute */
	if (j->cnt == 0 || helper_run(v->daemon->helpers, rejudge, dates_judged, j) < 0) {
		verdicts_drop_rejudging(j);
		return;
	}
	v->is_judging_dates = true;
}
