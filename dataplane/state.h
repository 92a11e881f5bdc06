/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What was activated last, in the data plane's own folder, so that it starts and authenticates
 * while control is down. Parts lie in files named by their digest; the small file "view" names
 * them and is replaced last, so a crash at any instant leaves the old state or the new one. Main
 * thread only.
 */
#pragma once

#include <stdbool.h>

#include "dataplane/published.h"
#include "pki/view/channel.h"

/*
 * Creates the folder (0700) when missing, and removes what a crash left half written. The folder's
 * descriptor, which keeps others out while it is open; -EBUSY: another process has it; -errno.
 */
int state_open(const char *path) RK_MUST_CHECK;
/*
 * Writes what is new, then the list, then removes what nobody names. 0 or -errno: then what was
 * saved before stands, and what earlier failures left is gone, so that a full disk has room again.
 */
int state_save(int dir, const struct published *p) RK_MUST_CHECK;
/*
 * Reads it back, digests checked. 0; -ENOENT when there is none; another -errno with the reason in
 * why: damaged, ignored as a whole. key is NULL when none was saved, else memory of rk_secret_new.
 */
int state_load(int dir, struct rk_generation *generation, struct part_ref *part[RK_PART_CNT],
	struct rk_private_key **key, struct rk_refusal *why) RK_MUST_CHECK;
