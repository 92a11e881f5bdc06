/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/publish.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/alarms.h"
#include "control/credential.h"
#include "control/publish_build.h"
#include "control/publish_private.h"
#include "pki/view/file.h"
#include "pki/view/secret.h"

#define INCARNATION_FILE "incarnation"

static const char *const part_name[] = {[RK_PART_CONFIG] = "config",
	[RK_PART_VERDICTS] = "verdicts",
	[RK_PART_REVOCATION_BASE] = "revocation-base",
	[RK_PART_REVOCATION_OVERLAY] = "revocation-overlay"};

void publisher_set_alarm(
	struct publisher *p, const char *kind, enum alarm_severity severity, const char *text)
{
	const struct alarm_spec spec = {.kind = kind, .source = "dataplane", .severity = severity};

	alarm_raise(p->daemon->alarms, &spec, "%s", text);
}

void publisher_clear_alarm(struct publisher *p, const char *kind)
{
	alarm_clear(p->daemon->alarms, kind, "dataplane");
}

/* The key goes ahead of the first view that names it; with the first that does not it is let go of. */
static void send_key(struct publisher *p)
{
	const struct compile_credential *c = credential_compiled(p->daemon->credential);
	struct rk_private_key *key;
	int ret;

	if (c == NULL)
		memset(p->key_held, 0, RK_DIGEST_LEN);
	if (c == NULL || memcmp(c->public_key_hash, p->key_held, RK_DIGEST_LEN) == 0)
		return;
	key = rk_secret_new(sizeof(*key));
	ret = key != NULL ? credential_private_key(p->daemon->credential, key) : -errno;
	if (ret < 0)
		log_error("the private key cannot be read: %s", strerror(-ret));
	else if (publish_link_send_key(p->link, key))
		memcpy(p->key_held, c->public_key_hash, RK_DIGEST_LEN);
	rk_secret_free(key, sizeof(*key));
}

void publisher_send_view(struct publisher *p)
{
	const struct timeval limit = {.tv_sec = PUBLISH_BEHIND_SECONDS};
	struct rk_message msg = {.type = RK_MSG_VIEW};
	int fds[RK_PART_CNT];
	size_t fd_cnt = 0;

	/* Without the revocations everybody would be good. */
	if (!p->is_greeted || !p->has_part[RK_PART_CONFIG] || !p->has_part[RK_PART_REVOCATION_BASE])
		return;
	send_key(p);
	msg.view.generation = p->published;
	for (unsigned i = 0; i < RK_PART_CNT; i++) {
		struct rk_part_ref *ref = &msg.view.part[i];

		if (!p->has_part[i])
			continue;
		ref->is_present = 1;
		ref->size = p->part[i].size;
		memcpy(ref->digest, p->part[i].digest, RK_DIGEST_LEN);
		if (!p->is_held[i] || memcmp(p->held[i], ref->digest, RK_DIGEST_LEN) != 0) {
			ref->has_fd = 1;
			fds[fd_cnt++] = p->part[i].fd;
		}
	}
	if (!publish_link_send(p->link, &msg, fds, fd_cnt))
		return;
	if (!event_pending(p->behind_timer, EV_TIMEOUT, NULL))
		event_add(p->behind_timer, &limit);
	for (unsigned i = 0; i < RK_PART_CNT; i++) {
		p->is_held[i] = p->has_part[i];
		if (p->has_part[i])
			memcpy(p->held[i], p->part[i].digest, RK_DIGEST_LEN);
	}
	log_debug("published %llu.%llu with %zu parts",
		(unsigned long long)p->published.incarnation,
		(unsigned long long)p->published.counter, fd_cnt);
}

bool publisher_send(struct publisher *p, const struct rk_message *msg)
{
	return publisher_is_connected(p) && publish_link_send(p->link, msg, NULL, 0);
}

void publisher_tell_log_levels(struct publisher *p)
{
	struct rk_message msg = {.type = RK_MSG_LOG};

	log_dataplane_levels(msg.log.level);
	if (!publisher_send(p, &msg))
		log_debug("no data plane to tell what to log: it is told when it connects");
}

bool publisher_is_connected(const struct publisher *p)
{
	return p != NULL && p->link != NULL && publish_link_is_connected(p->link);
}

bool publisher_has_failed(const struct publisher *p)
{
	for (unsigned i = 0; i < RK_PART_CNT; i++)
		if (p->is_failed[i])
			return true;
	return false;
}

void publisher_fail(struct publisher *p, enum rk_part_kind kind, const char *text)
{
	p->is_failed[kind] = true;
	publisher_set_alarm(p, "publication-failed", ALARM_CRITICAL, text);
	publisher_mark_later(p, kind, PUBLISH_RETRY_USEC);
}

