/* SPDX-License-Identifier: BSD-3-Clause */
/* A client of the daemon in this process: it reads every revoked certificate, as fast as they come. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* format: "json" or "text", by run_dir/control.sock. *out becomes readable when all is read. */
pid_t crl_export_start(const char *run_dir, const char *format, int *out);
/* Octets that were read. Waits for the client. */
uint64_t crl_export_end(pid_t client, int out);
