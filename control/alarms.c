/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/alarms.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "control/alarm_shelf.h"
#include "control/audit.h"
#include "control/config.h"
#include "control/helper.h"
#include "control/time_text.h"
#include "pki/view/file.h"

#define ALARMS_FILE     "alarms.json"
#define ALARMS_FILE_MAX ((size_t)32 << 20)
#define PEER_ALARMS_MAX 10000 /* so many stand before none of a peer comes to them */
#define ALARMS_MAX      16000 /* of all: a network that is down leaves room for our own */
#define MESSAGE_MAX_LEN 512
#define SOURCE_MAX_LEN  192
#define ID_LEN          96
#define BUCKET_CNT      4096
#define SAVE_USEC_EACH  100 /* many that change at once are written together */
#define SAVE_SECONDS    5   /* after a failure */

struct alarm {
	TAILQ_ENTRY(alarm) next;
	LIST_ENTRY(alarm) same_hash;
	const struct alarm_kind *kind;
	uint64_t number;
	int64_t time;
	int64_t said_at; /* its message */
	enum alarm_severity severity;
	bool is_shelved;
	char source[SOURCE_MAX_LEN];
	char message[MESSAGE_MAX_LEN];
};
TAILQ_HEAD(alarm_list, alarm);
LIST_HEAD(alarm_bucket, alarm);

struct alarms {
	struct daemon *daemon;
	struct alarm_list list;                 /* oldest first */
	struct alarm_bucket bucket[BUCKET_CNT]; /* by kind and source: every status asks */
	size_t cnt;
	bool is_full_told; /* that there was no room, since there was some */
	uint64_t next_number;
	struct event *save_event;
	struct save *saving;           /* by the disk thread; NULL: none */
	bool is_save_due;              /* after it */
	struct alarm_shelves *shelves; /* NULL: none, or no memory for them */
};

/* FNV-1a. */
static uint32_t hash_text(uint32_t hash, const char *text, size_t max)
{
	for (size_t i = 0; i < max && text[i] != '\0'; i++)
		hash = (hash ^ (unsigned char)text[i]) * UINT32_C(16777619);
	return hash;
}

static size_t bucket_of(const char *kind, const char *source)
{
	uint32_t hash = hash_text(UINT32_C(2166136261), kind, SIZE_MAX);

	return hash_text(hash, source, SOURCE_MAX_LEN - 1) % BUCKET_CNT;
}

static struct alarm *find_alarm(const struct alarms *a, const char *kind, const char *source)
{
	struct alarm *alarm;

	LIST_FOREACH(alarm, &a->bucket[bucket_of(kind, source)], same_hash)
	if (strcmp(alarm->kind->name, kind) == 0 &&
		strncmp(alarm->source, source, SOURCE_MAX_LEN - 1) == 0)
		return alarm;
	return NULL;
}

static void format_id(const struct alarms *a, const struct alarm *alarm, char out[ID_LEN])
{
	snprintf(
		out, ID_LEN, "%s:%llu", a->daemon->config->node, (unsigned long long)alarm->number);
}

static json_t *alarm_json(const struct alarms *a, const struct alarm *alarm)
{
	char id[ID_LEN];

	format_id(a, alarm, id);
	return json_pack("{s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "id", id, "time",
		time_json(alarm->time), "severity", alarm_severity_name(alarm->severity), "source",
		alarm->source, "category", alarm->kind->category, "process", alarm->kind->process,
		"message", alarm->message, "kind", alarm->kind->name, "shelved", alarm->is_shelved);
}

static json_t *list_for_disk(const struct alarms *a)
{
	json_t *list = json_array();
	const struct alarm *alarm;

	TAILQ_FOREACH(alarm, &a->list, next)
	json_array_append_new(list,
		json_pack("{s:I, s:I, s:s, s:s, s:s, s:s}", "number", (json_int_t)alarm->number,
			"time", (json_int_t)alarm->time, "severity",
			alarm_severity_name(alarm->severity), "kind", alarm->kind->name, "source",
			alarm->source, "message", alarm->message));
	return list;
}

