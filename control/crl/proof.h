/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whose a list is, found out while it is walked: half of a large list's time is the hash that its
 * signature is over. What the walk makes of it counts for nothing until the proof has ended well.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "pki/store/beside.h"
#include "pki/x509/crl.h"
#include "pki/x509/report.h"

struct crl_proof {
	const struct pki_crl *crl;
	struct pki_crl_verify_args args;
	struct pki_report report; /* of the thread */
	int error;
	uint8_t key[PKI_KEY_HASH_LEN]; /* the signer's (struct pki_ca), from the beginning on */
	struct beside thread;
	bool is_beside;
	atomic_bool has_ended; /* the thread's work */
};

/*
 * Begins; crl and what args points to are borrowed and p stays where it is until the end. A list that is small, or
 * indirect, or may be of several keys, is verified at once: then as pki_crl_verify, and no end is due unless 0.
 */
int crl_proof_begin(struct crl_proof *p, const struct pki_crl *crl,
	const struct pki_crl_verify_args *args, struct pki_report *report) RK_MUST_CHECK;
/* The end will not wait. */
bool crl_proof_is_ready(const struct crl_proof *p);
/* Waits. As pki_crl_verify; what it found takes the place of what is in report. */
int crl_proof_end(struct crl_proof *p, struct pki_report *report) RK_MUST_CHECK;
