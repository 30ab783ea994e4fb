/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_ingest: what `custody ingest` was asked for, and what it tells of it.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_INGEST_H
#define CUSTODY_TOOLS_CMD_INGEST_H

#include "fs/intake.h"
#include "tools/cmd_watch.h"

struct cmd_ingest {
	struct ui *ui;
	const char *archive;
	struct intake_ask ask;
	bool again;
	struct cmd_watch watch;
	struct record *meta, *link;
	struct moment_zone zone;
	const char *derived_from, *action, *tool;
	uint64_t unread; /* fields that could not be read */
	char user[EVENT_STR_MAX], host[EVENT_STR_MAX];
};

/* Have c->ask tell what is left out, can't be read, and is taken in, on the terminal or as JSON. */
void cmd_ingest_tell(struct cmd_ingest *c);
/* What is in custody now, or would be; also when the rest failed: stopped_early. */
void cmd_ingest_print(const struct cmd_ingest *c, const struct ingest_sum *sum, bool stopped_early);

#endif
