/* SPDX-License-Identifier: BSD-3-Clause */
/* The master list on its way to the disk. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/crl/state.h"
#include "control/helper.h"
#include "control/log.h"

const struct alarm_spec crl_not_saved = {
	.kind = "crl-save", .source = "master-list", .severity = ALARM_MAJOR};

struct save {
	struct crl_manager *m;
	struct master_list *list; /* counted */
	int dir;
	int error;
};

static void save_work(void *arg)
{
	struct save *save = arg;

	save->error = master_list_save(save->list, save->dir, NULL);
}

static void on_saved(void *arg)
{
	struct save *save = arg;
	struct crl_manager *m = save->m;

	m->is_saving = false;
	if (save->error < 0)
		m->is_save_due = true; /* the timer tries again, or close does */
	if (save->error == -ECANCELED) {
		log_debug("crl: the daemon stopped before the master list was written");
	} else if (save->error < 0) {
		log_error("crl: the master list cannot be written: %s", strerror(-save->error));
		alarm_raise(m->d->alarms, &crl_not_saved,
			"The list of revoked certificates cannot be written: %s",
			strerror(-save->error));
	} else {
		alarm_clear(m->d->alarms, crl_not_saved.kind, crl_not_saved.source);
		if (m->is_save_due && !m->is_closing)
			crl_save(m);
	}
	master_list_put(save->list);
	free(save);
}

void crl_save(struct crl_manager *m)
{
	struct save *save;

	m->is_save_due = true;
	if (m->is_saving)
		return;
	save = calloc(1, sizeof(*save));
	if (save == NULL)
		return;
	*save = (struct save){.m = m,
		.list = master_list_get(m->list),
		.dir = m->d->state_fd,
		.error = -ECANCELED};
	if (helper_run(m->d->helpers, save_work, on_saved, save) < 0) {
		master_list_put(save->list);
		free(save);
		return;
	}
	m->is_saving = true;
	m->is_save_due = false;
}
