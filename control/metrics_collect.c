/* SPDX-License-Identifier: BSD-3-Clause */
/* The OpenMetrics text: counters, and what the daemon's parts know when somebody asks. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/alarms.h"
#include "control/audit.h"
#include "control/config.h"
#include "control/credential.h"
#include "control/crl/manager.h"
#include "control/helper.h"
#include "control/metrics.h"
#include "control/metrics_text.h"
#include "control/peers.h"
#include "control/publish.h"

#define LABEL_LEN     512
#define PEER_EACH_MAX 1000 /* above so many, peers are told only together */
#define AGE_BOUND_CNT 8
#define US_BOUND_CNT  11

static const double age_bound[AGE_BOUND_CNT] = {
	60, 600, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 48 * 3600, 168 * 3600};

static void add_counters(struct metrics_text *t, const struct metrics *m)
{
	static const struct {
		const char *family, *labels, *help;
	} rows[] = {
#define X(id, name, family, labels, help) [METRIC_##id] = {family, labels, help},
		METRIC_LIST(X)
#undef X
	};

	for (size_t i = 0; i < METRIC_CNT; i++) {
		if (i == 0 || strcmp(rows[i].family, rows[i - 1].family) != 0)
			metrics_family(t, rows[i].family, METRIC_COUNTER, rows[i].help);
		metrics_counter(t, rows[i].family, rows[i].labels, m->value[i]);
	}
}

static void add_gauge(struct metrics_text *t, const char *name, const char *help, double value)
{
	metrics_family(t, name, METRIC_GAUGE, help);
	metrics_gauge(t, name, "", value);
}

static void add_process(struct metrics_text *t, struct daemon *d)
{
	metrics_family(t, "rekey_build", METRIC_INFO, "The version that runs.");
	metrics_gauge(t, "rekey_build_info", "version=\"" REKEY_VERSION "\"", 1);
	add_gauge(t, "rekey_loop_longest_pause_seconds",
		"How late the event loop was at most since the last scrape.",
		(double)metrics_take_pause(d->metrics) / 1e9);
	add_gauge(t, "rekey_helper_queue_jobs", "Work that waits for, or is in, a helper thread.",
		helper_pool_depth(d->helpers) + helper_pool_depth(d->readers));
	metrics_family(t, "rekey_audit_records", METRIC_COUNTER, "Audit records since the start.");
	metrics_counter(t, "rekey_audit_records", "", audit_count(d->audit));
	add_gauge(t, "rekey_audit_waiting_bytes", "Audit records that are not on disk yet.",
		(double)audit_waiting(d->audit));
}

static void add_alarms(struct metrics_text *t, const struct alarms *a)
{
	size_t cnt[ALARM_CRITICAL + 1];
	char label[LABEL_LEN];

	alarms_count(a, cnt);
	metrics_family(t, "rekey_alarms", METRIC_GAUGE, "Standing alarms that are not shelved.");
	for (int i = ALARM_CRITICAL; i >= ALARM_INFO; i--) {
		metrics_label(label, sizeof(label), "severity",
			alarm_severity_name((enum alarm_severity)i));
		metrics_gauge(t, "rekey_alarms", label, (double)cnt[i]);
	}
	add_gauge(t, "rekey_alarms_shelved", "Standing alarms that are shelved.",
		(double)alarms_shelved_count(a));
}

static void add_publication(struct metrics_text *t, const struct publisher *p)
{
	struct rk_generation published, applied;

	publisher_generations(p, &published, &applied);
	add_gauge(t, "rekey_dataplane_connected", "Whether the data plane is connected.",
		publisher_is_connected(p));
	metrics_family(t, "rekey_generation", METRIC_GAUGE,
		"Generation of the view: published by control, applied by every worker.");
	metrics_gauge(t, "rekey_generation", "state=\"published\"", (double)published.counter);
	metrics_gauge(t, "rekey_generation", "state=\"applied\"", (double)applied.counter);
	metrics_family(t, "rekey_incarnation", METRIC_GAUGE,
		"Incarnation of the view: it grows with every start of control.");
	metrics_gauge(t, "rekey_incarnation", "state=\"published\"", (double)published.incarnation);
	metrics_gauge(t, "rekey_incarnation", "state=\"applied\"", (double)applied.incarnation);
}