/* The table as text, which the disk thread writes. */
struct save {
	struct alarms *alarms;
	int dir;
	char *text;
	int error;
};

static void save_work(void *arg)
{
	struct save *s = arg;

	s->error = s->text == NULL
			   ? -ENOMEM
			   : rk_file_replace(s->dir, ALARMS_FILE, 0600, s->text, strlen(s->text));
}

/* Changes of one loop iteration, or of a moment when many stand, are written once. */
static void save_later(struct alarms *a)
{
	const struct timeval soon = {.tv_usec = (suseconds_t)(a->cnt * SAVE_USEC_EACH) % 1000000};

	if (!event_pending(a->save_event, EV_TIMEOUT, NULL))
		event_add(a->save_event, &soon);
}

static void on_saved(void *arg)
{
	static const struct alarm_spec spec = {"alarm-save", ALARMS_FILE, ALARM_MAJOR};
	const struct timeval later = {.tv_sec = SAVE_SECONDS};
	struct save *s = arg;
	struct alarms *a = s->alarms;
	int ret = s->error;

	free(s->text);
	free(s);
	a->saving = NULL;
	if (ret == 0) {
		alarm_clear(a, spec.kind, spec.source);
		if (a->is_save_due)
			save_later(a);
		return;
	}
	alarm_raise(a, &spec, "The standing alarms cannot be written: %s", strerror(-ret));
	event_del(a->save_event); /* not at once: in a while */
	event_add(a->save_event, &later);
}

static struct save *save_new(struct alarms *a)
{
	struct save *s = calloc(1, sizeof(*s));
	json_t *all;

	if (s == NULL)
		return NULL;
	all = json_pack(
		"{s:I, s:o}", "next", (json_int_t)a->next_number, "alarms", list_for_disk(a));
	*s = (struct save){.alarms = a, .dir = a->daemon->state_fd, .error = -ECANCELED};
	s->text = all != NULL ? json_dumps(all, JSON_INDENT(1)) : NULL;
	json_decref(all);
	return s;
}

static void save(evutil_socket_t fd, short what, void *arg)
{
	struct alarms *a = arg;
	struct save *s;

	(void)fd;
	(void)what;
	a->is_save_due = a->saving != NULL;
	if (a->is_save_due)
		return;
	s = save_new(a);
	if (s == NULL) {
		save_later(a);
		return;
	}
	a->saving = s;
	if (a->daemon->disk != NULL && helper_run(a->daemon->disk, save_work, on_saved, s) == 0)
		return;
	save_work(s);
	on_saved(s);
}

static void copy_text(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text != NULL ? text : "");
}

/* Cut between two characters; what is no UTF-8 at all is made ASCII, or nobody would see it. */
static void copy_message(char out[MESSAGE_MAX_LEN], const char *text)
{
	size_t len = strnlen(text, MESSAGE_MAX_LEN - 1);
	json_t *json;

	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	memcpy(out, text, len);
	out[len] = '\0';
	json = json_string(out);
	if (json == NULL)
		for (char *c = out; *c != '\0'; c++)
			if ((unsigned char)*c >= 0x80)
				*c = '?';
	json_decref(json);
}

static bool has_room(const struct alarms *a, const struct alarm_kind *kind)
{
	return a->cnt < (strcmp(kind->category, "PEER") == 0 ? PEER_ALARMS_MAX : ALARMS_MAX);
}

/* Of that kind and source, which none has yet; NULL: no room, or no memory. */
static struct alarm *add_alarm(struct alarms *a, const struct alarm_kind *kind, const char *source)
{
	struct alarm *alarm;

	if (!has_room(a, kind))
		return NULL;
	alarm = calloc(1, sizeof(*alarm));
	if (alarm == NULL)
		return NULL;
	alarm->kind = kind;
	copy_text(alarm->source, sizeof(alarm->source), source);
	TAILQ_INSERT_TAIL(&a->list, alarm, next);
	LIST_INSERT_HEAD(&a->bucket[bucket_of(kind->name, source)], alarm, same_hash);
	a->cnt++;
	return alarm;
}

