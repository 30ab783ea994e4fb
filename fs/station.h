/* SPDX-License-Identifier: Apache-2.0 */
/*
 * station: a node at work on an archive. Opens, in this order: archive, node, pin check, index
 * (rebuilt when it does not pass its checks), roster, journal; then catches up. Every verb and the
 * mount go through here, so that rollback and fork are refused in one place.
 *
 * Thread rule: opening and closing are for one thread; what it holds follows its own rules.
 */
#ifndef CUSTODY_FS_STATION_H
#define CUSTODY_FS_STATION_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/secret.h"
#include "fs/archive.h"
#include "fs/node.h"
#include "fs/roster.h"
#include "fs/segment.h"
#include "index/db.h"
#include "index/journal.h"

struct station {
	struct secret_pool *pool;
	struct archive *archive;
	struct node *node;
	struct node_archive *home;
	struct db *db;
	struct roster *roster;
	struct segment_cache *segments;
	struct journal *journal; /* NULL when opened with STATION_NO_JOURNAL */
	struct catchup *catchup; /* see fs/catchup */
	bool rebuilt;		 /* the index had to be rebuilt: say so */
	/* This node's log is not all in the index, or documents/ lacks what was admitted: what is
	 * released already goes on, and nothing more is. */
	bool withheld;
	/* The enrolment of this node that its log has last is another one than its directory says, and
	 * issued later: its role may be another, too. latest: the serial. */
	bool outdated;
	uint8_t latest[16];
};

enum station_flag {
	STATION_NO_JOURNAL = 1u, /* look only: read-only archives too */
	STATION_REINDEX = 2u,	 /* throw the index away first */
	STATION_UNENROLLED =
		4u, /* allow a node that is not enrolled yet (import of its enrolment) */
	STATION_NO_CATCH_UP = 8u, /* the caller catches up itself (a mount, in the background) */
	/* Neither journal nor catch-up, and no look at what was seen before: for an archive that is
	 * refused, to show why (fs/evidence) and to have it accepted (fs/restore). Nothing else may be
	 * done with it. */
	STATION_LOOK_BACK = 16u,
};

struct station_ask {
	const char *archive;
	const char *node_dir; /* NULL: default */
	unsigned flags;
	node_passphrase *pass;
	void *pass_ctx;
	/* Told of things the user should know (index rebuilt, torn tail cut, journal behind). */
	void (*notice)(void *ctx, const char *sentence);
	void *notice_ctx;
	/* Progress of a long catch-up: events done of about so many. May be NULL. */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *progress_ctx;
};

int station_open(struct station **out, const struct station_ask *ask, struct err *e);
/* Signs a checkpoint if needed, saves pins, closes all. Returns the first failure. */
int station_close(struct station *s, struct err *e);
/* Go on with the archive.txt that is there, if it is a later version than the one in use: every
 * version on the way is checked, journalled and pinned, but for those up to `logged`, which are in the
 * journal already. *moved (may be NULL): it was. Without a journal it is used, and not pinned.
 * ERR_FOREIGN, ERR_ROLLBACK. */
int station_follow(struct station *s, uint32_t logged, bool *moved, struct err *e);
/* May this node go on? What station_open() sees to, for those that stay open: ERR_NOT_ENROLLED,
 * ERR_REVOKED, ERR_EXPIRED. */
int station_standing(const struct station *s, struct err *e);
/* Wall clock in ms, refused with ERR_CLOCK when it runs behind the log. */
int station_now(struct station *s, int64_t *ms, struct err *e);

#endif
