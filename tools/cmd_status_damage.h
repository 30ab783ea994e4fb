/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_status_damage: how much of the damage that the logs tell of stands.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CMD_STATUS_DAMAGE_H
#define CUSTODY_TOOLS_CMD_STATUS_DAMAGE_H

#include "tools/cmd_status.h"

/* Fills damaged of each journal, and damaged and repaired of all, once the journals are listed. */
int cmd_status_damage(struct cmd_status *st, struct err *e);

#endif
