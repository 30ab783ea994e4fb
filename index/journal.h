/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal: a node's append-only custody log, JSON Lines, and its signed checkpoint beside it.
 *
 * journal/<node id>.jsonl has one writing node, but several processes of it may append (a mount and
 * `custody import`): a lock file in the node's own directory is flocked for each batch, and what
 * another process added is read first. The journal itself is never locked: whoever may read a file
 * may lock it, and could keep the log from being written. An event is durable (fdatasync) before journal_append() returns; waiting threads share one
 * sync (group commit).
 *
 * Thread rule: journal_append and journal_checkpoint may be called from many threads.
 */
#ifndef CUSTODY_INDEX_JOURNAL_H
#define CUSTODY_INDEX_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/identity.h"
#include "crypto/merkle.h"
#include "crypto/note.h"
#include "index/event.h"
#include "index/tree.h"

struct journal;

/* A prefix that is known to be good: from the index, or all zero. */
struct journal_start {
	struct tree_state state;
	int64_t last_ms; /* time of its last event */
	uint64_t ended;	 /* lines up to the last that ends a release, or what was authorised (a
			   * revocation, a restore), of those read; 0: none did */
	uint64_t opened; /* the same for the last that opens something and that we did not write */
};

/*
 * Open (create, with its `started` event) the node's own journal for appending, reading from *from
 * on. Checks: it is not shorter than *from (ERR_ROLLBACK), the checkpoint is ours and agrees
 * (ERR_FORGED, ERR_ROLLBACK), lines past the checkpoint have good MACs (ERR_FORGED). A torn tail
 * (a last line without LF or garbage with no good line after it, past the checkpoint) is cut off
 * and a `recovered` event written. dirfd (the journal directory) and homefd (the directory of this
 * node and archive, which nobody else can open; journal.lock is made in it) are borrowed for the
 * journal's life; identity too.
 */
int journal_open(struct journal **out, int dirfd, int homefd, const uint8_t archive_id[16],
		 const struct identity *id, const struct journal_start *from, struct err *e);
/* Sign a last checkpoint if anything is new, and close. Returns the checkpoint's result. */
int journal_close(struct journal *j, struct err *e);

/* Append n events as one batch: seq and time are set in ev[], all are durable on return. An event's
 * time is never before the one before it. ERR_EXPIRED, and none of the n is logged, when one would get
 * a time after its latest_ms: who waits long for the lock may have nothing to log any more. ERR_REVOKED,
 * and none is logged, when a line from `judged` lines on admits a revocation or a restore, or ends a
 * release: what was decided without it has to be decided again, so that no log has an opening behind
 * what ended it. The same when another process of the node opened something in
 * such a line, and the event is metered. */
int journal_append(struct journal *j, struct event *ev, size_t n, struct err *e);
/* Sign and durably replace the checkpoint if lines were added since. */
int journal_checkpoint(struct journal *j, struct err *e);
/* As of now: what is written. */
void journal_state(struct journal *j, struct journal_start *out);
/* 0, or ERR_CLOCK if now_ms is before the last event (more than 2 s). */
int journal_clock(struct journal *j, int64_t now_ms);

/* The origin (and key name) "custodyfs/<archive id>/<node id>". out has NOTE_NAME_MAX bytes. */
void journal_origin(char *out, const uint8_t archive_id[16], const uint8_t node_id[16]);
/* Read and verify the checkpoint of any node's journal. ERR_NOTFOUND, ERR_MALFORMED, ERR_FORGED,
 * ERR_FOREIGN (another origin). If note is not NULL the file's bytes are appended to it. */
int journal_read_checkpoint(int dirfd, const uint8_t archive_id[16],
			    const struct identity_public *node, struct note_checkpoint *cp,
			    struct wire_out *note, struct err *e);

/* Sequential reading of a journal from a byte offset. Lines are borrowed until the next call. */
struct journal_reader;
int journal_reader_open(struct journal_reader **out, int dirfd, const uint8_t node_id[16],
			uint64_t offset, struct err *e);
/* The same on a borrowed descriptor. */
int journal_reader_on(struct journal_reader **out, int fd, uint64_t offset, struct err *e);
/* ERR_NOTFOUND at the end; ERR_MALFORMED for a line without LF or too long; *off is the line's
 * byte offset. */
int journal_reader_next(struct journal_reader *r, struct text_span *line, uint64_t *off,
			struct err *e);
void journal_reader_close(struct journal_reader *r);
/* The journal's file, for reading: a descriptor of the caller's. ERR_NOTFOUND, ERR_MALFORMED (no regular
 * file), ERR_SYSTEM. */
int journal_open_file(int dirfd, const uint8_t node_id[16], struct err *e);
/* One line by its place. */
int journal_read_line(int dirfd, const uint8_t node_id[16], uint64_t off, uint32_t n,
		      struct wire_out *out, struct err *e);

#endif
