/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers and sizes of everything on the wire (docs/protocol.md, "Bytes"). Lengths and limits are
 * computed from each other here and nowhere else. All integers are big-endian.
 */
#pragma once

#include <assert.h>
#include <stdint.h>

#include "dataplane/core/fragments.h"
#include "dataplane/core/guard.h"
#include "pki/view/verdict.h"

/* The SVR metadata block: u64 cookie, u4 version | u12 header length, u16 payload length. */
#define MSG_ENVELOPE_COOKIE  UINT64_C(0x4c48dbc6ddf6670c)
#define MSG_ENVELOPE_VERSION 1
#define MSG_ENVELOPE_LEN     12
#define MSG_HEADER_LEN_MAX   0xfff
#define MSG_TLV_LEN          4 /* u16 type, u16 length */

#define MSG_VERSION   1
#define MSG_MIN       (MSG_ENVELOPE_LEN + MSG_TLV_LEN)
#define MSG_MAX       1200 /* a datagram's payload until the path MTU is known */
#define MSG_HELLO_MIN 512

/* TLV types, from a range that no public SVR attribute uses. */
enum msg_tlv {
	MSG_TLV_EXCHANGE = 0xfb01, /* head: u8 version, u8 type, u16 0, u64 receiver, u64 sender */
	MSG_TLV_SESSION = 0xfb02,  /* head: u8 version, u8 type, u16 0, u32 receiver's index */
	MSG_TLV_RANDOM = 0xfb03,
	MSG_TLV_GROUPS = 0xfb04,       /* u16 each, in order of preference */
	MSG_TLV_SUITES = 0xfb05,       /* likewise */
	MSG_TLV_SCHEMES = 0xfb06,      /* likewise */
	MSG_TLV_SHARE = 0xfb07,        /* RFC 8422 5.4: ECParameters, ECPoint */
	MSG_TLV_COOKIE = 0xfb08,       /* empty, or what COOKIE said */
	MSG_TLV_PADDING = 0xfb09,      /* zeros */
	MSG_TLV_MAC1 = 0xfb0a,         /* over all bytes before its value */
	MSG_TLV_SUITE = 0xfb0b,        /* the chosen one */
	MSG_TLV_SEALED = 0xfb0c,       /* u64 counter, ciphertext, tag; the whole payload */
	MSG_TLV_FINGERPRINT = 0xfb20,  /* within a sealed part from here on */
	MSG_TLV_SIGNATURE = 0xfb21,    /* u16 scheme, signature */
	MSG_TLV_CONFIRMATION = 0xfb22, /* as long as the suite's hash */
	MSG_TLV_INDEX = 0xfb23,        /* u32 sender's index of a slot */
	MSG_TLV_MISSING = 0xfb24,      /* u16 bit mask of certificate fragments */
	MSG_TLV_FRAGMENT = 0xfb25,     /* u16 length of the whole, u8 number, bytes */
	MSG_TLV_PENDING = 0xfb26,      /* u16 milliseconds to hold retransmission back */
	MSG_TLV_REKEY = 0xfb27,        /* u64 exchange, u32 base index, u32 new index of sender */
	MSG_TLV_FLAGS = 0xfb28,        /* u8 */
	MSG_TLV_CHALLENGE = 0xfb29,    /* to be said again from the address it was sent to */
};

/* MESSAGE(id, value, name): the first group heads with EXCHANGE, the second with SESSION. */
#define MSG_TYPES(X)                            \
	X(HELLO, 1, "hello")                    \
	X(REPLY, 2, "reply")                    \
	X(COOKIE, 3, "cookie")                  \
	X(FINISH, 4, "finish")                  \
	X(NEED_CERT, 5, "need-cert")            \
	X(CERT_FRAGMENT, 6, "cert-fragment")    \
	X(PENDING, 7, "pending")                \
	X(COLLISION, 8, "collision")            \
	X(ACK, 32, "ack")                       \
	X(KEEP_ALIVE, 33, "keep-alive")         \
	X(REKEY_HELLO, 34, "rekey-hello")       \
	X(REKEY_REPLY, 35, "rekey-reply")       \
	X(PATH_CHALLENGE, 36, "path-challenge") \
	X(PATH_RESPONSE, 37, "path-response")

