/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_merge: what the journals of an archive say, as one stream in order of time. Needs no key. Lines
 * are compared with the index, where there is one, and with their journal's checkpoint; custody verify
 * checks the rest.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_MERGE_H
#define CUSTODY_TOOLS_CMD_MERGE_H

#include "tools/cmd_stream.h"

struct cmd_merge;

/* What fits the ask, which is borrowed until the merge is closed. db: the node's index, or NULL.
 * Without one, and past its end, each journal is read once to compare it with its checkpoint. */
int cmd_merge_open(struct cmd_merge **out, const struct archive *a, const struct roster *r,
		   struct db *db, const struct cmd_ask *ask, struct err *e);
/* NULL at the end. What is wrong is told and counted, as by cmd_stream_now(). */
const struct cmd_merge_line *cmd_merge_next(struct cmd_merge *m, struct cmd_notice *notice);
/* How many there are from here to the end. Those that the index knows are counted by the index, and not
 * read. Codes of cmd_merge_failed(). */
int cmd_merge_count(struct cmd_merge *m, struct cmd_notice *notice, uint64_t *n, struct err *e);
/* After the end: why it came early, as cmd_stream_failed(). */
int cmd_merge_failed(const struct cmd_merge *m, struct err *e);
/* Bytes of the longest node name. */
int cmd_merge_width(const struct cmd_merge *m);
void cmd_merge_close(struct cmd_merge *m); /* NULL is fine */

#endif
