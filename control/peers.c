/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/peers_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/alarms.h"
#include "control/audit.h"
#include "control/config.h"
#include "control/endpoint.h"
#include "control/fields.h"
#include "control/metrics.h"
#include "control/peer_alarms.h"
#include "control/publish.h"
#include "control/time_text.h"

#define ANSWER_SECONDS 5
#define FRESH_MS       120000 /* what was told is still good for the next page */
#define COUNTERS_MAX   1024   /* more than any data plane has */

/*
 * Each change of a peer is an alarm and records in the audit log: a peer that changes all the time, or a
 * data plane that somebody has taken over, does not push everything else out of it. What is left out
 * is told by the next round of status, once a minute.
 */
static const struct budget_rule peer_rule = {.burst = 30, .refill_sec = 10};
#define UNASKED_EACH 4    /* of all: so many a peer, */
#define UNASKED_MORE 1000 /* so many besides, and one a second */

ssize_t peers_find(const struct peers *p, const char *name)
{
	const json_t *position = json_object_get(p->position, name);

	return position != NULL ? (ssize_t)json_integer_value(position) : -1;
}

/* ---- forms ------------------------------------------------------------------------------------ */

const char *peers_state_name(unsigned state)
{
	static const char *const name[] = {[RK_PEER_DISABLED] = "disabled",
		[RK_PEER_INITIALIZING] = "initializing",
		[RK_PEER_UP] = "up",
		[RK_PEER_DOWN] = "down"};

	return state < sizeof(name) / sizeof(name[0]) ? name[state] : "unknown";
}

/* While a round is under way, what the one before it told is still good. */
static bool peers_is_known(const struct peers *p, size_t i)
{
	uint32_t told = i < p->cnt ? p->told[i].round : 0;

	return told != 0 && (told == p->round || (p->is_asked && told + 1 == p->round));
}

struct rk_msg_status_peer peers_status_of(const struct peers *p, size_t i)
{
	const struct rk_msg_status_peer none = {
		.state = p->daemon->config->is_enabled ? RK_PEER_INITIALIZING : RK_PEER_DISABLED};

	return peers_is_known(p, i) ? p->status[i] : none;
}

/* Of one that is configured now; -1: of another. */
static ssize_t find_told(const struct peers *p, const char *name)
{
	ssize_t i = peers_find(p, name);

	return (size_t)i < p->cnt && (size_t)i < p->daemon->config->peer_cnt ? i : -1;
}

/* ---- what the data plane says ----------------------------------------------------------------- */

static void audit_peer(struct peers *p, const struct rk_msg_event *event, const char *type)
{
	char text[RK_NAME_MAX + 128];
	enum rk_verdict_status verdict = (enum rk_verdict_status)event->verdict;

	snprintf(text, sizeof(text), "Peer %s: %s", event->peer, event->reason);
	audit_write_as(p->daemon->audit, &(struct audit_actor){""}, type, text,
		json_pack("{s:s, s:s, s:s, s:s, s:o}", "peer", event->peer, "state",
			peers_state_name(event->state), "reason", event->reason, "verdict",
			rk_verdict_status_name(verdict), "fingerprint",
			peers_hex_json(event->fingerprint, sizeof(event->fingerprint))));
}

static void audit_path(struct peers *p, const struct config_peer *peer, size_t n, bool is_down)
{
	const struct config_path *path = &peer->path[n];
	const char *port = p->daemon->config->port[path->port].name;
	char text[RK_NAME_MAX + 128], remote[ENDPOINT_TEXT_LEN];

	endpoint_text(&path->remote, path->udp_port_remote, remote);
	snprintf(text, sizeof(text), "Peer %s: path to %s is %s", peer->name, remote,
		is_down ? "down" : "up");
	audit_write_as(p->daemon->audit, &(struct audit_actor){""},
		is_down ? "peer.path_down" : "peer.path_up", text,
		json_pack("{s:s, s:s, s:s}", "peer", peer->name, "port", port, "remote", remote));
}

