/* SPDX-License-Identifier: BSD-3-Clause */
/* The alarms that follow from what the data plane says of a peer. Loop thread only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/config.h"
#include "control/daemon.h"
#include "pki/view/verdict.h"

/* enum rk_peer_state: DOWN raises "not reachable", UP clears it. */
void peer_alarm_state(struct daemon *d, const char *peer, unsigned state);
/*
 * "Peer west path is down: wan1 to 192.0.2.9:1280" for each bit of down that is set, by the peer's
 * paths, while others have an answer: of one that is down itself "not reachable" says all.
 */
void peer_alarm_paths(
	struct daemon *d, const struct config_peer *peer, unsigned state, unsigned down);
/*
 * "Peer west certificate is invalid: revoked - serial ...". UNKNOWN says nothing: it is a question,
 * not a judgement. GOOD clears. Not is_news: the same was said before of the same certificate, which is
 * not looked into again.
 */
void peer_alarm_verdict(struct daemon *d, const char *peer, enum rk_verdict_status verdict,
	const uint8_t fingerprint[RK_FINGERPRINT_LEN], bool is_news);
/*
 * The reason of an event: "Unable to authenticate peer west: name mismatch - ..." for those that say
 * so, cleared by those that say that it proved who it is.
 */
void peer_alarm_refusal(struct daemon *d, const char *peer, const char *reason);
/* A key that was installed after that alarm was raised clears it: its event may have been lost. */
void peer_alarm_proven(struct daemon *d, const char *peer, unsigned state, uint64_t key_age_ms);
/* An old key: twice the interval and the time that a peer has to answer have passed. */
void peer_alarm_rekey(struct daemon *d, const char *peer, unsigned state, uint64_t key_age_ms);
/* Within 30 days minor, within 7 major; not_after 0 = not known. */
void peer_alarm_expiry(struct daemon *d, const char *peer, int64_t not_after);
/* Clears those of peers that keep() does not know. */
void peer_alarms_keep(struct daemon *d, bool (*keep)(void *arg, const char *peer), void *arg);
