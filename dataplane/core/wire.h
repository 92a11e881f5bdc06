/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Parse and build: bytes in, spans out, no state and no crypto. A message is refused whole; spans
 * point into the caller's buffer. Each message has one legal order of fields, no field twice.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/messages.h"
#include "dataplane/core/reason.h"
#include "pki/view/bytes.h"

/* Any message: envelope and head checked, body not yet. */
struct wire_packet {
	struct rk_span whole;
	struct rk_span body;  /* header TLVs after the head */
	struct rk_span open;  /* payload that is not sealed: HELLO's and COOKIE's last TLVs */
	struct rk_span clear; /* header from the head to the end: REPLY's part of the transcript */
	uint8_t type;         /* enum msg_type */
	uint64_t receiver;    /* exchange ids; 0 = none yet */
	uint64_t sender;
	uint32_t index;        /* receiver's session index */
	struct rk_span aad;    /* all bytes before the ciphertext */
	uint64_t counter;      /* of the sealed part */
	struct rk_span sealed; /* ciphertext and tag; empty when there is none */
};
enum reason wire_parse_packet(struct wire_packet *p, const uint8_t *data, size_t len) RK_MUST_CHECK;

struct wire_list {
	uint8_t cnt;
	uint16_t id[MSG_LIST_MAX];
};
bool wire_list_has(const struct wire_list *list, uint16_t id) RK_MUST_CHECK;

struct wire_share {
	uint16_t group;
	struct rk_span point;
};

struct wire_hello {
	const uint8_t *random;
	struct wire_list groups;
	struct wire_list suites;
	struct wire_list schemes;
	struct wire_share share;
	struct rk_span cookie; /* empty or MSG_COOKIE_LEN */
	struct rk_span core;   /* head to share */
	struct rk_span maced;  /* what mac1 covers */
	const uint8_t *mac1;
};
/* Where mac1 is, and what it covers, before anything else of HELLO is looked at. */
enum reason wire_find_mac1(
	const struct wire_packet *p, struct rk_span *maced, const uint8_t **mac1) RK_MUST_CHECK;
enum reason wire_parse_hello(struct wire_hello *m, const struct wire_packet *p) RK_MUST_CHECK;

struct wire_reply {
	const uint8_t *random;
	uint16_t suite;
	struct wire_list schemes;
	struct wire_share share;
};
enum reason wire_parse_reply(struct wire_reply *m, const struct wire_packet *p) RK_MUST_CHECK;

struct wire_cookie {
	struct rk_span cookie; /* MSG_COOKIE_LEN */
	uint16_t group;        /* RETRY when not 0; stands within the cookie */
	struct rk_span maced;
	const uint8_t *mac1;
};
enum reason wire_parse_cookie(struct wire_cookie *m, const struct wire_packet *p) RK_MUST_CHECK;

/* The plaintext of REPLY and FINISH. */
struct wire_proof {
	struct rk_span fingerprint_tlv; /* whole TLVs: what the transcript takes */
	struct rk_span signature_tlv;
	struct rk_span confirmation_tlv;
	const uint8_t *fingerprint;
	uint16_t scheme;
	struct rk_span signature;
	struct rk_span confirmation;
	uint32_t index; /* FINISH */
};
bool wire_parse_proof(struct wire_proof *m, struct rk_span plain, bool has_index) RK_MUST_CHECK;

struct wire_rekey {
	uint64_t exchange;
	uint32_t base_index; /* sender's index of the base slot */
	uint32_t new_index;  /* sender's index of the slot to be */
	const uint8_t *random;
	struct wire_share share;
};
bool wire_parse_rekey(struct wire_rekey *m, struct rk_span plain) RK_MUST_CHECK;

struct wire_fragment {
	const uint8_t *fingerprint;
	uint16_t total_len;
	uint8_t number;
	struct rk_span data;
};
bool wire_parse_fragment(struct wire_fragment *m, struct rk_span plain) RK_MUST_CHECK;

/* One TLV of this type and length is next: its value, else NULL (and the reader has failed). */
const uint8_t *wire_read_fixed(struct rk_reader *r, uint16_t type, size_t len);
/* One TLV of this type with min..max bytes is next. */
struct rk_span wire_read_range(struct rk_reader *r, uint16_t type, size_t min, size_t max);

/* Building: begin, then TLVs, then end; 0 when it did not fit. */
void wire_begin_exchange(struct rk_writer *w, void *buf, size_t size, enum msg_type type,
	uint64_t receiver, uint64_t sender);
void wire_begin_session(
	struct rk_writer *w, void *buf, size_t size, enum msg_type type, uint32_t index);
void wire_write_tlv(struct rk_writer *w, uint16_t type, const void *data, size_t len);
void wire_write_list(struct rk_writer *w, uint16_t type, const struct wire_list *list);
void wire_write_share(struct rk_writer *w, uint16_t group, const uint8_t *point, size_t len);
/*
 * With a sealed part for plain_len bytes: writes lengths and counter and returns where ciphertext
 * and tag go; what lies before is the additional data. *len is the whole message's length.
 */
uint8_t *wire_end_sealed(
	struct rk_writer *w, uint64_t counter, size_t plain_len, size_t *len) RK_MUST_CHECK;
/*
 * Ends with an empty mac1; the caller fills MSG_MAC_LEN bytes there. NULL when it did not fit.
 * PADDING and MAC1 are the payload: whoever reads SVR metadata expects something there.
 */
uint8_t *wire_end_mac1(struct rk_writer *w, size_t *len) RK_MUST_CHECK;
