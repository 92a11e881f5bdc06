/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small file of the state folder, replaced whole by the disk thread, which takes one after the other
 * in the order asked for: a disk that is slow to sync holds nobody up. Loop thread.
 */
#pragma once

#include "control/daemon.h"

/*
 * Replaces STATE/name (static) with text, which is taken; NULL: it could not be made. done(0 or
 * -errno) on the loop, maybe at once; NULL: nobody waits. A failure is logged.
 */
void disk_write(struct daemon *d, const char *name, char *text, void (*done)(void *arg, int error),
	void *arg);
