/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_dest: the folder that backups of one archive are kept in: its generations, each an archive
 * directory of its own that shares unchanged files with the others, and the one that is being made.
 * A generation is there when it has its number: by one rename, after all of it is durable.
 * See custodyfs-format(5), "Backups".
 *
 * Thread rule: one thread; one process at a time, by a lock.
 */
#ifndef CUSTODY_FS_BACKUP_DEST_H
#define CUSTODY_FS_BACKUP_DEST_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/archive.h"

#define BACKUP_NAME_MAX 16 /* of a generation, "00000042" */

struct backup_dest {
	int dir, lock;
	uint64_t newest; /* number of the last generation, 0: there is none */
	int before;	 /* its directory, -1: there is none */
	int work;	 /* that of the one being made, once it is begun; else -1 */
};

/* Open, and unless `look`, make it if it is not there and lock it. With `look` a folder that is not
 * there is an empty one. ERR_FOREIGN: of another archive, or not a backup and not empty; ERR_USAGE:
 * within the archive; ERR_BUSY. backup_dest_close() it if 0 was returned. */
int backup_dest_open(struct backup_dest *d, const char *path, const struct archive *a, bool look,
		     struct err *e);
void backup_dest_close(struct backup_dest *d);
/* Set d->work: a new one, or what an interrupted backup left of one (*resumed). */
int backup_dest_begin(struct backup_dest *d, bool *resumed, struct err *e);
/* What is in d->work is a generation from now on: d->newest. */
int backup_dest_commit(struct backup_dest *d, struct err *e);
/* Throw d->work away, or what is left of one. */
int backup_dest_abandon(struct backup_dest *d, struct err *e);
/* Remove all but the last `keep` generations. *removed counts them. */
int backup_dest_prune(struct backup_dest *d, uint64_t keep, uint64_t *removed, struct err *e);
void backup_dest_name(char out[BACKUP_NAME_MAX], uint64_t number);

/* Where the archive is that `path` stands for: the last generation if it is a backup, else path.
 * free() it. ERR_NOTFOUND: a backup without any; ERR_NOMEM. */
int backup_dest_find(char **out, const char *path, struct err *e);

#endif
