/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catchup_look: did anything in an archive change since it was looked at last? By stat alone. A
 * directory that changed in the last moments before a look counts as changed at the next one too:
 * time stamps are coarse, the more so on network file systems.
 *
 * Thread rule: belongs to one thread.
 */
#ifndef CUSTODY_FS_CATCHUP_LOOK_H
#define CUSTODY_FS_CATCHUP_LOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/archive.h"

struct catchup_look;

int catchup_look_new(struct catchup_look **out);
void catchup_look_free(struct catchup_look *l); /* NULL is fine */

/* Take a look, before anything is read: what changes later is then seen by the next one. */
void catchup_look_begin(struct catchup_look *l, const struct archive *a);
/* Did documents/ change since it was last looked at? True at the first look. */
bool catchup_look_documents(struct catchup_look *l);
/* Did archive.txt? */
bool catchup_look_description(struct catchup_look *l);
/* Look at this node's journal and checkpoint too. */
void catchup_look_journal(struct catchup_look *l, const uint8_t node[16]);
/* What was seen was dealt with; or, if not `done`, it is to be looked at again in any case. */
void catchup_look_end(struct catchup_look *l, bool done);

/* Did anything change since the last look? The journal of the node `but` does not count, if that is not
 * NULL. */
bool catchup_look_changed(const struct catchup_look *l, const struct archive *a,
			  const uint8_t *but);

#endif
