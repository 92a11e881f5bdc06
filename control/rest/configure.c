/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/rest/configure.h"

#include "control/configuration.h"

void configure_show_schema(struct exchange *x)
{
	struct answer a;

	configuration_schema(x->daemon->configuration, &a);
	exchange_answer_now(x, &a);
}

void configure_show_running(struct exchange *x)
{
	struct answer a;

	configuration_show_running(x->daemon->configuration, x->query, &a);
	exchange_answer_now(x, &a);
}

void configure_show_candidate(struct exchange *x)
{
	struct answer a;

	configuration_show_candidate(x->daemon->configuration, x->query, &a);
	exchange_answer_now(x, &a);
}

void configure_edit_candidate(struct exchange *x)
{
	configuration_edit(x->daemon->configuration, x->body, x->who.name, exchange_answer, x);
}

void configure_replace_candidate(struct exchange *x)
{
	configuration_replace(x->daemon->configuration, x->body, x->who.name, exchange_answer, x);
}

void configure_discard_candidate(struct exchange *x)
{
	struct answer a;

	configuration_discard(x->daemon->configuration, &a);
	exchange_answer_now(x, &a);
}

void configure_show_diff(struct exchange *x)
{
	configuration_diff(x->daemon->configuration, x->query, exchange_answer, x);
}

void configure_validate_candidate(struct exchange *x)
{
	configuration_validate(x->daemon->configuration, exchange_answer, x);
}

void configure_commit(struct exchange *x)
{
	configuration_commit(x->daemon->configuration, exchange_body(x), exchange_answer, x);
}

void configure_confirm(struct exchange *x)
{
	configuration_confirm(x->daemon->configuration, exchange_answer, x);
}

void configure_roll_back(struct exchange *x)
{
	configuration_rollback(x->daemon->configuration, x->body, exchange_answer, x);
}

void configure_show_history(struct exchange *x)
{
	struct answer a;

	configuration_history(x->daemon->configuration, &a);
	exchange_answer_now(x, &a);
}

void configure_show_history_entry(struct exchange *x)
{
	configuration_show_entry(x->daemon->configuration, x->param, exchange_answer, x);
}
