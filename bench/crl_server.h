/* SPDX-License-Identifier: BSD-3-Clause */
/* A web server, a process of its own, on a loopback port: the files of one folder as they are then. */
#pragma once

#include <sys/types.h>

/* dir outlives it. Ended with SIGTERM. */
pid_t crl_server_start(const char *dir, unsigned *port);