enum msg_type {
#define X(id, value, name) MSG_##id = value,
	MSG_TYPES(X)
#undef X
		MSG_SESSION_FIRST = MSG_ACK,
};

#define MSG_EXCHANGE_HEAD_LEN 20
#define MSG_SESSION_HEAD_LEN  8
#define MSG_RANDOM_LEN        32
#define MSG_MAC_LEN           GUARD_MAC_LEN
#define MSG_TAG_LEN           16
#define MSG_COUNTER_LEN       8
#define MSG_LIST_MAX          16 /* numbers a list may have */
#define MSG_HASH_MAX          48
#define MSG_SIGNATURE_MAX     512 /* RSA-4096 */

/* RFC 8422 5.4: named_curve is 3; opaque point<1..255> */
#define MSG_CURVE_TYPE_NAMED 3
#define MSG_SHARE_HEAD_LEN   4   /* u8 curve type, u16 named curve, u8 point length */
#define MSG_POINT_MAX        133 /* secp521r1: 0x04 || X || Y */

/* COOKIE's content: u16 group (0 = no RETRY), SHA-256 of the first HELLO, MAC. */
#define MSG_COOKIE_LEN (2 + GUARD_HASH_LEN + GUARD_COOKIE_LEN)

#define MSG_FRAGMENT_HEAD 3

#define MSG_CHALLENGE_LEN 8

#define MSG_SEALED_OVERHEAD (MSG_TLV_LEN + MSG_COUNTER_LEN + MSG_TAG_LEN)
#define MSG_EXCHANGE_OVERHEAD \
	(MSG_ENVELOPE_LEN + MSG_TLV_LEN + MSG_EXCHANGE_HEAD_LEN + MSG_SEALED_OVERHEAD)
static_assert(MSG_EXCHANGE_OVERHEAD + 2 * MSG_TLV_LEN + RK_FINGERPRINT_LEN + MSG_FRAGMENT_HEAD +
			      FRAGMENT_LEN <=
		      MSG_MAX,
	"a fragment fits a datagram");

#define MSG_SESSION_OVERHEAD \
	(MSG_ENVELOPE_LEN + MSG_TLV_LEN + MSG_SESSION_HEAD_LEN + MSG_SEALED_OVERHEAD)
#define MSG_KEEP_ALIVE_LEN     (MSG_SESSION_OVERHEAD + MSG_TLV_LEN + 4 + MSG_TLV_LEN + 1)
#define MSG_PATH_CHALLENGE_LEN (MSG_SESSION_OVERHEAD + MSG_TLV_LEN + MSG_CHALLENGE_LEN)
static_assert(MSG_PATH_CHALLENGE_LEN <= MSG_KEEP_ALIVE_LEN,
	"an address that has proved nothing gets no more than it sent");

/* What REPLY and FINISH seal: fingerprint, signature, confirmation, index. */
#define MSG_PROOF_MAX                                                                           \
	(MSG_TLV_LEN + RK_FINGERPRINT_LEN + MSG_TLV_LEN + 2 + MSG_SIGNATURE_MAX + MSG_TLV_LEN + \
		MSG_HASH_MAX + MSG_TLV_LEN + 4)
/* REPLY's clear part after the envelope. */
#define MSG_REPLY_CLEAR_MAX                                                                     \
	(MSG_TLV_LEN + MSG_EXCHANGE_HEAD_LEN + MSG_TLV_LEN + MSG_RANDOM_LEN + MSG_TLV_LEN + 2 + \
		MSG_TLV_LEN + 2 * MSG_LIST_MAX + MSG_TLV_LEN + MSG_SHARE_HEAD_LEN + MSG_POINT_MAX)
static_assert(
	MSG_ENVELOPE_LEN + MSG_REPLY_CLEAR_MAX + MSG_SEALED_OVERHEAD + MSG_PROOF_MAX <= MSG_MAX,
	"the largest REPLY fits a datagram");

/* HELLO from its head to its share: what the transcript takes. */
#define MSG_HELLO_CORE_MAX                                                                \
	(MSG_TLV_LEN + MSG_EXCHANGE_HEAD_LEN + MSG_TLV_LEN + MSG_RANDOM_LEN +             \
		3 * (MSG_TLV_LEN + 2 * MSG_LIST_MAX) + MSG_TLV_LEN + MSG_SHARE_HEAD_LEN + \
		MSG_POINT_MAX)