/* ---- CRLs -------------------------------------------------------------------------------------- */

static double time_of(const json_t *source, const char *field)
{
	const char *text = json_string_value(json_object_get(source, field));
	struct tm tm = {0};

	if (text == NULL || strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) == NULL)
		return 0;
	return (double)timegm(&tm);
}

static double number_of(const json_t *source, const char *field)
{
	return (double)json_integer_value(json_object_get(source, field));
}

static double is_fresh(const json_t *source, const char *field)
{
	return time_of(source, field) > (double)time(NULL);
}

static size_t add_label(char *out, size_t at, const char *label, const char *text)
{
	if (at > 0)
		out[at++] = ',';
	metrics_label(out + at, LABEL_LEN, label, text != NULL ? text : "");
	return at + strlen(out + at);
}

static void add_crl_info(struct metrics_text *t, const json_t *source)
{
	static const char *const label[][2] = {
		{"source", "name"}, {"crl_number", "crl_number"}, {"last_error", "last_error"}};
	char labels[3 * (LABEL_LEN + 1)];
	size_t at = 0;

	for (size_t i = 0; i < 3; i++)
		at = add_label(labels, at, label[i][0],
			json_string_value(json_object_get(source, label[i][1])));
	metrics_gauge(t, "rekey_crl_info", labels, 1);
}

/* all: as crl_manager_list answers. */
static void add_crls(struct metrics_text *t, const json_t *all)
{
	static const struct {
		const char *name, *help, *field;
		double (*value)(const json_t *source, const char *field);
	} rows[] = {
		{"rekey_crl_entries", "Entries of the CRL in force.", "entries", number_of},
		{"rekey_crl_bytes", "Size of the CRL in force.", "bytes", number_of},
		{"rekey_crl_failures", "Fetches that failed since the last that did not.",
			"failures", number_of},
		{"rekey_crl_fresh", "Whether the CRL's next update is still to come.",
			"next_update", is_fresh},
		{"rekey_crl_last_success_timestamp_seconds",
			"When the CRL was last fetched; 0: never.", "last_success", time_of},
		{"rekey_crl_this_update_timestamp_seconds", "When the CA made the CRL in force.",
			"this_update", time_of},
		{"rekey_crl_next_update_timestamp_seconds", "When the CA promised the next one.",
			"next_update", time_of},
		{"rekey_crl_last_try_timestamp_seconds",
			"When the CRL was last asked for; 0: never.", "last_try", time_of},
		{"rekey_crl_next_fetch_timestamp_seconds", "When it is asked for next.",
			"next_fetch", time_of},
		{"rekey_crl_http_status", "Status of the server's last answer; 0: none, or a file.",
			"http_status", number_of},
	};
	const json_t *sources = json_object_get(all, "sources");
	char label[LABEL_LEN];
	json_t *source;
	size_t i;

	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		metrics_family(t, rows[r].name, METRIC_GAUGE, rows[r].help);
		json_array_foreach(sources, i, source)
		{
			metrics_label(label, sizeof(label), "source",
				json_string_value(json_object_get(source, "name")));
			metrics_gauge(t, rows[r].name, label, rows[r].value(source, rows[r].field));
		}
	}
	metrics_family(t, "rekey_crl", METRIC_INFO,
		"Number of the CRL in force, and what its last fetch failed by.");
	json_array_foreach(sources, i, source) add_crl_info(t, source);
	add_gauge(t, "rekey_revoked_certificates", "Entries of all CRLs in force.",
		number_of(all, "entries"));
}

