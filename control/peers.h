/* SPDX-License-Identifier: BSD-3-Clause */
/* What the data plane says about the peers; raises and clears the alarms that follow from it. */
#pragma once

#include "control/answer.h"
#include "control/daemon.h"
#include "pki/view/channel.h"

int peers_open(struct daemon *d, struct peers **out) __attribute__((warn_unused_result));
void peers_close(struct peers *p);
void peers_event(struct peers *p, const struct rk_msg_event *event);
void peers_status(struct peers *p, const struct rk_msg_status_peer *status);
void peers_status_end(struct peers *p);
void peers_counters(struct peers *p, const struct rk_msg_counters *counters);

/* Peers came or went. */
void peers_configure(struct peers *p);
void peers_connected(struct peers *p, bool is_connected);

/*
 * These ask the data plane first; 503 when it is not connected. A peer is
 *   {"name", "status": "up|down|initializing|disabled", "security_status": "MKEY_EXCH_COMP" once
 *    keyed, "paths": [{"port", "mtu", "local", "remote", "status"}], "group", "suite", "key_index",
 *    "peer_key_index", "full_exchange_count", "rekey_count", "key_age_ms", "next_rekey_ms",
 *    "keep_alive_sent", "keep_alive_received", "exported": 32 hex digits or null,
 *    "certificate": {"fingerprint", "verdict", "not_after"} or null}

 * list: {"peers": [peer...], "next": NAME or null}, at most 1000 from query "limit=N&after=NAME";
 * show: one peer, 404 for an unknown name; stats: {"control": {name:
 * value}, "dataplane": {name: value}}; rotate: {"rotated": NAME or "all"}.
 */
void peers_list(struct peers *p, const char *query, answer_cb cb, void *arg);
void peers_show(struct peers *p, const char *name, answer_cb cb, void *arg);
/* {"peer": NAME} or {} for all */
void peers_rotate(struct peers *p, const json_t *request, answer_cb cb, void *arg);
/*
 * {"name", "status", "paths", "local_certificate", "peer_certificate"}, each certificate as
 * provision_describe has it, or null; the peer's too when it is not known here any more.
 */
void peers_show_certificate(struct peers *p, const char *name, answer_cb cb, void *arg);
/*
 * The vendor's fields: {"router", "node", "key_manager_state", "rekey_index", "last_rekey_ms", ..,
 * "metadata_rekey_index", "metadata_last_rekey_ms", "metadata_next_rekey_ms",
 * "metadata_key_manager_state", "peers_keyed", "peers"}; null: it does not apply.
 */
void peers_key_status(struct peers *p, answer_cb cb, void *arg);
/* Of every configured peer, as the data plane told last. */
void peers_walk(const struct peers *p,
	void (*see)(void *arg, const char *name, const struct rk_msg_status_peer *status),
	void *arg);
/* The data plane's counters as told last: {name: value}. Borrowed. */
json_t *peers_counters_json(const struct peers *p);
void peers_stats(struct peers *p, answer_cb cb, void *arg);
