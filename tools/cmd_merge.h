/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_merge: the journals of an archive as one stream, in order of time. Needs no key. Lines are
 * compared with the index, where there is one, and with their journal's checkpoint; custody verify
 * checks the rest.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_MERGE_H
#define CUSTODY_TOOLS_CMD_MERGE_H

#include "fs/roster.h"
#include "index/event.h"
#include "tools/cmd.h"

struct cmd_merge;

/* A line; borrowed until the next call. */
struct cmd_merge_line {
	struct event ev;
	struct text_span line;
	uint8_t node[16];
	char name[CMD_NAME_MAX];
	bool is_signed; /* by its journal's checkpoint, which is good and signs these lines */
};

/* All journals, or that of one node (only, may be NULL). db: the node's index, or NULL. Without one,
 * and past its end, each journal is read once to compare it with its checkpoint. */
int cmd_merge_open(struct cmd_merge **out, const struct archive *a, const struct roster *r,
		   const uint8_t *only, struct db *db, struct err *e);
/* NULL at the end. A line that is no event, or not the one that was indexed, is told to `notice`,
 * counted, and passed over. A journal that its checkpoint does not sign is told of and counted; its
 * lines come as unsigned ones. */
const struct cmd_merge_line *
cmd_merge_next(struct cmd_merge *m, void (*notice)(void *ctx, const char *sentence), void *ctx);
/* How many complaints there were so far; bytes of the longest node name. */
unsigned cmd_merge_bad(const struct cmd_merge *m);
int cmd_merge_width(const struct cmd_merge *m);
void cmd_merge_close(struct cmd_merge *m); /* NULL is fine */

#endif
