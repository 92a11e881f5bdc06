/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/alarms.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "control/config.h"
#include "control/time_text.h"
#include "pki/view/file.h"

#define ALARMS_FILE     "alarms.json"
#define ALARMS_FILE_MAX ((size_t)16 << 20)
#define ALARMS_MAX      10000
#define MESSAGE_MAX_LEN 512

struct alarm {
	TAILQ_ENTRY(alarm) next;
	uint64_t number;
	int64_t time;
	enum alarm_severity severity;
	char kind[64];
	char category[32];
	char source[128];
	char process[32];
	char message[MESSAGE_MAX_LEN];
};
TAILQ_HEAD(alarm_list, alarm);

struct alarms {
	struct daemon *daemon;
	struct alarm_list list; /* oldest first */
	size_t cnt;
	uint64_t next_number;
	struct event *save_event;
};

static const char *const severity_name[] = {"INFO", "MINOR", "MAJOR", "CRITICAL"};

static struct alarm *find_alarm(const struct alarms *a, const char *kind, const char *source)
{
	struct alarm *alarm;

	TAILQ_FOREACH(alarm, &a->list, next)
	if (strcmp(alarm->kind, kind) == 0 && strcmp(alarm->source, source) == 0)
		return alarm;
	return NULL;
}

static json_t *list_json(const struct alarms *a, bool is_for_disk)
{
	json_t *list = json_array();
	const struct alarm *alarm;
	json_t *item;
	char id[96];

	TAILQ_FOREACH(alarm, &a->list, next)
	{
		snprintf(id, sizeof(id), "%s:%llu", a->daemon->config->node,
			(unsigned long long)alarm->number);
		item = json_pack("{s:s, s:o, s:s, s:s, s:s, s:s, s:s}", "id", id, "time",
			is_for_disk ? json_integer(alarm->time) : time_json(alarm->time),
			"severity", severity_name[alarm->severity], "source", alarm->source,
			"category", alarm->category, "process", alarm->process, "message",
			alarm->message);
		if (item != NULL && is_for_disk) {
			json_object_set_new(
				item, "number", json_integer((json_int_t)alarm->number));
			json_object_set_new(item, "kind", json_string(alarm->kind));
		}
		json_array_append_new(list, item);
	}
	return list;
}

static void save(evutil_socket_t fd, short what, void *arg)
{
	struct alarms *a = arg;
	json_t *all;
	char *text;
	int ret = -ENOMEM;

	(void)fd;
	(void)what;
	all = json_pack(
		"{s:I, s:o}", "next", (json_int_t)a->next_number, "alarms", list_json(a, true));
	text = all != NULL ? json_dumps(all, JSON_INDENT(1)) : NULL;
	if (text != NULL)
		ret = rk_file_replace(a->daemon->state_fd, ALARMS_FILE, 0600, text, strlen(text));
	if (ret < 0)
		log_error("%s: %s", ALARMS_FILE, strerror(-ret));
	free(text);
	json_decref(all);
}

/* Changes of one loop iteration are written once. */
static void save_later(struct alarms *a)
{
	const struct timeval now = {0};

	if (!event_pending(a->save_event, EV_TIMEOUT, NULL))
		event_add(a->save_event, &now);
}

static void copy_text(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text != NULL ? text : "");
}

static struct alarm *add_alarm(struct alarms *a)
{
	struct alarm *alarm;

	if (a->cnt >= ALARMS_MAX)
		return NULL;
	alarm = calloc(1, sizeof(*alarm));
	if (alarm == NULL)
		return NULL;
	TAILQ_INSERT_TAIL(&a->list, alarm, next);
	a->cnt++;
	return alarm;
}

static void remove_alarm(struct alarms *a, struct alarm *alarm)
{
	TAILQ_REMOVE(&a->list, alarm, next);
	a->cnt--;
	free(alarm);
}

static bool load_alarm(struct alarms *a, json_t *item)
{
	const char *severity, *kind, *source, *category, *process, *message;
	json_int_t number, when;
	struct alarm *alarm;

	if (json_unpack(item, "{s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s}", "number", &number, "time",
		    &when, "severity", &severity, "kind", &kind, "source", &source, "category",
		    &category, "process", &process, "message", &message) < 0)
		return false;
	alarm = add_alarm(a);
	if (alarm == NULL)
		return false;
	alarm->number = (uint64_t)number;
	alarm->time = when;
	for (unsigned i = 0; i < sizeof(severity_name) / sizeof(severity_name[0]); i++)
		if (strcmp(severity, severity_name[i]) == 0)
			alarm->severity = (enum alarm_severity)i;
	copy_text(alarm->kind, sizeof(alarm->kind), kind);
	copy_text(alarm->source, sizeof(alarm->source), source);
	copy_text(alarm->category, sizeof(alarm->category), category);
	copy_text(alarm->process, sizeof(alarm->process), process);
	copy_text(alarm->message, sizeof(alarm->message), message);
	if (alarm->number >= a->next_number)
		a->next_number = alarm->number + 1;
	return true;
}

