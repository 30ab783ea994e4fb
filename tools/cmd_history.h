/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_history: every event that speaks of one item, of all journals, by the index.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_HISTORY_H
#define CUSTODY_TOOLS_CMD_HISTORY_H

#include "fs/station.h"

struct cmd_history;

int cmd_history_open(struct cmd_history **out, struct station *s, const uint8_t item[16],
		     struct err *e);
size_t cmd_history_count(const struct cmd_history *h);
/* In order of time: a line each, or the elements of a JSON list. path: of the item, or NULL. Codes
 * of line_read, which names a line that is not what was logged; cmd_history_open() meets it first, and
 * nothing is printed. */
int cmd_history_print(struct cmd_history *h, const char *path, bool json, struct err *e);
void cmd_history_close(struct cmd_history *h); /* NULL is fine */

#endif