void publisher_built(struct publisher *p, enum rk_part_kind kind)
{
	p->is_failed[kind] = false;
	if (!publisher_has_failed(p))
		publisher_clear_alarm(p, "publication-failed");
}

/* True when the part has changed. */
static bool rebuild(struct publisher *p, enum rk_part_kind kind)
{
	struct compile_part part = {.fd = -1};
	struct rk_refusal why = {""};
	char text[RK_REFUSAL_MAX + 80];
	int ret;

	ret = publish_build(p->daemon, kind, &part, &why);
	if (ret < 0) {
		snprintf(text, sizeof(text), "Part %s cannot be published: %s", part_name[kind],
			ret == -EINVAL ? why.text : strerror(-ret));
		publisher_fail(p, kind, text);
		return false;
	}
	publisher_built(p, kind);
	if (p->has_part[kind] && memcmp(p->part[kind].digest, part.digest, RK_DIGEST_LEN) == 0) {
		compile_part_close(&part);
		return false;
	}
	if (p->has_part[kind])
		compile_part_close(&p->part[kind]);
	p->part[kind] = part;
	p->has_part[kind] = true;
	return true;
}

void publisher_flush(struct publisher *p)
{
	bool is_changed = false;

	if (p == NULL)
		return;
	/* Its alarms follow the revocations; a new verdict of it marks CONFIG. */
	if (p->is_marked[RK_PART_REVOCATION_BASE])
		credential_judge(p->daemon->credential);
	event_del(p->build_event);
	for (unsigned i = 0; i < RK_PART_REVOCATION_BASE; i++) {
		if (!p->is_marked[i])
			continue;
		p->is_marked[i] = false;
		is_changed |= rebuild(p, (enum rk_part_kind)i);
	}
	if (p->is_marked[RK_PART_REVOCATION_BASE])
		is_changed |= publisher_compile_revocations(p);
	if (is_changed)
		publisher_publish(p);
	publisher_settle_waiters(p);
}

void publisher_publish(struct publisher *p)
{
	p->published.counter++;
	p->need_all_cnt = 0;
	publisher_send_view(p);
}

static void on_build(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	publisher_flush(arg);
}

void publisher_mark_later(struct publisher *p, enum rk_part_kind kind, long usec)
{
	const struct timeval when = {.tv_sec = usec / 1000000, .tv_usec = usec % 1000000};

	if (p == NULL)
		return;
	p->is_marked[kind] = true;
	if (!event_pending(p->build_event, EV_TIMEOUT, NULL))
		event_add(p->build_event, &when);
}

void publisher_mark(struct publisher *p, enum rk_part_kind kind)
{
	if (p == NULL)
		return;
	event_del(p->build_event);
	publisher_mark_later(p, kind, 0);
}

int publisher_save_incarnation(const struct publisher *p, uint64_t incarnation)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)incarnation);

	return rk_file_replace(p->daemon->state_fd, INCARNATION_FILE, 0600, text, (size_t)len);
}

static void on_behind(evutil_socket_t fd, short what, void *arg)
{
	struct publisher *p = arg;
	char text[160];

	(void)fd;
	(void)what;
	if (!p->is_greeted || rk_generation_cmp(p->applied, p->published) == 0)
		return;
	snprintf(text, sizeof(text),
		"The data plane runs on generation %llu.%llu, not on %llu.%llu as published",
		(unsigned long long)p->applied.incarnation, (unsigned long long)p->applied.counter,
		(unsigned long long)p->published.incarnation,
		(unsigned long long)p->published.counter);
	publisher_set_alarm(p, "dataplane-behind", ALARM_MAJOR, text);
}

static void on_absent(evutil_socket_t fd, short what, void *arg)
{
	const struct publisher *p = arg;
	const char *why = publish_link_refusal(p->link);
	char text[256];

	(void)fd;
	(void)what;
	snprintf(text, sizeof(text), "The data plane is not connected%s%s",
		why[0] != '\0' ? ": " : "", why);
	publisher_set_alarm(arg, "dataplane-absent", ALARM_MAJOR, text);
}

/* One more than the last start's: what this start publishes is above what the last one did. */
static int begin_incarnation(struct publisher *p)
{
	uint8_t *text = NULL;
	uint64_t last = 0;
	size_t len;
	int ret;

	ret = rk_file_read(p->daemon->state_fd, INCARNATION_FILE, 32, &text, &len);
	if (ret < 0 && ret != -ENOENT && ret != -EFBIG)
		return ret;
	if (ret == -EFBIG) /* no number: what the data plane runs on is above, it says so */
		log_warning("%s is damaged: counting begins anew", INCARNATION_FILE);
	if (ret == 0)
		last = strtoull((const char *)text, NULL, 10);
	free(text);
	p->published = (struct rk_generation){last + 1, 0};
	return publisher_save_incarnation(p, last + 1);
}