static void audit_paths(struct peers *p, size_t i, uint16_t down)
{
	const struct config_peer *peer = &p->daemon->config->peer[i];
	unsigned changed = p->told[i].path_down ^ down;

	for (size_t n = 0; n < peer->path_cnt; n++)
		if ((changed >> n & 1) != 0)
			audit_path(p, peer, n, (down >> n & 1) != 0);
	p->told[i].path_down = down;
}

/* A certificate that is refused is recorded, and a change of state, which may follow from it. */
static void audit_event(struct peers *p, const struct rk_msg_event *event, size_t i)
{
	if (event->verdict != RK_VERDICT_UNKNOWN && event->verdict != RK_VERDICT_GOOD)
		audit_peer(p, event, "peer.certificate_invalid");
	if (event->state != p->told[i].state && event->state == RK_PEER_UP)
		audit_peer(p, event, "peer.up");
	if (event->state != p->told[i].state && event->state == RK_PEER_DOWN)
		audit_peer(p, event, "peer.down");
	p->told[i].state = event->state;
	audit_paths(p, i, event->path_down);
}

static void tell_certificate(struct peers *p, size_t i, const char *name, unsigned verdict,
	const uint8_t fingerprint[RK_FINGERPRINT_LEN])
{
	struct told *told = &p->told[i];
	bool is_news = told->verdict != verdict ||
		       memcmp(told->fingerprint, fingerprint, RK_FINGERPRINT_LEN) != 0;

	if (verdict == RK_VERDICT_UNKNOWN) /* no judgement */
		return;
	told->verdict = (uint8_t)verdict;
	memcpy(told->fingerprint, fingerprint, RK_FINGERPRINT_LEN);
	peer_alarm_verdict(p->daemon, name, (enum rk_verdict_status)verdict, fingerprint, is_news);
}

static bool may_tell(struct peers *p, size_t i)
{
	const struct budget_rule all = {
		.burst = (uint32_t)p->cnt * UNASKED_EACH + UNASKED_MORE, .refill_sec = 1};

	return budget_take(&p->told[i].budget, &peer_rule) && budget_take(&p->unasked, &all);
}

void peers_event(struct peers *p, const struct rk_msg_event *event)
{
	ssize_t i = find_told(p, event->peer);

	if (i < 0 || !may_tell(p, (size_t)i))
		return;
	log_info("peer %s: %s (%s)", event->peer, peers_state_name(event->state), event->reason);
	audit_event(p, event, (size_t)i);
	peer_alarm_state(p->daemon, event->peer, event->state);
	peer_alarm_paths(p->daemon, &p->daemon->config->peer[i], event->state, event->path_down);
	peer_alarm_refusal(p->daemon, event->peer, event->reason);
	tell_certificate(p, (size_t)i, event->peer, event->verdict, event->fingerprint);
}

void peers_status(struct peers *p, const struct rk_msg_status_peer *status)
{
	ssize_t i = find_told(p, status->peer);

	if (i < 0)
		return;
	/* once a round it is an answer */
	if ((!p->is_asked || p->told[i].round == p->round) && !may_tell(p, (size_t)i))
		return;
	p->status[i] = *status;
	p->told[i].round = p->round;
	peer_alarm_state(p->daemon, status->peer, status->state);
	p->told[i].path_down = status->path_down;
	peer_alarm_paths(p->daemon, &p->daemon->config->peer[i], status->state, status->path_down);
	tell_certificate(p, (size_t)i, status->peer, status->verdict, status->fingerprint);
	peer_alarm_expiry(p->daemon, status->peer, status->not_after);
	peer_alarm_proven(p->daemon, status->peer, status->state, status->key_age_ms);
	peer_alarm_rekey(p->daemon, status->peer, status->state, status->key_age_ms);
}

void peers_counters(struct peers *p, const struct rk_msg_counters *counters)
{
	char name[sizeof(counters->counter[0].name) + 1] = "";

	for (uint32_t i = 0; i < counters->cnt; i++) {
		memcpy(name, counters->counter[i].name, sizeof(counters->counter[i].name));
		if (json_object_get(p->counters, name) == NULL &&
			json_object_size(p->counters) >= COUNTERS_MAX)
			continue;
		json_object_set_new(
			p->counters, name, json_integer((json_int_t)counters->counter[i].value));
	}
}

