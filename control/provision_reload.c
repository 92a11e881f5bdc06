/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/provision_private.h"

#include <stdlib.h>

#include "control/credential.h"
#include "control/publish.h"

/* What was read, while the workers take it on. */
struct reload {
	struct daemon *daemon;
	char name[PROVISION_NAME_MAX + 1];
	int error; /* 0 or -errno: what was in force stays */
	answer_cb cb;
	void *arg;
};

static void on_published(void *arg, struct answer *published)
{
	struct reload *r = arg;
	bool is_usable = credential_compiled(r->daemon->credential) != NULL;
	json_t *body = json_pack("{s:[s], s:b, s:o}", "reloaded", r->name, "is_usable", is_usable,
		"publication", publisher_result(published));
	struct answer a;

	if (!is_usable)
		json_object_set_new(body, "warnings",
			json_pack("[s]", "there is no usable certificate: the alarms say why"));
	else if (r->error < 0)
		json_object_set_new(body, "warnings",
			json_pack("[s]", "the files cannot be taken, and what was in force before "
					 "stays: the alarms say why"));
	answer_ok(&a, body);
	provision_answer(r->cb, r->arg, &a);
	free(r);
}

void provision_reload(struct provision *p, answer_cb cb, void *arg)
{
	const char *name = credential_name(p->daemon);
	struct reload *r = calloc(1, sizeof(*r));
	struct answer a;

	if (r == NULL || p->is_busy) {
		free(r);
		answer_error(&a, 409, "busy", NULL,
			"another key or certificate is being worked on: try again");
		provision_answer(cb, arg, &a);
		return;
	}
	*r = (struct reload){.daemon = p->daemon, .cb = cb, .arg = arg};
	snprintf(r->name, sizeof(r->name), "%s", name);
	r->error = credential_reload(p->daemon->credential);
	audit_write(p->daemon->audit, "system.reload_certificates", "Reloaded local certificates.",
		json_pack("{s:s}", "name", name));
	log_info("%s: read from disk again", name);
	publisher_wait(p->daemon->publisher, on_published, r);
}
