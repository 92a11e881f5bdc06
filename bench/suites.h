/* SPDX-License-Identifier: BSD-3-Clause */
/* Every suite, in the order in which --list names them. */
#pragma once

#include "bench/harness.h"

/* clang-format off */
#define BENCH_SUITES(X) \
	X(primitives) X(exchange) X(first_contact) X(transfer) X(rekey) X(rekey_tls13) \
	X(symmetric) X(kex) X(dtls12) X(tls13) X(revocation) X(crl) X(crl_ingest) \
	X(loop_pause) X(table) X(memory) X(publish) X(rejudge) X(storm) X(storm_crypto) \
	X(storm_exchange) X(storm_exchange_crypto) X(storm_answer) X(flood)
/* clang-format on */

#define X(name) extern const struct bench_suite bench_##name;
BENCH_SUITES(X)
#undef X
