/* SPDX-License-Identifier: BSD-3-Clause */
/* Raw numbers to libcrypto's key objects, without any parsing. NULL: refused or out of memory. */
#pragma once

#include <openssl/types.h>

#include "pki/view/channel.h"
#include "pki/view/verdict.h"

EVP_PKEY *sign_key_from_public(const struct rk_public_key *key);
EVP_PKEY *sign_key_from_private(const struct rk_private_key *key);
