/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The revocations in force: the master list by canonical issuer, and of each kind of certificate the
 * operator's policy (the strictest of the lists that speak of it) and how long the lists that are
 * fresh cover it for every reason of revocation. Immutable and counted, so that a helper thread judges
 * with the one it was given. Any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pki/store/compile.h"
#include "pki/store/installation_key.h"
#include "pki/store/master_list.h"
#include "pki/view/snapshot.h"
#include "pki/x509/validate.h"

struct revocations;

/* What the operator set for the source with this URL. */
struct revocation_setting {
	const char *url;
	enum rk_revocation_policy policy;
	uint64_t grace_sec;
};

struct revocations_args {
	struct master_list *list;                 /* counted */
	struct pki_kind_set *kinds;               /* NULL: none is known; borrowed for the call */
	const struct revocation_setting *setting; /* sources not named here: SOFT, no grace */
	size_t setting_cnt;
	/* For an issuer of which no list was ever seen; HARD: also of which none is configured. */
	enum rk_revocation_policy missing;
	/*
	 * Made with the same settings and set of kinds, or NULL: of the same list it has judged most kinds,
	 * of another it has read what did not change. Borrowed for the call.
	 */
	const struct revocations *before;
};

/* 0 with one reference; -ENOMEM, -EIO. */
int revocations_new(const struct revocations_args *args, struct revocations **out) RK_MUST_CHECK;
struct revocations *revocations_get(struct revocations *r);
void revocations_put(struct revocations *r); /* NULL is fine */
const struct master_list *revocations_list(const struct revocations *r);

struct daemon; /* control/daemon.h */
/*
 * Those that follow from the master list, the kinds of certificates that were met and the configuration
 * now; made anew when one of them changed. Borrowed until then; NULL when memory is short. Loop thread only.
 */
struct revocations *revocations_current(struct daemon *d);
/* revocations_put by a helper thread: giving back millions of entries takes the loop's time. */
void revocations_release(struct daemon *d, struct revocations *r);
/* The configuration is about to change. */
void revocations_forget(struct daemon *d);
/*
 * After certificates were judged: kinds that were not met before are to be published. True when the
 * workers refuse certificates of a kind that they were not told of. Loop thread only.
 */
bool revocations_follow_kinds(struct daemon *d);

/* A pki_revocation_fn; ctx is a struct revocations_query. */
struct revocations_query {
	const struct revocations *revocations;
	int64_t now;
	char detail[192]; /* out, when revoked: "serial 0A, keyCompromise, since ..., list URL" */
};
enum pki_revocation_answer revocations_find(
	void *ctx, const struct pki_revocation_query *query, struct pki_revoked *out);

/* The REVOCATION_BASE part: all of it. As compile_revocations; a helper thread's work. */
int revocations_compile(const struct revocations *r,
	const uint8_t installation_key[INSTALLATION_KEY_LEN], enum compile_pages pages,
	struct compile_part *out, struct rk_refusal *why) RK_MUST_CHECK;
/* What an overlay says beside its base: what the next one over that base begins with. Counted. */
struct revocations_overlay;
struct revocations_overlay *revocations_overlay_get(struct revocations_overlay *o);
void revocations_overlay_put(struct revocations_overlay *o); /* NULL is fine */
size_t revocations_overlay_cnt(const struct revocations_overlay *o);
/* What base and overlay together say. Borrowed. */
const struct revocations *revocations_overlay_of(const struct revocations_overlay *o);

/*
 * The REVOCATION_OVERLAY part that makes of a base compiled from base what r says. before: an overlay
 * over the same base, or NULL; what it was made of and r have in common (without it: base and r) is
 * not looked at, so a delta costs what it is large, whatever came since the base. The same bytes with
 * it and without. *made: one reference. -E2BIG when so much differs that a base is due: it would be
 * made sooner, or the overlay would have more than COMPILE_OVERLAY_MAX words. A helper thread's work.
 */
int revocations_compile_overlay(const struct revocations *base, const struct revocations *r,
	const struct revocations_overlay *before,
	const uint8_t installation_key[INSTALLATION_KEY_LEN], struct compile_part *out,
	struct revocations_overlay **made, struct rk_refusal *why) RK_MUST_CHECK;
/* What one compilation has to look at: entries of sources that base does not share; NULL: all. */
size_t revocations_new_entry_cnt(const struct revocations *base, const struct revocations *r);
/* In hexadecimal, as other programs print it: without the octet that only says it is not negative. */
void revocation_serial_text(const struct master_entry *e, char out[MASTER_SERIAL_MAX * 2 + 1]);
/* "keyCompromise", ...: RFC 5280's words. */
const char *revocation_reason_name(enum rk_revocation_reason reason);