/* A damaged file costs the standing alarms' ids and times, not the daemon's start. */
static void load(struct alarms *a)
{
	uint8_t *text = NULL;
	json_t *all = NULL, *item;
	size_t len = 0, i;
	int ret;

	ret = rk_file_read(a->daemon->state_fd, ALARMS_FILE, ALARMS_FILE_MAX, &text, &len);
	if (ret == -ENOENT)
		return;
	if (ret == 0)
		all = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
	if (all == NULL)
		log_warning("%s cannot be read: standing alarms are raised anew", ALARMS_FILE);
	a->next_number = (uint64_t)json_integer_value(json_object_get(all, "next"));
	json_array_foreach(json_object_get(all, "alarms"), i, item) if (!load_alarm(a, item))
		log_warning("%s: an alarm cannot be read", ALARMS_FILE);
	json_decref(all);
	free(text);
}

int alarms_open(struct daemon *d, struct alarms **out)
{
	struct alarms *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return -ENOMEM;
	TAILQ_INIT(&a->list);
	a->daemon = d;
	a->save_event = evtimer_new(d->base, save, a);
	if (a->save_event == NULL) {
		free(a);
		return -ENOMEM;
	}
	load(a);
	*out = a;
	return 0;
}

void alarms_close(struct alarms *a)
{
	struct alarm *alarm;

	if (a == NULL)
		return;
	if (event_pending(a->save_event, EV_TIMEOUT, NULL))
		save(-1, 0, a);
	event_free(a->save_event);
	while ((alarm = TAILQ_FIRST(&a->list)) != NULL)
		remove_alarm(a, alarm);
	free(a);
}

void alarm_raise(struct alarms *a, const struct alarm_spec *spec, const char *text_format, ...)
{
	struct alarm *alarm = find_alarm(a, spec->kind, spec->source);
	char message[MESSAGE_MAX_LEN];
	va_list args;

	va_start(args, text_format);
	vsnprintf(message, sizeof(message), text_format, args);
	va_end(args);
	if (alarm != NULL && alarm->severity == spec->severity &&
		strcmp(alarm->message, message) == 0)
		return;
	if (alarm == NULL) {
		alarm = add_alarm(a);
		if (alarm == NULL) {
			log_error("no room for the alarm: %s", message);
			return;
		}
		alarm->number = a->next_number++;
		alarm->time = time(NULL);
		copy_text(alarm->kind, sizeof(alarm->kind), spec->kind);
		copy_text(alarm->source, sizeof(alarm->source), spec->source);
	}
	alarm->severity = spec->severity;
	copy_text(alarm->category, sizeof(alarm->category), spec->category);
	copy_text(alarm->process, sizeof(alarm->process), spec->process);
	copy_text(alarm->message, sizeof(alarm->message), message);
	log_warning("alarm %s: %s", severity_name[spec->severity], message);
	save_later(a);
}

void alarm_clear(struct alarms *a, const char *kind, const char *source)
{
	struct alarm *alarm = find_alarm(a, kind, source);

	if (alarm == NULL)
		return;
	log_info("alarm cleared: %s", alarm->message);
	remove_alarm(a, alarm);
	save_later(a);
}

void alarm_clear_unless(
	struct alarms *a, const char *kind, bool (*keep)(void *arg, const char *source), void *arg)
{
	struct alarm *alarm, *next;

	for (alarm = TAILQ_FIRST(&a->list); alarm != NULL; alarm = next) {
		next = TAILQ_NEXT(alarm, next);
		if (strcmp(alarm->kind, kind) != 0 || keep(arg, alarm->source))
			continue;
		log_info("alarm cleared: %s", alarm->message);
		remove_alarm(a, alarm);
		save_later(a);
	}
}

bool alarm_is_standing(const struct alarms *a, const char *kind, const char *source)
{
	return find_alarm(a, kind, source) != NULL;
}

void alarms_list(const struct alarms *a, struct answer *out)
{
	answer_ok(out, json_pack("{s:o}", "alarms", list_json(a, false)));
}
