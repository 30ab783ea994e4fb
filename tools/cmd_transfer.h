/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_transfer: custody that passes from one organisation to another.
 *
 *   cmd_transfer.c          the verb, its options, and the list
 *   cmd_transfer_release.c  what is handed over
 *   cmd_transfer_receive.c  what has arrived
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_TRANSFER_H
#define CUSTODY_TOOLS_CMD_TRANSFER_H

#include "fs/transfer.h"
#include "tools/cmd.h"
#include "tools/ui_keys.h"
#include "tools/verb.h"

struct cmd_transfer {
	struct ui *ui;
	const char *archive, *output;
	char **operand; /* behind the archive */
	int operands;
	const char *from, *from_person, *to, *to_person, *medium, *medium_serial, *encryption,
		*purpose, *legal_basis, *person, *remark;
	struct verb_list key_files; /* --to-key */
	uint64_t threshold;	    /* 0: as many as there are keys */
};

/* The exit code. */
int cmd_transfer_release(struct cmd_transfer *t);
int cmd_transfer_receive(struct cmd_transfer *t);
/* A document's line: copy text into out. ERR_USAGE names the option. */
int cmd_transfer_text(char out[TRANSFER_TEXT_MAX], const char *option, const char *text,
		      struct err *e);

#endif
