/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posting: which lines of the journals speak of what: of a type, a user, a document, an accession.
 * For each such thing, and each tile of 256 lines that has any, a bitmap of those lines: a million
 * lines of one type are 4,000 short values. A line names things in its members; one that admits a
 * document also has what the document says of itself: its case, and who signed it.
 *
 * A posting says where to look. Who shows a line reads it, checks it, and looks whether it has what
 * was asked for: posting_of().
 *
 * Thread rule: as index/db; a writer belongs to one thread.
 */
#ifndef CUSTODY_INDEX_POSTING_H
#define CUSTODY_INDEX_POSTING_H

#include <stddef.h>
#include <stdint.h>

#include "index/db.h"
#include "index/event.h"
#include "index/lineset.h"

/* Numbers are part of what is hashed into table keys. */
enum posting_kind {
	POSTING_TYPE = 1,      /* name of the line's type */
	POSTING_USER = 2,      /* `user`: name of an account */
	POSTING_UID = 3,       /* `uid`, 8 bytes */
	POSTING_DOCUMENT = 4,  /* id[16] in `document` or `release` */
	POSTING_ACCESSION = 5, /* id[16] */
	/* of the document that the line admits; not from posting_of() */
	POSTING_CASE = 6,   /* text of its line "case" */
	POSTING_SIGNER = 7, /* SHA-256 of the public key that a signature names; not verified */
	POSTING_UNREAD = 8, /* no value: it was not there, or another, when the line was indexed */
	POSTING_COVERS =
		9, /* what it releases: item id[16] and commitment[32], or accession id[16] */
	POSTING_EXPORT = 10, /* id[16] */
	/* of the item that the line takes in, by its record; not from posting_of() */
	POSTING_MADE_FROM = 11,		/* node id[16] and item id[16] */
	POSTING_MADE_FROM_CONTENT = 12, /* SHA-256 of what it was made from */
	POSTING_KINDS
};

struct posting {
	enum posting_kind kind;
	const void *p; /* borrowed */
	size_t n;
};

/* What a line says itself; p points into ev and into the list. */
#define POSTING_LINE_MAX 6
struct posting_list {
	struct posting at[POSTING_LINE_MAX];
	unsigned n;
	uint8_t uid[8];
};
void posting_of(struct posting_list *out, const struct event *ev);
/* The value of POSTING_UID. */
void posting_uid(uint8_t out[8], uint64_t uid);

struct posting_writer;
/* name_key is borrowed (db_name_key). ERR_NOMEM. */
int posting_writer_new(struct posting_writer **out, const uint8_t name_key[32]);
/* Note that a line has it. ERR_NOMEM. */
int posting_add(struct posting_writer *w, uint32_t journal, uint64_t seq, const struct posting *p);
/* Put all that was noted into the batch, and forget it. t is a read transaction. */
int posting_flush(struct posting_writer *w, struct db_batch *b, struct db_txn *t, struct err *e);
void posting_reset(struct posting_writer *w);	    /* forget it */
void posting_writer_free(struct posting_writer *w); /* NULL is fine */

/* Add the lines of a journal that have it to a set. ERR_INDEX, ERR_NOMEM. */
int posting_load(struct lineset *s, struct db_txn *t, uint32_t journal, const struct posting *p,
		 struct err *e);

#endif