static void answer_questions(struct peers *p)
{
	struct question *q;
	struct answer a;

	event_del(p->timer);
	p->is_asked = false;
	while ((q = TAILQ_FIRST(&p->questions)) != NULL) {
		TAILQ_REMOVE(&p->questions, q, next);
		if (publisher_is_connected(p->daemon->publisher))
			q->answer(p, q, &a);
		else
			answer_error(
				&a, 503, "no-data-plane", NULL, "the data plane is not connected");
		q->cb(q->arg, &a);
		answer_fini(&a);
		free(q);
	}
}

static int64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool peers_are_fresh(const struct peers *p)
{
	return p->round > 0 && monotonic_ms() - p->told_at_ms <= FRESH_MS;
}

void peers_status_end(struct peers *p)
{
	p->told_at_ms = monotonic_ms();
	answer_questions(p);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct peers *p = arg;
	struct question *q;
	struct answer a;

	(void)fd;
	(void)what;
	p->is_asked = false;
	while ((q = TAILQ_FIRST(&p->questions)) != NULL) {
		TAILQ_REMOVE(&p->questions, q, next);
		answer_error(&a, 503, "no-answer", NULL,
			"the data plane has not answered within %d s", ANSWER_SECONDS);
		q->cb(q->arg, &a);
		answer_fini(&a);
		free(q);
	}
}

/* ---- what is asked ---------------------------------------------------------------------------- */

static bool ask_status(struct peers *p)
{
	const struct rk_message msg = {.type = RK_MSG_STATUS};
	const struct timeval limit = {.tv_sec = ANSWER_SECONDS};

	if (p->is_asked)
		return true;
	if (!publisher_send(p->daemon->publisher, &msg))
		return false;
	p->round++;
	p->is_asked = true;
	event_add(p->timer, &limit);
	return true;
}

void peers_ask_for(struct peers *p, const struct question *what,
	void (*answer)(struct peers *p, const struct question *q, struct answer *out), answer_cb cb,
	void *arg)
{
	struct question *q = calloc(1, sizeof(*q));
	struct answer a;

	if (q == NULL || !ask_status(p)) {
		free(q);
		answer_error(&a, 503, "no-data-plane", NULL, "the data plane is not connected");
		cb(arg, &a);
		answer_fini(&a);
		return;
	}
	*q = *what;
	q->answer = answer;
	q->cb = cb;
	q->arg = arg;
	TAILQ_INSERT_TAIL(&p->questions, q, next);
}

void peers_ask(struct peers *p, const char *name,
	void (*answer)(struct peers *p, const struct question *q, struct answer *out), answer_cb cb,
	void *arg)
{
	struct question what = {.limit = 1};

	snprintf(what.peer, sizeof(what.peer), "%s", name);
	peers_ask_for(p, &what, answer, cb, arg);
}

void peers_answer_unknown(struct answer *out, const char *name)
{
	answer_error(out, 404, "no-peer", NULL, "there is no peer named \"%.63s\"", name);
}

static void answer_stats(struct peers *p, const struct question *q, struct answer *out)
{
	json_t *control = metrics_stats(p->daemon->metrics);
	size_t cnt[ALARM_CRITICAL + 1], sum = 0;

	(void)q;
	alarms_count(p->daemon->alarms, cnt);
	for (size_t i = 0; i <= ALARM_CRITICAL; i++)
		sum += cnt[i];
	json_object_set_new(control, "alarms", json_integer((json_int_t)sum));
	answer_ok(out, json_pack("{s:o, s:O}", "control", control, "dataplane", p->counters));
}

void peers_walk(const struct peers *p,
	void (*see)(void *arg, const char *name, const struct rk_msg_status_peer *status),
	void *arg)
{
	const struct config *c = p->daemon->config;
	const struct rk_msg_status_peer none = {
		.state = c->is_enabled ? RK_PEER_INITIALIZING : RK_PEER_DISABLED};

	for (size_t i = 0; i < p->cnt && i < c->peer_cnt; i++)
		see(arg, c->peer[i].name, peers_is_known(p, i) ? &p->status[i] : &none);
}

json_t *peers_counters_json(const struct peers *p)
{
	return p->counters;
}

