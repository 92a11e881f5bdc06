/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/write_plan.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pki/view/file.h"

void write_plan_add(
	struct write_plan *p, int dir, const char *name, mode_t mode, char *text, size_t len)
{
	struct write_step *s = &p->step[p->cnt++];

	assert(p->cnt <= WRITE_PLAN_MAX);
	*s = (struct write_step){.dir = dir, .mode = mode, .text = text, .len = len};
	snprintf(s->name, sizeof(s->name), "%s", name);
}

void write_plan_add_new(
	struct write_plan *p, int dir, const char *name, mode_t mode, char *text, size_t len)
{
	write_plan_add(p, dir, name, mode, text, len);
	p->step[p->cnt - 1].is_new = true;
}

int write_plan_run(struct write_plan *p)
{
	int ret;

	for (size_t i = 0; i < p->cnt; i++)
		if (p->step[i].text == NULL)
			return -ENOMEM;
	for (; p->done_cnt < p->cnt; p->done_cnt++) {
		const struct write_step *s = &p->step[p->done_cnt];

		ret = rk_file_replace(s->dir, s->name, s->mode, s->text, s->len);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* The step that failed, too: it may have failed after the file was there. */
void write_plan_undo(const struct write_plan *p)
{
	for (size_t i = 0; i < p->cnt && i <= p->done_cnt; i++)
		if (p->step[i].is_new)
			unlinkat(p->step[i].dir, p->step[i].name, 0);
}

void write_plan_fini(struct write_plan *p)
{
	for (size_t i = 0; i < p->cnt; i++)
		free(p->step[i].text);
	memset(p, 0, sizeof(*p));
}
