/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists in files, what takes them, and children that do it: for the suites about lists. */
#pragma once

#include "bench/crl_maker.h"
#include "pki/store/installation_key.h"
#include "pki/store/master_list.h"
#include "pki/view/part.h"
#include "pki/x509/trust.h"

/* What a contender tells its parent. */
struct told {
	double sec;     /* by the wall clock: what somebody waits */
	double cpu_sec; /* of all its threads */
	size_t anonymous;
	size_t shared;
	double extra[2];
	struct stage {
		double sec;
		double cpu_sec;
	} list, set, reader; /* of the ingest, one after the other */
};

/* Runs work in a child, so that its memory is its own; what it tells comes back. */
struct told crl_apart(void (*work)(void *arg, struct told *out), void *arg);

struct list_file {
	const struct crl_maker *maker;
	int fd;
	size_t len;
	bool is_ordered;
	unsigned reasons;
	unsigned entries;
};
/* fd is the caller's. */
void crl_list_open(
	struct list_file *f, const struct crl_maker *maker, const struct crl_order *order);

struct pki_trust *crl_trust(const struct crl_maker *m);
/* Puts the file's entries into *list, as the daemon would what it fetched from url. */
void crl_take_into(struct master_list **list, const struct list_file *f, const char *url,
	struct pki_trust *trust);
struct master_list *crl_take(const struct list_file *f, struct pki_trust *trust);
/* The key of these lists' sets. */
extern const uint8_t crl_installation_key[INSTALLATION_KEY_LEN];
/* One certificate of the file is revoked in the set. */
void crl_must_answer(const struct list_file *f, const struct rk_part *part);