void peers_stats(struct peers *p, answer_cb cb, void *arg)
{
	peers_ask(p, "", answer_stats, cb, arg);
}

void peers_rotate(struct peers *p, const json_t *request, answer_cb cb, void *arg)
{
	const char *name = "";
	const struct field fields[] = {{"peer", FIELD_STRING, false, &name, 1, 63}};
	struct rk_message msg = {.type = RK_MSG_ROTATE};
	struct answer a;

	if (fields_read(request, fields, 1, &a) < 0) {
		goto out;
	} else if (name[0] != '\0' && peers_find(p, name) < 0) {
		peers_answer_unknown(&a, name);
		goto out;
	}
	snprintf(msg.rotate.peer, sizeof(msg.rotate.peer), "%s", name);
	if (publisher_send(p->daemon->publisher, &msg))
		answer_ok(&a, json_pack("{s:s}", "rotated", name[0] != '\0' ? name : "all"));
	else
		answer_error(&a, 503, "no-data-plane", NULL, "the data plane is not connected");
out:
	cb(arg, &a);
	answer_fini(&a);
}

/* ---- start, end, changes ---------------------------------------------------------------------- */

static bool is_configured(void *arg, const char *name)
{
	return peers_find(arg, name) >= 0;
}

/* What was told of those that were there before stays; their status is asked for anew. */
static json_t *place_peers(const struct peers *p, struct told *told)
{
	const struct config *c = p->daemon->config;
	json_t *position = json_object();

	for (size_t i = 0; i < c->peer_cnt; i++) {
		ssize_t old = peers_find(p, c->peer[i].name);

		if (json_object_set_new(position, c->peer[i].name, json_integer((json_int_t)i)) <
			0) {
			json_decref(position);
			return NULL;
		}
		if (old >= 0) {
			told[i] = p->told[old];
			told[i].round = 0;
		}
	}
	return position;
}

void peers_configure(struct peers *p)
{
	size_t cnt = p->daemon->config->peer_cnt;
	struct rk_msg_status_peer *status = calloc(cnt + 1, sizeof(*status));
	struct told *told = calloc(cnt + 1, sizeof(*told));
	json_t *position = status != NULL && told != NULL ? place_peers(p, told) : NULL;

	if (position == NULL) {
		log_error("no memory for %zu peers", cnt);
		free(status);
		free(told);
		return;
	}
	json_decref(p->position);
	p->position = position;
	free(p->status);
	free(p->told);
	p->status = status;
	p->told = told;
	p->cnt = cnt;
	peer_alarms_keep(p->daemon, is_configured, p);
}

void peers_connected(struct peers *p, bool is_connected)
{
	json_t *none = json_object();

	if (is_connected && none != NULL) { /* it may have started, and counts, anew */
		json_decref(p->counters);
		p->counters = json_incref(none);
	}
	json_decref(none);
	if (!is_connected)
		answer_questions(p);
	else if (!ask_status(p))
		log_debug("the data plane went away at once");
}

static void on_every(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	if (!ask_status(arg))
		log_debug("no data plane to ask for its peers");
}

int peers_open(struct daemon *d, struct peers **out)
{
	const struct timeval minute = {.tv_sec = 60};
	struct peers *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	p->daemon = d;
	TAILQ_INIT(&p->questions);
	p->counters = json_object();
	p->timer = evtimer_new(d->base, on_timer, p);
	p->every = event_new(d->base, -1, EV_PERSIST, on_every, p);
	if (p->counters != NULL && p->timer != NULL && p->every != NULL &&
		event_add(p->every, &minute) == 0)
		peers_configure(p);
	if (p->status == NULL) {
		peers_close(p);
		return -ENOMEM;
	}
	*out = p;
	return 0;
}

void peers_close(struct peers *p)
{
	if (p == NULL)
		return;
	if (p->timer != NULL)
		on_timer(-1, 0, p);
	if (p->timer != NULL)
		event_free(p->timer);
	if (p->every != NULL)
		event_free(p->every);
	json_decref(p->counters);
	json_decref(p->position);
	free(p->status);
	free(p->told);
	free(p);
}
