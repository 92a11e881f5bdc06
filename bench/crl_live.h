/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole daemon, a web server and rekey-dataplane, each a process: refresh to refusal. */
#pragma once

#include "bench/crl_maker.h"
#include "bench/harness.h"

void crl_live_run(const struct bench_options *o, const struct crl_maker *maker, unsigned entries);
