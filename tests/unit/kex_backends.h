/* SPDX-License-Identifier: BSD-3-Clause */
/* Every backend of kex that can run here, and the lanes of the vectorised one in plain C. */
#pragma once

#include "dataplane/core/kex_backend.h"

#define KEX_BACKENDS_MAX 4

/* How many; libcrypto comes first. */
size_t kex_backends(const struct kex_backend *out[KEX_BACKENDS_MAX]);
/* A context on that backend. Aborts when there is none. */
struct kex_ctx *kex_backends_open(const struct kex_backend *b);
/* kex_derive of this one, where there are batches in one of one to eight, each time elsewhere. */
void kex_backends_derive(struct kex_ctx *ctx, const struct kex_group *g, struct kex_op *op);
