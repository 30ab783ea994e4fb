/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool_internal: what the files of fs/spool share. Nobody else includes it.
 *
 *   spool.c         opening, what is complete, giving out and back
 *   spool_scan.c    looking: all names below the folder, merged with what was seen before
 *   spool_remove.c  removing what is sealed
 */
#ifndef CUSTODY_FS_SPOOL_INTERNAL_H
#define CUSTODY_FS_SPOOL_INTERNAL_H

#include "fs/spool.h"

/* What a sealed file is called while it is removed, before its own name. */
#define SPOOL_ASIDE ".custody-removing."

/* By which a file is known not to have changed. */
struct spool_sign {
	uint64_t dev, ino, size;
	int64_t mtime_ns, ctime_ns;
};

enum spool_state {
	SPOOL_SETTLING,
	SPOOL_COMPLETE, /* to be given out */
	SPOOL_OUT,	/* given out */
	SPOOL_KEPT,	/* sealed, and stays as it is */
};

struct spool_entry {
	struct spool_sign sign;
	enum spool_state state;
	int64_t since_ms; /* when this sign was first seen; later than now: not before then */
	unsigned wrong;	  /* how often it could not be taken */
	bool lost;	  /* given out, and in the list no more */
	bool aside;	  /* its name on disk has SPOOL_ASIDE before it */
	char path[];	  /* without that */
};

/* Sorted by path, then those aside last. */
struct spool_list {
	struct spool_entry **p;
	size_t n, cap;
};

struct spool {
	int dir;    /* of the folder, locked */
	char *root; /* its absolute path */
	unsigned settle_ms, rescan_ms;
	char **ignore;
	size_t ignores;
	bool hidden;
	struct stat *forbidden;
	size_t forbiddens;
	bool network; /* leases and inotify mean nothing here */
	int inotify;  /* -1: none */
	bool deaf;    /* not all folders could be watched */
	struct spool_list list;
	size_t next; /* where spool_next() goes on in it */
	size_t ready, settling, wrong;
	int64_t looked_ms, look_took_ms, due_ms;
	bool stirred; /* inotify said something since the last look */
};

void spool_sign_of(struct spool_sign *out, const struct stat *st);
bool spool_sign_same(const struct spool_sign *a, const struct spool_sign *b);
/* Replace s->list by what is there now. ERR_SYSTEM, ERR_NOMEM: the list is as before. */
int spool_scan(struct spool *s, int64_t now_ms, struct err *e);
/* The folder that holds a path, opened without following any link, and the name in it (in name, which
 * has 256 bytes; SPOOL_ASIDE in front for one that is aside). Negative: errno is set. */
int spool_parent(const struct spool *s, const struct spool_entry *entry, char name[256]);

#endif
