/* SPDX-License-Identifier: BSD-3-Clause */
/* Every suite, in the order in which --list names them. */
#pragma once

#include "bench/harness.h"

#define BENCH_SUITES(X)  \
	X(primitives)    \
	X(exchange)      \
	X(first_contact) \
	X(transfer)      \
	X(rekey) X(rekey_tls13) X(symmetric) X(batch) X(dtls12) X(tls13) X(revocation) X(crl)

#define X(name) extern const struct bench_suite bench_##name;
BENCH_SUITES(X)
#undef X
