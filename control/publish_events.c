/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/publish_private.h"

#include <errno.h>
#include <string.h>

#include "control/audit.h"
#include "control/metrics.h"
#include "control/peers.h"
#include "control/verdicts.h"

#define NEED_ALL_MAX 3 /* in a row, for one generation */

static bool holds_all(const struct publisher *p)
{
	for (unsigned i = 0; i < RK_PART_CNT; i++)
		if (p->has_part[i] != p->is_held[i] ||
			(p->has_part[i] &&
				memcmp(p->held[i], p->part[i].digest, RK_DIGEST_LEN) != 0))
			return false;
	return true;
}

/*
 * Above everything the data plane has ever activated. The same generation is used again only for
 * the same parts: with others it would be refused.
 */
static int continue_above(struct publisher *p, struct rk_generation active)
{
	int order = rk_generation_cmp(active, p->published);
	int ret;

	if (active.incarnation > p->published.incarnation) {
		ret = publisher_save_incarnation(p, active.incarnation + 1);
		if (ret < 0)
			return ret;
		p->published = (struct rk_generation){active.incarnation + 1, 1};
		log_warning("the data plane knows a later incarnation: continuing at %llu",
			(unsigned long long)p->published.incarnation);
	} else if (order > 0) {
		p->published.counter = active.counter + 1;
	} else if (order == 0 && !holds_all(p)) {
		p->published.counter++;
	}
	return 0;
}

static void on_hello(struct publisher *p, const struct rk_msg_hello *hello)
{
	int ret;

	for (unsigned i = 0; i < RK_PART_CNT; i++) {
		p->is_held[i] = hello->held[i].is_present != 0;
		memcpy(p->held[i], hello->held[i].digest, RK_DIGEST_LEN);
	}
	memcpy(p->key_held, hello->key_held, RK_DIGEST_LEN);
	p->applied = (struct rk_generation){0};
	p->need_all_cnt = 0;
	publisher_flush(p);
	ret = continue_above(p, hello->active);
	if (ret < 0) {
		log_error("the incarnation cannot be kept: %s", strerror(-ret));
		publish_link_drop(p->link, "no generation to give it");
		return;
	}
	log_info("the data plane is connected; it had activated %llu.%llu",
		(unsigned long long)hello->active.incarnation,
		(unsigned long long)hello->active.counter);
	event_del(p->absent_timer);
	publisher_clear_alarm(p, "dataplane-absent");
	publisher_clear_alarm(p, "dataplane-hung"); /* if it does, it tells so anew */
	p->is_greeted = true;
	publisher_tell_log_levels(p);
	publisher_send_view(p);
	peers_connected(p->daemon->peers, true);
}

/* A waiter that is done with this; its end may end others, so each is looked for anew. */
static struct waiter *find_waiter(const struct publisher *p, struct rk_generation generation)
{
	struct waiter *w;

	TAILQ_FOREACH(w, &p->waiters, next)
	{
		if (!w->is_building && rk_generation_cmp(generation, w->generation) >= 0)
			return w;
	}
	return NULL;
}

/* The first word on a generation goes into the audit log: it may be said again, and again. */
static bool is_unrecorded(struct publisher *p, struct rk_generation generation)
{
	bool is_later = rk_generation_cmp(generation, p->recorded) > 0;

	if (is_later)
		p->recorded = generation;
	return is_later;
}

static void on_applied(struct publisher *p, struct rk_generation generation)
{
	struct waiter *w;

	if (rk_generation_cmp(generation, p->published) > 0 ||
		rk_generation_cmp(generation, p->applied) < 0) {
		publish_link_drop(p->link, "it applied what was never published, or is over");
		return;
	}
	p->applied = generation;
	if (rk_generation_cmp(generation, p->published) == 0) {
		p->last_refusal[0] = '\0';
		publisher_clear_alarm(p, "publication-refused");
		publisher_clear_alarm(p, "dataplane-behind");
		event_del(p->behind_timer);
		metrics_count(p->daemon->metrics, METRIC_APPLIED);
		if (is_unrecorded(p, generation))
			audit_write(p->daemon->audit, "system.publication",
				"The data plane runs on a new generation.",
				json_pack("{s:I, s:I}", "incarnation",
					(json_int_t)generation.incarnation, "counter",
					(json_int_t)generation.counter));
	}
	while ((w = find_waiter(p, generation)) != NULL)
		publisher_succeed_waiter(w, "applied");
}

