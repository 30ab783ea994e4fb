/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_log: what custody log was asked for, and how it is shown.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_LOG_H
#define CUSTODY_TOOLS_CMD_LOG_H

#include "tools/cmd_merge.h"

struct cmd_log {
	const char *tiles; /* publish to there instead */
	bool asked;	   /* for some of the events only */
	struct ui *ui;
	const char *archive, *item, *journal, *case_no, *officer, *authorisation, *accession,
		*export;
	bool no_node;
	struct cmd_ask ask;
	uint64_t limit; /* 0: none */
	struct cmd_view view;
	struct cmd_notice notice;
};

/* Print what fits. ERR_DAMAGED when something was told of; codes of cmd_merge_open. */
int cmd_log_run(struct cmd_log *l, struct err *e);

#endif
