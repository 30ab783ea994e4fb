/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line: lines of a journal as they stand on disk, compared with what is known of them: the leaf
 * hashes in the index, and the root that the journal's checkpoint signs. Whoever shows or uses a line
 * reads it through here, for a file can be edited after it was indexed.
 *
 * Thread rule: as index/db; a line_check belongs to one thread.
 */
#ifndef CUSTODY_INDEX_LINE_H
#define CUSTODY_INDEX_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/identity.h"
#include "index/db.h"
#include "index/journal.h"
#include "index/tree.h"

/* Append line seq of a node's journal, without its LF, once its hash is the one in the tree. ERR_INDEX
 * if the tree does not have it, ERR_DAMAGED if the bytes are others; nothing is appended then. */
int line_read(const struct tree_reader *r, int dirfd, const uint8_t node[16], uint64_t seq,
	      struct wire_out *out, struct err *e);

/* A journal whose lines are checked one by one, from the first on. */
struct line_check;
/*
 * pub: the node's keys, NULL if it is not enrolled: then no checkpoint counts. db: an index that may
 * know the journal, or NULL. Reads the checkpoint, and the lines from the end of the index (from the
 * first one without) to the end of what it signs.
 * ERR_FORGED, ERR_ROLLBACK, ERR_DAMAGED, ERR_MALFORMED, ERR_FOREIGN: the checkpoint is bad, or signs
 * other or more lines; *out is good all the same, and holds no line for signed. Of other codes *out is
 * NULL.
 */
int line_check_open(struct line_check **out, int dirfd, const uint8_t archive_id[16],
		    const uint8_t node[16], const struct identity_public *pub, struct db *db,
		    struct err *e);
/* The journal's next line, without its LF. *is_signed: a good checkpoint covers it. ERR_DAMAGED if it
 * is not the line that was indexed, or if what the checkpoint signs has changed since it was checked;
 * ERR_INDEX, ERR_NOMEM. The check goes on with the next line in any case. */
int line_check_next(struct line_check *c, struct text_span line, bool *is_signed, struct err *e);
/* Go on with line seq, one of those that are indexed or the first after them. */
void line_check_skip(struct line_check *c, uint64_t seq);
/* How many lines a good checkpoint covers. */
uint64_t line_check_signed(const struct line_check *c);
/* How many lines were checked, or passed over. */
uint64_t line_check_count(const struct line_check *c);
/* The journal ends here: ERR_ROLLBACK if more lines were signed or indexed. */
int line_check_end(const struct line_check *c, struct err *e);
void line_check_close(struct line_check *c); /* NULL is fine */

#endif
