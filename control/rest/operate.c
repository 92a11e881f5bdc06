/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/operate.h"

#include <stdlib.h>
#include <string.h>

#include "control/alarms.h"
#include "control/audit.h"
#include "control/fields.h"
#include "control/metrics.h"
#include "control/publish.h"

#define EVENTS_DEFAULT 100
#define EVENTS_MAX     1000

void operate_list_alarms(struct exchange *x)
{
	bool with_shelved = strcmp(x->query, "shelved=true") == 0;
	struct answer a;

	if (x->query[0] != '\0' && !with_shelved)
		answer_error(&a, 400, "bad-query", NULL, "the query is shelved=true");
	else
		alarms_list(x->daemon->alarms, with_shelved, &a);
	exchange_answer_now(x, &a);
}

/* "count=N", or nothing; 0 = something else. */
static size_t events_asked(const char *query)
{
	unsigned long cnt;
	char *end;

	if (query[0] == '\0')
		return EVENTS_DEFAULT;
	if (strncmp(query, "count=", 6) != 0 || query[6] < '1' || query[6] > '9')
		return 0;
	cnt = strtoul(query + 6, &end, 10);
	return *end == '\0' && cnt <= EVENTS_MAX ? cnt : 0;
}

void operate_list_events(struct exchange *x)
{
	size_t cnt = events_asked(x->query);
	struct answer a;

	if (cnt == 0)
		answer_error(&a, 400, "bad-query", NULL, "the query is count=N, N from 1 to %d",
			EVENTS_MAX);
	else
		answer_ok(&a, json_pack("{s:o}", "events", audit_tail(x->daemon->audit, cnt)));
	exchange_answer_now(x, &a);
}

void operate_verify_events(struct exchange *x)
{
	audit_verify(x->daemon->audit, exchange_answer, x);
}

void operate_show_log(struct exchange *x)
{
	struct answer a;

	answer_ok(&a, json_pack("{s:o}", "levels", log_levels_json()));
	exchange_answer_now(x, &a);
}

void operate_set_log(struct exchange *x)
{
	const char *module = NULL, *name = NULL;
	const struct field fields[] = {
		{"module", FIELD_STRING, false, &module}, {"level", FIELD_STRING, true, &name}};
	enum rk_log_level level;
	struct answer a;

	if (fields_read(x->body, fields, 2, &a) < 0) {
		exchange_answer_now(x, &a);
		return;
	}
	if (!rk_log_level_parse(name, &level))
		field_refuse(&a, "level", "must be error, warning, info or debug");
	else if (module != NULL && !log_set_module_level(module, level))
		field_refuse(&a, "module", "is none: GET /api/v1/log lists them");
	else
		answer_ok(&a, NULL);
	if (a.status == 200) {
		if (module == NULL)
			log_set_level(level);
		publisher_tell_log_levels(x->daemon->publisher);
		a.body = json_pack("{s:o}", "levels", log_levels_json());
	}
	exchange_answer_now(x, &a);
}

void operate_metrics(struct exchange *x)
{
	metrics_scrape(x->daemon, exchange_answer, x);
}
