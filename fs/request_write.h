/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_write: the bytes of a request: its text, its bundle, and the two together under the node's
 * signature. What goes in is chosen elsewhere.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_FS_REQUEST_WRITE_H
#define CUSTODY_FS_REQUEST_WRITE_H

#include "crypto/identity.h"
#include "crypto/merkle.h"
#include "crypto/note.h"
#include "fs/authorisation.h"

#define REQUEST_TITLE "custodyfs-request/v1"
#define REQUEST_LABEL "CUSTODYFS BUNDLE"
#define REQUEST_MAGIC "CUSTBND1"
#define REQUEST_MAGIC_SIZE 8

enum request_section {
	REQUEST_CHECKPOINT = 1,
	REQUEST_SEGMENT = 2,
	REQUEST_ITEM = 3,
	REQUEST_ACCESSION = 4,
	REQUEST_ACCESSION_CLOSED = 5,
};

/* All borrowed. */
struct request_text {
	const uint8_t *archive, *serial; /* 16 bytes each */
	int64_t issued_ms;
	const char *requested_by, *case_no, *purpose, *legal_basis; /* the last may be NULL */
	const struct note_checkpoint *checkpoint;
	size_t checkpoints;
	const struct authorisation_item *item;
	size_t items;
	const uint8_t (*accession)[16];
	size_t accessions;
};

/* An event with its proof, and the bytes whose digest it holds. All borrowed. */
struct request_proof {
	const uint8_t *node; /* 16 bytes */
	uint64_t index;
	struct text_span line;
	const merkle_hash *hash;
	size_t hashes;
	const void *bytes; /* segment header or frame head; none for accessions */
	size_t n;
};

/* Begin a bundle; add its sections: all checkpoints, accessions, those that are
 * closed, segments, items. */
void request_write_begin(struct wire_out *bundle);
void request_write_checkpoint(struct wire_out *bundle, const void *note, size_t n);
void request_write_proof(struct wire_out *bundle, enum request_section kind,
			 const struct request_proof *p);
/* Append the request: text with the bundle's digest, signature, armored bundle of `sections`
 * sections (which is set in it). ERR_NOMEM. */
int request_write_file(struct wire_out *out, const struct request_text *t, struct wire_out *bundle,
		       uint32_t sections, const struct identity *id);

#endif
