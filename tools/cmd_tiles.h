/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_tiles: `custody log --tiles`: the journals as static logs.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_TILES_H
#define CUSTODY_TOOLS_CMD_TILES_H

#include "tools/cmd.h"

/* Publish the journals of all nodes, or of one, to <dir>/<node id>/, and print what was done. A journal
 * that can't be is told of, and the others are published; *code is the exit code of the first. */
int cmd_tiles(struct ui *ui, const struct cmd_view *v, const struct roster_node *only,
	      const char *dir, int *code, struct err *e);

#endif
