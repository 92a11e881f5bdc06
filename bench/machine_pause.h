/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long the machine itself keeps a thread waiting which goes before all others: a hypervisor that has
 * taken the CPU away, a timer that comes late. What a pause of ours is to be held against.
 */
#pragma once

struct machine_pause;

/* NULL where no thread may go before others (CAP_SYS_NICE). On the CPUs that the caller may use. */
struct machine_pause *machine_pause_new(void);
void machine_pause_free(struct machine_pause *p); /* NULL is fine */
void machine_pause_begin(struct machine_pause *p);
/* The longest since the beginning; < 0: not known. */
double machine_pause_ms(struct machine_pause *p);
