/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_report_folder: the folder that a report is: made beside its place, and moved there whole, so
 * that there is never half a report. It and its files are for their owner alone: a report has names.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_REPORT_FOLDER_H
#define CUSTODY_TOOLS_CMD_REPORT_FOLDER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/wire.h"

struct cmd_report_folder {
	const char *path; /* where it goes */
	char temporary[PATH_MAX];
	int fd;		      /* -1: not begun */
	bool whole;	      /* it is in its place */
	struct wire_out list; /* of SHA256SUMS */
	uint8_t sums[32];     /* SHA-256 of it */
};

/* May a folder be made at path? ERR_EXISTS: something is there, and it is not an empty folder. */
int cmd_report_folder_check(struct cmd_report_folder *f, const char *path, struct err *e);
/* Make it, with a folder receipts/ in it; f->fd is its descriptor. */
int cmd_report_folder_begin(struct cmd_report_folder *f, struct err *e);
/* Write a new file into it, and note its digest. It is durable once the folder is ended: all files are
 * synced at once then. */
int cmd_report_folder_add(struct cmd_report_folder *f, const char *name, const struct wire_out *b,
			  struct err *e);
/* Write SHA256SUMS, sync, and move all to its place. */
int cmd_report_folder_end(struct cmd_report_folder *f, struct err *e);
/* Free, and remove what is not whole. */
void cmd_report_folder_drop(struct cmd_report_folder *f);

#endif
