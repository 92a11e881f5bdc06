/* SPDX-License-Identifier: BSD-3-Clause */
/* Peers as the API shows them: one, or a page of all. */
#include "control/peers_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_schema.h"
#include "control/endpoint.h"
#include "control/fields.h"
#include "control/publish.h"
#include "control/time_text.h"

#define PAGE_MAX 1000

json_t *peers_hex_json(const uint8_t *data, size_t len)
{
	char text[2 * RK_FINGERPRINT_LEN + 1];
	bool is_zero = true;

	for (size_t i = 0; i < len; i++) {
		snprintf(text + 2 * i, 3, "%02x", data[i]);
		is_zero &= data[i] == 0;
	}
	return is_zero ? json_null() : json_string(text);
}

static json_t *address_json(const struct config_address *a, unsigned udp_port)
{
	char text[ENDPOINT_TEXT_LEN];

	endpoint_text(a, udp_port, text);
	return json_string(text);
}

json_t *peers_paths_json(const struct config *c, const struct config_peer *peer,
	const struct rk_msg_status_peer *status)
{
	json_t *list = json_array();

	for (size_t i = 0; i < peer->path_cnt; i++) {
		const struct config_path *path = &peer->path[i];

		json_array_append_new(list,
			json_pack("{s:s, s:i, s:o, s:o, s:s}", "port", c->port[path->port].name,
				"mtu", (int)c->port[path->port].mtu, "local",
				address_json(&path->local, path->udp_port_local), "remote",
				address_json(&path->remote, path->udp_port_remote), "status",
				(status->path_down >> i & 1) != 0
					? "down"
					: peers_state_name(status->state)));
	}
	return list;
}

static json_t *certificate_json(const struct rk_msg_status_peer *s)
{
	json_t *fingerprint = peers_hex_json(s->fingerprint, sizeof(s->fingerprint));

	if (json_is_null(fingerprint))
		return fingerprint;
	return json_pack("{s:o, s:s, s:o}", "fingerprint", fingerprint, "verdict",
		rk_verdict_status_name((enum rk_verdict_status)s->verdict), "not_after",
		time_json(s->not_after));
}

static json_t *peer_json(const struct peers *p, size_t i)
{
	const struct config *c = p->daemon->config;
	const struct rk_msg_status_peer status = peers_status_of(p, i), *s = &status;
	json_t *out = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "name", c->peer[i].name, "status",
		peers_state_name(s->state), "security_status",
		s->group != 0 ? "MKEY_EXCH_COMP" : "CERT_EXCH_INIT", "paths",
		peers_paths_json(c, &c->peer[i], s), "group",
		json_pack("s?", config_choice_name(config_groups, s->group)), "suite",
		json_pack("s?", config_choice_name(config_suites, s->suite)));
	const struct {
		const char *name;
		uint64_t value;
	} number[] = {{"key_index", s->local_index}, {"peer_key_index", s->peer_index},
		{"full_exchange_count", s->full_exchange_cnt}, {"rekey_count", s->rekey_cnt},
		{"key_age_ms", s->key_age_ms}, {"next_rekey_ms", s->next_rekey_ms},
		{"keep_alive_sent", s->keep_alive_sent_cnt},
		{"keep_alive_received", s->keep_alive_received_cnt}};

	for (size_t n = 0; n < sizeof(number) / sizeof(number[0]); n++)
		json_object_set_new(out, number[n].name, json_integer((json_int_t)number[n].value));
	json_object_set_new(out, "exported", peers_hex_json(s->exported, sizeof(s->exported)));
	json_object_set_new(out, "certificate", certificate_json(s));
	return out;
}

static void answer_show(struct peers *p, const struct question *q, struct answer *out)
{
	ssize_t i = peers_find(p, q->peer);

	if (i < 0)
		peers_answer_unknown(out, q->peer);
	else
		answer_ok(out, peer_json(p, (size_t)i));
}

/* A page in the order of the configuration. */
static void answer_list(struct peers *p, const struct question *q, struct answer *out)
{
	const struct config *c = p->daemon->config;
	ssize_t before = q->peer[0] != '\0' ? peers_find(p, q->peer) : -1;
	size_t from = (size_t)(before + 1), to = from;
	json_t *list = json_array();

	/* Taken out of the configuration between two pages. */
	if (q->peer[0] != '\0' && before < 0) {
		json_decref(list);
		peers_answer_unknown(out, q->peer);
		return;
	}
	for (; to < c->peer_cnt && to - from < q->limit; to++)
		json_array_append_new(list, peer_json(p, to));
	answer_ok(out, json_pack("{s:o, s:s?}", "peers", list, "next",
			       to < c->peer_cnt && to > from ? c->peer[to - 1].name : NULL));
}

/* "limit=N&after=NAME", either or none of them. */
static bool read_page(const char *query, struct question *q)
{
	char text[RK_NAME_MAX + 64], *at = text, *field, *end;

	q->limit = PAGE_MAX;
	if (snprintf(text, sizeof(text), "%s", query) >= (int)sizeof(text))
		return false;
	while (query[0] != '\0' && (field = strsep(&at, "&")) != NULL) {
		if (strncmp(field, "limit=", 6) == 0 && isdigit((unsigned char)field[6]))
			q->limit = strtoul(field + 6, &end, 10);
		else if (strncmp(field, "after=", 6) == 0 && field_is_name(field + 6))
			snprintf(q->peer, sizeof(q->peer), "%s", end = field + 6);
		else
			return false;
		if (strncmp(field, "limit=", 6) == 0 && *end != '\0')
			return false;
	}
	return q->limit >= 1 && q->limit <= PAGE_MAX;
}

void peers_list(struct peers *p, const char *query, answer_cb cb, void *arg)
{
	struct question page = {.peer = ""};
	struct answer a;

	if (!read_page(query, &page)) {
		answer_error(&a, 400, "bad-query", NULL,
			"the query is limit=N&after=NAME, N from 1 to %d", PAGE_MAX);
	} else if (page.peer[0] == '\0' || !publisher_is_connected(p->daemon->publisher) ||
		   !peers_are_fresh(p)) {
		peers_ask_for(p, &page, answer_list, cb, arg);
		return;
	} else {
		/* A page after the first is of what was told for the first. */
		answer_list(p, &page, &a);
	}
	cb(arg, &a);
	answer_fini(&a);
}

void peers_show(struct peers *p, const char *name, answer_cb cb, void *arg)
{
	struct answer a;

	if (peers_find(p, name) >= 0) {
		peers_ask(p, name, answer_show, cb, arg);
		return;
	}
	peers_answer_unknown(&a, name);
	cb(arg, &a);
	answer_fini(&a);
}
