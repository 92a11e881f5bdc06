/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of the view, compiled from what is in force. Loop thread only. */
#pragma once

#include "control/daemon.h"
#include "pki/store/compile.h"

/* 0; -EINVAL with the reason in why; or another -errno. REVOCATION_OVERLAY is not built: -ENOENT. */
int publish_build(struct daemon *d, enum rk_part_kind kind, struct compile_part *out,
	struct rk_refusal *why) RK_MUST_CHECK;
