/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The master list: every certificate that any of our CRLs says is revoked.
 *
 * A list is immutable and counted; it refers to sources, which are immutable and counted too. A
 * source is what one CRL as fetched says of one issuer's certificates: an indirect CRL makes a group
 * of them, one for its own issuer and one for each other that it names. Who signs with another key is
 * another signer, whatever its name: numbers, deltas and successors are of one key. A change makes a new list
 * that shares all untouched sources, so it is cheap whatever the size, and whoever holds the old list
 * (a helper thread) is not disturbed.
 *
 * On disk: STATE/revocations.list, replaced atomically, with the generation before it kept beside
 * it as revocations.list.previous. The file is deterministic: same content, same bytes, and then it
 * is not written again. A damaged file is detected by its digest and structure, and the previous
 * one is used. docs/snapshot.md has the bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pki/store/master_keys.h"
#include "pki/view/bytes.h"
#include "pki/view/revocation.h"
#include "pki/x509/crl.h"

#define MASTER_LIST_FILE          "revocations.list"
#define MASTER_LIST_FILE_PREVIOUS "revocations.list.previous"
#define MASTER_LIST_FILE_MAX      ((size_t)4 << 30)

#define MASTER_SERIAL_MAX 32 /* RFC 5280 asks for 20 */
#define MASTER_NUMBER_MAX 32
#define MASTER_ISSUER_MAX 4096
#define MASTER_SCOPE_MAX  16384
#define MASTER_TEXT_MAX   2048
#define MASTER_SOURCE_MAX 4096
#define MASTER_MARK_MAX   16384
#define MASTER_KEY_LEN    32

/* What is known of a CRL. Numbers: big-endian, without leading zeros
 * (zero is one byte); len 0 = none. */
struct master_source_info {
	struct rk_span issuer; /* DER of the CRL issuer's Name, 1..MASTER_ISSUER_MAX */
	/* SHA-256 of the signer's public key; len 0 = not known (files of version 3 and before) */
	struct rk_span key;
	const char *ca_name; /* for people */
	const char *url;     /* where it came from */
	const char *scope;  /* "" for a full CRL; else names the partition: numbers are per scope */
	struct rk_span idp; /* DER of the CRL's issuing distribution point; len 0 = none */
	struct rk_span subject; /* DER of the Name that issued the certificates of these entries;
				   len 0 = the CRL's own issuer: of each CRL there is one such source */
	struct rk_span number;  /* CRL number */
	struct rk_span
		base_number; /* a delta: the oldest full list that it can change; len 0: full */
	int64_t this_update; /* seconds since 1970 */
	int64_t next_update; /* 0 = the CRL has none */
	int64_t fetched_at; /* when this CRL was first seen, not when it was last found unchanged */
};

struct master_entry {
	uint8_t serial[MASTER_SERIAL_MAX]; /* the certificate's serial number, as given to add */
	uint8_t serial_len;
	uint8_t reason; /* enum rk_revocation_reason; REMOVED in a delta alone */
	int64_t revoked_at;
};

/* ---- a source ------------------------------------------------------------------------------ */

struct master_source;
struct master_builder;

/* Copies info. -EINVAL when something is empty, too long or out of range. */
int master_builder_new(
	const struct master_source_info *info, struct master_builder **out) RK_MUST_CHECK;
/* In any order; -EINVAL for a serial of no or too many bytes, a reason or date out of range. */
int master_builder_add(struct master_builder *b, struct rk_span serial, int64_t revoked_at,
	uint8_t reason) RK_MUST_CHECK;
/* The same for many of a CRL's entries; their issuer is not looked at. */
int master_builder_add_entries(
	struct master_builder *b, const struct pki_crl_entry *entry, size_t cnt) RK_MUST_CHECK;
/*
 * All entries will come from so many octets of DER: room for them all at once, and a guess at their number.
 * Does nothing when there is none.
 */
void master_builder_expect(struct master_builder *b, size_t octets);
/*
 * Takes keys, in which are none: where runs of entries are sorted one by one they are made of them, of all; else
 * the source has them to make. None of entries of which one came twice.
 */
void master_builder_key(struct master_builder *b, struct master_keys *keys);
/*
 * Sorts, unless they were added in order, and frees b. Of a repeated serial the earliest date of the
 * lowest reason stays; master_builder_repeated says whether there was one.
 */
int master_builder_finish(struct master_builder *b, struct master_source **out) RK_MUST_CHECK;
/* Sorts now. How many entries name a serial that another one names. */
size_t master_builder_repeated(struct master_builder *b);
void master_builder_free(struct master_builder *b); /* without finishing; NULL is fine */

/* By value: <0, 0, >0. No number (len 0) is the lowest. */
int master_number_compare(struct rk_span a, struct rk_span b);

struct master_source *master_source_get(struct master_source *s);
void master_source_put(struct master_source *s); /* NULL is fine */
/* By URL, issuer, scope, kind, key and subject, which together name a source: <0, 0, >0. */
int master_source_order(const struct master_source *a, const struct master_source *b);
/* Everything but fetched_at is equal. At once for two references; else it may compare every entry. */
bool master_source_is_same(const struct master_source *a, const struct master_source *b);
/* Borrowed from the source. */
const struct master_source_info *master_source_info(const struct master_source *s);
/* Who issued the certificates that its entries name. */
struct rk_span master_source_subject(const struct master_source *s);
size_t master_source_entry_cnt(const struct master_source *s);
/*
 * Of a source that nobody else has yet: those keys, if any, that its builder left to make, from the first
 * entry's on, until is_enough; it is asked again after a few.
 */
