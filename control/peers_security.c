/* SPDX-License-Identifier: BSD-3-Clause */
/* What peering stands on: certificates of both ends, keys over all peers. */
#include "control/peers_private.h"

#include <string.h>

#include "control/credential.h"
#include "control/provision.h"
#include "control/provision_files.h"
#include "control/verdicts.h"
#include "pki/x509/cert.h"

static json_t *local_certificate(struct daemon *d)
{
	json_t *out = json_null();
	X509 *cert = NULL;

	if (provision_read_certificate(d->pki_fd, credential_name(d), &cert) == 0)
		out = provision_describe(d, cert, true);
	X509_free(cert);
	return out;
}

static json_t *peer_certificate(struct daemon *d, const struct rk_msg_status_peer *s)
{
	const struct rk_span der = verdicts_find_der(d->verdicts, s->fingerprint);
	json_t *out = json_null();
	X509 *cert = NULL;

	if (der.len > 0 && pki_cert_parse_der(der.data, der.len, NULL, &cert) == 0)
		out = provision_describe(d, cert, true);
	X509_free(cert);
	return out;
}

static void answer_certificate(struct peers *p, const struct question *q, struct answer *out)
{
	const struct config *c = p->daemon->config;
	ssize_t i = peers_find(p, q->peer);
	struct rk_msg_status_peer s;

	if (i < 0) {
		peers_answer_unknown(out, q->peer);
		return;
	}
	s = peers_status_of(p, (size_t)i);
	answer_ok(out,
		json_pack("{s:s, s:s, s:o, s:o, s:o}", "name", q->peer, "status",
			peers_state_name(s.state), "paths", peers_paths_json(c, &c->peer[i], &s),
			"local_certificate", local_certificate(p->daemon), "peer_certificate",
			peer_certificate(p->daemon, &s)));
}

void peers_show_certificate(struct peers *p, const char *name, answer_cb cb, void *arg)
{
	struct answer a;

	if (peers_find(p, name) >= 0) {
		peers_ask(p, name, answer_certificate, cb, arg);
		return;
	}
	peers_answer_unknown(&a, name);
	cb(arg, &a);
	answer_fini(&a);
}

struct key_summary {
	uint64_t keyed_cnt;
	uint64_t change_cnt; /* exchanges and rekeys of all peers */
	uint64_t last_ms;    /* since the newest key was made */
	uint64_t next_ms;    /* until the next one is due; 0 = none is */
};

static struct key_summary summarize(const struct peers *p)
{
	struct key_summary sum = {.last_ms = UINT64_MAX};

	for (size_t i = 0; i < p->cnt; i++) {
		const struct rk_msg_status_peer s = peers_status_of(p, i);

		sum.change_cnt += s.full_exchange_cnt + s.rekey_cnt;
		if (s.group == 0)
			continue;
		sum.keyed_cnt++;
		if (s.key_age_ms < sum.last_ms)
			sum.last_ms = s.key_age_ms;
		if (s.next_rekey_ms > 0 && (sum.next_ms == 0 || s.next_rekey_ms < sum.next_ms))
			sum.next_ms = s.next_rekey_ms;
	}
	return sum;
}

static json_t *ms_json(uint64_t ms, bool is_there)
{
	return is_there ? json_integer((json_int_t)ms) : json_null();
}

/* The legacy scheme's fields stand for what this engine does not have: inactive, and null. */
static void answer_key_status(struct peers *p, const struct question *q, struct answer *out)
{
	const struct config *c = p->daemon->config;
	const struct key_summary sum = summarize(p);
	bool is_keyed = sum.keyed_cnt > 0;

	(void)q;
	answer_ok(out,
		json_pack("{s:s, s:s, s:s, s:n, s:n, s:n, s:I, s:n, s:n, s:n, s:I, s:o, s:o, s:s, "
			  "s:I, s:I}",
			"router", c->router, "node", c->node, "key_manager_state", "Inactive",
			"rekey_index", "last_rekey_ms", "next_rekey_ms", "key_change_count",
			(json_int_t)sum.change_cnt, "config_key_change_count", "key_change_error",
			"config_key_change_error", "metadata_rekey_index",
			(json_int_t)sum.change_cnt, "metadata_last_rekey_ms",
			ms_json(sum.last_ms, is_keyed), "metadata_next_rekey_ms",
			ms_json(sum.next_ms, sum.next_ms > 0), "metadata_key_manager_state",
			c->is_enabled && is_keyed ? "Active Leader" : "Inactive", "peers_keyed",
			(json_int_t)sum.keyed_cnt, "peers", (json_int_t)p->cnt));
}

void peers_key_status(struct peers *p, answer_cb cb, void *arg)
{
	peers_ask(p, "", answer_key_status, cb, arg);
}
