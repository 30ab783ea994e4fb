/* SPDX-License-Identifier: Apache-2.0 */
/*
 * release: the authorisations in force on this node, in memory, with their keys. A release's keys
 * lie sealed under one random key of its own in the secret pool, so that locked memory does not
 * grow with the number of items, and wiping 32 bytes ends them all.
 *
 * Thread rule: a set may be used by many threads; a release that was got stays valid until put.
 */
#ifndef CUSTODY_FS_RELEASE_H
#define CUSTODY_FS_RELEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/secret.h"
#include "fs/authorisation.h"

struct event;
struct station;
struct release_set;
struct release;

int release_set_new(struct release_set **out, struct secret_pool *pool);
/* How accounts are looked up that releases name, in releases that are made from now on; by the C
 * library unless this is called. Any thread's lookup must work. */
void release_set_accounts(struct release_set *s,
			  bool (*account)(void *ctx, const char *name, uint32_t *uid), void *ctx);
void release_set_free(struct release_set *s);
/* Bring the set in line with the index: open newly admitted authorisations of this node, end those
 * that were revoked or ended, and all of them when the node's own enrolment ended. Documents are
 * checked again (digest as admitted, signatures). A bad one is skipped, and tried again the next
 * time; *bad counts them and the first reason is left in e. Those that are over are listed, but
 * their keys are not opened. For one thread at a time, the one that catches up (fs/catchup). */
int release_reload(struct release_set *s, struct station *st, unsigned *bad, struct err *e);

/* What release_reload() does for each: make one (terms are moved to it, on failure too), give it
 * its keys, take it into the set (which drops it on failure). ERR_NOMEM; ERR_NOTFOUND for the key
 * of an id that is not in its text. */
struct release_start {
	int64_t admitted_ms;
	uint64_t opens, bytes; /* used so far */
	int ended;	       /* 0, or why it is over */
};
int release_new(struct release **out, struct release_set *s, struct authorisation *terms,
		const struct release_start *start);
/* See release_keys_put(). */
int release_put_key(struct release *r, const uint8_t id[16], const uint8_t *commitment,
		    const uint8_t key[32]);
int release_add(struct release_set *s, struct release *r);
/* The release of a serial, held; NULL if it is not in the set. */
struct release *release_find(struct release_set *s, const uint8_t serial[16]);

/* What a release says, for gate and status. Borrowed for as long as the release is held. */
const struct authorisation *release_terms(const struct release *r);
/* 0 while it lasts, else why it ended (ERR_EXPIRED, ERR_REVOKED, ERR_BUDGET). */
int release_ended(const struct release *r);
/* End it: its keys are wiped, and those that were made of them (release_watch), before this returns;
 * READ on its handles fails from now on. True if it was alive. */
bool release_end(struct release *r, int why);
/*
 * Somebody who keeps a key that outlives release_file_key(). wipe is called once, when the release
 * ends, by the thread that ends it; it may wait for a read that is under way, but must not call
 * anything of fs/release. The struct is the caller's, and stays where it is until release_unwatch().
 */
struct release_watch {
	void (*wipe)(void *ctx);
	void *ctx;
	struct release_watch *prev, *next; /* of fs/release */
};
/* 0, or why it ended: then w is not watching, and the caller wipes. */
int release_watch(struct release *r, struct release_watch *w);
/* After it wipe is not called, nor running. Once for each release_watch() that returned 0. */
void release_unwatch(struct release *r, struct release_watch *w);
/* True if uid may use it (no users line, or uid is one of them, resolved when it was loaded). */
bool release_allows(const struct release *r, uint32_t uid);
/*
 * Budgets (fs/release_meter): charge one open of an item of `size` bytes by a handle of this process;
 * charge bytes that the handle is about to serve. ERR_BUDGET when it would pass the limit (nothing is
 * charged then). What other processes of the node use of the same release comes from the log, where an
 * item that is open counts whole: nobody but they knows how much was read. So `opened` is appended as
 * metered and judged by release_known() (index/journal): when others have opened something since, the
 * set is loaded anew, and release_over() says whether this one still fits.
 */
int release_charge_open(struct release *r, uint64_t handle, uint64_t size);
int release_charge_bytes(struct release *r, uint64_t handle, uint64_t n);
/* What the journal is to hold an `opened` under this release to: its end, and, from `judged` lines on, what
 * may make the gate's yes a no. */
void release_bind(const struct release *r, uint64_t judged, struct event *ev);
/* The handle's `opened` won't be logged. */
void release_uncharge(struct release *r, uint64_t handle);
/* After journal_append(): which of the n events are `opened` and `closed` of ours, and where. */
void release_logged(struct release_set *s, const struct event *ev, size_t n);
/* 0, or ERR_BUDGET when more opens are used than there are, those on their way to the log with them. */
int release_over(struct release *r);
void release_used(struct release *r, uint64_t *opens, uint64_t *bytes);
/* See release_meter_note(). */
void release_note(struct release *r, uint64_t lines, uint64_t opens, uint64_t bytes);
/* Lines of the node's log by which the set was loaded last; 1 before the first time, so that whatever
 * came since counts as unknown. */
uint64_t release_known(const struct release_set *s);
void release_now_known(struct release_set *s, uint64_t lines);

/* Releases that cover the item (by id and the commitment it was authorised under, or by its
 * accession), best first: alive, then latest not-after. An id alone covers nothing: nodes may call
 * other things by it. Calls cb until it returns non-zero. The release is held during the call; hold it
 * longer with release_hold. */
int release_covering(struct release_set *s, const uint8_t item[16], const uint8_t commitment[32],
		     const uint8_t accession[16], int (*cb)(void *ctx, struct release *r),
		     void *ctx);
/* All, in order of admission. */
int release_each(struct release_set *s, int (*cb)(void *ctx, struct release *r), void *ctx);
void release_hold(struct release *r);
void release_drop(struct release *r);
/* The file key of an item, straight, if it has the commitment it was authorised under, or through its
 * accession's wrap key and the frame head.
 * secret: 32 bytes of secret memory or wiped stack. ERR_NOT_COVERED, ERR_DAMAGED, or why it
 * ended. */
int release_file_key(struct release *r, const uint8_t item[16], const uint8_t commitment[32],
		     const uint8_t accession[16], const uint8_t *head, size_t head_len,
		     uint8_t file_key[32]);

#endif