/* ---- peers ------------------------------------------------------------------------------------- */

struct peer_tally {
	uint64_t state[4]; /* by enum rk_peer_state */
	uint64_t age[AGE_BOUND_CNT + 1];
	double age_sum;
};

static void tally_peer(void *arg, const char *name, const struct rk_msg_status_peer *s)
{
	struct peer_tally *tally = arg;
	double age = (double)s->key_age_ms / 1000;
	size_t i = 0;

	(void)name;
	if (s->state < 4)
		tally->state[s->state]++;
	if (s->state != RK_PEER_UP)
		return;
	while (i < AGE_BOUND_CNT && age > age_bound[i])
		i++;
	tally->age[i]++;
	tally->age_sum += age;
}

struct peer_row {
	struct metrics_text *t;
	const char *family;
	double (*value)(const struct rk_msg_status_peer *s);
};

static double peer_is_up(const struct rk_msg_status_peer *s)
{
	return s->state == RK_PEER_UP;
}

static double peer_age(const struct rk_msg_status_peer *s)
{
	return (double)s->key_age_ms / 1000;
}

static double peer_expiry(const struct rk_msg_status_peer *s)
{
	return (double)s->not_after;
}

static void add_peer_row(void *arg, const char *name, const struct rk_msg_status_peer *s)
{
	const struct peer_row *row = arg;
	char label[LABEL_LEN];

	metrics_label(label, sizeof(label), "peer", name);
	metrics_gauge(row->t, row->family, label, row->value(s));
}

static void add_each_peer(struct metrics_text *t, const struct peers *p, const char *family,
	const char *help, double (*value)(const struct rk_msg_status_peer *s))
{
	struct peer_row row = {t, family, value};

	metrics_family(t, family, METRIC_GAUGE, help);
	peers_walk(p, add_peer_row, &row);
}

static void add_peers(struct metrics_text *t, struct daemon *d)
{
	static const char *const states[] = {
		"state=\"disabled\"", "state=\"initializing\"", "state=\"up\"", "state=\"down\""};
	struct peer_tally tally = {0};

	peers_walk(d->peers, tally_peer, &tally);
	metrics_family(t, "rekey_peers", METRIC_GAUGE, "Peers by state.");
	for (size_t i = 0; i < 4; i++)
		metrics_gauge(t, "rekey_peers", states[i], (double)tally.state[i]);
	metrics_family(t, "rekey_peer_key_ages_seconds", METRIC_HISTOGRAM,
		"Ages of the keys of peers that are up.");
	metrics_histogram(t, "rekey_peer_key_ages_seconds", age_bound, AGE_BOUND_CNT, tally.age,
		tally.age_sum);
	if (d->config->peer_cnt > PEER_EACH_MAX)
		return;
	add_each_peer(t, d->peers, "rekey_peer_up", "Whether the peer is up.", peer_is_up);
	add_each_peer(
		t, d->peers, "rekey_peer_key_age_seconds", "Age of the peer's key.", peer_age);
	add_each_peer(t, d->peers, "rekey_peer_certificate_expiry_timestamp_seconds",
		"When the peer's certificate expires; 0: not known.", peer_expiry);
}

/* ---- the data plane's counters --------------------------------------------------------------- */

/* Upper bounds as the data plane has them in its counters' names, in microseconds. */
static const struct {
	const char *name;
	double bound;
} us_bound[US_BOUND_CNT] = {{"250", 250e-6}, {"500", 500e-6}, {"1000", 1e-3}, {"2500", 2.5e-3},
	{"5000", 5e-3}, {"10000", 10e-3}, {"25000", 25e-3}, {"50000", 50e-3}, {"100000", 0.1},
	{"250000", 0.25}, {"1000000", 1}};

static uint64_t counter_of(const json_t *counters, const char *what, const char *which)
{
	char name[64];

	snprintf(name, sizeof(name), "%s-us-%s", what, which);
	return (uint64_t)json_integer_value(json_object_get(counters, name));
}