void master_source_make_keys(struct master_source *s, bool (*is_enough)(void *ctx), void *ctx);
/* The keys, of as many entries as have some; once: the caller's to free. NULL: none, or somebody has them. */
struct master_keys *master_source_take_keys(const struct master_source *s);
/* i < master_source_entry_cnt, ascending by length and value of the serial. */
void master_source_entry(const struct master_source *s, size_t i, struct master_entry *out);
/* The serials, where they are, and reasons of cnt entries from i on: for those who read millions. */
void master_source_serials(const struct master_source *s, size_t i, size_t cnt,
	struct rk_span *serial, uint8_t *reason);
/* How many entries of a from i on, and of b from n on, are alike in everything: two lists of one CA
 * are nearly the same, and this is how fast memory is read. 0 too when nothing is known. */
size_t master_source_equal_run(
	const struct master_source *a, size_t i, const struct master_source *b, size_t n);
/* By length and value of the serial. */
int master_entry_compare(const struct master_entry *a, const struct master_entry *b);
bool master_source_find(
	const struct master_source *s, struct rk_span serial, struct master_entry *out);

/* ---- the list ------------------------------------------------------------------------------ */

struct master_list;

int master_list_new(struct master_list **out) RK_MUST_CHECK; /* empty, generation 0 */
struct master_list *master_list_get(struct master_list *l);
void master_list_put(struct master_list *l); /* NULL is fine */

/*
 * A new list with one CRL's group of sources, in the place of the one that master_list_find_group
 * finds: of the same URL, issuer, scope, kind (full or delta) and key; so whoever answers for a URL with
 * the valid list of another CA, be it of the same name, or of another scope, takes nothing back. The
 * group stands in order (master_source_order), its own issuer's source first. References are taken by
 * the list in addition to the caller's. Raises the high-water mark. -ESTALE when the CRL number is below that mark, or there was a number and now there
 * is none; -E2BIG. The result may be the same list (with another reference) when nothing changes:
 * master_source_is_same.
 */
int master_list_replace_group(struct master_list *old, struct master_source *const *group,
	size_t cnt, struct master_list **out) RK_MUST_CHECK;
/* A group of one. */
int master_list_replace(struct master_list *old, struct master_source *source,
	struct master_list **out) RK_MUST_CHECK;
/*
 * Without the groups of this URL, issuer, scope and kind that other keys signed, where is_trusted says no
 * of the key; their marks stay. The same list when there is none.
 */
int master_list_retire(struct master_list *old, const struct master_source_info *info,
	bool (*is_trusted)(const void *ctx, struct rk_span key), const void *ctx,
	struct master_list **out) RK_MUST_CHECK;
/* Without the sources of that URL; their marks stay. The same list when there is none. */
int master_list_remove(
	struct master_list *old, const char *url, struct master_list **out) RK_MUST_CHECK;

uint64_t master_list_generation(const struct master_list *l); /* +1 with every change */
size_t master_list_source_cnt(const struct master_list *l);
/* i < master_list_source_cnt, ascending by URL, issuer, scope, kind, key and subject. Borrowed. */
struct master_source *master_list_source(const struct master_list *l, size_t i);
/* Of that URL's the one made last (thisUpdate), or NULL: what the server is at, when nothing is wrong. */
struct master_source *master_list_find_source(const struct master_list *l, const char *url);
/* The source with this URL, issuer, scope, kind, key and subject, or NULL. */
struct master_source *master_list_find_replaced(
	const struct master_list *l, const struct master_source_info *info);
/*
 * Where the group of this URL, issuer, scope, kind and key begins; *cnt: how many sources it has. Where
 * there is none, the one whose key is not known stands for it.
 */
size_t master_list_find_group(
	const struct master_list *l, const struct master_source_info *info, size_t *cnt);
/* Entries of all sources, one certificate in two CRLs counted twice. */
size_t master_list_entry_cnt(const struct master_list *l);
/* Named by any source about this issuer's certificates? source may be NULL; both outputs untouched when not. */
bool master_list_find(const struct master_list *l, struct rk_span issuer, struct rk_span serial,
	struct master_entry *out, const struct master_source **source);
/*
 * The highest CRL number ever accepted of lists like this one: issuer, scope, whether a delta, and key;
 * or else of whoever's key was not known, until somebody went beyond. len 0 = none. Borrowed from the list.
 */
struct rk_span master_list_mark(const struct master_list *l, const struct master_source_info *info);

/* ---- on disk -------------------------------------------------------------------------------- */

/*
 * Writes the list (mode 0600) unless the file holds the same bytes already; *is_written says which
 * (may be NULL). 0 or -errno; on failure the old file stands. May sleep: a helper thread's work.
 */
int master_list_save(const struct master_list *l, int dir, bool *is_written) RK_MUST_CHECK;

/* The bytes of a file. 0; -EBADMSG: damaged; -EPROTONOSUPPORT: of a later version; -ENOMEM. */
int master_list_parse(const void *data, size_t len, struct master_list **out) RK_MUST_CHECK;

enum master_list_origin {
	MASTER_LIST_CURRENT,  /* the newest file */
	MASTER_LIST_PREVIOUS, /* the newest was missing or damaged */
	MASTER_LIST_NONE,     /* neither file exists: an empty list */
};
/*
 * -EBADMSG when the newest is damaged and no previous one can be read: the caller starts with an
 * empty list, and says so loudly. -EPROTONOSUPPORT: a later version of this program wrote the newest; what
 * it says is not to be passed over. Other -errno: could not be read.
 */
int master_list_load(
	int dir, struct master_list **out, enum master_list_origin *origin) RK_MUST_CHECK;
