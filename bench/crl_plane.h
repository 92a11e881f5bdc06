/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rekey-dataplane itself, as a process beside a daemon of this one: without a card and without huge
 * pages, main on the first CPU that we may run on and its one worker, which polls without a pause, alone
 * on the last.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "pki/store/compile.h"
#include "pki/view/verdict.h"

/*
 * From now on this process and what it starts keep off the worker's CPU, as far as there is another one.
 * Before any thread is made.
 */
void crl_plane_reserve(void);
/* dir: with the folder "run" of the daemon, which listens. Ended by crl_plane_stop. */
pid_t crl_plane_start(const char *dir);
void crl_plane_stop(pid_t plane);
void crl_plane_release(void);
/* How long its worker, since it began, could have run and was kept from it by others; in ms. */
double crl_plane_kept_off_ms(pid_t plane);
/* The state that its workers find of the key: read where they read it, without a new part's checks. */
uint8_t crl_plane_finds(const struct compile_part *part, const struct rk_revocation_key *key);
