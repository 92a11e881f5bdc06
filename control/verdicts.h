/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Certificates of peers: judged when the data plane asks, and once it has confirmed that the peer
 * holds the key, kept (STATE/verdicts/FINGERPRINT.der) and published, so that a restarted data
 * plane need not ask again. Both kinds are bounded; the oldest gives way.
 *
 * What is kept is judged without revocation: a verdict carries the keys under which the data plane
 * looks revocation up itself, at every exchange and at every new view. An answer to VALIDATE is
 * judged with it, but for one that is refused for want of a fresh list alone: the data plane sees that
 * too, and CONFIRMED has to come from there before the lists that it names are asked for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/daemon.h"
#include "pki/view/verdict.h"
#include "pki/x509/trust.h"

#define VERDICTS_CONFIRMED_MAX 16384 /* besides one for each configured peer */
#define VERDICTS_PENDING_MAX   1024

/* Loads and judges what is on disk. Needs trust. 0 or -errno. */
int verdicts_open(struct daemon *d, struct verdicts **out) RK_MUST_CHECK;
void verdicts_close(struct verdicts *v);

/* Judges in a helper thread and sends VERDICT; says nothing when it is too busy. */
void verdicts_validate(struct verdicts *v, uint64_t request, struct rk_span der);
/* The transcript's signature verified with this certificate's key. */
void verdicts_confirm(struct verdicts *v, const uint8_t fingerprint[RK_FINGERPRINT_LEN]);

/*
 * A change of trust in two steps, so that the view with the new trust generation holds every
 * verdict under it: prepare judges all that is kept under the new trust in a helper thread, then
 * calls ready on the loop thread; adopt puts the results in force, before the caller publishes.
 * One at a time. error: 0 or -errno, with nothing to adopt.
 */
int verdicts_prepare(struct verdicts *v, struct pki_trust *trust, bool is_ed25519_allowed,
	void (*ready)(void *arg, int error), void *arg) RK_MUST_CHECK;
void verdicts_adopt(struct verdicts *v);

/*
 * Judges what the clock has refused once more, in a helper thread, and publishes what came of it:
 * what is not yet valid, and after the clock was set (was_set) what has expired, too.
 */
void verdicts_judge_dates(struct verdicts *v, bool was_set);

/* Those judged under the current trust, in an array that the caller frees. */
int verdicts_collect(
	const struct verdicts *v, const struct rk_verdict ***out, size_t *cnt) RK_MUST_CHECK;
/* Pending or kept; NULL = not known. Borrowed until the next call of this module. */
const struct rk_verdict *verdicts_find(
	const struct verdicts *v, const uint8_t fingerprint[RK_FINGERPRINT_LEN]);
struct rk_span verdicts_find_der(
	const struct verdicts *v, const uint8_t fingerprint[RK_FINGERPRINT_LEN]);
