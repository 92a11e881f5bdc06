/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * docs/protocol.md, "Secrets". T is a running hash; what is derived is bound to T as it stands at
 * that point, so two sides that saw different bytes have different keys.
 */
#include <string.h>

#include "dataplane/core/engine_state.h"
#include "dataplane/core/hash.h"
#include "pki/view/secret.h"

static const char label_full[] = "rekey/1 full exchange";
static const char label_fast[] = "rekey/1 fast rekey";

static struct rk_span span(const void *data, size_t len)
{
	return (struct rk_span){data, len};
}

void secrets_begin(struct exchange *x, struct rk_span hello_core, struct rk_span cookie,
	struct rk_span reply_clear)
{
	uint8_t lengths[6];
	struct rk_writer w;

	rk_writer_init(&w, lengths, sizeof(lengths));
	rk_write_u16(&w, (uint16_t)hello_core.len);
	rk_write_u16(&w, (uint16_t)cookie.len);
	rk_write_u16(&w, (uint16_t)reply_clear.len);
	hash_make(x->suite->hash,
		(const struct rk_span[]){span(label_full, sizeof(label_full)),
			span(lengths, sizeof(lengths)), hello_core, cookie, reply_clear},
		5, x->transcript);
}

void secrets_add(struct exchange *x, struct rk_span part)
{
	const struct rk_span parts[2] = {span(x->transcript, x->suite->hash_len), part};

	hash_make(x->suite->hash, parts, 2, x->transcript);
}

void secrets_handshake(struct exchange *x, struct rk_span z)
{
	bool is_initiator = x->role == EXCHANGE_INITIATOR;
	struct secret_aead *i = is_initiator ? &x->send : &x->receive;
	struct secret_aead *r = is_initiator ? &x->receive : &x->send;
	size_t len = x->suite->hash_len;
	struct rk_span t = span(x->transcript, len);
	const struct kdf_output out[] = {
		{"handshake initiator", (uint8_t *)i, sizeof(*i)},
		{"handshake responder", (uint8_t *)r, sizeof(*r)},
		{"confirm initiator", x->confirm_initiator, len},
		{"confirm responder", x->confirm_responder, len},
	};

	/* send_counter goes on: a REPLY that is taken twice gives the same keys twice. */
	kdf_extract(x->suite->hash, t, z, x->secret);
	kdf_expand_labels(x->suite->hash, span(x->secret, len), t, out, 4);
}
static_assert(sizeof(struct secret_aead) == SUITE_KEY_LEN + SUITE_IV_LEN, "key || iv, no padding");

void secrets_confirmation(const struct exchange *x, bool is_initiator, const uint8_t *fingerprint,
	uint8_t out[MSG_HASH_MAX])
{
	const uint8_t role = is_initiator ? 'i' : 'r';
	size_t len = x->suite->hash_len;
	const struct rk_span parts[3] = {
		{&role, 1}, {fingerprint, RK_FINGERPRINT_LEN}, {x->transcript, len}};
	const uint8_t *key = is_initiator ? x->confirm_initiator : x->confirm_responder;

	struct hash_key k;

	hash_set_key(&k, x->suite->hash, span(key, len));
	hash_mac(&k, parts, 3, out);
	rk_wipe(&k, sizeof(k));
}

void secrets_slot(struct engine *e, const struct exchange *x, struct keyslot *out)
{
	bool is_initiator = x->role == EXCHANGE_INITIATOR || x->role == EXCHANGE_REKEY_INITIATOR;
	size_t len = x->suite->hash_len;
	struct keyslot s = {.group = x->group->id,
		.suite = x->suite->id,
		.is_initiator = is_initiator,
		.made_ns = e->env.now_ns};
	struct secret_aead *i = is_initiator ? &s.send : &s.receive;
	struct secret_aead *r = is_initiator ? &s.receive : &s.send;
	const struct kdf_output outputs[] = {
		{"session initiator", (uint8_t *)i, sizeof(*i)},
		{"session responder", (uint8_t *)r, sizeof(*r)},
		{"chain", s.chain, len},
		{"exporter", s.exported, sizeof(s.exported)},
	};

	kdf_expand_labels(
		x->suite->hash, span(x->secret, len), span(x->transcript, len), outputs, 4);
	*out = s;
	rk_wipe(&s, sizeof(s));
}

void secrets_rekey(struct exchange *x, const struct keyslot *base, struct rk_span z,
	struct rk_span hello, struct rk_span reply)
{
	const struct rk_span parts[3] = {span(label_fast, sizeof(label_fast)), hello, reply};

	hash_make(x->suite->hash, parts, 3, x->transcript);
	kdf_extract(x->suite->hash, span(base->chain, x->suite->hash_len), z, x->secret);
}

void secrets_rekey_key(const struct keyslot *s, bool is_send, struct secret_aead *out)
{
	const struct suite *suite = suite_find(s->suite);
	bool is_initiators = s->is_initiator == is_send;
	const struct kdf_output output = {is_initiators ? "rekey initiator" : "rekey responder",
		(uint8_t *)out, sizeof(*out)};

	kdf_expand_labels(suite->hash, span(s->chain, suite->hash_len), span(NULL, 0), &output, 1);
}
