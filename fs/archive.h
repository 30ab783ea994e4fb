/* SPDX-License-Identifier: Apache-2.0 */
/*
 * archive: an archive's directory and its signed description, archive.txt.
 *
 * Thread rule: an open archive is read-only and may be shared.
 */
#ifndef CUSTODY_FS_ARCHIVE_H
#define CUSTODY_FS_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/note.h"
#include "fs/document.h"
#include "index/record.h"

#define ARCHIVE_KEYS_MAX 32
#define ARCHIVE_EPOCHS_MAX 256
#define ARCHIVE_CLASS_MAX 32
#define ARCHIVE_WITNESSES_MAX 16
#define ARCHIVE_REQUIRES_MAX 32
#define ARCHIVE_CARRIED_MAX 8000u /* they fit into what an archive.txt may have */

struct archive_epoch {
	uint32_t epoch;
	char class[ARCHIVE_CLASS_MAX];
	uint8_t recipient[32];
};

struct archive_desc {
	uint8_t id[16];
	uint32_t version;
	uint8_t digest[32];   /* of its text, what is signed: set when it is parsed */
	uint8_t previous[32]; /* that of the version before; zeros in version 1 */
	int64_t created_ms;
	int suite;
	uint32_t chunk_size;
	/* Fields of provenance (index/field) that every item must have. */
	char require[ARCHIVE_REQUIRES_MAX][RECORD_KEY_MAX + 1];
	size_t requires;
	unsigned threshold;
	bool require_touch, require_pin;
	struct sshkey key[ARCHIVE_KEYS_MAX];
	size_t keys;
	struct archive_epoch epoch[ARCHIVE_EPOCHS_MAX];
	size_t epochs;
	uint8_t catalogue[32];
	/* Whose cosignatures count; all of type NOTE_COSIGNATURE. */
	struct note_key witness[ARCHIVE_WITNESSES_MAX];
	size_t witnesses;
	/* Its lines `carried: ...`, borrowed from the document that it was parsed from: they must not
	 * be looked at when that is gone. */
	struct text_span carried;
};

/* Call cb for each document that is carried over, until it returns non-zero, which is returned. kind
 * is "enrolment" or "revocation", text the SHA-256 of what is signed. */
int archive_carried(const struct archive_desc *d,
		    int (*cb)(void *ctx, const char *kind, const uint8_t serial[16],
			      const uint8_t text[32]),
		    void *ctx);
/* Append archive.txt's text (unsigned). */
void archive_desc_text(struct wire_out *out, const struct archive_desc *d);
/* The part of it that says who decides: threshold, token policy, keys, epochs, catalogue,
 * witnesses. The authority keeps the same lines for the archives it will make. */
struct form;
void archive_terms_text(struct wire_out *out, const struct archive_desc *d);
void archive_terms_parse(struct form *f, struct archive_desc *d);
/* Parse and verify against its own keys; and, if `before` is not NULL, that it is the next version
 * of that one, signed by enough of its keys too. ERR_MALFORMED, ERR_NEWER, ERR_FOREIGN,
 * ERR_ROLLBACK (not the next version) and the codes of document_check. */
int archive_desc_parse(struct archive_desc *d, const struct document *doc,
		       const struct archive_desc *before, struct err *e);
/* Parse alone, whoever has signed it. */
int archive_desc_read(struct archive_desc *d, const struct document *doc, struct err *e);
/* Policy for documents of this archive; d must outlive it. */
struct document_policy archive_policy(const struct archive_desc *d, const char *namespace);

struct archive {
	int dir, segments, journal, documents; /* descriptors */
	char *path;			       /* as given, for messages */
	struct archive_desc desc;
	struct document text; /* archive.txt */
};

/* New directory (must not exist or be empty) from a signed archive.txt, which is written last, so
 * that half an archive is not an archive. ERR_EXISTS, codes of archive_desc_parse. */
int archive_create(const char *path, const struct document *signed_text, struct err *e);
/* Needs no write access. ERR_NOTFOUND, ERR_FOREIGN ("not an archive"), ERR_DAMAGED (a part of it is
 * missing), codes of archive_desc_parse. */
int archive_open(struct archive **out, const char *path, struct err *e);
void archive_close(struct archive *a);
/* Read archive.txt again. *changed: it is not the one that is open; text and desc are what is there
 * now then, and document_free() of *text is the caller's, or archive_adopt() takes it. Codes of
 * archive_open(). */
int archive_reread(const struct archive *a, struct document *text, struct archive_desc *desc,
		   bool *changed, struct err *e);
/* Go on with it. Whoever uses keys, epochs or recipients of a->desc does not do so meanwhile; the id
 * stays. */
void archive_adopt(struct archive *a, struct document *text, const struct archive_desc *desc);

#endif
