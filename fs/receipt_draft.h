/* SPDX-License-Identifier: Apache-2.0 */
/*
 * receipt_draft: a receipt in the making: which lines of which logs go into it, with their proofs,
 * and which documents; and its bytes.
 *
 * Where the lines are and what proves them comes from a source: receipt_index (a reader node's
 * index: quick) or receipt_scan (the journals, read whole: needs no node).
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_RECEIPT_DRAFT_H
#define CUSTODY_FS_RECEIPT_DRAFT_H

#include "crypto/merkle.h"
#include "fs/archive_history.h"
#include "fs/receipt.h"
#include "index/journal.h"

struct receipt_draft_log {
	uint8_t node[16];
	struct note_checkpoint cp; /* size 0: there is none yet */
	struct wire_out note;
	struct cosigned seen; /* by a witness; n 0: by none */
	struct wire_out cosigned;
	merkle_hash *consistency; /* owned: from there to cp */
	size_t hashes;
};
struct receipt_draft_line {
	size_t log;
	uint64_t seq;
	struct wire_out text; /* without its LF */
	merkle_hash *proof;   /* owned */
	size_t hashes;
};
struct receipt_draft_document {
	uint8_t serial[16];
	size_t log; /* of an enrolment */
	struct wire_out bytes;
};
struct receipt_draft_documents {
	struct receipt_draft_document *list;
	size_t n;
};
struct receipt_draft {
	const struct archive *archive;
	const struct roster *roster;
	uint8_t item[16], node[16]; /* node: who took it in */
	struct receipt_draft_log *log;
	size_t logs;
	struct receipt_draft_line *line;
	size_t lines;
	struct receipt_draft_documents enrolment, grant, revocation, restore;
	struct archive_history history; /* the versions of archive.txt before the one in force */
	struct wire_out record;		/* armored; empty: nothing is disclosed */
	uint64_t beyond;		/* lines of the item that no checkpoint covers yet */
	void (*notice)(void *ctx, const char *sentence); /* may be NULL */
	void *notice_ctx;
};

void receipt_draft_free(struct receipt_draft *d);
/* Room for one more in a list of n elements of `size` bytes, which grows by doubling from NULL. */
int receipt_draft_room(void **list, size_t n, size_t size, struct err *e);
/* The log of an enrolled node, with its checkpoint as it is now, and what was cosigned of it; added
 * once. A cosigned checkpoint that is not good is told of (d->notice) and left out. ERR_NOT_ENROLLED,
 * ERR_ROLLBACK: less is signed than was cosigned; codes of journal_read_checkpoint but ERR_NOTFOUND. */
int receipt_draft_log(struct receipt_draft *d, const uint8_t node[16], size_t *which,
		      struct err *e);
/* A line of a log, copied; added once. One that the checkpoint does not cover is counted instead. */
int receipt_draft_line(struct receipt_draft *d, size_t log, uint64_t seq, struct text_span text,
		       struct err *e);
/* Has the log lines that go into the receipt? */
bool receipt_draft_speaks(const struct receipt_draft *d, size_t log);
/* Does the event admit a version of archive.txt that follows one of the draft's history? */
bool receipt_draft_step(const struct receipt_draft *d, const struct event *ev);
/* Is it there? */
bool receipt_draft_has(const struct receipt_draft *d, size_t log, uint64_t seq);
/* Takes over bytes. ERR_NOMEM. */
int receipt_draft_document(struct receipt_draft_documents *list, const uint8_t serial[16],
			   size_t log, struct wire_out *bytes, struct err *e);
/* The proof of a line, read through `read`, and compared with the checkpoint. ERR_DAMAGED. */
int receipt_draft_prove(struct receipt_draft *d, struct receipt_draft_line *l, merkle_read *read,
			void *ctx, struct err *e);
/* The proof that what was cosigned of a log is a beginning of its checkpoint's, compared with both.
 * ERR_ROLLBACK. Nothing to do where none was. */
int receipt_draft_connect(struct receipt_draft_log *log, merkle_read *read, void *ctx,
			  struct err *e);
/* The checkpoint that the proof of a line leads to: the cosigned one, if that covers it. */
const struct note_checkpoint *receipt_draft_target(const struct receipt_draft_log *log,
						   uint64_t seq);
/* Append the receipt: every line has its proof. ERR_NOMEM. */
int receipt_draft_write(struct receipt_draft *d, struct wire_out *out, struct err *e);

/* What a source can do. */
struct receipt_source {
	/* Add all lines that name the item. */
	int (*item)(void *ctx, struct receipt_draft *d, struct err *e);
	/* Add the first line of a type in a log that is about this document, release, accession or
	 * export; of EVENT_ADMITTED all of them. ERR_NOTFOUND without a sentence. */
	int (*line)(void *ctx, struct receipt_draft *d, size_t log, enum event_type type,
		    const uint8_t id[16], struct err *e);
	/* Add the lines of a log that admit a version of archive.txt; see receipt_draft_step(). */
	int (*steps)(void *ctx, struct receipt_draft *d, size_t log, struct err *e);
	/* Prove all lines. */
	int (*prove)(void *ctx, struct receipt_draft *d, struct err *e);
	void (*close)(void *ctx);
	void *ctx;
};
/* ERR_BUSY from any of its functions: a journal has outrun the index. Begin anew. */
int receipt_index(struct receipt_source *out, struct station *s, struct err *e);
int receipt_scan(struct receipt_source *out, struct err *e);
/* Is an event of this type about this document, release, accession or export? */
bool receipt_is_about(const struct event *ev, enum event_type type, const uint8_t id[16]);

/* receipt_gather.c: the documents that belong to the draft's lines, and the lines that admitted them.
 * ask->notice is told of what can't be had. */
int receipt_gather(struct receipt_draft *d, const struct receipt_source *src,
		   const struct receipt_ask *ask, struct err *e);
/* receipt_disclose.c: the item's provenance record, as its ingest event committed to it. */
int receipt_disclose(struct wire_out *armor, struct station *s, const struct event *ingest,
		     struct err *e);

#endif
