/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pick: chosen lines of one journal, read by an index that knows where they begin, and each compared
 * with the hash that was indexed. What is not chosen is not read.
 *
 * Thread rule: belongs to one thread. No transaction is open between two calls.
 */
#ifndef CUSTODY_INDEX_PICK_H
#define CUSTODY_INDEX_PICK_H

#include <stdint.h>

#include "crypto/text.h"
#include "index/db.h"
#include "index/ledger.h"
#include "index/lineset.h"

struct pick;

/* j: the journal as indexed, in dirfd; both borrowed by value. ERR_NOTFOUND: there is no such file. */
int pick_open(struct pick **out, struct db *db, int dirfd, const struct ledger_journal *j,
	      struct err *e);
/* Line `seq`, without its LF; borrowed until the next call. set: what else will be asked for soon, so
 * that it is read at once, or NULL. *off is where it begins in the file. ERR_DAMAGED: it is not what was
 * logged (e says that alone); ERR_INDEX, ERR_NOMEM, ERR_SYSTEM. */
int pick_line(struct pick *p, uint64_t seq, const struct lineset *set, struct text_span *line,
	      uint64_t *off, struct err *e);
/* The first line whose time is not before ms; times never run back. The number of lines if there is
 * none. ERR_DAMAGED if a line that is looked at is not what was logged. */
int pick_time(struct pick *p, int64_t ms, uint64_t *seq, struct err *e);
void pick_close(struct pick *p); /* NULL is fine */

#endif
