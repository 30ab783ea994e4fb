/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_check: what `custody check` tells of a receipt, once it is checked.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_CHECK_H
#define CUSTODY_TOOLS_CMD_CHECK_H

#include "fs/receipt.h"
#include "tools/cmd.h"

/* Events of a receipt in order of time, in groups. */
enum cmd_check_group {
	CHECK_TAKEN_IN,
	CHECK_GRANT, /* that authorisation's */
	CHECK_REFUSED,
	CHECK_DAMAGED,
	CHECK_OTHER,
};
struct cmd_check_event {
	size_t number; /* of the event in the receipt */
	enum cmd_check_group group;
	size_t grant;
};
struct cmd_check {
	const struct receipt *r;
	bool expected;		       /* the keys were compared with those of --archive-key */
	struct cmd_check_event *event; /* those that are proved */
	size_t events;
	char path[RECORD_NAME_MAX + RECORD_PATH_MAX + 2]; /* empty: not disclosed */
};

/* Put the proved events of a checked receipt, which is c->r, in order. Caller frees c->event.
 * ERR_NOMEM. */
int cmd_check_arrange(struct cmd_check *c, struct receipt *r, struct err *e);
/* A proved event as 'custody log' has it: ev receives what its line says, name its node's name (with
 * the beginning of the node's id where two logs have one name). */
struct cmd_event cmd_check_event(const struct cmd_check *c, size_t number, struct event *ev,
				 char name[CMD_NAME_MAX]);
/* All of it, as text (quiet: findings and verdict) or as one JSON object. */
void cmd_check_print(const struct cmd_check *c, bool quiet);
void cmd_check_json(const struct cmd_check *c);
/* "good", "bad", "not checked" */
const char *cmd_check_verdict(const struct receipt *r);

#endif
