/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_state: what a backup notes beside each generation, so that the next one reads what is new and
 * nothing else. It is a help and no proof: of each journal it holds the compact range of its tree at
 * its checkpoint, whose root that checkpoint signs, and who finds it missing or changed reads all
 * again. See custodyfs-format(5), "Backups".
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_FS_BACKUP_STATE_H
#define CUSTODY_FS_BACKUP_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/merkle.h"
#include "crypto/wire.h"

#define BACKUP_STATE "backup.state"

/* A journal, as far as its checkpoint covers it. */
struct backup_mark {
	uint8_t node[16];
	uint64_t bytes; /* of those lines */
	struct merkle_range range;
};
/* A segment, as far as the journals name it. */
struct backup_held {
	uint8_t id[16];
	uint64_t bytes;
};
/* A frame, or (length 0) a segment header, that was not as logged when it was copied. */
struct backup_frame {
	uint8_t segment[16], digest[32];
	uint8_t item[16]; /* whose frame it is; zeros: not known, or a header */
	uint64_t offset, length;
};
struct backup_state {
	uint8_t archive[16];
	int64_t made_ms;
	struct backup_mark *mark;  /* owned; by node */
	struct backup_held *held;  /* owned; by id */
	struct backup_frame *owed; /* owned */
	size_t marks, helds, oweds;
};

void backup_state_free(struct backup_state *s); /* zeroed is fine */
void backup_state_text(struct wire_out *out, const struct backup_state *s);
/* From the generation at dir. ERR_NOTFOUND, ERR_MALFORMED, ERR_DAMAGED (not the bytes that were
 * written), ERR_NEWER, ERR_NOMEM; *s is empty then. */
int backup_state_read(struct backup_state *s, int dir, struct err *e);
const struct backup_mark *backup_state_mark(const struct backup_state *s, const uint8_t node[16]);
const struct backup_held *backup_state_held(const struct backup_state *s, const uint8_t id[16]);

#endif
