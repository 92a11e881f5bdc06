/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/operation.h"

#include <stdlib.h>
#include <string.h>

#include "bench/harness.h"
#include "dataplane/core/kex.h"
#include "dataplane/core/sign.h"

#define SAMPLE_MAX 100000

enum { KEYGEN, DERIVE, SIGN, VERIFY, OPERATION_CNT };

struct operations {
	const struct kex_group *group;
	const struct bench_pki *pki;
	struct kex_ctx *kex;
	struct sign_ctx *sign;
	uint16_t scheme;
	size_t input_len;
	uint8_t input[SIGN_INPUT_MAX];
	double *took[OPERATION_CNT];
	size_t cnt;
};

struct operations *operations_new(uint16_t group, const struct bench_pki *pki)
{
	static const uint8_t transcript[32];
	struct operations *o = calloc(1, sizeof(*o));
	struct wire_list schemes;
	unsigned i;

	bench_must(o != NULL && kex_ctx_new(&o->kex) == 0 && sign_ctx_new(&o->sign) == 0,
		"out of memory");
	for (i = 0; i < OPERATION_CNT; i++) {
		o->took[i] = calloc(SAMPLE_MAX, sizeof(double));
		bench_must(o->took[i] != NULL, "out of memory");
	}
	o->group = kex_find(group);
	o->pki = pki;
	sign_list_schemes(&schemes, false);
	if (pki != NULL)
		o->scheme =
			sign_choose((enum rk_key_type)pki->west.credential->key_type, 0, &schemes);
	o->input_len =
		sign_build_input(o->input, true, (struct rk_span){transcript, sizeof(transcript)});
	return o;
}

void operations_free(struct operations *o)
{
	unsigned i;

	for (i = 0; i < OPERATION_CNT; i++)
		free(o->took[i]);
	kex_ctx_free(o->kex);
	sign_ctx_free(o->sign);
	free(o);
}

static void sample_kex(struct operations *o)
{
	struct kex_op op, *ops = &op;
	uint64_t began = bench_cpu_ns(), between;

	kex_keygen(o->kex, o->group, &ops, 1);
	memcpy(op.peer, op.share, sizeof(op.peer));
	between = bench_cpu_ns();
	kex_derive(o->kex, o->group, &ops, 1);
	o->took[KEYGEN][o->cnt] = (double)(between - began);
	o->took[DERIVE][o->cnt] = (double)(bench_cpu_ns() - between);
	bench_must(op.is_done, "no key agreement");
}

static void sample_sign(struct operations *o)
{
	const struct bench_identity *own = &o->pki->west;
	const struct rk_span input = {o->input, o->input_len};
	uint8_t signature[MSG_SIGNATURE_MAX];
	size_t len = sizeof(signature);
	uint64_t began = bench_cpu_ns(), between;

	bench_must(sign_make(o->sign, own->credential, o->scheme, input, signature, &len),
		"no signature");
	between = bench_cpu_ns();
	bench_must(sign_verify(o->sign, &own->verdict.key, o->scheme, input,
			   (struct rk_span){signature, len}),
		"a signature is refused");
	o->took[SIGN][o->cnt] = (double)(between - began);
	o->took[VERIFY][o->cnt] = (double)(bench_cpu_ns() - between);
}

void operations_sample(struct operations *o)
{
	if (o->cnt == SAMPLE_MAX)
		return;
	sample_kex(o);
	if (o->pki != NULL)
		sample_sign(o);
	o->cnt++;
}

double operations_longest_ns(const struct operations *o, double percent)
{
	double longest = 0;
	unsigned i;

	for (i = 0; i < OPERATION_CNT; i++) {
		double ns = bench_percentile(o->took[i], o->cnt, percent);

		if (ns > longest)
			longest = ns;
	}
	return longest;
}

double operations_sum_ns(const struct operations *o)
{
	double sum = 0;
	unsigned i;

	for (i = 0; i < OPERATION_CNT; i++)
		sum += bench_median(o->took[i], o->cnt);
	return sum;
}
