/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_accept: what custody accept found out about a package, and how it is told.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_ACCEPT_H
#define CUSTODY_TOOLS_CMD_ACCEPT_H

#include "fs/accept.h"
#include "fs/ingest.h"
#include "tools/cmd.h"

struct cmd_accept {
	const struct accept *a;
	int verdict;   /* of accept_check() */
	bool expected; /* the keys were compared with those that were given */
	/* What was taken in; NULL: nothing was to be. */
	const struct ingest_sum *taken;
	const char *collection;
};

/* All of it, as text (quiet: findings and verdict) or as one JSON object. */
void cmd_accept_print(const struct cmd_accept *c, bool quiet);
void cmd_accept_json(const struct cmd_accept *c);

#endif