static void remove_alarm(struct alarms *a, struct alarm *alarm)
{
	TAILQ_REMOVE(&a->list, alarm, next);
	LIST_REMOVE(alarm, same_hash);
	a->cnt--;
	a->is_full_told = false;
	free(alarm);
}

static bool load_alarm(struct alarms *a, json_t *item)
{
	const char *severity, *kind, *source, *message;
	json_int_t number, when;
	const struct alarm_kind *known;
	enum alarm_severity value;
	struct alarm *alarm;

	if (json_unpack(item, "{s:I, s:I, s:s, s:s, s:s, s:s}", "number", &number, "time", &when,
		    "severity", &severity, "kind", &kind, "source", &source, "message",
		    &message) < 0 ||
		!alarm_severity_parse(severity, &value))
		return false;
	known = alarm_kind_find(kind);
	alarm = known != NULL && find_alarm(a, kind, source) == NULL ? add_alarm(a, known, source)
								     : NULL;
	if (alarm == NULL)
		return false;
	alarm->number = (uint64_t)number;
	alarm->time = when;
	alarm->severity = value;
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
	alarms_configure(a);
	*out = a;
	return 0;
}

void alarms_close(struct alarms *a)
{
	struct alarm *alarm;

	if (a == NULL)
		return;
	/* Once more when writing ended the alarm that it could not be done. */
	for (int i = 0; i < 2 && event_pending(a->save_event, EV_TIMEOUT, NULL); i++) {
		event_del(a->save_event);
		save(-1, 0, a);
	}
	event_free(a->save_event);
	alarm_shelves_free(a->shelves);
	while ((alarm = TAILQ_FIRST(&a->list)) != NULL)
		remove_alarm(a, alarm);
	free(a);
}

static void judge_shelf(const struct alarms *a, struct alarm *alarm)
{
	const struct alarm_facts facts = {
		alarm->kind->category, alarm->source, alarm->message, alarm->severity};

	alarm->is_shelved = alarm_shelves_match(a->shelves, a->daemon->config, &facts);
}

void alarms_configure(struct alarms *a)
{
	struct alarm *alarm;

	alarm_shelves_free(a->shelves);
	a->shelves = NULL;
	if (alarm_shelves_new(a->daemon->config, &a->shelves) < 0)
		log_error("no memory for shelves: every alarm is listed");
	TAILQ_FOREACH(alarm, &a->list, next)
	judge_shelf(a, alarm);
}

/* To the log, where it can be found by its kind, and to the audit. */
static void tell(const struct alarms *a, const struct alarm *alarm, const char *what)
{
	static struct log_site site = {__FILE__, __LINE__, RK_LOG_WARNING, 0};
	static struct log_site site_clear = {__FILE__, __LINE__, RK_LOG_INFO, 0};
	const char *severity = alarm_severity_name(alarm->severity);
	bool is_clear = strcmp(what, "cleared") == 0;
	char id[ID_LEN], text[MESSAGE_MAX_LEN + ID_LEN + 64], type[32];
	const struct rk_journal_field field[] = {{"MESSAGE_ID", alarm->kind->message_id},
		{"REKEY_ALARM", alarm->kind->name}, {"REKEY_ALARM_ID", id},
		{"REKEY_SOURCE", alarm->source}};

	format_id(a, alarm, id);
	snprintf(text, sizeof(text), "alarm %s %s: %s: %s", id, what, severity, alarm->message);
	log_write_fields(
		is_clear ? &site_clear : &site, field, sizeof(field) / sizeof(field[0]), text);
	snprintf(type, sizeof(type), "alarm.%s", what);
	audit_write_as(a->daemon->audit, &(struct audit_actor){""}, type, alarm->message,
		json_pack("{s:s, s:s, s:s, s:s}", "id", id, "kind", alarm->kind->name, "source",
			alarm->source, "severity", severity));
}

