/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_status: what `custody status` gathers and prints.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_STATUS_H
#define CUSTODY_TOOLS_CMD_STATUS_H

#include "fs/mountlock.h"
#include "fs/transfer.h"
#include "index/ledger.h"
#include "tools/cmd.h"

struct cmd_status_journal {
	uint8_t node[16];
	char name[CMD_NAME_MAX];
	char heir[CMD_NAME_MAX]; /* the node that took its place; empty: none did */
	uint8_t heir_id[16];
	uint64_t bytes;	   /* of the file */
	uint64_t indexed;  /* events that this node has checked and counts */
	uint64_t covered;  /* by its signed checkpoint; 0: there is none */
	uint64_t cosigned; /* by a witness; 0: none */
	int64_t cosigned_ms;
	uint64_t damaged; /* `damaged` events that no `repaired` came after */
	uint64_t behind;  /* bytes of the file that are not indexed */
	int64_t last_ms;
};

struct cmd_status {
	struct station *s;
	struct cmd_gate gate;
	struct object_totals totals;
	struct cmd_status_journal *journal; /* owned */
	size_t journals;
	bool mounted;
	struct mountlock_holder mount; /* if so */
	uint64_t pending, open_accessions, index_bytes;
	uint64_t damaged, repaired; /* events: that stand, and that were settled by a repair */
	uint64_t nodes, revoked;    /* enrolled; of these revoked */
	struct transfers transfers; /* owned */
};

/* s and gate are the caller's. */
int cmd_status_gather(struct cmd_status *st, struct err *e);
void cmd_status_free(struct cmd_status *st);
void cmd_status_print(const struct cmd_status *st);
struct cmd_alarms;
void cmd_status_json(const struct cmd_status *st, const struct cmd_alarms *alarms);
void cmd_status_metrics(const struct cmd_status *st, const struct cmd_alarms *alarms);
/* 0 while a release may be used, or why not: by time too. */
int cmd_status_standing(const struct cmd_status *st, const struct release *r);

#endif
