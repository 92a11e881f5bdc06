/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The key and certificate in force: PKI/NAME.key and .pem, where NAME is the one that
 * client-certificate of the configuration names, else custom_ssr_peering. What is wrong with them
 * stands as an alarm: absent while rekeying is enabled, expiring within 30 and 7 days, expired,
 * revoked, otherwise invalid, not named like this router, not readable. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/daemon.h"
#include "pki/store/compile.h"
#include "pki/view/channel.h"

#define CREDENTIAL_NAME "custom_ssr_peering"

/* The name of the credential that peering uses. Borrowed from the configuration. */
const char *credential_name(const struct daemon *d);

/* Loads and judges; a missing or broken credential is an alarm, not a failure. 0 or -errno. */
int credential_open(struct daemon *d, struct credential **out) RK_MUST_CHECK;
void credential_close(struct credential *c);
/* The configuration has changed, maybe the name with it. */
void credential_configure(struct credential *c);
/*
 * The files have changed. Marks what is published. 0; -errno when they cannot be taken: what was in
 * force stays then, with an alarm, and they are tried again once a minute, unless NAME.pem is gone.
 */
int credential_reload(struct credential *c);
/*
 * Judges again and raises and clears the alarms: after a change of trust, revocations or
 * configuration, and by itself once a minute. Marks what is published when the verdict changed.
 */
void credential_judge(struct credential *c);

/* What is compiled into the view; NULL = none. Borrowed until the next change. */
/* When our certificate's chain ends; 0 = there is none. */
int64_t credential_not_after(const struct credential *c);
const struct compile_credential *credential_compiled(const struct credential *c);
/*
 * The private key as raw numbers, read from its file: key must lie in rk_secret_new memory.
 * -ENOENT when there is no credential; -errno.
 */
int credential_private_key(const struct credential *c, struct rk_private_key *key) RK_MUST_CHECK;