/* It stands, and says the same; or what it says stays for now. */
static bool is_told(const struct alarm *alarm, const struct alarm_spec *spec, const char *message)
{
	return alarm->severity == spec->severity &&
	       (strcmp(alarm->message, message) == 0 ||
		       llabs(time(NULL) - alarm->said_at) < spec->hold_sec);
}

void alarm_raise(struct alarms *a, const struct alarm_spec *spec, const char *text_format, ...)
{
	struct alarm *alarm = find_alarm(a, spec->kind, spec->source);
	bool is_new = alarm == NULL, is_changed;
	const struct alarm_kind *kind;
	char said[MESSAGE_MAX_LEN + 1], message[MESSAGE_MAX_LEN];
	va_list args;

	va_start(args, text_format);
	vsnprintf(said, sizeof(said), text_format, args);
	va_end(args);
	copy_message(message, said);
	if (!is_new && is_told(alarm, spec, message))
		return;
	if (is_new) {
		kind = alarm_kind_find(spec->kind);
		assert(kind != NULL);
		alarm = add_alarm(a, kind, spec->source);
		if (alarm == NULL) {
			if (!a->is_full_told)
				log_error(
					"no room for the alarm, nor for further ones: %s", message);
			a->is_full_told = true;
			return;
		}
		alarm->number = a->next_number++;
		alarm->time = time(NULL);
	}
	is_changed = !is_new && alarm->severity != spec->severity;
	alarm->severity = spec->severity;
	memcpy(alarm->message, message, sizeof(alarm->message));
	alarm->said_at = time(NULL);
	judge_shelf(a, alarm);
	if (is_new || is_changed)
		tell(a, alarm, is_new ? "raised" : "changed");
	save_later(a);
}

static void end_alarm(struct alarms *a, struct alarm *alarm)
{
	tell(a, alarm, "cleared");
	remove_alarm(a, alarm);
	save_later(a);
}

void alarm_clear(struct alarms *a, const char *kind, const char *source)
{
	struct alarm *alarm = find_alarm(a, kind, source);

	if (alarm != NULL)
		end_alarm(a, alarm);
}

void alarm_clear_unless(
	struct alarms *a, const char *kind, bool (*keep)(void *arg, const char *source), void *arg)
{
	struct alarm *alarm, *next;

	for (alarm = TAILQ_FIRST(&a->list); alarm != NULL; alarm = next) {
		next = TAILQ_NEXT(alarm, next);
		if (strcmp(alarm->kind->name, kind) == 0 && !keep(arg, alarm->source))
			end_alarm(a, alarm);
	}
}

bool alarm_is_standing(const struct alarms *a, const char *kind, const char *source)
{
	return find_alarm(a, kind, source) != NULL;
}

int64_t alarm_raised_at(const struct alarms *a, const char *kind, const char *source)
{
	const struct alarm *alarm = find_alarm(a, kind, source);

	return alarm != NULL ? alarm->time : 0;
}

void alarms_count(const struct alarms *a, size_t by_severity[ALARM_CRITICAL + 1])
{
	const struct alarm *alarm;

	memset(by_severity, 0, (ALARM_CRITICAL + 1) * sizeof(by_severity[0]));
	TAILQ_FOREACH(alarm, &a->list, next)
	by_severity[alarm->severity] += !alarm->is_shelved;
}

size_t alarms_shelved_count(const struct alarms *a)
{
	const struct alarm *alarm;
	size_t cnt = 0;

	TAILQ_FOREACH(alarm, &a->list, next)
	cnt += alarm->is_shelved;
	return cnt;
}

void alarms_list(const struct alarms *a, bool with_shelved, struct answer *out)
{
	json_t *list = json_array();
	const struct alarm *alarm;

	TAILQ_FOREACH(alarm, &a->list, next)
	if (with_shelved || !alarm->is_shelved)
		json_array_append_new(list, alarm_json(a, alarm));
	answer_ok(out, json_pack("{s:o, s:I}", "alarms", list, "shelved",
			       (json_int_t)alarms_shelved_count(a)));
}
