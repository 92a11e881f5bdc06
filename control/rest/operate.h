/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of what an operator looks at: alarms, events, log; who is asking. Loop thread. */
#pragma once

#include "control/rest/exchange.h"

void operate_list_alarms(struct exchange *x);
void operate_list_events(struct exchange *x);
void operate_verify_events(struct exchange *x);
void operate_show_log(struct exchange *x);
void operate_set_log(struct exchange *x);
void operate_show_session(struct exchange *x);
void operate_metrics(struct exchange *x);
