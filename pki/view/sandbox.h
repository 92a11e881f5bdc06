/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a process gives up for good, so that whoever takes it over has little of it. Both may be
 * missing in the kernel: then -ENOSYS or -EOPNOTSUPP, and the process decides. Any thread.
 */
#pragma once

#include <stddef.h>

#include "pki/view/bytes.h"

/*
 * Landlock: from here on this thread, and every thread and child that it begins, writes, makes,
 * renames and removes files below these folders only, and runs no program. Reading is not touched.
 * A folder that does not exist is passed over; NULL entries, too. No new privileges afterwards.
 */
int rk_sandbox_write_below(const char *const *folder, size_t folder_cnt) RK_MUST_CHECK;

/*
 * Seccomp: every thread of the process loses the system calls that no part of ours makes and an
 * intruder would: programs, other processes' memory, mounts, namespaces, modules, keys of the
 * kernel, identities. They fail with EPERM; with EAFNOSUPPORT new sockets but for local ones, IPv4,
 * IPv6 and netlink. What is open stays open. No new privileges afterwards.
 */
int rk_sandbox_drop_calls(void) RK_MUST_CHECK;
