/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two engines that peer with each other in one thread: payloads go from one to the other by memory,
 * asymmetric work runs at once, the clock jumps to whichever timer is next. What it takes is what
 * both sides of an exchange take, from payload in to payload out; nothing is allocated on the way.
 */
#pragma once

#include "bench/identity.h"
#include "dataplane/core/engine.h"

struct duo;

enum duo_certificates {
	DUO_KNOWN,       /* both know the other's already: published, or met before */
	DUO_TRANSFERRED, /* they travel in each exchange; control's word is there at once */
	DUO_JUDGED,      /* they travel, and are parsed and validated as control does it */
};

/* What the clock jumps to once the peers are up. */
enum duo_purpose { DUO_EXCHANGES, DUO_REKEYS };

struct duo_options {
	const struct bench_pki *pki;
	uint16_t group; /* IANA number */
	enum duo_certificates certificates;
	enum duo_purpose purpose;
	/* Asymmetric work is answered by made-up results: what is left is everything else. */
	bool is_work_skipped;
};
/* The peers are up when it returns. */
struct duo *duo_new(const struct duo_options *options);
void duo_free(struct duo *d);

/* Each of these: cnt times from the start to the new key in force on both sides; arg: a duo. */
bool duo_run_exchange(void *arg, unsigned cnt);
bool duo_run_rekey(void *arg, unsigned cnt);

/* Both sides up with the same key, else the program ends. */
void duo_check(struct duo *d);
