/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of the routes about users and their tokens. */
#pragma once

#include "control/rest/exchange.h"

void account_login(struct exchange *x);
void account_logout(struct exchange *x);
void account_session(struct exchange *x);
void account_list(struct exchange *x);
void account_show(struct exchange *x);
void account_create(struct exchange *x);
void account_update(struct exchange *x);
void account_delete(struct exchange *x);
/* These two also for oneself, whatever the role. */
void account_set_password(struct exchange *x);
void account_end_tokens(struct exchange *x);
void account_rotate_key(struct exchange *x);
