/* SPDX-License-Identifier: BSD-3-Clause */
/* The process gives up what it has no use for, in two steps around EAL's start. Main thread. */
#pragma once

#include "dataplane/options.h"

/* Before EAL makes threads: files are written only where EAL, its drivers and we have to. */
int confine_files(const struct options *o) RK_MUST_CHECK;
/* After EAL and its drivers have set themselves up: system calls. */
int confine_calls(const struct options *o) RK_MUST_CHECK;
