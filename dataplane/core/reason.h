/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why a packet, an exchange or an installation was refused, and what was done: one list gives the
 * enum, the counter and the words. docs/protocol.md explains each. Every packet that comes in is
 * counted under exactly one of the first group; the others count what followed from it.
 */
#pragma once

#define REASON_LIST(X)                                                                         \
	/* a packet's one reason */                                                            \
	X(ACCEPTED, "packets-accepted", "did what it is for")                                  \
	X(DUPLICATE, "packets-duplicate", "answered again from the cache, or had no effect")   \
	X(SIZE, "bad-size", "shorter or longer than any message")                              \
	X(ENVELOPE, "bad-envelope", "metadata block: cookie, version or lengths")              \
	X(VERSION, "bad-version", "protocol version is not ours")                              \
	X(TYPE, "bad-type", "no such message")                                                 \
	X(FIELDS, "bad-fields", "fields missing, unknown, out of order or of a wrong length")  \
	X(NOT_CONFIGURED, "not-configured", "no view, or the protocol is switched off")        \
	X(CROWDED, "hello-crowded", "more HELLOs in one round than are looked at")             \
	X(MAC1, "bad-mac1", "the sender does not know our peering-common-name")                \
	X(COOKIE, "bad-cookie", "not ours, too old, or from another address")                  \
	X(COOKIE_SENT, "cookie-sent", "asked to prove its address first")                      \
	X(RETRY_SENT, "retry-sent", "asked for a share of another group")                      \
	X(RATE, "rate-limited", "too many attempts of one source or peer")                     \
	X(FULL, "exchange-table-full", "no room for another exchange")                         \
	X(NO_CREDENTIAL, "no-credential", "we have no certificate that may be shown")          \
	X(NO_GROUP, "no-common-group", "no named group in common")                             \
	X(NO_SUITE, "no-common-suite", "no suite in common")                                   \
	X(NO_SCHEME, "no-common-scheme", "no signature scheme that fits the key and the list") \
	X(BAD_SHARE, "bad-share", "not an uncompressed point or of a wrong length")            \
	X(BAD_CHOICE, "bad-choice", "the answer chose what was not offered")                   \
	X(UNKNOWN_EXCHANGE, "unknown-exchange", "no such exchange, or no longer")              \
	X(UNKNOWN_INDEX, "unknown-index", "no such session index, or no longer")               \
	X(WRONG_STATE, "unexpected-message", "known exchange, but it expects something else")  \
	X(WRONG_SOURCE, "wrong-source", "address differs from that of the exchange")           \
	X(NO_KEY, "no-handshake-key", "sealed before there is a key for it")                   \
	X(AUTHENTICATION, "bad-authentication", "does not open under its key")                 \
	X(REPLAY, "replayed", "counter seen before or left of the window")                     \
	X(EXHAUSTED, "counter-exhausted", "counter beyond its limit")                          \
	X(FRAGMENT, "bad-fragment", "certificate fragment that does not fit")                  \
	X(WORK_LIMIT, "work-limit", "public-key operations of this exchange are used up")      \
	X(BUSY, "busy", "no job or buffer free, or one already running")                       \
	X(WRONG_WORKER, "wrong-worker", "the peer belongs to another worker")                  \
	X(COLLISION_LOST, "collision-refused", "our own attempt takes precedence")             \
	X(NO_BASE, "no-base-slot", "rekey names keys that are gone, or may not start now")     \
	X(INTERNAL, "internal-error", "libcrypto or the random generator failed")              \
	/* what an exchange was refused for, after the packet that led there */                \
	X(LEFT_OVER, "work-left-over", "finished work whose exchange was dropped meanwhile")   \
	X(MISDIRECTED, "work-misdirected", "finished work that this worker never asked for")   \
	X(BAD_SECRET, "bad-point", "point not on the curve, or an all-zero result")            \
	X(BAD_SIGNATURE, "bad-signature", "transcript signature does not verify")              \
	X(BAD_CONFIRMATION, "bad-confirmation", "confirmation differs")                        \
	X(BAD_PROOF, "bad-proof", "sealed part of REPLY or FINISH does not open or parse")     \
	X(NOT_OFFERED, "scheme-not-offered", "signature scheme not ours or not for that key")  \
	X(SELF, "own-identity", "shows our own certificate or name")                           \
	X(IDENTITY_UNKNOWN, "identity-unknown", "certificate names no configured peer")        \
	X(IDENTITY_AMBIGUOUS, "ambiguous-identity", "certificate names more than one peer")    \
	X(IDENTITY_WRONG, "identity-unexpected", "not the peer that was dialled")              \
	X(ADDRESS, "address-not-configured", "good identity, but not from a configured path")  \
	X(CERT_UNKNOWN, "certificate-unknown", "not judged, or under other trust anchors")     \
	X(CERT_MALFORMED, "certificate-malformed", "does not parse or breaks the profile")     \
	X(CERT_UNTRUSTED, "certificate-untrusted", "no chain to an anchor")                    \
	X(CERT_EXPIRED, "certificate-expired", "a certificate of the chain has expired")       \
	X(CERT_NOT_YET, "certificate-not-yet-valid", "a certificate of the chain is early")    \
	X(CERT_REVOKED, "certificate-revoked", "a certificate of the chain is revoked")        \
	X(CERT_NOT_ALLOWED, "certificate-not-allowed", "algorithm, size or usage not allowed") \
	X(OWN_CERT, "own-certificate-invalid", "our own certificate may not be used now")      \
	/* what was done */                                                                    \
	X(PACKETS_SENT, "packets-sent", "")                                                    \
	X(RETRANSMITS, "retransmits", "")                                                      \
	X(DIALS, "exchanges-started", "full exchanges begun by us")                            \
	X(EXCHANGES, "exchanges-done", "full exchanges that gave a key")                       \
	X(GIVEN_UP, "exchanges-given-up", "too much work for invalid messages")                \
	X(EXCHANGES_EXPIRED, "exchanges-expired", "given up for time")                         \
	X(REKEYS_STARTED, "rekeys-started", "fast rekeys begun by us")                         \
	X(REKEYS, "rekeys-done", "fast rekeys that gave a key")                                \
	X(COLLISIONS, "collisions", "own attempts dropped for the peer's")                     \
	X(NEED_CERTS, "need-certs-sent", "")                                                   \
	X(VALIDATIONS, "validations-asked", "certificates sent to control")                    \
	X(VALIDATIONS_LOST, "validations-unanswered", "refused or not answered in time")       \
	X(KEEP_ALIVES_SENT, "keep-alives-sent", "")                                            \
	X(KEEP_ALIVES, "keep-alives-received", "")                                             \
	X(SILENCES, "silences", "peers that fell silent")                                      \
	X(SEVERED, "peerings-severed", "fail-hard took the keys away")                         \
	X(HANDED_OVER, "exchanges-handed-over", "finished for another worker")                 \
	X(CHALLENGES, "path-challenges-sent", "")                                              \
	X(MOVES, "paths-moved", "peers whose new address answered its challenge")

enum reason {
#define X(id, name, text) REASON_##id,
	REASON_LIST(X)
#undef X
		REASON_CNT
};