static void add_latency(struct metrics_text *t, const json_t *counters, const char *what,
	const char *family, const char *help)
{
	uint64_t cnt[US_BOUND_CNT + 1];
	double bound[US_BOUND_CNT];

	for (size_t i = 0; i < US_BOUND_CNT; i++) {
		bound[i] = us_bound[i].bound;
		cnt[i] = counter_of(counters, what, us_bound[i].name);
	}
	cnt[US_BOUND_CNT] = counter_of(counters, what, "more");
	metrics_family(t, family, METRIC_HISTOGRAM, help);
	metrics_histogram(t, family, bound, US_BOUND_CNT, cnt,
		(double)counter_of(counters, what, "sum") / 1e6);
}

/* Gauges that the data plane names itself, with this before. */
static const struct told {
	const char *prefix, *label, *family, *help;
	double per_unit;
} told_gauges[] = {
	{"gauge-port-up/", "port", "rekey_dataplane_port_up", "Whether a port has a link.", 1},
	{"gauge-hung-ms/", "thread", "rekey_dataplane_hung_seconds",
		"For how long a worker, or a core for cryptography, has not run; 0: it runs.",
		1000},
	{"gauge-queue-", "queue", "rekey_dataplane_queue_depth",
		"How much is in each queue of the data plane, over all workers.", 1},
	{"gauge-limit-", "queue", "rekey_dataplane_queue_limit",
		"What each queue holds before something is refused or dropped.", 1},
};

static void add_told(struct metrics_text *t, json_t *counters, const struct told *what)
{
	char label[LABEL_LEN];
	const char *name;
	json_t *value;

	metrics_family(t, what->family, METRIC_GAUGE, what->help);
	json_object_foreach(counters, name, value)
	{
		if (strncmp(name, what->prefix, strlen(what->prefix)) != 0)
			continue;
		metrics_label(label, sizeof(label), what->label, name + strlen(what->prefix));
		metrics_gauge(
			t, what->family, label, (double)json_integer_value(value) / what->per_unit);
	}
}

/* "port-RESULT/PORT", as the data plane names what its devices count. */
static void add_ports(struct metrics_text *t, json_t *counters)
{
	char label[2 * (LABEL_LEN + 1)], result[LABEL_LEN];
	const char *name, *port;
	json_t *value;

	metrics_family(t, "rekey_dataplane_port_frames", METRIC_COUNTER,
		"Frames that a port's device counted, by what became of them.");
	json_object_foreach(counters, name, value)
	{
		port = strchr(name, '/');
		if (strncmp(name, "port-", 5) != 0 || port == NULL)
			continue;
		snprintf(result, sizeof(result), "%.*s", (int)(port - name - 5), name + 5);
		add_label(label, add_label(label, 0, "port", port + 1), "result", result);
		metrics_counter(t, "rekey_dataplane_port_frames", label,
			(uint64_t)json_integer_value(value));
	}
}

/* Neither an event nor a reason of the network layer. */
static bool is_other(const char *name)
{
	return strncmp(name, "net-", 4) == 0 || strncmp(name, "gauge-", 6) == 0 ||
	       strncmp(name, "port-", 5) == 0 || strstr(name, "-us-") != NULL;
}

