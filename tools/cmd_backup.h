/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_backup: what backup and restore print alike.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_BACKUP_H
#define CUSTODY_TOOLS_CMD_BACKUP_H

#include "fs/backup.h"
#include "tools/ui.h"

struct cmd_backup_told {
	struct ui *ui;
	bool piped; /* standard output is taken: findings go to standard error */
};
/* Have findings, notes and progress printed. t must outlive the run. */
void cmd_backup_tell(struct backup_ask *ask, struct cmd_backup_told *t);
/* Print what came out of it, and return the exit code. where: the archive that was restored; NULL: it
 * was a backup. */
int cmd_backup_result(const struct ui *ui, const struct backup_sum *s, bool dry_run,
		      const char *where, int rc, const struct err *e);

#endif
