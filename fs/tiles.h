/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tiles: a journal as the files of a C2SP tlog-tiles log, which any client of static logs can monitor:
 *
 *   checkpoint                 the journal's, with cosignatures where they are of the same size
 *   tile/<L>/<N>[.p/<W>]       hashes: 256, or W, of tile level L
 *   tile/entries/<N>[.p/<W>]   as many lines, each a u16 length and its bytes
 *
 * A full tile is written once; what is there already is compared. The checkpoint comes last: a crash
 * leaves the log as it was published before, and tiles beyond it that are the right ones.
 *
 * Thread rule: for one thread; one writer of a directory at a time, by a lock.
 */
#ifndef CUSTODY_FS_TILES_H
#define CUSTODY_FS_TILES_H

#include "fs/archive.h"
#include "fs/roster.h"

struct tiles_sum {
	uint64_t before, size; /* events that were published, and are now */
	uint64_t files;	       /* tiles and bundles that were written */
};

/*
 * Publish the journal of a node, as far as its checkpoint goes, to the directory `dir`. `name` is what
 * the directory is called in messages. ERR_NOTFOUND: there is no checkpoint yet; ERR_FOREIGN: another
 * log is there; ERR_ROLLBACK: a longer one, or one that this is no continuation of; ERR_DAMAGED: a file
 * there was changed, or the journal is not what its checkpoint signs; ERR_FORGED: the checkpoint there
 * is not signed by the node; ERR_BUSY: somebody else writes there.
 */
int tiles_write(int dir, const char *name, const struct archive *a, const struct roster_node *n,
		struct tiles_sum *sum, struct err *e);

#endif
