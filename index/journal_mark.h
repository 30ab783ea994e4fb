/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal_mark: how far a node's own log has been durable, kept in journal.lock in the node's directory.
 * It is written after each batch is durable and not synced itself, so that it is never ahead of the log
 * and outlives the process, though not always the power: who cuts off lines that no checkpoint covers yet,
 * after the daemon was killed, is found out.
 *
 * Thread rule: writing is for who holds the node's lock; reading for anybody, at any time.
 */
#ifndef CUSTODY_INDEX_JOURNAL_MARK_H
#define CUSTODY_INDEX_JOURNAL_MARK_H

#include <stdint.h>

#include "crypto/merkle.h"
#include "index/tree.h"

struct journal_mark {
	uint64_t size, bytes; /* lines, and where they end */
	merkle_hash root;
};

/* fd: journal.lock. What can't be written is not: the log is good without. */
void journal_mark_write(int fd, const struct tree_state *state);
/* ERR_NOTFOUND if there is none, or one that was being written. */
int journal_mark_read(int homefd, struct journal_mark *m);

#endif
