/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rekey-control's parts, tied together by main. One event loop thread owns all of it; helper
 * threads get copies. A part is a pointer here and a header of its own; nothing is global.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <event2/event.h>

#include "control/log.h"
#include "pki/store/installation_key.h"

struct alarms;        /* control/alarms.h */
struct audit;         /* control/audit.h */
struct clock_watch;   /* control/clock_watch.h */
struct config;        /* control/config.h: the running configuration */
struct configuration; /* control/configuration.h: candidate, commit, history */
struct credential;    /* control/credential.h: the key and certificate in force */
struct crl_manager;   /* control/crl/manager.h */
struct enrol;         /* control/enrol/enrol.h */
struct helper_pool;   /* control/helper.h */
struct metrics;       /* control/metrics.h */
struct peers;         /* control/peers.h: what the data plane reports */
struct provision;     /* control/provision.h: keys, requests, certificates */
struct publisher;     /* control/publish.h */
struct revocations;   /* control/revocations.h */
struct rest;          /* control/rest/rest.h */
struct trust;         /* control/trust.h: trusted CA certificates */
struct users;         /* control/rest/users.h */
struct verdicts;      /* control/verdicts.h: certificates of peers already judged */

struct daemon_options {
	const char *config_dir;          /* /etc/rekey */
	const char *state_dir;           /* /var/lib/rekey */
	const char *run_dir;             /* /run/rekey */
	const char *pki_dir;             /* /etc/128technology/pki */
	const char *admin_password_file; /* NULL */
	const char *listen[9];           /* ADDR:PORT, NULL at the end; none: the configuration's */
	unsigned listen_cnt;
	const char *dataplane_user; /* who may connect to publish.sock; NULL = our own uid */
	bool is_on_huge_pages;      /* a large revocation set, while enough of them are free */
	bool is_sandboxed;          /* give up what is not needed, once the folders are there */
	enum rk_log_level log_level;
	enum rk_log_format log_format;
	void (*tell_manager)(void *manager, const char *state); /* sd_notify(3); NULL: nobody */
	void *manager;
};

/* What the start is at: control/startup.h. */
struct daemon_start {
	const char *what; /* NULL: it is over */
	size_t done, total;
	time_t told; /* to the manager */
};

struct daemon {
	const struct daemon_options *options;
	struct daemon_start start;
	struct event_base *base;
	int config_fd; /* the four folders, open; -1 = not open */
	int state_fd;
	int run_fd;
	int pki_fd;
	int lock_fd; /* keeps a second daemon away from the state folder */
	uint8_t installation_key[INSTALLATION_KEY_LEN];
	struct helper_pool *helpers;
	struct helper_pool *readers; /* one thread, for what people look at: none waits but they */
	struct helper_pool *disk;    /* one thread, for writes that the loop must not wait for */
	struct config *config;       /* the running one; configuration sets it */
	struct configuration *configuration;
	struct alarms *alarms;
	struct audit *audit;
	struct clock_watch *clock;
	struct metrics *metrics; /* NULL: nothing is counted */
	struct trust *trust;
	struct credential *credential;
	struct verdicts *verdicts;
	struct provision *provision;
	struct enrol *enrol;
	struct crl_manager *crl;
	struct pki_kind_set *kinds; /* of all certificates that were judged */
	size_t marked_kind_cnt;     /* of which so many are published, or about to be */
	struct publisher *publisher;
	struct peers *peers;
	struct users *users;
	struct revocations *revocations; /* cached by revocations_current */
	struct rest *rest;
};

/*
 * Opens every part in order, and closes what was opened when one fails (a log line says which). The
 * REST API listens from early on and says what the start is at until everything is loaded and judged;
 * publish.sock is there last. options is borrowed for the life of d. 0 or -errno.
 */
int daemon_open(struct daemon *d, const struct daemon_options *options)
	__attribute__((warn_unused_result));
void daemon_close(struct daemon *d);
/* Reads the configuration's file again; a damaged one changes nothing and raises an alarm. */
void daemon_reload(struct daemon *d);
/* Puts a checked configuration in force (taken) and marks what is to be published. */
void daemon_use_config(struct daemon *d, struct config *config, bool is_trust_changed);
