/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_restore: which items custody restore is asked for.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_RESTORE_H
#define CUSTODY_TOOLS_CMD_RESTORE_H

#include "fs/archive.h"
#include "tools/verb.h"

struct cmd_restore_scope {
	struct verb_list accession, item, collection;
};

/* Is it not all? */
bool cmd_restore_some(const struct cmd_restore_scope *s);
/* The segments that these lie in, ascending; free(*segment). path is the archive's: names are looked up
 * there with the node of the command line. ERR_NOTFOUND names what is not there; codes of cmd_open(),
 * ERR_ROLE. */
int cmd_restore_find(const struct cmd_restore_scope *s, struct ui *ui, const struct archive *a,
		     const char *path, uint8_t (**segment)[16], size_t *n, struct err *e);
void cmd_restore_scope_free(struct cmd_restore_scope *s);

#endif