static void add_dataplane(struct metrics_text *t, json_t *counters)
{
	char label[LABEL_LEN];
	const char *name;
	json_t *value;

	metrics_family(t, "rekey_dataplane_frames", METRIC_COUNTER,
		"Frames that the data plane saw, by what became of them.");
	json_object_foreach(counters, name, value)
	{
		if (strncmp(name, "net-", 4) != 0)
			continue;
		metrics_label(label, sizeof(label), "reason", name + 4);
		metrics_counter(
			t, "rekey_dataplane_frames", label, (uint64_t)json_integer_value(value));
	}
	add_ports(t, counters);
	metrics_family(t, "rekey_dataplane_events", METRIC_COUNTER,
		"Messages of the protocol and what followed from them, by reason.");
	json_object_foreach(counters, name, value)
	{
		if (is_other(name))
			continue;
		metrics_label(label, sizeof(label), "reason", name);
		metrics_counter(
			t, "rekey_dataplane_events", label, (uint64_t)json_integer_value(value));
	}
	add_latency(t, counters, "exchange", "rekey_dataplane_exchange_seconds",
		"From the first message of a full exchange to its key.");
	add_latency(t, counters, "rekey", "rekey_dataplane_rekey_seconds",
		"From the first message of a fast rekey to its key.");
	add_gauge(t, "rekey_dataplane_longest_pause_seconds",
		"The longest round of a worker in the last second that was told.",
		(double)json_integer_value(json_object_get(counters, "gauge-longest-pause-ns")) /
			1e9);
	for (size_t i = 0; i < sizeof(told_gauges) / sizeof(told_gauges[0]); i++)
		add_told(t, counters, &told_gauges[i]);
}

/* ---- a scrape ---------------------------------------------------------------------------------- */

struct scrape {
	struct daemon *d;
	json_t *all_crls;
	struct metrics_text crls;
	answer_cb cb;
	void *arg;
};

static void write_crls(void *arg)
{
	struct scrape *s = arg;

	add_crls(&s->crls, s->all_crls);
	json_decref(s->all_crls);
	s->all_crls = NULL;
}

static void finish(void *arg)
{
	struct scrape *s = arg;
	struct daemon *d = s->d;
	struct metrics_text t;
	struct answer a;
	char *text;

	json_decref(s->all_crls); /* the helper is gone */
	metrics_text_init(&t);
	add_process(&t, d);
	add_counters(&t, d->metrics);
	add_alarms(&t, d->alarms);
	add_publication(&t, d->publisher);
	add_gauge(&t, "rekey_certificate_expiry_timestamp_seconds",
		"When our certificate expires; 0: there is none.",
		(double)credential_not_after(d->credential));
	metrics_text_move(&t, &s->crls);
	add_peers(&t, d);
	add_dataplane(&t, peers_counters_json(d->peers));
	text = metrics_text_finish(&t);
	if (text != NULL) {
		answer_ok(&a, json_string(text));
		a.text_type = METRICS_TYPE;
	} else {
		answer_error(&a, 503, "busy", NULL, "no memory is left for the text; try again");
	}
	free(text);
	s->cb(s->arg, &a);
	answer_fini(&a);
	free(s);
}

/* Thousands of lists are a helper's to write. */
static void on_crls(void *arg, struct answer *crls)
{
	struct scrape *s = arg;

	s->all_crls = json_incref(crls->body);
	if (crls->is_large && helper_run(s->d->readers, write_crls, finish, s) == 0)
		return;
	write_crls(s);
	finish(s);
}

/* The data plane has told what it knows, or is not there: the rest is told all the same. */
static void on_told(void *arg, struct answer *told)
{
	struct scrape *s = arg;

	(void)told;
	crl_manager_list(s->d->crl, on_crls, s);
}

void metrics_scrape(struct daemon *d, answer_cb cb, void *arg)
{
	struct scrape *s = malloc(sizeof(*s));
	struct answer a;

	if (s == NULL) {
		answer_error(&a, 503, "busy", NULL, "no memory is left; try again");
		cb(arg, &a);
		answer_fini(&a);
		return;
	}
	*s = (struct scrape){.d = d, .cb = cb, .arg = arg};
	metrics_text_init(&s->crls);
	/* So many peers tell their states once a minute, whoever scrapes how often. */
	if (d->config->peer_cnt > PEER_EACH_MAX)
		on_told(s, NULL);
	else
		peers_stats(d->peers, on_told, s);
}
