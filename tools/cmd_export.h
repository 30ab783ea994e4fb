/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_export: what goes into a package beside its payload: receipts, the custody report, the graph for
 * other tools, and provenance as a table.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_EXPORT_H
#define CUSTODY_TOOLS_CMD_EXPORT_H

#include "fs/export.h"
#include "tools/cmd.h"

/* Write all of it into the package. ERR_BUSY, ERR_DAMAGED: an item has no receipt; codes of
 * cmd_report_write(), export_tag(). *bad: so many items whose receipts tell of broken custody. */
int cmd_export_tags(struct export *x, struct ui *ui, struct station *s, size_t *bad, struct err *e);

/* Provenance as a table, one row an item: what all have, then every field that any item has. */
struct cmd_export_table;
int cmd_export_table_new(struct cmd_export_table **out);
/* Copies. record may be NULL. ERR_NOMEM. */
int cmd_export_table_add(struct cmd_export_table *t, const struct export_item *it,
			 const struct record *record);
/* Append it as CSV (RFC 4180). ERR_NOMEM. */
int cmd_export_table_write(struct cmd_export_table *t, struct wire_out *out);
void cmd_export_table_free(struct cmd_export_table *t); /* wipes; NULL is fine */

#endif
