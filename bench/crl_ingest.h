/* SPDX-License-Identifier: BSD-3-Clause */
/* From a list's bytes to an answer, beside d2i_X509_CRL: rows of crl, and a suite of its own. */
#pragma once

#include "bench/crl_maker.h"
#include "bench/harness.h"

/* Lists in order of serial and in no order, of which so many percent of the entries have a reason. */
void crl_ingest_run(const struct bench_options *o, const char *suite, const struct crl_maker *maker,
	unsigned reasons);