static void on_refused(struct publisher *p, const struct rk_msg_generation *refused)
{
	char text[RK_REFUSAL_MAX + 80];
	struct waiter *w;
	struct answer a;

	if (rk_generation_cmp(refused->generation, p->published) > 0 ||
		rk_generation_cmp(refused->generation, p->applied) <= 0) {
		publish_link_drop(
			p->link, "it refused what was never published, or it has applied");
		return;
	}
	snprintf(p->last_refusal, sizeof(p->last_refusal), "%s", refused->reason);
	snprintf(text, sizeof(text), "The data plane refused a publication and keeps the last: %s",
		p->last_refusal);
	publisher_set_alarm(p, "publication-refused", ALARM_CRITICAL, text);
	metrics_count(p->daemon->metrics, METRIC_REFUSED);
	if (is_unrecorded(p, refused->generation))
		audit_write(p->daemon->audit, "system.publication_refused", text,
			json_pack("{s:I, s:I, s:s}", "incarnation",
				(json_int_t)refused->generation.incarnation, "counter",
				(json_int_t)refused->generation.counter, "reason",
				p->last_refusal));
	memset(p->is_held, 0, sizeof(p->is_held));
	while ((w = find_waiter(p, refused->generation)) != NULL) {
		answer_error(&a, 500, PUBLISH_REFUSED, NULL, "%s", text);
		publisher_end_waiter(w, &a);
	}
}

static void on_need_all(struct publisher *p)
{
	if (++p->need_all_cnt > NEED_ALL_MAX) {
		publish_link_drop(p->link, "it asks for everything again and again");
		return;
	}
	memset(p->is_held, 0, sizeof(p->is_held));
	memset(p->key_held, 0, sizeof(p->key_held));
	publisher_send_view(p);
}

/* "gauge-hung-ms/" and who, of each worker and core: 0, or for how long it has not run. */
static void note_hung(struct publisher *p)
{
	static const char prefix[] = "gauge-hung-ms/";
	char names[256] = "", text[sizeof(names) + 80];
	size_t len = 0;
	const char *name;
	json_t *value;

	json_object_foreach(peers_counters_json(p->daemon->peers), name, value)
	{
		if (strncmp(name, prefix, sizeof(prefix) - 1) != 0 ||
			json_integer_value(value) == 0 || len >= sizeof(names))
			continue;
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
			len > 0 ? ", " : "", name + sizeof(prefix) - 1);
	}
	if (len == 0) {
		publisher_clear_alarm(p, "dataplane-hung");
		return;
	}
	snprintf(text, sizeof(text), "The data plane hangs: %s has not run for 10 s and more",
		names);
	publisher_set_alarm(p, "dataplane-hung", ALARM_CRITICAL, text);
}

bool publisher_is_hung(const struct publisher *p)
{
	return alarm_is_standing(p->daemon->alarms, "dataplane-hung", "dataplane");
}

void publisher_on_message(void *arg, const struct rk_message *msg)
{
	struct publisher *p = arg;
	struct daemon *d = p->daemon;

	switch (msg->type) {
	case RK_MSG_HELLO:
		on_hello(p, &msg->hello);
		break;
	case RK_MSG_APPLIED:
		on_applied(p, msg->generation.generation);
		break;
	case RK_MSG_REFUSED:
		on_refused(p, &msg->generation);
		break;
	case RK_MSG_NEED_ALL:
		on_need_all(p);
		break;
	case RK_MSG_VALIDATE:
		metrics_count(d->metrics, METRIC_VALIDATIONS);
		verdicts_validate(d->verdicts, msg->validate.request, msg->validate.der);
		break;
	case RK_MSG_CONFIRMED:
		verdicts_confirm(d->verdicts, msg->confirmed.fingerprint);
		break;
	case RK_MSG_EVENT:
		peers_event(d->peers, &msg->event);
		break;
	case RK_MSG_STATUS_PEER:
		peers_status(d->peers, &msg->status_peer);
		break;
	case RK_MSG_STATUS_END:
		peers_status_end(d->peers);
		break;
	case RK_MSG_COUNTERS:
		peers_counters(d->peers, &msg->counters);
		note_hung(p);
		break;
	default:
		break; /* KEY_HELD: an acknowledgement that nothing waits for */
	}
}

void publisher_on_closed(void *arg)
{
	const struct timeval grace = {.tv_sec = PUBLISH_ABSENT_SECONDS};
	struct publisher *p = arg;
	struct waiter *w;

	while ((w = TAILQ_FIRST(&p->waiters)) != NULL)
		publisher_succeed_waiter(w, "absent");
	p->is_greeted = false;
	event_del(p->behind_timer);
	publisher_clear_alarm(p, "dataplane-behind"); /* it is absent, which is told */
	publisher_clear_alarm(p, "dataplane-hung");
	/* Since it was there last: one that comes and is turned away is absent all the same. */
	if (!event_pending(p->absent_timer, EV_TIMEOUT, NULL))
		event_add(p->absent_timer, &grace);
	peers_connected(p->daemon->peers, false);
}
