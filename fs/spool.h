/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool: a folder that others put files into, cameras by FTP as a rule, and when each of them is
 * complete. A file is taken for complete when nothing of it has changed for the settling time (inode,
 * size, both times), and nobody on this host has it open for writing, where the file system can tell.
 *
 * What is there is always found by looking; inotify only says that it is worth while to look. So
 * lost events, network folders and what was there before the start need nothing of their own.
 *
 * Links and devices are never followed or opened. Names that begin with a dot or fit a pattern are
 * passed over, with all below them.
 *
 * Thread rule: one thread. The signal SIGIO is ignored from spool_open() on: leases send it.
 */
#ifndef CUSTODY_FS_SPOOL_H
#define CUSTODY_FS_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "crypto/err.h"

struct spool_ask {
	const char *dir;
	unsigned settle_ms;
	unsigned rescan_ms;	   /* how often to look without being told; 0: 10 s in a network
				    * folder, else 60 s */
	const char *const *ignore; /* fnmatch patterns of names, besides those that always count */
	size_t ignores;
	bool hidden;		      /* take names that begin with a dot */
	const struct stat *forbidden; /* folders that are never entered */
	size_t forbiddens;
};

struct spool;
struct spool_entry;

/* Takes a lock on the folder, so that two watches never share one: ERR_BUSY. A network folder may know
 * no locks. ERR_NOTFOUND, ERR_USAGE
 * (no folder), ERR_SYSTEM. */
int spool_open(struct spool **out, const struct spool_ask *ask, struct err *e);
/* Entries that were given out and not given back end with it. NULL is fine. */
void spool_close(struct spool *s);
/* Readable when it is worth while to look; -1 if nothing tells. */
int spool_fd(const struct spool *s);
bool spool_told(const struct spool *s); /* is there an inotify for all of its folders? */
/* Look, if it is time to. now_ms is of a clock that never runs back. ERR_SYSTEM when the folder itself
 * can't be read (it may come back), ERR_NOMEM. */
int spool_look(struct spool *s, int64_t now_ms, struct err *e);
/* When spool_look() has something to do again. */
int64_t spool_due(const struct spool *s);
/* Files that are complete and not given out; files that are not complete yet; files that were found
 * SPOOL_WRONG, and are to be tried again. */
size_t spool_ready(const struct spool *s);
size_t spool_settling(const struct spool *s);
size_t spool_wrong(const struct spool *s);

struct spool_file {
	struct spool_entry *entry;
	const char *path; /* in the folder; good until the entry is given back */
	int fd;		  /* for reading; the caller's */
	struct stat st;
};
/* The next complete file, in order of path. False when there is none. */
bool spool_next(struct spool *s, int64_t now_ms, struct spool_file *f);

enum spool_outcome {
	SPOOL_DONE,  /* sealed, and stays: taken again only when it changes */
	SPOOL_AGAIN, /* to be looked at again, once it has settled */
	SPOOL_WRONG, /* it can't be taken: looked at again later and later */
};
/* Each entry that spool_next() gave is given back once, by this or spool_remove(). */
void spool_give_back(struct spool *s, struct spool_entry *entry, enum spool_outcome outcome,
		     int64_t now_ms);
/*
 * Remove a file that is sealed, if it is still the one that was given out: else it stays, and is looked
 * at again. It is moved aside first, and compared there, so that no other file can get into its place
 * between the look and the removal; one that is found aside after a crash is looked at like any other,
 * under its own name. *gone: it is removed, or was not there any more. ERR_SYSTEM: it can't be removed.
 */
int spool_remove(struct spool *s, struct spool_entry *entry, int64_t now_ms, bool *gone,
		 struct err *e);

#endif
