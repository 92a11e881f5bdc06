/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole daemon on temporary folders and a free port, its loop driven by the test; services are
 * called directly, and the data plane is a script that speaks over the real socket.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "control/answer.h"
#include "control/daemon.h"
#include "pki/view/channel.h"
#include "tests/unit/test_ca.h"

struct daemon_fixture {
	char root[48];
	char dir[4][64]; /* config, state, run, pki */
	char password[64];
	struct daemon_options options;
	struct daemon d;
	unsigned held_cnt; /* jobs of its helpers that the test keeps from ending */
};

/* config: the text of rekey.json, NULL for FIXTURE_CONFIG. */
void daemon_fixture_open(struct daemon_fixture *f, const char *config);
/* SIGHUP, until what the file says is in force or refused. */
void daemon_fixture_reload(struct daemon_fixture *f);
/* Ends the daemon and starts it again on the same folders. */
void daemon_fixture_restart(struct daemon_fixture *f);
void daemon_fixture_close(struct daemon_fixture *f);
void daemon_fixture_config(struct daemon_fixture *f, const char *config);

#define FIXTURE_AUTHORITY "\"authority\":{\"enhanced-security-key-management\":true}"
#define FIXTURE_ROUTER                                                                         \
	"\"router\":{\"name\":\"east\",\"node\":\"node0\",\"peering-common-name\":"            \
	"\"east.peering\",\"port\":[{\"name\":\"net_ring0\",\"address\":[\"192.0.2.1/24\"]}]," \
	"\"peer\":[{\"name\":\"west\",\"peering-common-name\":\"west.peering\",\"path\":["     \
	"{\"port\":\"net_ring0\",\"address\":\"192.0.2.2\"}]}]}"
#define FIXTURE_CONFIG "{" FIXTURE_AUTHORITY "," FIXTURE_ROUTER "}"

/* Runs the loop until done(); after twenty seconds the test fails, and says of what. */
#define daemon_fixture_run(f, done, arg) daemon_fixture_run_until(f, done, arg, #done)
void daemon_fixture_run_until(
	struct daemon_fixture *f, bool (*done)(void *arg), void *arg, const char *what);
/* Runs the loop for so long, and on until the helpers have done all that they were given, but what is held. */
void daemon_fixture_idle(struct daemon_fixture *f, unsigned ms);

/* A service's answer: body is owned here until call_fini. */
struct call {
	bool is_done;
	int status;
	json_t *body;
};
void call_answered(void *call, struct answer *a);
/* Runs the loop until the answer is there and checks its status. */
void call_wait(struct daemon_fixture *f, struct call *c, int status);
/* The answer's error code, "" without one. */
const char *call_error(const struct call *c);
void call_fini(struct call *c);

/* Calls with a body in jansson's packed form done by the caller; the body is given away. */
void fixture_create_key(struct daemon_fixture *f, json_t *body, int status);
void fixture_install_trust(struct daemon_fixture *f, const char *pem);
/* Every revocation list is asked for, and has been looked at. */
void fixture_refresh(struct daemon_fixture *f);
/* Has the CA certify the key in PKI/NAME.key or .key.new; the caller's to free. */
X509 *fixture_certify(struct daemon_fixture *f, const struct test_pki *pki, const char *key_file,
	const struct test_cert *like);
/* POST certificate; the call stays open for a look at its body. */
void fixture_ingest(struct daemon_fixture *f, const char *pem, struct call *c, int status);
/* Key, trust and certificate of east.peering. */
void fixture_provision(struct daemon_fixture *f, const struct test_pki *pki);

/* ---- a data plane by script ------------------------------------------------------------------- */

struct fake_dataplane {
	int fd;
	uint8_t buffer[RK_CHANNEL_MSG_MAX];
	size_t len;
	int fds[RK_PART_CNT];
	size_t fd_cnt;
};
void fake_connect(struct daemon_fixture *f, struct fake_dataplane *p);
void fake_send(struct fake_dataplane *p, const struct rk_message *msg);
void fake_hello(struct fake_dataplane *p, struct rk_generation active);
/* The next message must be of this type; KEY is left in buffer, others are parsed. */
struct rk_message fake_receive(
	struct daemon_fixture *f, struct fake_dataplane *p, enum rk_channel_type type);
/* Control has closed the connection. */
void fake_expect_closed(struct daemon_fixture *f, struct fake_dataplane *p);
/* Receives a VIEW and says that it is applied. */
struct rk_msg_view fake_apply(struct daemon_fixture *f, struct fake_dataplane *p);
void fake_close(struct fake_dataplane *p);