static int open_link(struct publisher *p)
{
	const char *user = p->daemon->options->dataplane_user;
	const struct passwd *pw = user != NULL ? getpwnam(user) : NULL;
	const struct publish_link_args args = {.base = p->daemon->base,
		.run_dir = p->daemon->options->run_dir,
		.uid = pw != NULL ? pw->pw_uid : getuid(),
		.gid = pw != NULL ? pw->pw_gid : getgid(),
		.on_message = publisher_on_message,
		.on_closed = publisher_on_closed,
		.arg = p};

	if (user != NULL && pw == NULL) {
		log_error("there is no user \"%s\"", user);
		return -ENOENT;
	}
	return publish_link_open(&args, &p->link);
}

int publisher_open(struct daemon *d, struct publisher **out)
{
	const struct timeval grace = {.tv_sec = PUBLISH_ABSENT_SECONDS};
	struct publisher *p = calloc(1, sizeof(*p));
	int ret = -ENOMEM;

	if (p == NULL)
		return -ENOMEM;
	p->daemon = d;
	TAILQ_INIT(&p->waiters);
	p->build_event = evtimer_new(d->base, on_build, p);
	p->absent_timer = evtimer_new(d->base, on_absent, p);
	p->behind_timer = evtimer_new(d->base, on_behind, p);
	if (p->build_event == NULL || p->absent_timer == NULL || p->behind_timer == NULL ||
		event_add(p->absent_timer, &grace) < 0)
		goto fail;
	ret = begin_incarnation(p);
	if (ret < 0) {
		log_error("%s: %s", INCARNATION_FILE, strerror(-ret));
		goto fail;
	}
	for (unsigned i = 0; i < RK_PART_REVOCATION_OVERLAY; i++)
		p->is_marked[i] = true;
	publisher_flush(p);
	ret = open_link(p);
	if (ret < 0)
		goto fail;
	*out = p;
	return 0;
fail:
	publisher_close(p);
	return ret;
}

void publisher_close(struct publisher *p)
{
	struct waiter *w;
	struct answer a;

	if (p == NULL)
		return;
	publish_link_close(p->link);
	p->link = NULL;
	while ((w = TAILQ_FIRST(&p->waiters)) != NULL) {
		answer_error(&a, 503, "shutting-down", NULL, "the daemon is stopping");
		publisher_end_waiter(w, &a);
	}
	publisher_close_revocations(p);
	for (unsigned i = 0; i < RK_PART_CNT; i++)
		if (p->has_part[i])
			compile_part_close(&p->part[i]);
	if (p->build_event != NULL)
		event_free(p->build_event);
	if (p->absent_timer != NULL)
		event_free(p->absent_timer);
	if (p->behind_timer != NULL)
		event_free(p->behind_timer);
	free(p);
}

void publisher_generations(
	const struct publisher *p, struct rk_generation *published, struct rk_generation *applied)
{
	*published = p->published;
	*applied = publisher_is_connected(p) ? p->applied : (struct rk_generation){0};
}

static json_t *generation_json(struct rk_generation g)
{
	if (g.incarnation == 0 && g.counter == 0)
		return json_null();
	return json_pack("{s:I, s:I}", "incarnation", (json_int_t)g.incarnation, "counter",
		(json_int_t)g.counter);
}

static json_t *part_json(const struct compile_part *part)
{
	char digest[2 * RK_DIGEST_LEN + 1];

	for (size_t i = 0; i < RK_DIGEST_LEN; i++)
		snprintf(digest + 2 * i, 3, "%02x", part->digest[i]);
	return json_pack("{s:s, s:I, s:I, s:s}", "kind", part_name[part->kind], "size",
		(json_int_t)part->size, "page_size", (json_int_t)part->page_size, "digest", digest);
}

void publisher_show(const struct publisher *p, struct answer *out)
{
	bool is_connected = publisher_is_connected(p);
	json_t *parts = json_array();

	for (unsigned i = 0; i < RK_PART_CNT; i++)
		if (p->has_part[i])
			json_array_append_new(parts, part_json(&p->part[i]));
	answer_ok(out,
		json_pack("{s:b, s:o, s:o, s:s?, s:o}", "connected", is_connected, "published",
			generation_json(p->published), "applied",
			is_connected ? generation_json(p->applied) : json_null(), "last_refusal",
			p->last_refusal[0] != '\0' ? p->last_refusal : NULL, "parts", parts));
}
