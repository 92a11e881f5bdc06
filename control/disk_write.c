/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/disk_write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/helper.h"
#include "pki/view/file.h"

struct disk_write {
	const char *name;
	char *text;
	int dir; /* the daemon's, which outlives the disk thread */
	int ret;
	void (*done)(void *arg, int error);
	void *arg;
};

static void work(void *arg)
{
	struct disk_write *w = arg;

	w->ret = rk_file_replace(w->dir, w->name, 0600, w->text, strlen(w->text));
}

static void tell(const struct disk_write *w)
{
	if (w->ret < 0)
		log_error("%s cannot be written: %s", w->name, strerror(-w->ret));
	if (w->done != NULL)
		w->done(w->arg, w->ret);
}

static void written(void *arg)
{
	struct disk_write *w = arg;

	tell(w);
	free(w->text);
	free(w);
}

void disk_write(struct daemon *d, const char *name, char *text, void (*done)(void *arg, int error),
	void *arg)
{
	struct disk_write *w = text != NULL ? malloc(sizeof(*w)) : NULL;
	struct disk_write job = {
		.name = name, .text = text, .dir = d->state_fd, .done = done, .arg = arg};

	job.ret = -ENOMEM;
	if (w != NULL) {
		*w = job;
		w->ret = -ECANCELED; /* until the thread says otherwise */
		job.ret = helper_run(d->disk, work, written, w);
	}
	if (job.ret == 0)
		return;
	free(w);
	tell(&job);
	free(text);
}
