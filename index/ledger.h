/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger: the index's small tables: how far each journal is indexed, accessions, segments, admitted
 * documents, the history of an item, and items whose frame head could not be read yet.
 *
 * Accessions and segments are kept by the node whose journal has them, too: what a node says of an
 * id is no word about what another says of the same.
 *
 * Loads take a batch that may be NULL (then only what is committed counts) and a read transaction.
 * All return 0, ERR_NOTFOUND, ERR_INDEX, ERR_NOMEM; callbacks stop a walk by returning non-zero,
 * which is then returned. Thread rule: as index/db.
 */
#ifndef CUSTODY_INDEX_LEDGER_H
#define CUSTODY_INDEX_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "index/db.h"
#include "index/event.h"
#include "index/tree.h"

struct ledger_journal {
	uint8_t node[16];
	uint32_t number; /* small, in order of first sight; not stable across reindex */
	struct tree_state state;
	int64_t last_ms;
};
int ledger_get_journal(struct db_batch *b, struct db_txn *t, const uint8_t node[16],
		       struct ledger_journal *j, struct err *e);
int ledger_put_journal(struct db_batch *b, const struct ledger_journal *j);
/* All journals known, by node id. Caller frees *list. */
int ledger_journals(struct db_txn *t, struct ledger_journal **list, size_t *n, struct err *e);

struct ledger_accession {
	uint8_t id[16], node[16];
	int64_t opened_ms, closed_ms; /* closed 0: not closed (an ingest that runs, or died) */
	uint64_t items, bytes;	      /* as indexed so far */
	uint64_t epoch, uid;
	char user[EVENT_STR_MAX], host[EVENT_STR_MAX];
	char collection[256]; /* of its first item; empty on a node that can't know */
};
int ledger_get_accession(struct db_batch *b, struct db_txn *t, const uint8_t node[16],
			 const uint8_t id[16], struct ledger_accession *a, struct err *e);
int ledger_put_accession(struct db_batch *b, const struct ledger_accession *a);
int ledger_accessions(struct db_txn *t, int (*cb)(void *ctx, const struct ledger_accession *a),
		      void *ctx, struct err *e);

struct ledger_segment {
	uint8_t id[16], accession[16], node[16];
	uint8_t header[32]; /* SHA-256 of the segment header */
	uint64_t seq;	    /* of its segment event */
	uint64_t end;	    /* highest committed byte */
};
int ledger_get_segment(struct db_batch *b, struct db_txn *t, const uint8_t node[16],
		       const uint8_t id[16], struct ledger_segment *s, struct err *e);
int ledger_put_segment(struct db_batch *b, const struct ledger_segment *s);
int ledger_segments(struct db_txn *t, int (*cb)(void *ctx, const struct ledger_segment *s),
		    void *ctx, struct err *e);

enum ledger_state {
	LEDGER_ADMITTED = 1,
	LEDGER_ENDED = 2, /* a release that ended: expired, revoked, budget */
};
struct ledger_document {
	uint8_t serial[16];
	char kind[32];	  /* "authorisation", "enrolment", "revocation" */
	uint8_t state;	  /* enum ledger_state */
	uint8_t node[16]; /* whose journal admitted it */
	uint8_t digest[32];
	int64_t admitted_ms;
	/* authorisations: what was used so far, from the log */
	uint64_t opens, bytes; /* bytes: of handles that were closed */
	uint64_t open_bytes;   /* whole size of the items of handles never seen closed */
	char ended[32];	       /* why, as an err_word */
};
int ledger_get_document(struct db_batch *b, struct db_txn *t, const uint8_t serial[16],
			struct ledger_document *d, struct err *e);
int ledger_put_document(struct db_batch *b, const struct ledger_document *d);
int ledger_documents(struct db_txn *t, int (*cb)(void *ctx, const struct ledger_document *d),
		     void *ctx, struct err *e);

/* History: which lines of which journals speak of an item. An ingest event is not put where the
 * item itself, or its pending entry, tells of it: at a million items that is a fifth of the
 * index. */
int ledger_put_event(struct db_batch *b, const uint8_t item[16], uint32_t journal, uint64_t seq);
/* All of them: the ingest first (of each node that claims the id), then by journal and place. */
int ledger_events(struct db_txn *t, const uint8_t item[16],
		  int (*cb)(void *ctx, uint32_t journal, uint64_t seq), void *ctx, struct err *e);

/* Items whose head was not readable when their event was indexed. */
struct ledger_place {
	uint8_t item[16];
	uint32_t journal;
	uint64_t seq;
};
int ledger_put_pending(struct db_batch *b, const uint8_t item[16], uint32_t journal, uint64_t seq);
int ledger_del_pending(struct db_batch *b, const uint8_t item[16], uint32_t journal, uint64_t seq);
/* In the order of id, journal and seq, from one on (NULL: the first). */
int ledger_pending(struct db_txn *t, const struct ledger_place *from,
		   int (*cb)(void *ctx, const uint8_t item[16], uint32_t journal, uint64_t seq),
		   void *ctx, struct err *e);

#endif
