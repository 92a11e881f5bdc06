/* SPDX-License-Identifier: BSD-3-Clause */
/* A double of the configuration that knows of users alone: edited, and in force at once. */
#include <stdlib.h>

#include "control/audit.h"
#include "control/config.h"
#include "control/config_tree.h"
#include "control/configuration.h"
#include "control/rest/users.h"
#include "tests/unit/rest_doubles.h"

struct configured {
	json_t *document;
	struct config_user user[CONFIG_USER_MAX];
	struct daemon *daemon;
};

static void use_users(struct configured *s)
{
	const char *const path[] = {"authority", "access-management", "user"};
	const json_t *list = config_tree_find(s->document, path, 3), *user;
	struct config *c = s->daemon->config;
	size_t i;

	json_array_foreach(list, i, user)
	{
		const char *role = json_string_value(json_object_get(user, "role"));

		s->user[i] = (struct config_user){
			.name = json_string_value(json_object_get(user, "name")),
			.full_name = json_string_value(json_object_get(user, "full-name")),
			.role = (enum config_role)(user_role_parse(role) - USER_VIEWER),
			.is_enabled = !json_is_false(json_object_get(user, "enabled"))};
	}
	c->user = s->user;
	c->user_cnt = json_array_size(list);
}

void doubles_configure_users(struct doubles *doubles, struct daemon *d, json_t *document)
{
	struct configured *s = calloc(1, sizeof(*s));

	s->daemon = d;
	s->document = document;
	use_users(s);
	*doubles_configured(doubles) = s;
}

void configured_free(struct configured *s)
{
	if (s != NULL)
		json_decref(s->document);
	free(s);
}

void configuration_commit_item(
	struct configuration *c, const struct configuration_item *item, answer_cb cb, void *arg)
{
	const struct audit_actor actor = {.user = "committer"};
	struct configured *s = *doubles_configured((struct doubles *)(void *)c);
	struct config_report report;
	json_t *document = NULL;
	struct answer a;
	size_t failed;

	if (config_tree_edit(s->document, item->operations, &document, &failed, &report) == 0) {
		json_t *old = s->document;

		s->document = document;
		use_users(s);
		users_configure(s->daemon->users, &actor);
		json_decref(old);
		answer_ok(&a, json_pack("{s:i}", "number", 1));
	} else {
		answer_error(&a, 422, "configuration-refused", NULL, "%s", report.finding[0].text);
	}
	json_decref(item->operations);
	cb(arg, &a);
	answer_fini(&a);
}
