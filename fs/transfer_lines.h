/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transfer_lines: the lines that a release and a receipt have in common.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_FS_TRANSFER_LINES_H
#define CUSTODY_FS_TRANSFER_LINES_H

#include "fs/form.h"
#include "fs/transfer.h"

/* Take 1 to 4096 checkpoints of different logs. */
void transfer_lines_checkpoints(struct form *f, struct note_checkpoint **list, size_t *n);
/* Take one `segment: <id> <bytes> <hash>`, or `missing: <id>` where that stands. */
void transfer_lines_segment(struct form *f, struct transfer_segment **list, size_t *n);

void transfer_lines_put_id(struct wire_out *out, const char *key, const uint8_t id[16]);
void transfer_lines_put_time(struct wire_out *out, const char *key, int64_t ms);
void transfer_lines_put_checkpoints(struct wire_out *out, const struct note_checkpoint *list,
				    size_t n);
void transfer_lines_put_segment(struct wire_out *out, const struct transfer_segment *s);

#endif
