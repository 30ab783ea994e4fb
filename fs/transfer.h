/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transfer: accessions that one organisation hands to another. Two documents: a release, which the
 * archive's officers sign, says what is handed over, to whom and on which medium; a receipt, which
 * the officers sign whom the release names, says what arrived. A release without its receipt is an
 * open transfer. See custodyfs-format(5), "Transfers".
 *
 *   transfer.c          the text of a release
 *   transfer_receipt.c  the text of a receipt, and whether it says what the release says
 *   transfer_check.c    their signatures; all transfers of an archive
 *   transfer_make.c     what is there to be handed over, or has arrived
 *
 * Thread rule: pure, but for what reads an archive, which is for one thread.
 */
#ifndef CUSTODY_FS_TRANSFER_H
#define CUSTODY_FS_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/note.h"
#include "fs/archive.h"
#include "fs/document.h"

#define TRANSFER_RELEASE "transfer-release" /* kinds of documents */
#define TRANSFER_RECEIPT "transfer-receipt"
#define TRANSFER_TEXT_MAX 512 /* bytes of a free text line with its NUL */
#define TRANSFER_KEYS_MAX 32
#define TRANSFER_ACCESSIONS_MAX 100000u
#define TRANSFER_SEGMENTS_MAX 300000u

struct transfer_segment {
	uint8_t id[16];
	uint8_t digest[32]; /* SHA-256 of the first `bytes` bytes of the file */
	uint64_t bytes;
	bool missing; /* of a receipt: not there, or not to be read */
};
struct transfer_accession {
	uint8_t id[16], node[16];
	uint64_t items;
	size_t segment, segments; /* first of its segments, and how many */
};

struct transfer_release {
	uint8_t archive[16], serial[16];
	int64_t issued_ms;
	char from[TRANSFER_TEXT_MAX], from_person[TRANSFER_TEXT_MAX];
	char to[TRANSFER_TEXT_MAX], to_person[TRANSFER_TEXT_MAX];
	struct sshkey key[TRANSFER_KEYS_MAX]; /* who may sign the receipt; no comments */
	size_t keys;
	unsigned threshold; /* and how many of them must */
	char medium[TRANSFER_TEXT_MAX], medium_serial[TRANSFER_TEXT_MAX],
		encryption[TRANSFER_TEXT_MAX];
	char purpose[TRANSFER_TEXT_MAX], legal_basis[TRANSFER_TEXT_MAX]; /* basis: may be empty */
	struct note_checkpoint *checkpoint;				 /* owned */
	size_t checkpoints;
	struct transfer_accession *accession; /* owned */
	size_t accessions;
	struct transfer_segment *segment; /* owned */
	size_t segments;
};

struct transfer_receipt {
	uint8_t archive[16], serial[16], release[16], release_digest[32];
	uint8_t node[16]; /* whose host computed the digests */
	int64_t issued_ms;
	char organisation[TRANSFER_TEXT_MAX], person[TRANSFER_TEXT_MAX];
	char medium_serial[TRANSFER_TEXT_MAX]; /* as read off the medium */
	bool match;
	char remark[TRANSFER_TEXT_MAX];	    /* may be empty */
	struct note_checkpoint *checkpoint; /* owned; of the logs the release names */
	size_t checkpoints;
	struct transfer_segment *segment; /* owned; those of the release, in its order */
	size_t segments;
};

void transfer_release_free(struct transfer_release *r);
void transfer_receipt_free(struct transfer_receipt *r);
/* Strict. ERR_MALFORMED names the line; ERR_NEWER, ERR_FOREIGN. */
int transfer_release_parse(struct transfer_release *r, const struct document *d, struct err *e);
int transfer_receipt_parse(struct transfer_receipt *r, const struct document *d, struct err *e);
void transfer_release_text(struct wire_out *out, const struct transfer_release *r);
void transfer_receipt_text(struct wire_out *out, const struct transfer_receipt *r);

/* Is what arrived what was handed over? Calls `differs` (may be NULL) with a sentence for each thing
 * that is not; true if nothing is. The segments must be those of the release (ERR_FORGED elsewhere:
 * transfer_receipt_fits). */
bool transfer_compare(const struct transfer_release *rel, const struct transfer_receipt *rec,
		      void (*differs)(void *ctx, const char *sentence), void *ctx);
/*
 * Does the receipt answer this release, whose document has this digest, and say of itself what it
 * says in its lines? ERR_WRONG_ARCHIVE; ERR_FORGED: another release's, another document than was
 * sent, another organisation, other segments or logs, or a result that its lines do not bear out.
 */
int transfer_receipt_fits(const struct transfer_release *rel, const uint8_t digest[32],
			  const struct transfer_receipt *rec, struct err *e);

/* Form, archive, serial, signatures by the archive's officers. Codes of transfer_release_parse and
 * document_check, ERR_WRONG_ARCHIVE, ERR_FOREIGN (another serial). On failure *r is empty. */
int transfer_check_release(struct transfer_release *r, const struct document *d,
			   const struct archive *a, const uint8_t serial[16], struct err *e);
/* The same of a receipt: it fits its release, which is in documents/ and good, and is signed by those
 * whom that names. ERR_NOT_COVERED: the release is not there. */
int transfer_check_receipt(struct transfer_receipt *r, const struct document *d,
			   const struct archive *a, const uint8_t serial[16], struct err *e);

/* A transfer as the archive knows it. */
struct transfer {
	struct transfer_release release; /* owned */
	int64_t released_ms;		 /* when it was admitted; 0: not known */
	bool received;
	struct transfer_receipt receipt; /* owned; if it is received */
	int64_t received_ms;
};
struct transfers {
	struct transfer *list; /* owned; by time of issue */
	size_t n;
	/* Admitted, but documents/ does not have them any more, or others: their state is not known. */
	size_t lost;
	/* Releases that keys of an earlier archive.txt sign, in a log that has not met the newer one. */
	size_t unjudged;
};
struct db;
struct roster;
/* All good releases with their receipts. db: the index of a node, and the roster it has; then those
 * count that were admitted, while the keys were in force that sign them (fs/in_force). NULL: all that are
 * in documents/. ERR_SYSTEM, ERR_NOMEM, ERR_INDEX. */
int transfer_list(struct transfers *out, const struct archive *a, const struct roster *roster,
		  struct db *db, struct err *e);
void transfers_free(struct transfers *t);
/* Does it hand over this accession? */
bool transfer_covers(const struct transfer *t, const uint8_t accession[16]);

struct station;
/* Told how many bytes of all are done. */
typedef void transfer_progress(void *ctx, uint64_t done, uint64_t total);
/* Fill in checkpoints, accessions and segments, of the accessions that are named (n ids) or of all.
 * The station is a reader's. ERR_NOTFOUND: no such accession, or none at all; ERR_DAMAGED: a segment
 * is not there, or a log is not what its checkpoint signs; ERR_BUSY: a log is not signed for yet. */
int transfer_make_release(struct transfer_release *r, struct station *s, const uint8_t (*id)[16],
			  size_t n, transfer_progress *progress, void *ctx, struct err *e);
/* Fill in checkpoints and segments as they are here. What is not there is `missing`. ERR_DAMAGED: a
 * log is not what its checkpoint signs. */
int transfer_make_receipt(struct transfer_receipt *rec, const struct transfer_release *rel,
			  struct station *s, transfer_progress *progress, void *ctx, struct err *e);

#endif
