/* SPDX-License-Identifier: BSD-3-Clause */
#include "pki/x509/der.h"

#define FUNCTION take_times
#define TARGET
#include "pki/x509/der_times.h"

#if defined(__x86_64__)
#define FUNCTION take_times_avx2
#define TARGET   __attribute__((target("avx2")))
#include "pki/x509/der_times.h"

#define FUNCTION take_times_avx512
#define TARGET   __attribute__((target("avx512f,avx512dq")))
#include "pki/x509/der_times.h"
#endif

bool pki_der_utc_times(const struct pki_der_utc_texts *texts, size_t cnt, int64_t *out)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
		return take_times_avx512(texts, cnt, out);
	if (__builtin_cpu_supports("avx2"))
		return take_times_avx2(texts, cnt, out);
#endif
	return take_times(texts, cnt, out);
}
