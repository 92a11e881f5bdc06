/* SPDX-License-Identifier: BSD-3-Clause */
/* Handlers of the configuration's routes. */
#pragma once

#include "control/rest/exchange.h"

void configure_show_schema(struct exchange *x);
void configure_show_running(struct exchange *x);
void configure_show_candidate(struct exchange *x);
void configure_edit_candidate(struct exchange *x);
void configure_replace_candidate(struct exchange *x);
void configure_discard_candidate(struct exchange *x);
void configure_show_diff(struct exchange *x);
void configure_validate_candidate(struct exchange *x);
void configure_commit(struct exchange *x);
void configure_confirm(struct exchange *x);
void configure_roll_back(struct exchange *x);
void configure_show_history(struct exchange *x);
void configure_show_history_entry(struct exchange *x);
